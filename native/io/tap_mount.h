// File systems that are mounted nowhere: reached by a descriptor only, gone when it is closed.
#pragma once

#include "io/descriptor.h"
#include "io/status.h"

namespace macvlan_netlink::io {

// In a user namespace whose own sysfs is read-only another one is mounted to read from alone
// (fs/namespace.c, mount_too_revealing).
enum class Access { kRead, kWrite };

// A fresh instance of the file system `type`, by its root directory: "sysfs" shows the calling
// thread's network namespace, "tmpfs" is empty. Needs CAP_SYS_ADMIN.
Status MountPrivate(const char* type, Access access, Descriptor& root);

}  // namespace macvlan_netlink::io
