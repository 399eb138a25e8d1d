#include "io/spin.h"

#include <sched.h>

namespace macvlan_netlink::io {

bool HasTwoProcessors() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 1;
}

}  // namespace macvlan_netlink::io
