// The queue of one namespace: requests go to the kernel in the order in which they came, and those
// that have queued up share a datagram.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include "io/exchange.h"
#include "io/namespace.h"
#include "io/pool.h"
#include "io/session.h"

namespace macvlan_netlink::io {

class Channel : public Task, public std::enable_shared_from_this<Channel> {
 public:
  // Deletes the links that the steps of a window name, faster than one by one. Steps that it leaves
  // open are then sent as they are.
  using DeleteTogether = void (*)(Session& session, const Window& window);

  // Closes sockets of other channels, when there are no descriptors left.
  using FreeDescriptors = std::function<void()>;

  // `target` must be open for as long as requests may be submitted.
  Channel(Pool& pool, std::shared_ptr<const Namespace> target, DeleteTogether delete_together,
          FreeDescriptors free_descriptors);

  // Any thread. The exchange ends by OnEnd.
  void Submit(std::shared_ptr<Exchange> exchange);
  // Ends the exchange of that token with -ECANCELED if nothing of it has been sent, or nothing but
  // the look-up of a link that the rest is about: then only the rest. False when it is too late.
  bool Withdraw(uint32_t token);
  // Pool thread: opens the socket ahead of what will be submitted.
  Status Open(PoolThread& thread);
  // Closes the socket when nothing was sent for that long; the next request opens another.
  void CloseIdle(std::chrono::steady_clock::duration age);
  // Once the pool has stopped: forgets what is left, because the exchanges of two channels may each
  // hold the other channel.
  void Drop();
  // Keeps the socket open while an operation has more to submit: if there were no descriptor left
  // for that, what the operation has made would stay half made.
  void SetInUse(bool in_use);
  // Closes the socket, unless it is at work or needed to go on with something that has begun. What
  // only waits opens another when it is its turn.
  void ReleaseSocket();

  void Run(PoolThread& thread) override;
  void Finish(PoolThread& thread) override;
  void Fail(const Status& status) override;

 private:
  struct Entry {
    std::shared_ptr<Exchange> exchange;
    size_t next = 0;         // the first step not sent yet
    bool withdrawn = false;  // while its look-up is under way: the rest is not to be sent
    bool has_begun() const { return next != 0 || exchange->follows; }
    bool may_be_withdrawn() const {
      const std::vector<Step>& steps = exchange->steps;
      return next == 0 || (steps[next].takes_link && !steps[next - 1].is_change());
    }
  };

  bool HasWork(const std::lock_guard<std::mutex>& held) const;
  bool HasBegun(const std::lock_guard<std::mutex>& held) const;
  Status OpenSocket(PoolThread& thread);
  Status TryToOpen(PoolThread& thread);
  void PrepareQueued(PoolThread& thread);
  Window Collect();
  void Execute(const Window& window, PoolThread& thread);
  void Conclude(const Window& window);
  void FailQueued(const Status& status);

  Pool& pool_;
  const std::shared_ptr<const Namespace> target_;
  const DeleteTogether delete_together_;
  const FreeDescriptors free_descriptors_;
  Socket socket_;       // used by the thread that runs the channel; by others only while none does
  std::mutex opening_;  // held while it is opened or closed, by whichever thread

  std::mutex mutex_;         // guards everything below
  std::deque<Entry> queue_;  // only the front entry can be partly sent
  bool scheduled_ = false;
  bool running_ = false;    // a thread is executing a round
  bool collected_ = false;  // the steps of that round are on their way
  bool in_use_ = false;     // more may be submitted that must not fail for want of a socket
  bool finishing_ = false;  // what has not begun is left where it is
  std::chrono::steady_clock::time_point last_use_;
};

}  // namespace macvlan_netlink::io
