#include "io/exchange.h"

#include <errno.h>

#include <algorithm>

namespace macvlan_netlink::io {

void Exchange::EndRest(int error, const char* syscall) {
  for (Step& step : steps) {
    if (!step.ended) step.End(error, syscall);
  }
}

bool Exchange::AllEnded() const {
  return std::all_of(steps.begin(), steps.end(), [](const Step& step) { return step.ended; });
}

bool Exchange::AllSucceeded() const {
  return std::all_of(steps.begin(), steps.end(),
                     [](const Step& step) { return step.ended && step.ack.error == 0; });
}

void Exchange::CancelBehindBarrier(size_t next) {
  if (next >= steps.size() || !steps[next].barrier) return;
  const bool failed = std::any_of(steps.begin(), steps.end(), [](const Step& step) {
    return step.ended && step.ack.error != 0;
  });
  if (failed) EndRest(-ECANCELED, nullptr);
}

}  // namespace macvlan_netlink::io
