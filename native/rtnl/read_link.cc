#include "rtnl/read_link.h"

#include <net/if.h>

#include <limits>

// A source list is IFLA_MACVLAN_MACADDR_DATA in IFLA_INFO_DATA in IFLA_LINKINFO, behind
// IFLA_MACVLAN_MACADDR_COUNT. The lengths of these nests have 16 bits, and with more than 5,455
// addresses the kernel lets them wrap (drivers/net/macvlan.c, macvlan_fill_info, Linux 6.18).
// Whoever believes them takes addresses for attributes and loses what comes behind them. The count
// has 32 bits, stands in front of the addresses, and says how long they are.

namespace macvlan_netlink::rtnl {
namespace {

constexpr size_t kMaxLength = std::numeric_limits<uint16_t>::max();
constexpr size_t kEntrySize = wire::Align(NLA_HDRLEN + 6);

// An attribute in a body: where its header stands, and its true length.
struct Piece {
  size_t at = 0;
  size_t length = 0;
};

uint16_t SaidLength(wire::ByteSpan body, size_t at) {
  nlattr header{};
  wire::ReadStruct(body.From(at), header);
  return header.nla_len;
}

// The first attribute of that type from `at` on, where lengths are right as far as there.
std::optional<size_t> Find(wire::ByteSpan body, size_t at, uint16_t type) {
  nlattr header;
  while (wire::ReadStruct(body.From(at), header)) {
    if ((header.nla_type & NLA_TYPE_MASK) == type) return at;
    if (header.nla_len < NLA_HDRLEN) break;
    at += wire::Align(header.nla_len);
  }
  return std::nullopt;
}

std::optional<wire::ByteSpan> FindPayload(wire::ByteSpan body, size_t from, uint16_t type) {
  const std::optional<size_t> at = Find(body, from, type);
  if (!at) return std::nullopt;
  const size_t length = SaidLength(body, *at);
  if (length < NLA_HDRLEN || *at + length > body.size) return std::nullopt;
  return wire::ByteSpan(body.data + *at + NLA_HDRLEN, length - NLA_HDRLEN);
}

// The length that is at least `least` and of which the header says the last 16 bits.
size_t Unwrapped(wire::ByteSpan body, size_t at, size_t least) {
  return least + static_cast<uint16_t>(SaidLength(body, at) - least);
}

// The list and the nests around it, from the outside to the inside.
struct LongSources {
  Piece info, data, list;
};

std::optional<LongSources> FindLongSources(wire::ByteSpan body) {
  if (body.size <= kMaxLength) return std::nullopt;
  const std::optional<size_t> info = Find(body, wire::Align(sizeof(ifinfomsg)), IFLA_LINKINFO);
  if (!info) return std::nullopt;
  const std::optional<wire::ByteSpan> kind = FindPayload(body, *info + NLA_HDRLEN, IFLA_INFO_KIND);
  const std::string name = kind ? wire::ReadText(*kind) : "";
  if (name != "macvlan" && name != "macvtap") return std::nullopt;
  const std::optional<size_t> data = Find(body, *info + NLA_HDRLEN, IFLA_INFO_DATA);
  if (!data) return std::nullopt;
  const size_t first = *data + NLA_HDRLEN;
  const std::optional<size_t> list = Find(body, first, IFLA_MACVLAN_MACADDR_DATA);
  const std::optional<wire::ByteSpan> counted =
      FindPayload(body, first, IFLA_MACVLAN_MACADDR_COUNT);
  uint32_t count = 0;
  if (!list || !counted || !wire::ReadStruct(*counted, count)) return std::nullopt;
  if (count > body.size / kEntrySize) return std::nullopt;

  LongSources found;
  found.list = {*list, NLA_HDRLEN + count * kEntrySize};
  const size_t data_least = *list - *data + found.list.length;
  found.data = {*data, Unwrapped(body, *data, data_least)};
  const size_t info_least = *data - *info + wire::Align(found.data.length);
  found.info = {*info, Unwrapped(body, *info, info_least)};
  const bool consistent = Unwrapped(body, *list, found.list.length) == found.list.length &&
                          found.info.length <= body.size - *info;
  const bool wrapped = found.info.length > kMaxLength;
  const bool fits = found.info.length - found.list.length <= kMaxLength;
  if (!consistent || !wrapped || !fits) return std::nullopt;
  return found;
}

void SetLength(wire::Bytes& body, size_t at, size_t length) {
  const auto said = static_cast<uint16_t>(length);
  std::memcpy(body.data() + at, &said, sizeof(said));
}

// The body without the list, with lengths that are right.
wire::Bytes WithoutList(wire::ByteSpan body, const LongSources& found) {
  const wire::ByteSpan behind = body.From(found.list.at + found.list.length);
  wire::Bytes rest(body.data, body.data + found.list.at);
  if (behind.size != 0) rest.insert(rest.end(), behind.data, behind.data + behind.size);
  for (const Piece& nest : {found.info, found.data}) {
    SetLength(rest, nest.at, nest.length - found.list.length);
  }
  return rest;
}

}  // namespace

bool ReadLink(wire::ByteSpan body, LinkRecord& out) {
  const std::optional<LongSources> found = FindLongSources(body);
  if (!found) return wire::DecodeBody(body, out);
  if (!wire::DecodeBody(wire::ByteSpan(WithoutList(body, *found)), out)) return false;
  const wire::ByteSpan list(body.data + found->list.at + NLA_HDRLEN,
                            found->list.length - NLA_HDRLEN);
  if (!out.info || !out.info->macvlan) return true;
  return wire::Wire<MacList>::Decode(list, out.info->macvlan->mac_addresses.emplace());
}

bool IsUp(wire::ByteSpan body) {
  ifinfomsg header;
  return wire::ReadStruct(body, header) && (header.ifi_flags & IFF_UP) != 0;
}

}  // namespace macvlan_netlink::rtnl
