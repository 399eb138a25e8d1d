// File systems that are mounted nowhere: reached by a descriptor only, gone when it is closed.
#pragma once

#include "io/descriptor.h"
#include "io/status.h"

namespace macvlan_netlink::io {

// A fresh instance of the file system `type`, by its root directory: "sysfs" shows the calling
// thread's network namespace, "tmpfs" is empty. Needs CAP_SYS_ADMIN.
Status MountPrivate(const char* type, Descriptor& root);

}  // namespace macvlan_netlink::io
