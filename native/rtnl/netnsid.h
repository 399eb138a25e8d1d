// The id that one namespace has for another, as RTM_GETNSID carries it.
#pragma once

#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>

#include "wire/codec.h"

namespace macvlan_netlink::rtnl {

struct NetnsidRecord {
  uint8_t family = 0;           // rtgenmsg
  std::optional<int32_t> nsid;  // NETNSA_NSID_NOT_ASSIGNED: it has none
  std::optional<uint32_t> fd;
};

}  // namespace macvlan_netlink::rtnl

namespace macvlan_netlink::wire {

template <>
struct Table<rtnl::NetnsidRecord> {
  using R = rtnl::NetnsidRecord;
  using Header = rtgenmsg;
  static Header Pack(const R& record) { return {record.family}; }
  static void Unpack(const Header& header, R& record) { record.family = header.rtgen_family; }
  static constexpr auto header = std::make_tuple(Field("family", &R::family));
  static constexpr auto rows =
      std::make_tuple(Attr(NETNSA_NSID, "NETNSA_NSID", "nsid", &R::nsid, Use::kReply),
                      Attr(NETNSA_FD, "NETNSA_FD", "fd", &R::fd, Use::kRequest));
};

}  // namespace macvlan_netlink::wire
