// LD_PRELOAD: the file $SLOW cannot be opened until there is a file $UNTIL, as when it is on a server
// that does not answer.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int open_late(const char* symbol, const char* path, int flags, mode_t mode) {
  int (*real)(const char*, int, ...) = dlsym(RTLD_NEXT, symbol);
  const char* slow = getenv("SLOW");
  while (slow != NULL && strcmp(path, slow) == 0 && access(getenv("UNTIL"), F_OK) != 0) usleep(1000);
  return real(path, flags, mode);
}

static mode_t mode_in(int flags, va_list more) {
  return (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
}

int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = mode_in(flags, more);
  va_end(more);
  return open_late("open", path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = mode_in(flags, more);
  va_end(more);
  return open_late("open64", path, flags, mode);
}
