// IFLA_INFO_DATA of the other kinds that can be created here, and IFLA_INFO_SLAVE_DATA of a bridge
// port.
#pragma once

#include <linux/if_link.h>
#include <linux/veth.h>

#include "wire/codec.h"

namespace macvlan_netlink::rtnl {

struct LinkRecord;

// drivers/net/veth.c
struct VethData {
  std::optional<wire::Boxed<LinkRecord>> peer;
};

// net/8021q/vlan_netlink.c
struct VlanData {
  std::optional<uint16_t> id;
  std::optional<wire::BigEndian16> protocol;  // ETH_P_8021Q or ETH_P_8021AD
};

// net/bridge/br_netlink.c
struct BridgePortData {
  std::optional<uint8_t> hairpin;  // IFLA_BRPORT_MODE: reflective relay
};

}  // namespace macvlan_netlink::rtnl

namespace macvlan_netlink::wire {

template <>
struct Table<rtnl::VethData> {
  using R = rtnl::VethData;
  static constexpr auto header = std::make_tuple();
  static constexpr auto rows =
      std::make_tuple(Attr(VETH_INFO_PEER, "VETH_INFO_PEER", "peer", &R::peer, Use::kRequest));
};

template <>
struct Table<rtnl::VlanData> {
  using R = rtnl::VlanData;
  static constexpr auto header = std::make_tuple();
  static constexpr auto rows =
      std::make_tuple(Attr(IFLA_VLAN_ID, "IFLA_VLAN_ID", "id", &R::id),
                      Attr(IFLA_VLAN_PROTOCOL, "IFLA_VLAN_PROTOCOL", "protocol", &R::protocol));
};

template <>
struct Table<rtnl::BridgePortData> {
  using R = rtnl::BridgePortData;
  static constexpr auto header = std::make_tuple();
  static constexpr auto rows =
      std::make_tuple(Attr(IFLA_BRPORT_MODE, "IFLA_BRPORT_MODE", "hairpin", &R::hairpin));
};

}  // namespace macvlan_netlink::wire
