#include "io/pool.h"

#include <pthread.h>

#include <chrono>

#include "io/relax.h"

namespace macvlan_netlink::io {
namespace {

constexpr std::chrono::seconds kIdleTick(1);
constexpr int kIdleTicksBeforeEnd = 5;
constexpr std::chrono::microseconds kLookTime(100);

thread_local bool on_pool_thread = false;

}  // namespace

Pool::Pool(size_t max_threads, Hooks hooks) : max_threads_(max_threads), hooks_(std::move(hooks)) {}

Pool::~Pool() { Stop(); }

void Pool::Schedule(std::shared_ptr<Task> task) {
  bool wake = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (stopping_) return;
    tasks_.push_back(std::move(task));
    waiting_.store(true, std::memory_order_release);
    if (std::this_thread::get_id() == owner_) StartIfNeeded(lock);
    // The one that looks takes the first, or this one once it is done with what it does now.
    const size_t awake = looking_ || on_pool_thread ? 1 : 0;
    wake = idle_ > awake && tasks_.size() > awake;
  }
  // Not under the lock, which the thread that is woken would wait for.
  if (wake) wake_.notify_one();
}

void Pool::Reinforce() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!stopping_ && !tasks_.empty()) StartIfNeeded(lock);
}

void Pool::StartIfNeeded(const std::lock_guard<std::mutex>&) {
  for (auto thread = threads_.begin(); thread != threads_.end();) {
    if (thread->ended) {
      thread->handle.join();
      thread = threads_.erase(thread);
    } else {
      ++thread;
    }
  }
  if (idle_ >= tasks_.size() || threads_.size() >= max_threads_) return;
  Thread& thread = threads_.emplace_back();
  thread.handle = std::thread([this, &thread] { Loop(thread); });
  pthread_setname_np(thread.handle.native_handle(), "macvlan-netlink");
}

void Pool::Loop(Thread& self) {
  PoolThread thread;
  on_pool_thread = true;
  int idle_ticks = 0;
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stopping_ && thread.at_home) {
    if (!tasks_.empty()) {
      idle_ticks = 0;
      const std::shared_ptr<Task> task = std::move(tasks_.front());
      tasks_.pop_front();
      waiting_.store(!tasks_.empty(), std::memory_order_release);
      lock.unlock();
      task->Run(thread);
      lock.lock();
      if (!looking_ && tasks_.empty()) Look(lock);
      continue;
    }
    if (idle_ticks >= kIdleTicksBeforeEnd) break;
    ++idle_;
    const bool woken =
        wake_.wait_for(lock, kIdleTick, [&] { return stopping_ || !tasks_.empty(); });
    --idle_;
    if (woken) continue;
    ++idle_ticks;
    lock.unlock();
    hooks_.on_idle();
    lock.lock();
  }
  self.ended = true;
  if (!thread.at_home && !stopping_) {
    lock.unlock();
    hooks_.on_thread_lost();
  }
}

// A program that awaits one request after the other asks for the next some microseconds after an
// answer. Waking a thread that sleeps meanwhile costs both sides more than to look for so long: on
// a virtual machine 40 µs of the JavaScript thread alone (measured).
void Pool::Look(std::unique_lock<std::mutex>& lock) {
  const auto end = std::chrono::steady_clock::now() + kLookTime;
  looking_ = true;
  ++idle_;
  lock.unlock();
  while (!waiting_.load(std::memory_order_acquire) && std::chrono::steady_clock::now() < end) {
    for (int i = 0; i < 16; ++i) Relax();
  }
  lock.lock();
  --idle_;
  looking_ = false;
}

void Pool::Stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    tasks_.clear();
    wake_.notify_all();
  }
  // Nobody adds a thread any more, and the list's nodes stay where they are.
  for (Thread& thread : threads_) thread.handle.join();
  threads_.clear();
}

}  // namespace macvlan_netlink::io
