// How a system call ended.
#pragma once

#include <errno.h>

namespace macvlan_netlink::io {

// Which system call refused, and its negative errno; 0 when all went well.
struct Status {
  int error = 0;
  const char* syscall = "";

  bool ok() const { return error == 0; }
  // Whether there were no descriptors left.
  bool OutOfDescriptors() const { return error == -EMFILE || error == -ENFILE; }
  // EACCES comes from a security module, such as SELinux in a container.
  bool NotPermitted() const { return error == -EPERM || error == -EACCES; }
  static Status FromErrno(const char* syscall) { return {-errno, syscall}; }
};

}  // namespace macvlan_netlink::io
