#include "io/tap_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include "io/thread.h"

namespace macvlan_netlink::io {
namespace {

// Linux 5.2, glibc 2.36: the same numbers wherever Node runs. linux/mount.h, which has
// the flags, cannot stand beside that glibc's sys/mount.h.
constexpr long kFsopen = 430;
constexpr long kFsconfig = 431;
constexpr long kFsmount = 432;
constexpr unsigned kCloexec = 1;            // FSOPEN_CLOEXEC, FSMOUNT_CLOEXEC
constexpr unsigned kFsconfigCmdCreate = 6;  // FSCONFIG_CMD_CREATE
constexpr unsigned kMountAttrRdonly = 1;    // MOUNT_ATTR_RDONLY

Status MountDetached(const char* type, Access access, Descriptor& root) {
  const Descriptor context(static_cast<int>(syscall(kFsopen, type, kCloexec)));
  if (!context.valid()) return Status::FromErrno("fsopen");
  if (syscall(kFsconfig, context.get(), kFsconfigCmdCreate, nullptr, nullptr, 0) != 0) {
    return Status::FromErrno("fsconfig");
  }
  const unsigned attributes = access == Access::kRead ? kMountAttrRdonly : 0;
  root.Reset(static_cast<int>(syscall(kFsmount, context.get(), kCloexec, attributes)));
  return root.valid() ? Status{} : Status::FromErrno("fsmount");
}

// Runs in a mount namespace of its own. Descriptors that were opened there stay valid. Mounts on
// /proc, which is there: on /sys the kernel mounts no sysfs a second time (EBUSY). Never read-only,
// because that way the file system itself would become so (MS_RDONLY), and with it other mounts.
Status MountOverProc(const char* type, Descriptor& root) {
  if (unshare(CLONE_NEWNS) != 0) return Status::FromErrno("unshare");
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      mount(type, "/proc", type, 0, nullptr) != 0) {
    return Status::FromErrno("mount");
  }
  root.Reset(open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return root.valid() ? Status{} : Status::FromErrno("open");
}

}  // namespace

Status MountPrivate(const char* type, Access access, Descriptor& root) {
  const Status detached = MountDetached(type, access, root);
  // EPERM is also what a container's filter answers to system calls that it does not know.
  if (detached.error != -ENOSYS && detached.error != -EPERM) return detached;
  // A thread of its own, because one that has a mount namespace to itself does not come back. It is
  // born in this thread's network namespace.
  Status status;
  Thread thread;
  const int error = thread.Start("macvlan-mount", [&] { status = MountOverProc(type, root); });
  if (error != 0) status = {error, "pthread_create"};
  thread.Join();
  return detached.NotPermitted() && status.NotPermitted() ? detached : status;
}

}  // namespace macvlan_netlink::io
