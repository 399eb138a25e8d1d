// IFLA_LINKINFO: the kind's name, and data whose meaning that name selects.
#pragma once

#include "rtnl/kinds.h"
#include "rtnl/macvlan.h"

namespace macvlan_netlink::rtnl {

struct LinkInfo {
  std::optional<std::string> kind;
  std::optional<MacvlanData> macvlan;  // kinds macvlan and macvtap
  std::optional<VethData> veth;
  std::optional<VlanData> vlan;
  std::optional<std::string> slave_kind;
  std::optional<BridgePortData> bridge_port;  // slave kind bridge
};

template <class Data>
struct KindRow {
  const char* kind;
  std::optional<Data> LinkInfo::* data;
};

inline constexpr auto kKinds = std::make_tuple(KindRow<MacvlanData>{"macvlan", &LinkInfo::macvlan},
                                               KindRow<MacvlanData>{"macvtap", &LinkInfo::macvlan},
                                               KindRow<VethData>{"veth", &LinkInfo::veth},
                                               KindRow<VlanData>{"vlan", &LinkInfo::vlan});

inline constexpr auto kSlaveKinds =
    std::make_tuple(KindRow<BridgePortData>{"bridge", &LinkInfo::bridge_port});

}  // namespace macvlan_netlink::rtnl

namespace macvlan_netlink::wire {

template <>
struct Wire<rtnl::LinkInfo> {
  static void Encode(Writer& writer, uint16_t type, const rtnl::LinkInfo& info);
  static bool Decode(ByteSpan payload, rtnl::LinkInfo& out);
};

namespace internal {
template <>
struct Descend<rtnl::LinkInfo> {
  static const char* NameAt(ByteSpan body, size_t offset);
};
}  // namespace internal

}  // namespace macvlan_netlink::wire
