// A thread that may fail to start: std::thread would end the process where a limit is reached
// (RLIMIT_NPROC, pids.max).
#pragma once

#include <pthread.h>

#include <functional>

namespace macvlan_netlink::io {

class Thread {
 public:
  Thread() = default;
  ~Thread() { Join(); }
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;

  // 0 or a negative errno. `name` has 15 bytes at most.
  int Start(const char* name, std::function<void()> body);
  // Waits for its end; nothing for one that has not started.
  void Join();

 private:
  static void* Main(void* self);

  std::function<void()> body_;
  pthread_t handle_{};
  bool started_ = false;
};

}  // namespace macvlan_netlink::io
