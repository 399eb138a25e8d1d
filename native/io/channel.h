// The queue of one namespace: requests go to the kernel in the order they came, what queued up
// meanwhile shares a datagram.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <mutex>

#include "io/exchange.h"
#include "io/pool.h"
#include "io/socket.h"

namespace macvlan_netlink::io {

class Channel : public Task, public std::enable_shared_from_this<Channel> {
 public:
  // `target` must be open for as long as requests may be submitted.
  Channel(Pool& pool, std::shared_ptr<const Namespace> target);

  // Any thread. The exchange ends by OnEnd, on a pool thread.
  void Submit(std::shared_ptr<Exchange> exchange);
  // Ends the exchange of that token with -ECANCELED if nothing of it has been sent; false when it
  // is too late.
  bool Withdraw(uint32_t token);
  // Closes the socket when nothing was sent for that long; the next request opens another.
  // Returns whether a socket is still open.
  bool CloseIdle(std::chrono::steady_clock::duration age);

  void Run(PoolThread& thread) override;

 private:
  struct Entry {
    std::shared_ptr<Exchange> exchange;
    size_t next = 0;  // the first step not sent yet
  };
  struct Sent {
    std::shared_ptr<Exchange> exchange;
    size_t index = 0;
    Step& step() const { return exchange->steps[index]; }
  };
  // What travels in one datagram.
  using Window = std::vector<Sent>;

  Status OpenSocket(PoolThread& thread);
  Window Collect();
  void Transact(const Window& window, PoolThread& thread);
  int Attempt(const Sent* sent, size_t count, PoolThread& thread);
  uint32_t Stamp(const Sent* sent, size_t count);
  int ReadAnswers(const Sent* sent, size_t count, uint32_t base, PoolThread& thread);
  void Settle(const Window& window);
  void FailQueued(const Status& status);

  Pool& pool_;
  const std::shared_ptr<const Namespace> target_;
  Socket socket_;  // used by the thread that runs the channel; CloseIdle only while none does

  std::mutex mutex_;         // guards everything below
  std::deque<Entry> queue_;  // only the front entry can be partly sent
  bool scheduled_ = false;
  std::chrono::steady_clock::time_point last_use_;
};

}  // namespace macvlan_netlink::io
