#include "io/channel.h"

#include <errno.h>

#include <algorithm>
#include <optional>

namespace macvlan_netlink::io {
namespace {

// How many steps one round carries out: other namespaces wait for the pool thread meanwhile.
constexpr size_t kMaxRound = 32;
// The same for a round of deletions, which are carried out as one group.
constexpr size_t kMaxDeletions = 16 * 1024;

}  // namespace

Channel::Channel(Pool& pool, std::shared_ptr<const Namespace> target,
                 DeleteTogether delete_together, FreeDescriptors free_descriptors)
    : pool_(pool),
      target_(std::move(target)),
      delete_together_(delete_together),
      free_descriptors_(std::move(free_descriptors)) {}

void Channel::Submit(std::shared_ptr<Exchange> exchange) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    queue_.push_back({std::move(exchange), 0});
    if (std::exchange(scheduled_, true)) return;
  }
  pool_.Schedule(shared_from_this());
}

bool Channel::Withdraw(uint32_t token) {
  std::shared_ptr<Exchange> withdrawn;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = std::find_if(queue_.begin(), queue_.end(), [&](const Entry& entry) {
      return entry.exchange->token == token && entry.may_be_withdrawn();
    });
    if (found == queue_.end()) return false;
    if (found->next != 0 && collected_) {
      // Its steps belong to the thread that runs the channel, until that concludes.
      found->withdrawn = true;
      return true;
    }
    withdrawn = std::move(found->exchange);
    queue_.erase(found);
  }
  withdrawn->EndRest(-ECANCELED, nullptr);
  withdrawn->OnEnd();
  return true;
}

void Channel::CloseIdle(std::chrono::steady_clock::duration age) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (scheduled_ || in_use_) return;
  const std::lock_guard<std::mutex> opening(opening_);
  if (std::chrono::steady_clock::now() - last_use_ >= age) socket_.Close();
}

void Channel::Drop() {
  std::deque<Entry> queued;  // destroyed after the lock is let go
  const std::lock_guard<std::mutex> lock(mutex_);
  queued.swap(queue_);
}

void Channel::SetInUse(bool in_use) {
  const std::lock_guard<std::mutex> lock(mutex_);
  in_use_ = in_use;
}

void Channel::ReleaseSocket() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (running_ || in_use_ || HasBegun(lock)) return;
  const std::lock_guard<std::mutex> opening(opening_);
  socket_.Close();
}

bool Channel::HasWork(const std::lock_guard<std::mutex>& held) const {
  return finishing_ ? HasBegun(held) : !queue_.empty();
}

bool Channel::HasBegun(const std::lock_guard<std::mutex>&) const {
  return std::any_of(queue_.begin(), queue_.end(),
                     [](const Entry& entry) { return entry.has_begun(); });
}

void Channel::Finish(PoolThread& thread) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    finishing_ = true;
    scheduled_ = HasWork(lock);
    if (!scheduled_) return;
    std::stable_partition(queue_.begin(), queue_.end(),
                          [](const Entry& entry) { return entry.has_begun(); });
  }
  Run(thread);
}

void Channel::Run(PoolThread& thread) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    running_ = true;
  }
  const Status status = OpenSocket(thread);
  if (status.ok()) {
    PrepareQueued(thread);
    const Window window = Collect();
    Execute(window, thread);
    Conclude(window);
  } else {
    FailQueued(status);
  }
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    last_use_ = std::chrono::steady_clock::now();
    running_ = false;
    scheduled_ = HasWork(lock);
    if (!scheduled_) return;
  }
  pool_.Schedule(shared_from_this());
}

void Channel::Fail(const Status& status) {
  FailQueued(status);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    scheduled_ = HasWork(lock);
    if (!scheduled_) return;
  }
  pool_.Schedule(shared_from_this());
}

Status Channel::Open(PoolThread& thread) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    last_use_ = std::chrono::steady_clock::now();
  }
  return OpenSocket(thread);
}

Status Channel::OpenSocket(PoolThread& thread) {
  const Status status = TryToOpen(thread);
  if (!status.OutOfDescriptors()) return status;
  free_descriptors_();
  return TryToOpen(thread);
}

Status Channel::TryToOpen(PoolThread& thread) {
  const std::lock_guard<std::mutex> lock(opening_);
  if (socket_.is_open()) return {};
  return Within(*target_, thread.at_home, [&] { return socket_.Open(); });
}

// Prepares the exchanges that may be in the next round.
void Channel::PrepareQueued(PoolThread& thread) {
  std::vector<std::shared_ptr<Exchange>> unprepared;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (size_t i = 0; i < std::min(queue_.size(), kMaxRound); ++i) {
      if (finishing_ && !queue_[i].has_begun()) break;
      Exchange& exchange = *queue_[i].exchange;
      if (std::exchange(exchange.prepares, false)) unprepared.push_back(queue_[i].exchange);
    }
  }
  for (const std::shared_ptr<Exchange>& exchange : unprepared) {
    const Status status = exchange->Prepare(thread);
    if (status.ok()) continue;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      const auto found = std::find_if(queue_.begin(), queue_.end(), [&](const Entry& entry) {
        return entry.exchange == exchange;
      });
      if (found == queue_.end()) continue;  // withdrawn meanwhile
      queue_.erase(found);
    }
    exchange->EndRest(status.error, status.syscall);
    exchange->OnEnd();
  }
}

// Takes the next round from the queue. A barrier step behind a step of its exchange in this round
// waits for the next round, and so does everything behind it, to keep the order. Deletions have
// rounds of their own.
Window Channel::Collect() {
  Window window;
  bool deletions = false;
  const std::lock_guard<std::mutex> lock(mutex_);
  collected_ = true;
  while (!queue_.empty()) {
    Entry& entry = queue_.front();
    if (finishing_ && !entry.has_begun()) break;
    if (entry.exchange->prepares) break;  // it came meanwhile: the next round prepares it
    const std::vector<Step>& steps = entry.exchange->steps;
    for (const size_t first = entry.next; entry.next < steps.size();) {
      const Step& step = steps[entry.next];
      if (window.empty()) deletions = step.deletion;
      const bool must_wait = step.barrier && entry.next > first;
      const bool full = window.size() >= (deletions ? kMaxDeletions : kMaxRound);
      if (must_wait || full || step.deletion != deletions) return window;
      window.push_back({entry.exchange, entry.next++});
    }
    queue_.pop_front();
  }
  return window;
}

void Channel::Execute(const Window& window, PoolThread& thread) {
  Session session(socket_, thread.buffer);
  // Deletions sleep outside the RTNL lock, and a listing lets go of it between its parts.
  std::optional<Pool::LongWait> wait;
  const auto waits = [](const Sent& sent) {
    return sent.step().deletion || sent.step().expect == Expect::kDump;
  };
  if (std::any_of(window.begin(), window.end(), waits)) wait.emplace(pool_);
  if (!window.empty() && window.front().step().deletion) delete_together_(session, window);
  // Whatever that has not ended.
  Window rest;
  for (const Sent& sent : window) {
    if (!sent.step().ended) rest.push_back(sent);
  }
  session.Transact(rest);
}

void Channel::Conclude(const Window& window) {
  const Exchange* unfinished = nullptr;  // may be withdrawn from here on, and ended by that
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    collected_ = false;
    if (!queue_.empty() && queue_.front().next != 0) {
      Entry& entry = queue_.front();
      if (entry.withdrawn) entry.exchange->EndRest(-ECANCELED, nullptr);
      entry.exchange->CancelBehindBarrier(entry.next);
      if (entry.exchange->AllEnded()) {
        queue_.pop_front();
      } else {
        unfinished = entry.exchange.get();
      }
    }
  }
  const Exchange* last = nullptr;
  for (const Sent& sent : window) {
    if (sent.exchange.get() == last) continue;
    last = sent.exchange.get();
    if (last != unfinished && sent.exchange->AllEnded()) sent.exchange->OnEnd();
  }
}

void Channel::FailQueued(const Status& status) {
  std::deque<Entry> queued;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    queued.swap(queue_);
  }
  for (Entry& entry : queued) {
    entry.exchange->EndRest(status.error, status.syscall);
    entry.exchange->OnEnd();
  }
}

}  // namespace macvlan_netlink::io
