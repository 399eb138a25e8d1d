// One thread that waits for many descriptors at once: events of namespaces, frames of tap devices.
// It never blocks on one of them, and no request waits for it.
#pragma once

#include <sys/epoll.h>

#include <memory>
#include <mutex>
#include <unordered_map>

#include "io/descriptor.h"
#include "io/status.h"
#include "io/thread.h"

namespace macvlan_netlink::io {

// Something with a descriptor to wait for. A source is waited for once each time it asks (Arm):
// until it asks again, what arrives stays in the kernel.
class Source {
 public:
  virtual ~Source() = default;
  // On the reactor's thread. `events` are EPOLL*; more than was asked for may be set (EPOLLERR,
  // EPOLLHUP), and nothing may be there: the descriptor's number may have been another's before.
  virtual void OnReady(uint32_t events) = 0;
};

class Reactor {
 public:
  Reactor() = default;
  ~Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  // Owner's thread, which starts the reactor's on first use. The descriptor must stay open until
  // Remove; it is not waited for before Arm.
  Status Add(int fd, std::shared_ptr<Source> source);
  // Any thread: OnReady follows once when one of `events` is there. Arming again replaces.
  void Arm(int fd, uint32_t events);
  // Any thread, and OnReady of the source itself. Afterwards OnReady is not called any more, but a
  // call that is under way on another thread may still finish: the reactor holds the source so
  // long.
  void Remove(int fd);
  // Owner's thread: ends the reactor's.
  void Stop();

 private:
  void Loop();

  Thread thread_;
  Descriptor epoll_;
  Descriptor wake_;

  std::mutex mutex_;  // guards the two below
  std::unordered_map<int, std::shared_ptr<Source>> sources_;
  bool stopping_ = false;
};

}  // namespace macvlan_netlink::io
