#include "rtnl/operations.h"

#include "rtnl/read_link.h"

namespace macvlan_netlink::rtnl {
namespace {

template <class R>
const char* NameAt(wire::ByteSpan body, const wire::Ack& ack) {
  if (ack.attribute_offset && *ack.attribute_offset >= NLMSG_HDRLEN) {
    return wire::AttributeNameAt<R>(body, *ack.attribute_offset - NLMSG_HDRLEN);
  }
  // A missing attribute is named only where it is missed at the top; inside a nest its number
  // belongs to a table that the nest's kind selects.
  if (!ack.missing_type || ack.missing_nest) return nullptr;
  const char* name = nullptr;
  wire::ForEach(wire::Table<R>::rows, [&](const auto& row) {
    if ((row.type & NLA_TYPE_MASK) == *ack.missing_type) name = row.kernel_name;
  });
  return name;
}

bool MatchesFamily(wire::ByteSpan asked_body, wire::ByteSpan answer) {
  rtgenmsg asked;
  rtgenmsg answered;
  if (!wire::ReadStruct(asked_body, asked) || !wire::ReadStruct(answer, answered) ||
      answered.rtgen_family == asked.rtgen_family) {
    return true;
  }
  // Where none is said, the kernel lists the addresses of all families, MCTP's and Phonet's as well
  // (net/core/rtnetlink.c, rtnl_dump_all), and records have room for those of IPv4 and IPv6 only.
  return asked.rtgen_family == AF_UNSPEC &&
         (answered.rtgen_family == AF_INET || answered.rtgen_family == AF_INET6);
}

// A listing of links has no index, as far as the kernel is concerned.
bool IsBehindIndex(const nlmsghdr& header, wire::ByteSpan asked_body, wire::ByteSpan answer) {
  if (header.nlmsg_type != RTM_GETLINK || (header.nlmsg_flags & NLM_F_DUMP) == 0) return true;
  ifinfomsg asked;
  ifinfomsg answered;
  return !wire::ReadStruct(asked_body, asked) || !wire::ReadStruct(answer, answered) ||
         answered.ifi_index > asked.ifi_index;
}

void FillAttribute(wire::Bytes& request, size_t attributes, uint16_t type, int32_t value) {
  wire::AttributeReader reader(wire::ByteSpan(request).From(attributes));
  wire::Attribute attribute;
  while (reader.Next(attribute)) {
    int32_t present = 0;
    if (attribute.type != type || !wire::ReadStruct(attribute.payload, present) || present != 0) {
      continue;
    }
    const size_t at = attributes + attribute.offset + NLA_HDRLEN;
    std::memcpy(request.data() + at, &value, sizeof(value));
  }
}

}  // namespace

void MakeEmpty(RecordKind kind, Record& out) {
  switch (kind) {
    case RecordKind::kLink:
      out.emplace<LinkRecord>();
      break;
    case RecordKind::kLinkIndex:
      out.emplace<LinkIndexRecord>();
      break;
    case RecordKind::kAddress:
      out.emplace<AddressRecord>();
      break;
    case RecordKind::kRoute:
      out.emplace<RouteRecord>();
      break;
    case RecordKind::kRule:
      out.emplace<RuleRecord>();
      break;
    case RecordKind::kNeighbour:
      out.emplace<NeighbourRecord>();
      break;
    case RecordKind::kNetnsid:
      out.emplace<NetnsidRecord>();
      break;
  }
}

bool EncodeRequest(const Operation& operation, const Record& record, wire::Bytes& out) {
  const size_t start = wire::BeginMessage(out);
  wire::Writer writer(out);
  std::visit([&](const auto& body) { wire::EncodeBody(writer, body); }, record);
  const bool reads = operation.answer == Answer::kOne || operation.answer == Answer::kDump;
  const uint16_t acknowledge = reads ? 0 : NLM_F_ACK;
  wire::EndMessage(out, start, operation.type,
                   static_cast<uint16_t>(NLM_F_REQUEST | acknowledge | operation.flags));
  return writer.ok();
}

void SetLink(wire::Bytes& request, int32_t index) {
  nlmsghdr header;
  if (!wire::ReadStruct(request, header)) return;
  switch (header.nlmsg_type) {
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      return FillAttribute(request, NLMSG_SPACE(sizeof(rtmsg)), RTA_OIF, index);
    case RTM_NEWLINK:
      if ((header.nlmsg_flags & NLM_F_CREATE) == 0) break;
      return FillAttribute(request, NLMSG_SPACE(sizeof(ifinfomsg)), IFLA_LINK, index);
  }
  constexpr size_t kOffset = offsetof(ifinfomsg, ifi_index);
  static_assert(kOffset == offsetof(ifaddrmsg, ifa_index));
  static_assert(kOffset == offsetof(ndmsg, ndm_ifindex));
  if (request.size() < NLMSG_HDRLEN + kOffset + sizeof(index)) return;
  std::memcpy(request.data() + NLMSG_HDRLEN + kOffset, &index, sizeof(index));
}

bool MatchesRequest(wire::ByteSpan request, wire::ByteSpan answer) {
  nlmsghdr header;
  if (!wire::ReadStruct(request, header)) return true;
  const wire::ByteSpan asked_body = request.From(NLMSG_HDRLEN);
  return MatchesFamily(asked_body, answer) && IsBehindIndex(header, asked_body, answer);
}

bool DecodeRecord(RecordKind kind, wire::ByteSpan body, Record& out) {
  if (out.index() != static_cast<size_t>(kind)) MakeEmpty(kind, out);
  if (kind == RecordKind::kLink) return ReadLink(body, std::get<LinkRecord>(out));
  return std::visit([&](auto& record) { return wire::DecodeBody(body, record); }, out);
}

const char* AttributeAtFault(const Operation& operation, wire::ByteSpan request,
                             const wire::Ack& ack) {
  Record record;
  MakeEmpty(operation.record, record);
  return std::visit(
      [&](const auto& empty) {
        return NameAt<std::decay_t<decltype(empty)>>(request.From(NLMSG_HDRLEN), ack);
      },
      record);
}

}  // namespace macvlan_netlink::rtnl
