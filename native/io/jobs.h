// Tasks that may have to wait without limit, such as for a lock that another process holds or for a
// file on a server that does not answer. A thread of the pool is always left for requests, and one
// more for jobs that wait for the kernel alone.
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
  // What a job may wait for: the kernel, and not for long; the RTNL lock, for which the writing of
  // a setting tries again and again (rtnl_trylock, restart_syscall), so that each such thread keeps
  // a processor busy; the same lock, asleep, for a new namespace; the lock of the names, which only
  // one can hold; a file, which may be on any server.
  enum class WaitsFor : uint8_t { kKernel, kRtnl, kCreation, kLock, kFile };
  static constexpr size_t kKinds = 5;

  // How many jobs the pool is given at a time, how many of those may wait for more than the kernel,
  // and how many for each, so that the other jobs go on meanwhile.
  struct Limits {
    size_t all;
    size_t patient;
    std::array<size_t, kKinds> each;
  };

  Jobs(Pool& pool, const Limits& limits) : pool_(pool), limits_(limits) {}

  // Any thread. `job` begins at once, or as soon as enough others have ended.
  void Begin(std::shared_ptr<Task> job, WaitsFor what);
  // Any thread: `job` is not to begin. False when it has begun already.
  bool Withdraw(const Task& job);
  // Any thread: a job has ended.
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

  std::mutex mutex_;                           // guards the two below
  std::array<size_t, kKinds> under_way_ = {};  // given to the pool, by what they wait for
  std::deque<Waiting> waiting_;
};

}  // namespace macvlan_netlink::io
