// LD_PRELOAD: the file $SLOW cannot be opened until there is a file $UNTIL, as when it is on a server
// that does not answer; with $LATE it is opened at once, and who opens it learns of that only then.
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
  const int is_slow = slow != NULL && strcmp(path, slow) == 0;
  va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  const int early = is_slow && getenv("LATE") != NULL ? real(path, flags, mode) : -1;
  while (is_slow && access(getenv("UNTIL"), F_OK) != 0) usleep(1000);
  return early >= 0 ? early : real(path, flags, mode);
}

// The same where file offsets have 64 bits anyway.
int open(const char* path, int flags, ...) __attribute__((alias("open64")));
