// Tasks that may wait for somebody else for any time, such as for the lock of another process or a
// file on a server that does not answer. One thread of the pool is always left for what waits for
// the kernel alone.
#pragma once

#include <deque>
#include <memory>
#include <mutex>

#include "io/pool.h"

namespace macvlan_netlink::io {

class Jobs {
 public:
  // So many are given to the pool at a time.
  Jobs(Pool& pool, size_t most) : pool_(pool), most_(most) {}

  // Any thread. `job` runs at once, or as soon as others are over.
  void Begin(std::shared_ptr<Task> job);
  // Any thread: one is over.
  void End();

 private:
  Pool& pool_;
  const size_t most_;

  std::mutex mutex_;      // guards the two below
  size_t under_way_ = 0;  // given to the pool
  std::deque<std::shared_ptr<Task>> waiting_;
};

}  // namespace macvlan_netlink::io
