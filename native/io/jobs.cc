#include "io/jobs.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace macvlan_netlink::io {

bool Jobs::MayBegin(WaitsFor what, const std::lock_guard<std::mutex>&) const {
  const size_t all = std::accumulate(under_way_.begin(), under_way_.end(), size_t{0});
  const auto kind = static_cast<size_t>(what);
  const size_t patient = all - under_way_[static_cast<size_t>(WaitsFor::kKernel)];
  const bool has_room = what == WaitsFor::kKernel || patient < limits_.patient;
  return has_room && all < limits_.all && under_way_[kind] < limits_.each[kind];
}

size_t& Jobs::UnderWay(WaitsFor what, const std::lock_guard<std::mutex>&) {
  return under_way_[static_cast<size_t>(what)];
}

void Jobs::Begin(std::shared_ptr<Task> job, WaitsFor what) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!MayBegin(what, lock)) return waiting_.push_back({std::move(job), what});
    ++UnderWay(what, lock);
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
    --UnderWay(what, lock);
    const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                    [&](const Waiting& one) { return MayBegin(one.what, lock); });
    if (found == waiting_.end()) return;
    ++UnderWay(found->what, lock);
    next = std::move(found->job);
    waiting_.erase(found);
  }
  pool_.Schedule(std::move(next));
}

}  // namespace macvlan_netlink::io
