// Reading and writing that never waits, also where a descriptor has lost its O_NONBLOCK. That is a
// property of the open file, and so of everybody who has a descriptor of it: a program that is
// started with one may take it away, as libuv does (src/unix/process.c), from 1.53 on before it
// starts the program.
#pragma once

#include <sys/types.h>

#include <cstddef>

namespace macvlan_netlink::io {

// As read and write do; EAGAIN where they would wait.
ssize_t ReadNow(int fd, void* bytes, size_t size);
ssize_t WriteNow(int fd, const void* bytes, size_t size);

}  // namespace macvlan_netlink::io
