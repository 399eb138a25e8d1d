#include "io/pool.h"

#include <algorithm>
#include <chrono>

#include "io/look.h"

namespace macvlan_netlink::io {
namespace {

constexpr std::chrono::seconds kIdleTick(1);
constexpr int kIdleTicksBeforeEnd = 5;
constexpr std::chrono::microseconds kLookTime(100);

}  // namespace

Pool::Pool(size_t max_threads, Hooks hooks)
    : max_threads_(max_threads), hooks_(std::move(hooks)), may_look_(HasTwoProcessors()) {}

Pool::~Pool() { Stop(); }

void Pool::Schedule(std::shared_ptr<Task> task) {
  if (std::this_thread::get_id() == owner_) return Reinforce(std::move(task));
  Need need = Need::kNothing;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    Add(std::move(task), lock);
    need = CallSomebody(lock);
  }
  Meet(need);
}

void Pool::Add(std::shared_ptr<Task> task, const std::lock_guard<std::mutex>&) {
  tasks_.push_back(std::move(task));
  waiting_.store(true, std::memory_order_release);
}

// Whether some thread will come for what is queued without being called.
bool Pool::IsTakenCareOf(const std::lock_guard<std::mutex>&) const {
  return running_ > 0 || looking_ || called_;
}

// Whether one thread more may be started; one that has ended stays in the list until it is joined.
bool Pool::HasRoom(const std::lock_guard<std::mutex>&) const {
  const auto lives = [](const Worker& worker) { return !worker.ended; };
  const auto living = std::count_if(threads_.begin(), threads_.end(), lives);
  return static_cast<size_t>(living) < max_threads_;
}

// What it takes for some thread to come for what is queued.
Pool::Need Pool::CallSomebody(const std::lock_guard<std::mutex>& lock) {
  if (tasks_.empty() || IsTakenCareOf(lock)) return Need::kNothing;
  if (idle_ == 0) return HasRoom(lock) ? Need::kThread : Need::kNothing;
  called_ = true;
  return Need::kWake;
}

// Not under the lock, which the thread that is woken would wait for.
void Pool::Meet(Need need) {
  if (need == Need::kWake) wake_.notify_one();
  if (need == Need::kThread) hooks_.on_shortage();
}

void Pool::BeginLongWait() {
  Need need = Need::kNothing;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    --running_;
    need = CallSomebody(lock);
  }
  Meet(need);
}

void Pool::EndLongWait() {
  const std::lock_guard<std::mutex> lock(mutex_);
  ++running_;
}

void Pool::Reinforce(std::shared_ptr<Task> task) {
  Need need = Need::kNothing;
  Status status;
  std::deque<std::shared_ptr<Task>> stranded;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (stopping_) return;
    if (task) Add(std::move(task), lock);
    if (tasks_.empty()) return;
    JoinEnded(lock);
    need = CallSomebody(lock);
    if (need == Need::kThread) status = StartThread(lock);
    // Where there is a thread it comes for them some time.
    if (!status.ok() && threads_.empty()) {
      stranded.swap(tasks_);
      waiting_.store(false, std::memory_order_release);
    }
  }
  for (const std::shared_ptr<Task>& one : stranded) one->Fail(status);
  if (need == Need::kWake) wake_.notify_one();
}

void Pool::JoinEnded(const std::lock_guard<std::mutex>&) {
  for (auto thread = threads_.begin(); thread != threads_.end();) {
    if (thread->ended) {
      thread->handle.Join();
      thread = threads_.erase(thread);
    } else {
      ++thread;
    }
  }
}

Status Pool::StartThread(const std::lock_guard<std::mutex>&) {
  called_ = true;
  Worker& worker = threads_.emplace_back();
  const int error = worker.handle.Start("macvlan-netlink", [this, &worker] { Loop(worker); });
  if (error == 0) return {};
  called_ = false;
  threads_.pop_back();
  return {error, "pthread_create"};
}

void Pool::Loop(Worker& self) {
  PoolThread thread(stopping_);
  int idle_ticks = 0;
  std::unique_lock<std::mutex> lock(mutex_);
  while (thread.at_home && !(stopping_ && tasks_.empty())) {
    if (!tasks_.empty()) {
      idle_ticks = 0;
      called_ = false;
      ++running_;
      const std::shared_ptr<Task> task = std::move(tasks_.front());
      tasks_.pop_front();
      waiting_.store(!tasks_.empty(), std::memory_order_release);
      const bool finish = stopping_;
      lock.unlock();
      if (finish) {
        task->Finish(thread);
      } else {
        task->Run(thread);
      }
      lock.lock();
      --running_;
      GiveUpIdle(lock);
      if (may_look_ && !looking_ && !stopping_ && tasks_.empty()) Look(lock);
      continue;
    }
    if (idle_ticks >= kIdleTicksBeforeEnd) break;
    called_ = false;
    ++idle_;
    const bool woken =
        wake_.wait_for(lock, kIdleTick, [&] { return stopping_ || !tasks_.empty(); });
    --idle_;
    GiveUpIdle(lock);
    if (!woken) ++idle_ticks;
  }
  self.ended = true;
  ended_.notify_all();
  if (!thread.at_home) {
    lock.unlock();
    hooks_.on_shortage();
  }
}

// About once a second, also while there is something to do all the time.
void Pool::GiveUpIdle(std::unique_lock<std::mutex>& lock) {
  const auto now = std::chrono::steady_clock::now();
  if (stopping_ || now < next_tick_) return;
  next_tick_ = now + kIdleTick;
  lock.unlock();
  hooks_.on_idle();
  lock.lock();
}

// A program that awaits one request after the other asks for the next some microseconds after an
// answer. Waking a thread that sleeps meanwhile costs both sides more than to look for so long: on
// a virtual machine 40 µs of the JavaScript thread alone (measured).
void Pool::Look(std::unique_lock<std::mutex>& lock) {
  const auto end = std::chrono::steady_clock::now() + kLookTime;
  looking_ = true;
  ++idle_;
  lock.unlock();
  while (!waiting_.load(std::memory_order_acquire) && std::chrono::steady_clock::now() < end)
    Relax();
  lock.lock();
  --idle_;
  looking_ = false;
}

bool Pool::HasStopped() const {
  return std::all_of(threads_.begin(), threads_.end(),
                     [](const Worker& worker) { return worker.ended; });
}

bool Pool::Finish(std::chrono::steady_clock::duration limit) {
  std::unique_lock<std::mutex> lock(mutex_);
  stopping_ = true;
  wake_.notify_all();
  return ended_.wait_for(lock, limit, [this] { return HasStopped(); });
}

void Pool::Stop() {
  Finish({});
  // Nobody adds a thread any more, and the list's nodes stay where they are.
  for (Worker& worker : threads_) worker.handle.Join();
  threads_.clear();
  tasks_.clear();
}

}  // namespace macvlan_netlink::io
