// LD_PRELOAD: umount2 returns only when there is a file $UNTIL, as when the kernel has to wait for readers of
// mounts on other processors: what it unmounts is gone before.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

int umount2(const char* path, int flags) {
  int (*real)(const char*, int) = dlsym(RTLD_NEXT, "umount2");
  const int result = real(path, flags);
  while (result == 0 && access(getenv("UNTIL"), F_OK) != 0) usleep(1000);
  return result;
}
