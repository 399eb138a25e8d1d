// LD_PRELOAD: the system call with the number $REFUSE is not permitted, as by a container's filter that
// does not know it, or has the error $REFUSE_WITH; no socket of netlink is to be had, with the error
// $REFUSE_NETLINK. With $REFUSE_MOUNT every new mount is refused as a security module does it;
// with $REFUSE_FSTATFS no open file is said what it is on.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/statfs.h>

long syscall(long number, ...) {
  long (*real)(long, ...) = dlsym(RTLD_NEXT, "syscall");
  long arguments[6];
  va_list more;
  va_start(more, number);
  for (int i = 0; i < 6; ++i) arguments[i] = va_arg(more, long);
  va_end(more);
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

int mount(const char* source, const char* target, const char* type, unsigned long flags,
          const void* data) {
  int (*real)(const char*, const char*, const char*, unsigned long, const void*) =
      dlsym(RTLD_NEXT, "mount");
  const int refused = getenv("REFUSE_MOUNT") != NULL && (flags & MS_SHARED) == 0;
  if (!refused) return real(source, target, type, flags, data);
  errno = EACCES;
  return -1;
}

int fstatfs64(int fd, struct statfs64* out) {
  int (*real)(int, struct statfs64*) = dlsym(RTLD_NEXT, "fstatfs64");
  if (getenv("REFUSE_FSTATFS") == NULL) return real(fd, out);
  errno = EPERM;
  return -1;
}
