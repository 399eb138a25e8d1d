// Polling for something for some microseconds instead of sleeping until it comes.
#pragma once

#include <sched.h>

namespace macvlan_netlink::io {

// Whether this process may use two processors: polling while another thread does the work takes one
// for each.
bool HasTwoProcessors();

// Lets whatever else has work to do on this processor go first.
inline void YieldProcessor() { sched_yield(); }

}  // namespace macvlan_netlink::io
