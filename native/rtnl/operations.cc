#include "rtnl/operations.h"

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

}  // namespace

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

bool DecodeRecord(RecordKind kind, wire::ByteSpan body, Record& out) {
  switch (kind) {
    case RecordKind::kLink:
      return wire::DecodeBody(body, out.emplace<LinkRecord>());
    case RecordKind::kAddress:
      return wire::DecodeBody(body, out.emplace<AddressRecord>());
    case RecordKind::kRoute:
      return wire::DecodeBody(body, out.emplace<RouteRecord>());
    case RecordKind::kNetnsid:
      return wire::DecodeBody(body, out.emplace<NetnsidRecord>());
  }
  return false;
}

const char* AttributeAtFault(const Operation& operation, wire::ByteSpan request,
                             const wire::Ack& ack) {
  const wire::ByteSpan body = request.From(NLMSG_HDRLEN);
  switch (operation.record) {
    case RecordKind::kLink:
      return NameAt<LinkRecord>(body, ack);
    case RecordKind::kAddress:
      return NameAt<AddressRecord>(body, ack);
    case RecordKind::kRoute:
      return NameAt<RouteRecord>(body, ack);
    case RecordKind::kNetnsid:
      return NameAt<NetnsidRecord>(body, ack);
  }
  return nullptr;
}

}  // namespace macvlan_netlink::rtnl
