#include "io/jobs.h"

#include <utility>

namespace macvlan_netlink::io {

void Jobs::Begin(std::shared_ptr<Task> job) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (under_way_ == most_) return waiting_.push_back(std::move(job));
    ++under_way_;
  }
  pool_.Schedule(std::move(job));
}

void Jobs::End() {
  std::shared_ptr<Task> next;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (waiting_.empty()) {
      --under_way_;
      return;
    }
    next = std::move(waiting_.front());
    waiting_.pop_front();
  }
  pool_.Schedule(std::move(next));
}

}  // namespace macvlan_netlink::io
