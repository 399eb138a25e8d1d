// LD_PRELOAD: the system call with the number $REFUSE is not permitted, as by a container's filter that does not know
// it, or has the error $REFUSE_WITH; no socket of netlink is to be had, with the error $REFUSE_NETLINK. With
// $REFUSE_MOUNT every new mount has that error; with $REFUSE_UNLINK no file below /run/netns is removed, with that
// error; with $REFUSE_FSTATFS no open file is said what it is on; with
// $REFUSE_TYPE no namespace is said what type it has, with that error; with $REFUSE_SYSFS the links' files in a sysfs
// are not opened, with that error, but for those below /sys with $SPARE_SYS; with $REFUSE_NODE no device node is made
// in another folder than /dev, with that error; with $REFUSE_GROUP a netlink socket cannot join the group of that
// number, as where the kernel does not have it; with $REFUSE_EPOLL no descriptor that is to be waited for once
// (EPOLLONESHOT, which libuv does not use) is added, with that error. With $SHORT a write of "1" and an end of line
// takes the 1 alone. With $DUMP_INTR every listing of the kernel's says that a change has interrupted it. With $INTERRUPT the first number of four random bytes is interrupted.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/nsfs.h>

long syscall(long number, ...) {
  long (*real)(long, ...) = dlsym(RTLD_NEXT, "syscall");
  long arguments[6];
  va_list more;
  va_start(more, number);
  for (int i = 0; i < 6; ++i) arguments[i] = va_arg(more, long);
  va_end(more);
  if (number == SYS_mknodat && getenv("REFUSE_NODE") != NULL && *(const char*)arguments[1] != '/') {
    errno = atoi(getenv("REFUSE_NODE"));
    return -1;
  }
  const char* refused = getenv("REFUSE");
  if (refused != NULL && number == atol(refused)) {
    const char* error = getenv("REFUSE_WITH");
    errno = error == NULL ? EPERM : atoi(error);
    return -1;
  }
  return real(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
              arguments[5]);
}

int socket(int domain, int type, int protocol) {
  int (*real)(int, int, int) = dlsym(RTLD_NEXT, "socket");
  const char* refused = getenv("REFUSE_NETLINK");
  if (domain != AF_NETLINK || refused == NULL) return real(domain, type, protocol);
  errno = atoi(refused);
  return -1;
}

int setsockopt(int fd, int level, int option, const void* value, socklen_t size) {
  int (*real)(int, int, int, const void*, socklen_t) = dlsym(RTLD_NEXT, "setsockopt");
  const char* refused = getenv("REFUSE_GROUP");
  const int is_joining = level == SOL_NETLINK && option == NETLINK_ADD_MEMBERSHIP;
  if (refused == NULL || !is_joining || *(const int*)value != atoi(refused)) {
    return real(fd, level, option, value, size);
  }
  errno = EINVAL;
  return -1;
}

int mount(const char* source, const char* target, const char* type, unsigned long flags,
          const void* data) {
  int (*real)(const char*, const char*, const char*, unsigned long, const void*) =
      dlsym(RTLD_NEXT, "mount");
  const int refused = getenv("REFUSE_MOUNT") != NULL && (flags & MS_SHARED) == 0;
  if (!refused) return real(source, target, type, flags, data);
  errno = atoi(getenv("REFUSE_MOUNT"));
  return -1;
}

int unlink(const char* path) {
  int (*real)(const char*) = dlsym(RTLD_NEXT, "unlink");
  if (getenv("REFUSE_UNLINK") == NULL || strncmp(path, "/run/netns/", 11) != 0) return real(path);
  errno = atoi(getenv("REFUSE_UNLINK"));
  return -1;
}

int epoll_ctl(int epoll, int operation, int fd, struct epoll_event* event) {
  int (*real)(int, int, int, struct epoll_event*) = dlsym(RTLD_NEXT, "epoll_ctl");
  const int is_ours = operation == EPOLL_CTL_ADD && (event->events & EPOLLONESHOT) != 0;
  if (!is_ours || getenv("REFUSE_EPOLL") == NULL) return real(epoll, operation, fd, event);
  errno = atoi(getenv("REFUSE_EPOLL"));
  return -1;
}

int ioctl(int fd, unsigned long request, ...) {
  int (*real)(int, unsigned long, ...) = dlsym(RTLD_NEXT, "ioctl");
  va_list more;
  va_start(more, request);
  void* argument = va_arg(more, void*);
  va_end(more);
  if (request != NS_GET_NSTYPE || getenv("REFUSE_TYPE") == NULL) return real(fd, request, argument);
  errno = atoi(getenv("REFUSE_TYPE"));
  return -1;
}

static int is_sys(int folder) {
  char link[64];
  char path[8] = "";
  snprintf(link, sizeof(link), "/proc/thread-self/fd/%d", folder);
  return readlink(link, path, sizeof(path) - 1) == 4 && strcmp(path, "/sys") == 0;
}

int openat64(int folder, const char* path, int flags, ...) {
  int (*real)(int, const char*, int, ...) = dlsym(RTLD_NEXT, "openat64");
  va_list more;
  va_start(more, flags);
  const mode_t mode = va_arg(more, int);
  va_end(more);
  const int is_refused = getenv("REFUSE_SYSFS") != NULL && strncmp(path, "class/net/", 10) == 0;
  if (!is_refused || (getenv("SPARE_SYS") != NULL && is_sys(folder))) {
    return real(folder, path, flags, mode);
  }
  errno = atoi(getenv("REFUSE_SYSFS"));
  return -1;
}

ssize_t write(int fd, const void* bytes, size_t size) {
  ssize_t (*real)(int, const void*, size_t) = dlsym(RTLD_NEXT, "write");
  const int is_short = getenv("SHORT") != NULL && size == 2 && memcmp(bytes, "1\n", 2) == 0;
  return real(fd, bytes, is_short ? 1 : size);
}

ssize_t getrandom(void* bytes, size_t size, unsigned flags) {
  ssize_t (*real)(void*, size_t, unsigned) = dlsym(RTLD_NEXT, "getrandom");
  if (size != 4 || getenv("INTERRUPT") == NULL) return real(bytes, size, flags);
  unsetenv("INTERRUPT");
  errno = EINTR;
  return -1;
}

int fstatfs64(int fd, struct statfs64* out) {
  int (*real)(int, struct statfs64*) = dlsym(RTLD_NEXT, "fstatfs64");
  if (getenv("REFUSE_FSTATFS") == NULL) return real(fd, out);
  errno = EPERM;
  return -1;
}

ssize_t recvmsg(int fd, struct msghdr* message, int flags) {
  ssize_t (*real)(int, struct msghdr*, int) = dlsym(RTLD_NEXT, "recvmsg");
  const ssize_t received = real(fd, message, flags);
  const struct sockaddr_nl* from = message->msg_name;
  if (getenv("DUMP_INTR") == NULL || from == NULL || from->nl_family != AF_NETLINK) return received;
  struct nlmsghdr* header = message->msg_iov->iov_base;
  unsigned left = received < 0 ? 0 : (unsigned)received;
  for (; NLMSG_OK(header, left); header = NLMSG_NEXT(header, left))
    if ((header->nlmsg_flags & NLM_F_MULTI) != 0) header->nlmsg_flags |= NLM_F_DUMP_INTR;
  return received;
}
