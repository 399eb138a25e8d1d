// fstatat and mknodat by their system calls. glibc before 2.33 has no functions of these names:
// each program gets a copy of them, and one that Zig links for such a glibc sets an errno of its
// own (scripts/prebuild.mjs).
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace macvlan_netlink::io {

inline int StatAt(int directory, const char* path, int flags, struct stat& out) {
#if (defined(__x86_64__) && defined(__LP64__)) || defined(__aarch64__)
  // There the kernel's structure is the C library's as well.
  return static_cast<int>(syscall(SYS_newfstatat, directory, path, &out, flags));
#else
  return fstatat(directory, path, &out, flags);
#endif
}

inline int MakeNodeAt(int directory, const char* path, mode_t mode, dev_t number) {
  // The kernel takes 32 bits, in which the C library's number has them as well.
  return static_cast<int>(
      syscall(SYS_mknodat, directory, path, mode, static_cast<unsigned>(number)));
}

}  // namespace macvlan_netlink::io
