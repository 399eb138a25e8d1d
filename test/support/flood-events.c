// LD_PRELOAD: while there is a file $FLOOD, a socket that receives events always has one more message, of another
// program.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>

static int has_groups(int fd) {
  struct sockaddr_nl own;
  socklen_t length = sizeof own;
  return getsockname(fd, (struct sockaddr*)&own, &length) == 0 && own.nl_family == AF_NETLINK && own.nl_groups != 0;
}

ssize_t recvmsg(int fd, struct msghdr* header, int flags) {
  ssize_t (*real)(int, struct msghdr*, int) = dlsym(RTLD_NEXT, "recvmsg");
  if (!has_groups(fd) || access(getenv("FLOOD"), F_OK) != 0) return real(fd, header, flags);
  const struct sockaddr_nl other = {.nl_family = AF_NETLINK, .nl_pid = 1};
  memcpy(header->msg_name, &other, sizeof other);
  header->msg_flags = 0;
  memset(header->msg_iov[0].iov_base, 0, 4);
  return 4;
}
