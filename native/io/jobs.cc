#include "io/jobs.h"

#include <algorithm>
#include <utility>

namespace macvlan_netlink::io {

bool Jobs::HasRoom(WaitsFor what, const std::lock_guard<std::mutex>&) const {
  const auto kind = static_cast<size_t>(what);
  return under_way_ < all_ && waiting_for_[kind] < most_[kind];
}

void Jobs::Count(WaitsFor what, const std::lock_guard<std::mutex>&) {
  ++under_way_;
  ++waiting_for_[static_cast<size_t>(what)];
}

void Jobs::Begin(std::shared_ptr<Task> job, WaitsFor what) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!HasRoom(what, lock)) return waiting_.push_back({std::move(job), what});
    Count(what, lock);
  }
  pool_.Schedule(std::move(job));
}

bool Jobs::Withdraw(const Task& job) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                  [&](const Waiting& one) { return one.job.get() == &job; });
  if (found == waiting_.end()) return false;
  waiting_.erase(found);
  return true;
}

void Jobs::End(WaitsFor what) {
  std::shared_ptr<Task> next;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    --under_way_;
    --waiting_for_[static_cast<size_t>(what)];
    const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                    [&](const Waiting& one) { return HasRoom(one.what, lock); });
    if (found == waiting_.end()) return;
    Count(found->what, lock);
    next = std::move(found->job);
    waiting_.erase(found);
  }
  pool_.Schedule(std::move(next));
}

}  // namespace macvlan_netlink::io
