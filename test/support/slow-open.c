// LD_PRELOAD: the file $SLOW cannot be opened until there is a file $UNTIL, as when it is on a server
// that does not answer.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int open64(const char* path, int flags, ...) {
  int (*real)(const char*, int, ...) = dlsym(RTLD_NEXT, "open64");
  const char* slow = getenv("SLOW");
  while (slow != NULL && strcmp(path, slow) == 0 && access(getenv("UNTIL"), F_OK) != 0) usleep(1000);
  va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  return real(path, flags, mode);
}

// The same where file offsets have 64 bits anyway.
int open(const char* path, int flags, ...) __attribute__((alias("open64")));
