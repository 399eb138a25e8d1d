// LD_PRELOAD: the socket by which a tap hears of its link has a receive buffer of 4 MiB, as where net.core.rmem_default
// says so, and is read late: the command $BEFORE runs first, and $LATER before the 513th message is read.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <linux/netlink.h>

enum { LATER = 513 };

static int is_taps(int fd) {
  struct sockaddr_nl own;
  socklen_t length = sizeof own;
  return getsockname(fd, (struct sockaddr*)&own, &length) == 0 && own.nl_family == AF_NETLINK && own.nl_groups == 1;
}

int bind(int fd, const struct sockaddr* address, socklen_t length) {
  int (*real)(int, const struct sockaddr*, socklen_t) = dlsym(RTLD_NEXT, "bind");
  const int result = real(fd, address, length);
  const int size = 2 << 20;
  if (is_taps(fd)) setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  return result;
}

ssize_t recvfrom(int fd, void* bytes, size_t size, int flags, struct sockaddr* from, socklen_t* length) {
  ssize_t (*real)(int, void*, size_t, int, struct sockaddr*, socklen_t*) = dlsym(RTLD_NEXT, "recvfrom");
  static int calls = 0;
  if (is_taps(fd)) {
    ++calls;
    if (calls == 1 && system(getenv("BEFORE")) != 0) abort();
    if (calls == LATER && system(getenv("LATER")) != 0) abort();
  }
  return real(fd, bytes, size, flags, from, length);
}
