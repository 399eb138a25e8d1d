#include "io/pool.h"

#include <errno.h>

#include <algorithm>
#include <chrono>

#include "io/spin.h"

namespace macvlan_netlink::io {
namespace {

constexpr std::chrono::seconds kIdleTick(1);
constexpr int kIdleTicksBeforeEnd = 5;
// For how long a thread spins for the next task: the shortest time also where tasks come seldom.
constexpr std::chrono::microseconds kShortestSpin(100);
constexpr std::chrono::microseconds kLongestSpin(600);

constexpr Status kStopped{-ECANCELED, ""};

bool RunsBeside(const std::shared_ptr<Task>& task) { return task->runs_beside(); }

}  // namespace

Pool::Pool(size_t max_threads, Hooks hooks)
    : max_threads_(max_threads),
      hooks_(std::move(hooks)),
      may_spin_(HasTwoProcessors()),
      spin_time_(kShortestSpin, kLongestSpin) {}

Pool::~Pool() { Stop(); }

void Pool::Schedule(std::shared_ptr<Task> task) {
  if (std::this_thread::get_id() == owner_) return EnsureThread(std::move(task));
  Wakeup wakeup = Wakeup::kNone;
  {
    const Lock lock(mutex_);
    Add(std::move(task), lock);
    wakeup = PlanWakeup(lock);
  }
  CarryOut(wakeup);
}

void Pool::Add(std::shared_ptr<Task> task, const Lock&) {
  if (ran_out_) spin_time_.Learn(std::chrono::steady_clock::now() - *ran_out_);
  ran_out_.reset();
  tasks_.push_back(std::move(task));
  waiting_.store(true, std::memory_order_release);
}

// What an idle thread is to run: beside others first what need not wait for them.
std::deque<std::shared_ptr<Task>>::const_iterator Pool::NextTask(const Lock&) const {
  if (stopping_) return tasks_.begin();
  const bool leaves_one = others_ == 0 || others_ + 1 < max_threads_;
  if (running_ == 0 && leaves_one) return tasks_.begin();
  const auto beside = std::find_if(tasks_.begin(), tasks_.end(), RunsBeside);
  return beside != tasks_.end() || !leaves_one ? beside : tasks_.begin();
}

// Takes the next task, if there is one that may run.
std::shared_ptr<Task> Pool::TakeTask(const Lock& lock) {
  const auto next = NextTask(lock);
  if (next == tasks_.end()) return nullptr;
  std::shared_ptr<Task> task = *next;
  tasks_.erase(next);
  waiting_.store(!tasks_.empty(), std::memory_order_release);
  wakeup_pending_ = false;
  ++running_;
  if (!RunsBeside(task)) ++others_;
  return task;
}

// Whether one thread more may be started; one that has ended stays in the list until it is joined.
bool Pool::MayStartThread(const Lock&) const {
  const auto lives = [](const Worker& worker) { return !worker.ended; };
  const auto living = std::count_if(threads_.begin(), threads_.end(), lives);
  return static_cast<size_t>(living) < max_threads_;
}

Pool::Wakeup Pool::PlanWakeup(const Lock& lock) {
  if (running_ > 0 || NextTask(lock) == tasks_.end()) return Wakeup::kNone;
  return PlanAnother(lock);
}

// For what is queued, unless some thread comes for it without being woken.
Pool::Wakeup Pool::PlanAnother(const Lock& lock) {
  if (spinning_ || wakeup_pending_) return Wakeup::kNone;
  if (idle_ == 0) return MayStartThread(lock) ? Wakeup::kStart : Wakeup::kNone;
  wakeup_pending_ = true;
  return Wakeup::kNotify;
}

// Called without holding the lock, because the woken thread would wait for it.
void Pool::CarryOut(Wakeup wakeup) {
  if (wakeup == Wakeup::kNotify) wake_.notify_one();
  if (wakeup == Wakeup::kStart) hooks_.on_shortage();
}

void Pool::BeginLongWait() {
  Wakeup wakeup = Wakeup::kNone;
  {
    const Lock lock(mutex_);
    --running_;
    wakeup = PlanWakeup(lock);
  }
  CarryOut(wakeup);
}

void Pool::EndLongWait() {
  const Lock lock(mutex_);
  ++running_;
}

void Pool::EnsureThread(std::shared_ptr<Task> task) {
  Wakeup wakeup = Wakeup::kNone;
  Status status;
  std::deque<std::shared_ptr<Task>> stranded;
  {
    const Lock lock(mutex_);
    if (stopping_) {
      if (!task) return;
      status = kStopped;
      stranded.push_back(std::move(task));
    } else {
      if (task) Add(std::move(task), lock);
      if (tasks_.empty()) return;
      JoinEnded(lock);
      wakeup = PlanWakeup(lock);
      if (wakeup == Wakeup::kStart) status = StartThread(lock);
      // As long as there is a thread, it will take them.
      if (!status.ok() && threads_.empty()) {
        stranded.swap(tasks_);
        waiting_.store(false, std::memory_order_release);
      }
    }
  }
  for (const std::shared_ptr<Task>& one : stranded) one->Fail(status);
  if (wakeup == Wakeup::kNotify) wake_.notify_one();
}

bool Pool::Hasten() {
  Wakeup wakeup = Wakeup::kNone;
  {
    const Lock lock(mutex_);
    if (stopping_ || std::none_of(tasks_.begin(), tasks_.end(), RunsBeside)) return false;
    JoinEnded(lock);
    wakeup = PlanAnother(lock);
    // Where no thread can be started, it waits for one that runs.
    if (wakeup == Wakeup::kStart) StartThread(lock);
  }
  if (wakeup == Wakeup::kNotify) wake_.notify_one();
  return true;
}

void Pool::JoinEnded(const Lock&) {
  for (auto thread = threads_.begin(); thread != threads_.end();) {
    if (thread->ended) {
      thread->handle.Join();
      thread = threads_.erase(thread);
    } else {
      ++thread;
    }
  }
}

Status Pool::StartThread(const Lock&) {
  wakeup_pending_ = true;
  Worker& worker = threads_.emplace_back();
  const int error = worker.handle.Start("macvlan-netlink", [this, &worker] { Loop(worker); });
  if (error == 0) return {};
  wakeup_pending_ = false;
  threads_.pop_back();
  return {error, "pthread_create"};
}

void Pool::Loop(Worker& self) {
  PoolThread thread(stopping_);
  int idle_ticks = 0;
  Lock lock(mutex_);
  while (thread.at_home && !(stopping_ && tasks_.empty())) {
    if (std::shared_ptr<Task> task = TakeTask(lock)) {
      idle_ticks = 0;
      const bool finish = stopping_;
      lock.unlock();
      if (finish) {
        task->Finish(thread);
      } else {
        task->Run(thread);
      }
      const bool beside = RunsBeside(task);
      // What only it held goes now: nobody waits for the mutex meanwhile, and no spin comes before.
      task.reset();
      lock.lock();
      --running_;
      if (!beside) --others_;
      TickIfDue(lock);
      if (!tasks_.empty()) continue;
      ran_out_ = std::chrono::steady_clock::now();
      if (may_spin_ && !spinning_ && !stopping_) Spin(lock);
      continue;
    }
    if (idle_ticks >= kIdleTicksBeforeEnd) break;
    wakeup_pending_ = false;
    ++idle_;
    const bool woken = wake_.wait_for(lock, kIdleTick,
                                      [&] { return stopping_ || NextTask(lock) != tasks_.end(); });
    --idle_;
    TickIfDue(lock);
    if (!woken) ++idle_ticks;
  }
  self.ended = true;
  ended_.notify_all();
  if (!thread.at_home) {
    lock.unlock();
    hooks_.on_shortage();
  }
}

// Calls on_idle about once a second, also while threads are busy all the time.
void Pool::TickIfDue(Lock& lock) {
  const auto now = std::chrono::steady_clock::now();
  if (stopping_ || now < next_tick_) return;
  next_tick_ = now + kIdleTick;
  lock.unlock();
  hooks_.on_idle();
  lock.lock();
}

// A program that awaits one request after another asks for the next some microseconds after an
// answer, or some hundred while V8 has not compiled it yet. Waking a sleeping thread costs both
// sides more than polling for that long: on a virtual machine 40 µs of the JavaScript thread alone
// (measured).
void Pool::Spin(Lock& lock) {
  const auto end = *ran_out_ + (spin_time_.IsWorthwhile() ? spin_time_.Length() : kShortestSpin);
  spinning_ = true;
  ++idle_;
  lock.unlock();
  while (!waiting_.load(std::memory_order_acquire) && std::chrono::steady_clock::now() < end)
    YieldProcessor();
  lock.lock();
  --idle_;
  spinning_ = false;
}

bool Pool::HasStopped() const {
  return std::all_of(threads_.begin(), threads_.end(),
                     [](const Worker& worker) { return worker.ended; });
}

void Pool::Finish(std::chrono::steady_clock::duration limit) {
  Lock lock(mutex_);
  stopping_ = true;
  wake_.notify_all();
  ended_.wait_for(lock, limit, [this] { return HasStopped(); });
}

void Pool::Stop() {
  Finish({});
  // Without the lock: nobody adds a thread any more, and the list's nodes stay where they are.
  for (Worker& worker : threads_) worker.handle.Join();
  threads_.clear();
  tasks_.clear();
}

}  // namespace macvlan_netlink::io
