#include "rtnl/repeated_links.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <algorithm>

#include "wire/reader.h"

namespace macvlan_netlink::rtnl {
namespace {

constexpr size_t kMaxLinks = 8;

bool IsStatistics(const wire::Attribute& attribute) {
  return attribute.type == IFLA_STATS || attribute.type == IFLA_STATS64;
}

// Calls `visit` with the header and each attribute but the statistics, until it returns false.
// Without ifi_change, which says how the message differs from the one before. Returns false also
// for a body that is too short or malformed.
template <class Visit>
bool ForEachPart(wire::ByteSpan body, int32_t& index, Visit&& visit) {
  ifinfomsg header;
  if (!wire::ReadStruct(body, header)) return false;
  index = header.ifi_index;
  header.ifi_change = 0;
  if (!visit(wire::ByteSpan(reinterpret_cast<const uint8_t*>(&header), sizeof(header)))) {
    return false;
  }
  const wire::ByteSpan attributes = body.From(sizeof(header));
  wire::AttributeReader reader(attributes);
  wire::Attribute attribute;
  while (reader.Next(attribute)) {
    if (IsStatistics(attribute)) continue;
    const size_t length = NLA_HDRLEN + attribute.payload.size;
    if (!visit(wire::ByteSpan(attributes.data + attribute.offset, length))) return false;
  }
  return !reader.malformed();
}

}  // namespace

std::list<RepeatedLinks::Known>::iterator RepeatedLinks::Find(int32_t index) {
  return std::find_if(known_.begin(), known_.end(),
                      [&](const Known& known) { return known.index == index; });
}

bool RepeatedLinks::Repeats(wire::ByteSpan body) {
  int32_t index = 0;
  auto known = known_.end();
  size_t compared = 0;
  const bool same = ForEachPart(body, index, [&](wire::ByteSpan part) {
    if (compared == 0) known = Find(index);
    if (known == known_.end() || known->content.size() - compared < part.size) return false;
    const bool equal = std::memcmp(known->content.data() + compared, part.data, part.size) == 0;
    compared += part.size;
    return equal;
  });
  if (!same || compared != known->content.size()) return false;
  known_.splice(known_.begin(), known_, known);
  return true;
}

void RepeatedLinks::Remember(wire::ByteSpan body) {
  int32_t index = 0;
  wire::Bytes content;
  content.reserve(body.size);
  const bool whole = ForEachPart(body, index, [&](wire::ByteSpan part) {
    content.insert(content.end(), part.data, part.data + part.size);
    return true;
  });
  Forget(index);
  if (!whole) return;
  if (known_.size() == kMaxLinks) known_.pop_back();
  known_.push_front({index, std::move(content)});
}

void RepeatedLinks::Forget(int32_t index) {
  const auto known = Find(index);
  if (known != known_.end()) known_.erase(known);
}

}  // namespace macvlan_netlink::rtnl
