// IFLA_INFO_DATA of the kinds macvlan and macvtap (drivers/net/macvlan.c; macvtap shares its
// policy).
#pragma once

#include <linux/if_link.h>

#include "rtnl/numbers.h"
#include "wire/codec.h"

namespace macvlan_netlink::rtnl {

using MacList = wire::ListOf<wire::HardwareAddress, IFLA_MACVLAN_MACADDR>;

struct MacvlanData {
  std::optional<uint32_t> mode;              // MACVLAN_MODE_*; absent: the kernel takes VEPA
  std::optional<uint16_t> flags;             // MACVLAN_FLAG_*; replaces all flags, never adds
  std::optional<uint32_t> mac_address_mode;  // MACVLAN_MACADDR_*; without it a list is ignored
  std::optional<wire::HardwareAddress>
      mac_address;                       // the one address of MACVLAN_MACADDR_ADD and _DEL
  std::optional<MacList> mac_addresses;  // the list of MACVLAN_MACADDR_SET, and of every reply
  std::optional<uint32_t> bc_queue_len;
  std::optional<uint32_t> bc_queue_len_used;
  std::optional<int32_t> bc_cutoff;  // left out of replies while it is 1, the default
};

}  // namespace macvlan_netlink::rtnl

namespace macvlan_netlink::wire {

template <>
struct Table<rtnl::MacvlanData> {
  using R = rtnl::MacvlanData;
  static constexpr auto header = std::make_tuple();
  // IFLA_MACVLAN_MACADDR_COUNT is not here: it says what the list's length says, and where that
  // cannot say it, rtnl/read_link.cc looks.
  static constexpr auto rows = std::make_tuple(
      Attr(IFLA_MACVLAN_MODE, "IFLA_MACVLAN_MODE", "mode", &R::mode),
      Attr(IFLA_MACVLAN_FLAGS, "IFLA_MACVLAN_FLAGS", "flags", &R::flags),
      Attr(IFLA_MACVLAN_MACADDR_MODE, "IFLA_MACVLAN_MACADDR_MODE", "macAddressMode",
           &R::mac_address_mode, Use::kRequest),
      Attr(IFLA_MACVLAN_MACADDR, "IFLA_MACVLAN_MACADDR", "macAddress", &R::mac_address,
           Use::kRequest),
      Attr(IFLA_MACVLAN_MACADDR_DATA, "IFLA_MACVLAN_MACADDR_DATA", "macAddresses",
           &R::mac_addresses),
      Attr(IFLA_MACVLAN_BC_QUEUE_LEN, "IFLA_MACVLAN_BC_QUEUE_LEN", "bcQueueLen", &R::bc_queue_len),
      Attr(IFLA_MACVLAN_BC_QUEUE_LEN_USED, "IFLA_MACVLAN_BC_QUEUE_LEN_USED", "bcQueueLenUsed",
           &R::bc_queue_len_used, Use::kReply),
      Attr(rtnl::kIflaMacvlanBcCutoff, "IFLA_MACVLAN_BC_CUTOFF", "bcCutoff", &R::bc_cutoff));
};

}  // namespace macvlan_netlink::wire
