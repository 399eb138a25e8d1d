// An IPv4 or IPv6 address of a link, as RTM_NEWADDR carries it.
#pragma once

#include <linux/if_addr.h>

#include "wire/codec.h"

namespace macvlan_netlink::rtnl {

struct AddressRecord {
  // ifaddrmsg
  uint8_t family = 0;
  uint8_t prefix_length = 0;
  uint8_t scope = 0;  // RT_SCOPE_*
  uint32_t index = 0;

  std::optional<wire::IpAddress> address;  // IFA_ADDRESS: the peer on a point-to-point link
  std::optional<wire::IpAddress> local;    // IFA_LOCAL: IPv6 has it only where there is a peer
  std::optional<std::string> label;
  std::optional<wire::IpAddress> broadcast;
  std::optional<wire::Binary<ifa_cacheinfo>> cache_info;  // lifetimes, in seconds
  std::optional<uint32_t> flags;                          // IFA_F_*, the low eight and the rest
  std::optional<uint32_t> metric;
};

}  // namespace macvlan_netlink::rtnl

namespace macvlan_netlink::wire {

template <>
struct Table<rtnl::AddressRecord> {
  using R = rtnl::AddressRecord;
  using Header = ifaddrmsg;
  static Header Pack(const R& record) {
    Header header{};
    header.ifa_family = record.family;
    header.ifa_prefixlen = record.prefix_length;
    header.ifa_scope = record.scope;
    header.ifa_index = record.index;
    return header;
  }
  static void Unpack(const Header& header, R& record) {
    record.family = header.ifa_family;
    record.prefix_length = header.ifa_prefixlen;
    record.scope = header.ifa_scope;
    record.index = header.ifa_index;
    record.flags = header.ifa_flags;
  }
  static constexpr auto header =
      std::make_tuple(Field("family", &R::family), Field("prefixLength", &R::prefix_length),
                      Field("scope", &R::scope), Field("index", &R::index));
  static constexpr auto rows =
      std::make_tuple(Attr(IFA_ADDRESS, "IFA_ADDRESS", "address", &R::address),
                      Attr(IFA_LOCAL, "IFA_LOCAL", "local", &R::local),
                      Attr(IFA_LABEL, "IFA_LABEL", "label", &R::label),
                      Attr(IFA_BROADCAST, "IFA_BROADCAST", "broadcast", &R::broadcast),
                      Attr(IFA_CACHEINFO, "IFA_CACHEINFO", "cacheInfo", &R::cache_info),
                      Attr(IFA_FLAGS, "IFA_FLAGS", "flags", &R::flags),
                      Attr(IFA_RT_PRIORITY, "IFA_RT_PRIORITY", "metric", &R::metric));
};

}  // namespace macvlan_netlink::wire
