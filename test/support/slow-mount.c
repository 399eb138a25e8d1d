// LD_PRELOAD: a name of a namespace is mounted only when there is a file $UNTIL, as when the process has to wait for a
// processor between making the name's file and mounting there.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int mount(const char* source, const char* target, const char* type, unsigned long flags, const void* data) {
  int (*real)(const char*, const char*, const char*, unsigned long, const void*) = dlsym(RTLD_NEXT, "mount");
  while (strstr(source, "/ns/net") != NULL && access(getenv("UNTIL"), F_OK) != 0) usleep(1000);
  return real(source, target, type, flags, data);
}
