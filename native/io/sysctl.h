// The settings of a network namespace: /proc/sys/net shows each thread those of the namespace that
// the thread is in (net/sysctl_net.c, net_ctl_header_lookup).
#pragma once

#include <optional>
#include <string>

#include "io/namespace.h"

namespace macvlan_netlink::io {

// A file below /proc/sys/net as it is in a namespace. `returned` as for Within. Some settings take
// the RTNL lock, so both may block for a while.
Status ReadSysctl(const Namespace& target, const std::string& path, bool& returned,
                  std::string& out);

// The link that a setting is of. Its folder has its name, which may become another link's.
struct SysctlLink {
  std::string name;
  int index = 0;
};

// In one piece, because the kernel takes each write for a value of its own. The value ends with a
// newline. -ENODEV where the `link` does not have that name (any more); nothing is written then.
Status WriteSysctl(const Namespace& target, const std::string& path, const std::string& value,
                   const std::optional<SysctlLink>& link, bool& returned);

}  // namespace macvlan_netlink::io
