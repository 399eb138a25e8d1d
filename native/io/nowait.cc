#include "io/nowait.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>

namespace macvlan_netlink::io {
namespace {

constexpr int kNowait = 8;  // RWF_NOWAIT (linux/fs.h, Linux 4.14)

// Whether the kernel takes it for a tap: since Linux 6.4 (drivers/net/tap.c, tap_open). EPERM is a
// container's filter, which does not know the system call.
std::atomic<bool> knows_nowait{true};

bool IsUnknown(ssize_t result) {
  return result < 0 && (errno == EOPNOTSUPP || errno == ENOSYS || errno == EPERM);
}

// Without it another program may still read what was there, or fill the room there was.
bool WouldWait(int fd, short events) {
  if ((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0) return false;
  pollfd asked{fd, events, 0};
  const int ready = poll(&asked, 1, 0);
  if (ready > 0) return false;
  // A signal is EINTR, which says nothing.
  if (ready == 0) errno = EAGAIN;
  return true;
}

// By their numbers: musl has functions for them since 1.2.5.
ssize_t CallNow(long number, int fd, const iovec& part) {
  // The position, in two halves: the file's own.
  return syscall(number, fd, &part, 1L, -1L, -1L, kNowait);
}

}  // namespace

ssize_t ReadNow(int fd, void* bytes, size_t size) {
  if (knows_nowait) {
    const ssize_t result = CallNow(SYS_preadv2, fd, {bytes, size});
    if (!IsUnknown(result)) return result;
    knows_nowait = false;
  }
  return WouldWait(fd, POLLIN) ? -1 : read(fd, bytes, size);
}

ssize_t WriteNow(int fd, const void* bytes, size_t size) {
  // The device refuses that at once; pwritev2 does not even ask it.
  if (size == 0) return write(fd, bytes, size);
  if (knows_nowait) {
    const ssize_t result = CallNow(SYS_pwritev2, fd, {const_cast<void*>(bytes), size});
    if (!IsUnknown(result)) return result;
    knows_nowait = false;
  }
  return WouldWait(fd, POLLOUT) ? -1 : write(fd, bytes, size);
}

}  // namespace macvlan_netlink::io
