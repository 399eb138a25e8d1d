// To look for something again and again, for some microseconds, instead of sleeping until it comes.
#pragma once

#include <sched.h>

namespace macvlan_netlink::io {

// Whether this process may use two processors: to look while another thread does the work takes one
// for each.
bool HasTwoProcessors();

// Whoever else has work to do on this processor goes first.
inline void Relax() { sched_yield(); }

}  // namespace macvlan_netlink::io
