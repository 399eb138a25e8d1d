#include "io/pool.h"

#include <pthread.h>

#include <chrono>

namespace macvlan_netlink::io {
namespace {

constexpr std::chrono::seconds kIdleTick(1);
constexpr int kIdleTicksBeforeEnd = 5;

}  // namespace

Pool::Pool(size_t max_threads, Hooks hooks) : max_threads_(max_threads), hooks_(std::move(hooks)) {}

Pool::~Pool() { Stop(); }

void Pool::Schedule(std::shared_ptr<Task> task) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (stopping_) return;
  tasks_.push_back(std::move(task));
  if (std::this_thread::get_id() == owner_) StartIfNeeded(lock);
  if (idle_ > 0) wake_.notify_one();
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
  int idle_ticks = 0;
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stopping_ && thread.at_home) {
    if (!tasks_.empty()) {
      idle_ticks = 0;
      const std::shared_ptr<Task> task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task->Run(thread);
      lock.lock();
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
