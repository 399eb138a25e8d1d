#include "io/exchange.h"

#include <errno.h>

#include <algorithm>

namespace macvlan_netlink::io {

void Exchange::EndRest(int error, const char* syscall) {
  for (Step& step : steps) {
    if (!step.ended) step.End(error, syscall);
  }
}

// Begins at the last step, since they end in order. This is called after each round of an exchange
// that may have hundreds of thousands of steps, so it must not go through all that have ended.
bool Exchange::AllEnded() const {
  return std::all_of(steps.rbegin(), steps.rend(), [](const Step& step) { return step.ended; });
}

bool Exchange::AllSucceeded() const {
  return std::all_of(steps.begin(), steps.end(),
                     [](const Step& step) { return step.ended && step.ack.error == 0; });
}

void Exchange::CancelBehindBarrier(size_t next) {
  if (next >= steps.size() || !steps[next].barrier) return;
  // What is before the last barrier has succeeded, or that one would have ended the rest.
  for (size_t at = next; at-- > 0;) {
    if (steps[at].ended && steps[at].ack.error != 0) return EndRest(-ECANCELED, nullptr);
    if (steps[at].barrier) return;
  }
}

}  // namespace macvlan_netlink::io
