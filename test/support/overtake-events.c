// LD_PRELOAD: while a watch throws away what is queued after a loss, another program's messages come faster than they are
// read. The command $CHANGE runs in the reading after that, which follows a listing.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>

enum { MOST = 20000 };

static __thread int reads_events;
static int reading, lost_in, calls, has_changed;

int epoll_wait(int epoll, struct epoll_event* events, int count, int timeout) {
  int (*real)(int, struct epoll_event*, int, int) = dlsym(RTLD_NEXT, "epoll_wait");
  if (reads_events && calls > 0) {
    ++reading;
    calls = 0;
  }
  return real(epoll, events, count, timeout);
}

static void send_another_programs(void) {
  static int sender = -1;
  if (sender < 0) sender = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  const struct sockaddr_nl to = {.nl_family = AF_NETLINK, .nl_groups = 1};
  static const char message[1400];
  sendto(sender, message, sizeof message, MSG_DONTWAIT, (const struct sockaddr*)&to, sizeof to);
}

ssize_t recvmsg(int fd, struct msghdr* header, int flags) {
  ssize_t (*real)(int, struct msghdr*, int) = dlsym(RTLD_NEXT, "recvmsg");
  struct sockaddr_nl own;
  socklen_t length = sizeof own;
  if (getsockname(fd, (struct sockaddr*)&own, &length) != 0 || own.nl_family != AF_NETLINK || own.nl_groups == 0)
    return real(fd, header, flags);
  reads_events = 1;
  ++calls;
  if (lost_in && reading == lost_in + 1 && calls < MOST)
    for (int i = 0; i < 3; ++i) send_another_programs();
  if (lost_in && reading == lost_in + 2 && !has_changed) {
    has_changed = 1;
    if (system(getenv("CHANGE")) != 0) abort();
  }
  const ssize_t size = real(fd, header, flags);
  if (size < 0 && errno == ENOBUFS && !lost_in) lost_in = reading ? reading : (reading = 1);
  return size;
}
