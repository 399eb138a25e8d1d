// LD_PRELOAD: the file $SLOW cannot be opened until there is a file $UNTIL, as when it is on a server
// that does not answer; with $LATE it is opened at once, which makes a file $UNTIL.opened, and who opens it
// learns of that only then.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
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
  int early = -1;
  if (is_slow && getenv("LATE") != NULL) {
    early = real(path, flags, mode);
    char opened[256];
    snprintf(opened, sizeof(opened), "%s.opened", getenv("UNTIL"));
    close(real(opened, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  }
  while (is_slow && access(getenv("UNTIL"), F_OK) != 0) usleep(1000);
  return early >= 0 ? early : real(path, flags, mode);
}

// The same where file offsets have 64 bits anyway.
int open(const char* path, int flags, ...) __attribute__((alias("open64")));
