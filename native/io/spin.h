// Polling for something for some microseconds instead of sleeping until it comes.
#pragma once

#include <sched.h>

#include <algorithm>
#include <chrono>

namespace macvlan_netlink::io {

// Whether this process may use two processors: polling while another thread does the work takes one
// for each.
bool HasTwoProcessors();

// Lets whatever else has work to do on this processor go first.
inline void YieldProcessor() { sched_yield(); }

// For how long to poll for something, judged by how long it took to come of late.
class SpinTime {
 public:
  using Duration = std::chrono::nanoseconds;

  constexpr SpinTime(Duration shortest, Duration longest)
      : shortest_(shortest), longest_(longest) {}

  // Limited, so that a long time is forgotten after some short ones.
  void Learn(Duration took) { usual_ += (std::min(took, longest_) - usual_) / 4; }

  // Whether it usually comes soon.
  bool IsWorthwhile() const { return usual_ <= longest_ / 2; }

  // Three times as long as usual.
  Duration Length() const { return std::max(3 * usual_, shortest_); }

 private:
  const Duration shortest_;
  const Duration longest_;
  Duration usual_{0};
};

}  // namespace macvlan_netlink::io
