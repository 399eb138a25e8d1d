// Tells the processor that this is a loop that waits.
#pragma once

namespace macvlan_netlink::io {

inline void Relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace macvlan_netlink::io
