// Kernel numbers of links that Debian 12's headers (Linux 6.1) lack. Each stands with the kernel
// version that brought it.
#pragma once

#include <cstdint>

namespace macvlan_netlink::rtnl {

constexpr uint16_t kIflaMacvlanBcCutoff = 9;  // IFLA_MACVLAN_BC_CUTOFF, Linux 6.4

}  // namespace macvlan_netlink::rtnl
