// Kernel numbers newer than the oldest headers this builds with (Debian 12: Linux 6.1), and the few
// that the headers keep to themselves. Each stands with the kernel version that brought it.
#pragma once

#include <linux/if_link.h>

#include <cstdint>

namespace macvlan_netlink::rtnl {

constexpr uint16_t kIflaMacvlanBcCutoff = 9;   // IFLA_MACVLAN_BC_CUTOFF, Linux 6.4
constexpr uint32_t kRtextFilterVf = 1;         // RTEXT_FILTER_VF, Linux 3.2
constexpr uint32_t kRtextFilterSkipStats = 8;  // RTEXT_FILTER_SKIP_STATS, Linux 4.4

}  // namespace macvlan_netlink::rtnl
