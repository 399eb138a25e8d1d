#include "decode_all.h"

#include "rtnl/operations.h"
#include "rtnl/read_link.h"

namespace macvlan_netlink::test {
namespace {

template <class Record>
bool Decodes(wire::ByteSpan body) {
  Record record;
  return wire::DecodeBody(body, record);
}

bool DecodesLink(wire::ByteSpan body) {
  rtnl::LinkRecord link;
  return rtnl::ReadLink(body, link);
}

void ReadEnd(const wire::Message& message, wire::ByteSpan request, Decoded& found) {
  wire::Ack ack;
  if (!wire::ParseEnd(message, ack)) return;
  ++found.ends;
  for (const rtnl::Operation& operation : rtnl::kOperations) {
    rtnl::AttributeAtFault(operation, request, ack);
  }
}

}  // namespace

Decoded DecodeAll(wire::ByteSpan datagram, wire::ByteSpan request) {
  Decoded found;
  wire::MessageReader reader(datagram);
  wire::Message message;
  while (reader.Next(message)) {
    ++found.messages;
    switch (message.header.nlmsg_type) {
      case NLMSG_ERROR:
      case NLMSG_DONE:
        ReadEnd(message, request, found);
        break;
      case RTM_NEWLINK:
      case RTM_DELLINK:
        if (DecodesLink(message.payload)) ++found.links;
        break;
      case RTM_NEWADDR:
      case RTM_DELADDR:
        if (Decodes<rtnl::AddressRecord>(message.payload)) ++found.addresses;
        break;
      case RTM_NEWROUTE:
      case RTM_DELROUTE:
        if (Decodes<rtnl::RouteRecord>(message.payload)) ++found.routes;
        break;
      case RTM_NEWRULE:
      case RTM_DELRULE:
        if (Decodes<rtnl::RuleRecord>(message.payload)) ++found.rules;
        break;
      case RTM_NEWNEIGH:
      case RTM_DELNEIGH:
        if (Decodes<rtnl::NeighbourRecord>(message.payload)) ++found.neighbours;
        break;
      default:
        break;
    }
  }
  return found;
}

void DecodeAsEveryRecord(wire::ByteSpan body) {
  for (size_t kind = 0; kind < std::size(rtnl::kRecordNames); ++kind) {
    rtnl::Record record;
    rtnl::DecodeRecord(static_cast<rtnl::RecordKind>(kind), body, record);
  }
}

}  // namespace macvlan_netlink::test
