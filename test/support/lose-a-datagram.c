// LD_PRELOAD: once a request of the type $LOSE has been sent, the next datagram that comes to its
// socket is lost, as when the kernel had no memory for it; with $AFTER the one behind so many others.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <linux/netlink.h>

static atomic_int losing = -1;
static atomic_flag lost = ATOMIC_FLAG_INIT;
static atomic_int arrived;

ssize_t sendmsg(int fd, const struct msghdr* header, int flags) {
  ssize_t (*real)(int, const struct msghdr*, int) = dlsym(RTLD_NEXT, "sendmsg");
  const char* type = getenv("LOSE");
  for (size_t i = 0; type != NULL && i < header->msg_iovlen; ++i) {
    const struct nlmsghdr* message = header->msg_iov[i].iov_base;
    if (header->msg_iov[i].iov_len < sizeof(*message) || message->nlmsg_type != atoi(type)) continue;
    if (!atomic_flag_test_and_set(&lost)) losing = fd;
  }
  return real(fd, header, flags);
}

ssize_t recvmsg(int fd, struct msghdr* header, int flags) {
  ssize_t (*real)(int, struct msghdr*, int) = dlsym(RTLD_NEXT, "recvmsg");
  const ssize_t length = real(fd, header, flags);
  const char* after = getenv("AFTER");
  if (length > 0 && fd == losing && after != NULL && arrived++ < atoi(after)) return length;
  int expected = fd;
  if (length <= 0 || !atomic_compare_exchange_strong(&losing, &expected, -1)) return length;
  errno = ENOBUFS;
  return -1;
}
