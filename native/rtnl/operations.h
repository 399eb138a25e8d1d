// The requests that can be sent: what each is called, its message type and flags, and what comes
// back.
#pragma once

#include <linux/netlink.h>

#include <variant>

#include "rtnl/address.h"
#include "rtnl/link.h"
#include "rtnl/link_index.h"
#include "rtnl/neighbour.h"
#include "rtnl/netnsid.h"
#include "rtnl/route.h"
#include "rtnl/rule.h"
#include "wire/message.h"

namespace macvlan_netlink::rtnl {

using Record = std::variant<LinkRecord, LinkIndexRecord, AddressRecord, RouteRecord, RuleRecord,
                            NeighbourRecord, NetnsidRecord>;
enum class RecordKind : uint8_t {
  kLink,
  kLinkIndex,
  kAddress,
  kRoute,
  kRule,
  kNeighbour,
  kNetnsid
};  // in the variant's order
// What lib/addon.ts calls each of them.
inline constexpr const char* kRecordNames[] = {"link", "linkIndex", "address", "route",
                                               "rule", "neighbour", "netnsid"};
static_assert(std::size(kRecordNames) == std::variant_size_v<Record>);

// Makes `out` a record of that kind that says nothing.
void MakeEmpty(RecordKind kind, Record& out);

enum class Answer : uint8_t {
  kNone,
  kOne,
  kDump,
  kEcho,  // what a change has made, beside its ACK; nothing where the kernel had no room for it
};

struct Operation {
  const char* js_name;
  const char* kernel_name;
  uint16_t type;
  uint16_t flags;  // besides NLM_F_REQUEST, and NLM_F_ACK where it is a change
  RecordKind record;
  Answer answer;
};

inline constexpr Operation kOperations[] = {
    {"createLink", "RTM_NEWLINK", RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, RecordKind::kLink,
     Answer::kNone},
    // Since Linux 6.2 (d88e136cab37): the message that listeners get of the new link, also to
    // whoever made it. It goes to the link's own namespace, so only a socket there can ask for it.
    {"createEchoedLink", "RTM_NEWLINK", RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ECHO,
     RecordKind::kLink, Answer::kEcho},
    // RTM_SETLINK would answer success and ignore IFLA_INFO_DATA (net/core/rtnetlink.c,
    // Linux 6.18).
    {"changeLink", "RTM_NEWLINK", RTM_NEWLINK, 0, RecordKind::kLink, Answer::kNone},
    {"deleteLink", "RTM_DELLINK", RTM_DELLINK, 0, RecordKind::kLink, Answer::kNone},
    {"getLink", "RTM_GETLINK", RTM_GETLINK, 0, RecordKind::kLink, Answer::kOne},
    {"getLinkIndex", "RTM_GETLINK", RTM_GETLINK, 0, RecordKind::kLinkIndex, Answer::kOne},
    {"listLinks", "RTM_GETLINK", RTM_GETLINK, NLM_F_DUMP, RecordKind::kLink, Answer::kDump},
    {"addAltNames", "RTM_NEWLINKPROP", RTM_NEWLINKPROP, NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND,
     RecordKind::kLink, Answer::kNone},
    {"removeAltNames", "RTM_DELLINKPROP", RTM_DELLINKPROP, 0, RecordKind::kLink, Answer::kNone},
    {"addAddress", "RTM_NEWADDR", RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, RecordKind::kAddress,
     Answer::kNone},
    {"replaceAddress", "RTM_NEWADDR", RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE,
     RecordKind::kAddress, Answer::kNone},
    {"removeAddress", "RTM_DELADDR", RTM_DELADDR, 0, RecordKind::kAddress, Answer::kNone},
    // Of IPv6 alone: of IPv4 there are only listings.
    {"getAddress", "RTM_GETADDR", RTM_GETADDR, 0, RecordKind::kAddress, Answer::kOne},
    {"listAddresses", "RTM_GETADDR", RTM_GETADDR, NLM_F_DUMP, RecordKind::kAddress, Answer::kDump},
    {"addRoute", "RTM_NEWROUTE", RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, RecordKind::kRoute,
     Answer::kNone},
    {"appendRoute", "RTM_NEWROUTE", RTM_NEWROUTE, NLM_F_CREATE | NLM_F_APPEND, RecordKind::kRoute,
     Answer::kNone},
    {"replaceRoute", "RTM_NEWROUTE", RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, RecordKind::kRoute,
     Answer::kNone},
    {"removeRoute", "RTM_DELROUTE", RTM_DELROUTE, 0, RecordKind::kRoute, Answer::kNone},
    {"listRoutes", "RTM_GETROUTE", RTM_GETROUTE, NLM_F_DUMP, RecordKind::kRoute, Answer::kDump},
    {"addRule", "RTM_NEWRULE", RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, RecordKind::kRule,
     Answer::kNone},
    {"removeRule", "RTM_DELRULE", RTM_DELRULE, 0, RecordKind::kRule, Answer::kNone},
    {"listRules", "RTM_GETRULE", RTM_GETRULE, NLM_F_DUMP, RecordKind::kRule, Answer::kDump},
    {"addNeighbour", "RTM_NEWNEIGH", RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_EXCL,
     RecordKind::kNeighbour, Answer::kNone},
    {"replaceNeighbour", "RTM_NEWNEIGH", RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE,
     RecordKind::kNeighbour, Answer::kNone},
    {"removeNeighbour", "RTM_DELNEIGH", RTM_DELNEIGH, 0, RecordKind::kNeighbour, Answer::kNone},
    {"listNeighbours", "RTM_GETNEIGH", RTM_GETNEIGH, NLM_F_DUMP, RecordKind::kNeighbour,
     Answer::kDump},
    {"getNetnsid", "RTM_GETNSID", RTM_GETNSID, 0, RecordKind::kNetnsid, Answer::kOne},
};

// Encodes one request, padded to the next message's start; false when an attribute is too long for
// its length field.
bool EncodeRequest(const Operation& operation, const Record& record, wire::Bytes& out);

// Writes the index of the link that a request is about where it has a 0: the parent of a new link,
// the link that a route goes by, and otherwise a field of the fixed structure.
void SetLink(wire::Bytes& request, int32_t index);

// Whether an answer is of the family that its request names, and, in a listing of links whose
// request has an index, of a higher index. Where the kernel does not know a family, as it does not
// know IPv6 with ipv6.disable=1, it lists all families in its place (net/core/rtnetlink.c,
// rtnetlink_rcv_msg).
bool MatchesRequest(wire::ByteSpan request, wire::ByteSpan answer);

// Reads the body of a message as that kind of record, into one that says nothing yet; false when it
// is too short to be one.
bool DecodeRecord(RecordKind kind, wire::ByteSpan body, Record& out);

// The kernel's name of the attribute that an acknowledgement points at or misses; null when it
// names none, or one that no table knows.
const char* AttributeAtFault(const Operation& operation, wire::ByteSpan request,
                             const wire::Ack& ack);

}  // namespace macvlan_netlink::rtnl
