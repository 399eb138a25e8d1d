// Framing, and the attribute writer and reader.
#include "wire/message.h"

#include "check.h"
#include "fixtures.h"
#include "wire/codec.h"

namespace macvlan_netlink::test {
namespace {

// Collects what a reader gives: type and payload of each attribute.
std::vector<std::string> Walk(wire::ByteSpan bytes, bool& malformed) {
  std::vector<std::string> seen;
  wire::AttributeReader reader(bytes);
  wire::Attribute attribute;
  while (reader.Next(attribute)) {
    seen.push_back(std::to_string(attribute.type) + "@" + std::to_string(attribute.offset) + "=" +
                   ToHex(attribute.payload));
  }
  malformed = reader.malformed();
  return seen;
}

std::vector<std::string> Walk(const char* hex, bool expect_malformed) {
  bool malformed = false;
  const wire::Bytes bytes = FromHex(hex);
  std::vector<std::string> seen = Walk(bytes, malformed);
  CHECK_EQ(malformed, expect_malformed);
  return seen;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST(writer_pads_and_counts_without_padding) {
  wire::Bytes bytes;
  wire::Writer writer(bytes);
  wire::Wire<uint8_t>::Encode(writer, 1, uint8_t{0xab});
  wire::Wire<uint16_t>::Encode(writer, 2, uint16_t{0x1234});
  wire::Wire<uint32_t>::Encode(writer, 3, 0x12345678u);
  wire::Wire<wire::BigEndian16>::Encode(writer, 4, {0x8100});
  wire::Wire<std::string>::Encode(writer, 5, "eth0");
  wire::Wire<std::string>::Encode(writer, 5, "");
  wire::Wire<wire::UnterminatedText>::Encode(writer, 6, {"abc"});
  wire::Wire<wire::HardwareAddress>::Encode(writer, 7, Mac("02:00:00:00:00:01"));
  CHECK(writer.ok());
  CHECK_EQ(ToHex(bytes),
           "05000100ab000000"
           "0600020034120000"
           "0800030078563412"
           "0600040081000000"
           "090005006574683000000000"
           "0500050000000000"
           "0700060061626300"
           "0a00070002000000000100"
           "00");
}

TEST(writer_nests) {
  wire::Bytes bytes;
  wire::Writer writer(bytes);
  writer.Nest(1, [&] {
    writer.Nest(2 | NLA_F_NESTED, [&] { wire::Wire<uint8_t>::Encode(writer, 3, uint8_t{1}); });
    writer.Nest(4, [] {});
  });
  CHECK(writer.ok());
  CHECK_EQ(ToHex(bytes),
           "14000100"
           "0c000280"
           "0500030001000000"
           "04000400");
}

// nla_len has 16 bits. Past them the writer says so and appends nothing more.
TEST(writer_refuses_what_its_length_field_cannot_hold) {
  const std::string longest(65535 - NLA_HDRLEN, 'x');
  wire::Bytes bytes;
  wire::Writer fits(bytes);
  wire::Wire<wire::UnterminatedText>::Encode(fits, 1, {longest});
  CHECK(fits.ok());
  CHECK_EQ(ToHex({bytes.data(), 4}), "ffff0100");
  CHECK_EQ(bytes.size(), size_t{65536});

  bytes.clear();
  wire::Writer too_long(bytes);
  wire::Wire<wire::UnterminatedText>::Encode(too_long, 1, {longest + "x"});
  CHECK(!too_long.ok());
  wire::Wire<uint8_t>::Encode(too_long, 2, uint8_t{1});
  CHECK(!too_long.ok());
  CHECK(bytes.empty());

  // A nest that overflows although each attribute in it fits.
  bytes.clear();
  wire::Writer nest(bytes);
  nest.Nest(1, [&] { wire::Wire<wire::UnterminatedText>::Encode(nest, 2, {longest}); });
  CHECK(!nest.ok());
}

TEST(reader_walks_attributes) {
  CHECK_EQ(Walk("", false), Texts{});
  CHECK_EQ(Walk("05000100ab0000000600020034120000", false), (Texts{"1@0=ab", "2@8=3412"}));
  CHECK_EQ(Walk("04000100", false), Texts{"1@0="});
  // The last attribute may stand without its padding.
  CHECK_EQ(Walk("05000100ab", false), Texts{"1@0=ab"});
  // NLA_F_NESTED and NLA_F_NET_BYTEORDER are no part of the number.
  CHECK_EQ(Walk("0400058004000540", false), (Texts{"5@0=", "5@4="}));
}

TEST(reader_stops_at_a_length_that_does_not_fit) {
  CHECK_EQ(Walk("0500", true), Texts{});
  CHECK_EQ(Walk("00000100", true), Texts{});
  CHECK_EQ(Walk("03000100", true), Texts{});
  CHECK_EQ(Walk("09000100abcdef01", true), Texts{});
  CHECK_EQ(Walk("05000100ab000000ffff0200", true), Texts{"1@0=ab"});
  CHECK_EQ(Walk("05000100ab00000001", true), Texts{"1@0=ab"});
}

TEST(messages_of_a_datagram_are_found) {
  for (const Fixture& fixture : LoadFixtures("replies")) {
    const Note note(fixture.name);
    std::vector<std::string> found;
    for (const wire::Bytes& datagram : fixture.Datagrams()) {
      wire::MessageReader reader(datagram);
      wire::Message message;
      while (reader.Next(message)) {
        wire::Bytes whole(sizeof(nlmsghdr));
        std::memcpy(whole.data(), &message.header, sizeof(nlmsghdr));
        whole.insert(whole.end(), message.payload.data,
                     message.payload.data + message.payload.size);
        found.push_back(ToHex(whole));
      }
    }
    CHECK_EQ(found, fixture.json["messages"].Texts());
  }
}

TEST(a_header_with_too_large_a_length_ends_the_walk) {
  const auto count = [](const char* hex) {
    const wire::Bytes bytes = FromHex(hex);
    wire::MessageReader reader(bytes);
    wire::Message message;
    size_t messages = 0;
    while (reader.Next(message)) ++messages;
    return messages;
  };
  CHECK_EQ(count(""), size_t{0});
  CHECK_EQ(count("10000000030000000000000000000000"), size_t{1});
  CHECK_EQ(count("11000000030000000000000000000000"), size_t{0});
  CHECK_EQ(count("0f000000030000000000000000000000"), size_t{0});
  CHECK_EQ(count("00000000030000000000000000000000"), size_t{0});
  CHECK_EQ(count("ffffffff030000000000000000000000"), size_t{0});
  CHECK_EQ(count("10000000030000000000000000000000"
                 "1000"),
           size_t{1});
  // A length that is no multiple of four: the next message starts behind the padding.
  CHECK_EQ(count("11000000030000000000000000000000"
                 "aa000000"
                 "10000000030000000000000000000000"),
           size_t{2});
}

TEST(begin_and_end_write_the_header) {
  wire::Bytes bytes = FromHex("aabbccdd");
  const size_t start = wire::BeginMessage(bytes);
  CHECK_EQ(start, size_t{4});
  bytes.insert(bytes.end(), {1, 2, 3, 4});
  wire::EndMessage(bytes, start, 16, 0x605);
  CHECK_EQ(ToHex(bytes),
           "aabbccdd"
           "1400000010000506"
           "0000000000000000"
           "01020304");
}

TEST(octets_hold_what_the_kernel_can_send) {
  wire::HardwareAddress address;
  const wire::Bytes longest(wire::Octets::kCapacity, 7);
  CHECK(address.Assign(longest));
  CHECK_EQ(ToHex(address.Span()), ToHex(longest));
  CHECK(!address.Assign(wire::Bytes(wire::Octets::kCapacity + 1)));
  CHECK_EQ(address.Span().size, longest.size());
  CHECK(address.Assign({}));
  CHECK_EQ(address.Span().size, size_t{0});
}

}  // namespace macvlan_netlink::test
