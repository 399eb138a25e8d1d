// Tasks that may wait for somebody else for any time, such as for the lock of another process or a
// file on a server that does not answer. One thread of the pool is always left for what waits for
// the kernel alone.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>

#include "io/pool.h"

namespace macvlan_netlink::io {

class Jobs {
 public:
  // What a job may wait for.
  enum class WaitsFor : uint8_t { kKernel, kLock, kFile };

  // So many are given to the pool at a time, and so many of those that want the lock, which only
  // one has at a time, or a file that may be anywhere: as long as those wait, the rest go on.
  struct Limits {
    size_t all;
    size_t for_lock;
    size_t for_file;
  };

  Jobs(Pool& pool, const Limits& limits) : pool_(pool), limits_(limits) {}

  // Any thread. `job` runs at once, or as soon as others are over.
  void Begin(std::shared_ptr<Task> job, WaitsFor what);
  // Any thread: `job` is not begun any more. False when it has been.
  bool Withdraw(const Task& job);
  // Any thread: one is over.
  void End(WaitsFor what);

 private:
  struct Waiting {
    std::shared_ptr<Task> job;
    WaitsFor what;
  };

  bool MayBegin(WaitsFor what, const std::lock_guard<std::mutex>& held) const;
  size_t& UnderWay(WaitsFor what, const std::lock_guard<std::mutex>& held);

  Pool& pool_;
  const Limits limits_;

  std::mutex mutex_;                      // guards the two below
  std::array<size_t, 3> under_way_ = {};  // given to the pool, by what they wait for
  std::deque<Waiting> waiting_;
};

}  // namespace macvlan_netlink::io
