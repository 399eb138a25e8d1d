// Tasks that may wait for somebody else for any time, such as for the lock of another process or a
// file on a server that does not answer. One thread of the pool is always left for what waits for
// the kernel alone.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>

#include "io/pool.h"

namespace macvlan_netlink::io {

class Jobs {
 public:
  // What a job may wait for.
  enum class WaitsFor : uint8_t { kFile, kLock };

  // So many are given to the pool at a time, and so many of those that want the lock, which only
  // one has at a time: as long as somebody else has it, the rest go on.
  Jobs(Pool& pool, size_t most, size_t most_for_lock)
      : pool_(pool), most_(most), most_for_lock_(most_for_lock) {}

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

  bool HasRoom(WaitsFor what, const std::lock_guard<std::mutex>& held) const;
  void Count(WaitsFor what, const std::lock_guard<std::mutex>& held);

  Pool& pool_;
  const size_t most_;
  const size_t most_for_lock_;

  std::mutex mutex_;      // guards the three below
  size_t under_way_ = 0;  // given to the pool
  size_t for_lock_ = 0;   // of those
  std::deque<Waiting> waiting_;
};

}  // namespace macvlan_netlink::io
