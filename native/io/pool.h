// A small pool of threads for work that blocks in the kernel.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "io/spin.h"
#include "io/status.h"
#include "io/thread.h"
#include "wire/bytes.h"

namespace macvlan_netlink::io {

// What a task is given of the thread it runs on.
struct PoolThread {
  explicit PoolThread(const std::atomic<bool>& pool_stops) : stops(pool_stops) {}

  // Receive buffer, shared by the tasks that run here one after another; it grows where a message
  // does not fit. One dump datagram is at most 32 KiB, but for a single link that is larger: with
  // its virtual functions, or thousands of source addresses.
  wire::Bytes buffer = wire::Bytes(256 * 1024);
  // False once the thread could not return to its own namespace: it must not run another task.
  bool at_home = true;
  // Whether the pool is stopping: whatever waits for others should give up.
  const std::atomic<bool>& stops;
};

class Task {
 public:
  virtual ~Task() = default;
  virtual void Run(PoolThread& thread) = 0;
  // Whether it is not to wait for other tasks, because it seldom needs what they wait for.
  virtual bool runs_beside() const { return false; }
  // Called instead of Run once the pool stops: finishes what was begun, and begins nothing new.
  virtual void Finish(PoolThread&) {}
  // Called instead of Run, on the owner's thread, when no pool thread is there or can be started,
  // or when the pool had stopped before.
  virtual void Fail(const Status& status) = 0;
};

// One thread is to run tasks, because what they ask of the kernel takes its RTNL lock, and more
// threads would only pass the lock around: no other is woken or started beside it, except while it
// waits for long without holding that lock, which a task says by a LongWait, and by Hasten. Then
// several are awake, and share what is queued until there is nothing more; one is always left for
// tasks that run beside others. Threads start when there is work and end after some idle seconds.
// Only the owner's thread starts them: a new thread is born in its creator's namespace, and the
// owner's is the right one.
class Pool {
 public:
  struct Hooks {
    // On a pool thread, about once a second while there are any: release what is idle.
    std::function<void()> on_idle;
    // On a pool thread, when one more may be needed: the owner should call EnsureThread.
    std::function<void()> on_shortage;
  };

  // While it lives, another thread may run tasks beside the one that holds it.
  class LongWait {
   public:
    explicit LongWait(Pool& pool) : pool_(pool) { pool_.BeginLongWait(); }
    ~LongWait() { pool_.EndLongWait(); }
    LongWait(const LongWait&) = delete;
    LongWait& operator=(const LongWait&) = delete;

   private:
    Pool& pool_;
  };

  Pool(size_t max_threads, Hooks hooks);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Any thread. Once the pool stops, only from one of its threads.
  void Schedule(std::shared_ptr<Task> task);
  // Owner's thread: sees to it that some thread runs what is queued, and `task`.
  void EnsureThread(std::shared_ptr<Task> task = nullptr);
  // Owner's thread: whether a task is queued that runs beside others. If so, one more thread comes
  // for it. Not when it is added, because mostly those before it are done sooner than another
  // thread is awake.
  bool Hasten();
  // Owner's thread; may be called again. No new task runs from here on. Waits until what was begun
  // is finished, for `limit` at most.
  void Finish(std::chrono::steady_clock::duration limit);
  // The same, however long it takes, and joins every thread.
  void Stop();
  // Any thread: whether the pool is stopping, and whatever waits for others should give up.
  bool stops() const { return stopping_; }

 private:
  struct Worker {
    io::Thread handle;
    bool ended = false;
  };

  // What it takes for some thread to come for what is queued: nothing, a call on the condition
  // variable, or one thread more.
  enum class Wakeup { kNone, kNotify, kStart };

  using Lock = std::unique_lock<std::mutex>;

  // What takes a lock of mutex_ is called with it locked.
  void Add(std::shared_ptr<Task> task, const Lock& held);
  std::deque<std::shared_ptr<Task>>::const_iterator NextTask(const Lock& held) const;
  std::shared_ptr<Task> TakeTask(const Lock& held);
  bool MayStartThread(const Lock& held) const;
  void JoinEnded(const Lock& held);
  Status StartThread(const Lock& held);
  Wakeup PlanWakeup(const Lock& held);
  Wakeup PlanAnother(const Lock& held);
  void CarryOut(Wakeup wakeup);
  void BeginLongWait();
  void EndLongWait();
  void Loop(Worker& self);
  bool HasStopped() const;
  void TickIfDue(Lock& lock);
  void Spin(Lock& lock);

  const size_t max_threads_;
  const Hooks hooks_;
  const bool may_spin_;
  const std::thread::id owner_ = std::this_thread::get_id();

  std::mutex mutex_;  // guards everything below
  std::condition_variable wake_;
  std::condition_variable ended_;  // notified when a thread has ended
  std::deque<std::shared_ptr<Task>> tasks_;
  std::atomic<bool> waiting_{false};  // whether tasks_ holds any, for the thread that spins
  std::list<Worker> threads_;
  size_t idle_ = 0;              // threads that have nothing to do, asleep or spinning
  bool spinning_ = false;        // one of them is awake and polls waiting_: it need not be woken
  bool wakeup_pending_ = false;  // one was woken or started, and has not taken a task yet
  size_t running_ = 0;           // threads that run a task and are in no long wait
  size_t others_ = 0;            // tasks under way that do not run beside others, in long waits too
  std::atomic<bool> stopping_{false};  // written under the mutex, read anywhere
  std::chrono::steady_clock::time_point next_tick_;
  // When a thread last had no further task, if none has come since.
  std::optional<std::chrono::steady_clock::time_point> ran_out_;
  SpinTime spin_time_;
};

}  // namespace macvlan_netlink::io
