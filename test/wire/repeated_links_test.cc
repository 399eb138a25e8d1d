// Which link messages repeat the last one about their link: with captured events, changed in one
// place.
#include "rtnl/repeated_links.h"

#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "check.h"
#include "fixtures.h"
#include "wire/reader.h"

namespace macvlan_netlink::test {
namespace {

using rtnl::RepeatedLinks;

// The body of the first message of a fixture.
wire::Bytes BodyOf(const char* name) {
  const wire::Bytes message = LoadFixture("replies", name).Messages().at(0);
  return {message.begin() + NLMSG_HDRLEN, message.end()};
}

wire::Bytes Created() { return BodyOf("event-link-create"); }

// Where the payload of an attribute begins, from the start of the body.
size_t Find(const wire::Bytes& body, uint16_t type) {
  wire::AttributeReader reader(wire::ByteSpan(body).From(sizeof(ifinfomsg)));
  wire::Attribute attribute;
  while (reader.Next(attribute)) {
    if (attribute.type == type) return sizeof(ifinfomsg) + attribute.offset + NLA_HDRLEN;
  }
  Fail(__FILE__, __LINE__, "no such attribute");
  return 0;
}

void SetIndex(wire::Bytes& body, int32_t index) {
  std::memcpy(body.data() + offsetof(ifinfomsg, ifi_index), &index, sizeof(index));
}

// Whether the second message counts as a repetition of the first, which must be so in both orders.
bool Same(const wire::Bytes& first, const wire::Bytes& second) {
  RepeatedLinks links;
  links.Remember(first);
  const bool same = links.Repeats(second);
  RepeatedLinks others;
  others.Remember(second);
  CHECK_EQ(others.Repeats(first), same);
  return same;
}

}  // namespace

TEST(the_first_message_about_a_link_is_no_repetition) {
  RepeatedLinks links;
  CHECK(!links.Repeats(Created()));
  // Repeats does not remember what it is asked about.
  CHECK(!links.Repeats(Created()));
}

TEST(an_equal_message_is_a_repetition) {
  CHECK(Same(Created(), Created()));
  CHECK(!Same(Created(), BodyOf("event-link-up")));
}

TEST(counters_and_the_mask_of_changes_do_not_count) {
  wire::Bytes other = Created();
  other[Find(other, IFLA_STATS64)] ^= 1;
  other[Find(other, IFLA_STATS)] ^= 1;
  other[offsetof(ifinfomsg, ifi_change)] ^= 1;
  CHECK(Same(Created(), other));
}

TEST(every_other_byte_counts) {
  const wire::Bytes created = Created();
  wire::AttributeReader reader(wire::ByteSpan(created).From(sizeof(ifinfomsg)));
  wire::Attribute attribute;
  size_t count = 0;
  while (reader.Next(attribute)) {
    if (attribute.type == IFLA_STATS || attribute.type == IFLA_STATS64) continue;
    const Note note("attribute " + std::to_string(attribute.type));
    const size_t start = sizeof(ifinfomsg) + attribute.offset + NLA_HDRLEN;
    for (size_t at = start; at < start + attribute.payload.size; ++at, ++count) {
      wire::Bytes other = created;
      other[at] ^= 1;
      CHECK(!Same(created, other));
    }
  }
  CHECK(count > 100);
  wire::Bytes other = created;
  other[offsetof(ifinfomsg, ifi_flags)] ^= IFF_UP;
  CHECK(!Same(created, other));
}

TEST(a_shorter_or_longer_message_is_no_repetition) {
  const wire::Bytes created = Created();
  wire::Bytes longer = created;
  const nlattr more{NLA_HDRLEN, 0x3fff};
  const auto* bytes = reinterpret_cast<const uint8_t*>(&more);
  longer.insert(longer.end(), bytes, bytes + sizeof(more));
  CHECK(!Same(created, longer));
  for (size_t size = sizeof(ifinfomsg); size < created.size(); ++size) {
    const wire::Bytes cut(created.begin(), created.begin() + static_cast<std::ptrdiff_t>(size));
    RepeatedLinks links;
    links.Remember(created);
    CHECK(!links.Repeats(cut));
    // What is cut off is not remembered either, unless it ends where an attribute does.
    links.Remember(cut);
    CHECK(!links.Repeats(created));
  }
}

// As of a link with very many sources: what differs may stand where no attribute can be found.
TEST(a_malformed_message_is_no_repetition) {
  wire::Bytes malformed = Created();
  const nlattr more{NLA_HDRLEN + 8, 0x3fff};
  const auto* bytes = reinterpret_cast<const uint8_t*>(&more);
  malformed.insert(malformed.end(), bytes, bytes + sizeof(more));
  wire::Bytes other = malformed;
  malformed.push_back(1);
  other.push_back(2);
  CHECK(!Same(malformed, other));
  CHECK(!Same(malformed, malformed));
}

TEST(nothing_repeats_a_message_before_a_different_one_or_a_removal) {
  RepeatedLinks links;
  links.Remember(BodyOf("event-link-up"));
  links.Remember(Created());
  CHECK(links.Repeats(Created()));
  ifinfomsg header;
  CHECK(wire::ReadStruct(wire::ByteSpan(Created()), header));
  links.Forget(header.ifi_index + 1);
  CHECK(links.Repeats(Created()));
  links.Forget(header.ifi_index);
  CHECK(!links.Repeats(Created()));
  links.Remember(Created());
  links.Clear();
  CHECK(!links.Repeats(Created()));
}

TEST(a_link_with_frequent_messages_is_remembered_longer_than_others) {
  RepeatedLinks links;
  links.Remember(Created());
  wire::Bytes other = Created();
  for (int32_t index = 1000; index < 1100; ++index) {
    SetIndex(other, index);
    CHECK(!links.Repeats(other));
    links.Remember(other);
    CHECK(links.Repeats(other));
    CHECK(links.Repeats(Created()));
  }
  // But not many are remembered.
  SetIndex(other, 1000);
  CHECK(!links.Repeats(other));
}

}  // namespace macvlan_netlink::test
