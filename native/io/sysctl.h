// The settings of a network namespace: /proc/sys/net shows each thread those of the namespace that
// the thread is in (net/sysctl_net.c, net_ctl_header_lookup).
#pragma once

#include "io/namespace.h"

namespace macvlan_netlink::io {

// A file below /proc/sys/net as it is in a namespace. `returned` as for Within. Some settings take
// the RTNL lock, so both may block for a while.
Status ReadSysctl(const Namespace& target, const std::string& path, bool& returned,
                  std::string& out);
// In one piece, because the kernel takes each write for a value of its own. The value ends with a
// newline.
Status WriteSysctl(const Namespace& target, const std::string& path, const std::string& value,
                   bool& returned);

}  // namespace macvlan_netlink::io
