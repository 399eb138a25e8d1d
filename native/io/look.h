// To look for something again and again, for some microseconds, instead of sleeping until it comes.
#pragma once

namespace macvlan_netlink::io {

// Whether this process may use two processors: to look while another thread does the work takes one
// for each.
bool HasTwoProcessors();

// Tells the processor that this is a loop that waits.
inline void Relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace macvlan_netlink::io
