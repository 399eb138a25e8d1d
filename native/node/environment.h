// What belongs to one JavaScript environment (the main thread, or a Worker): the pool of threads,
// and the way back from them.
#pragma once

#include <napi.h>

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <set>

#include "io/channel.h"
#include "io/jobs.h"
#include "io/reactor.h"
#include "io/spin.h"
#include "node/to_js.h"

namespace macvlan_netlink::node {

class Environment;
class NamespaceJob;
class TapHandle;

// A result of a pool thread that is to be handed to JavaScript.
class Delivery {
 public:
  virtual ~Delivery() = default;
  // On the JavaScript thread. False when time was up before all was handed over: it is called again
  // after the event loop has had its turn.
  virtual bool Deliver(Environment& environment,
                       std::chrono::steady_clock::time_point deadline) = 0;
};

// Converts what is left of `count` things, one after another, each with a handle scope of its own;
// false when time was up before all were done.
template <class Convert>
bool ConvertInTime(Napi::Env env, size_t& done, size_t count,
                   std::chrono::steady_clock::time_point deadline, Convert&& convert) {
  constexpr size_t kClockInterval = 16;
  while (done < count) {
    {
      const Napi::HandleScope scope(env);
      convert(done);
    }
    if (++done % kClockInterval == 0 && std::chrono::steady_clock::now() >= deadline) break;
  }
  return done == count;
}

// The functions that TypeScript hands in at load (`Hooks` in lib/addon.ts).
struct ScriptHooks {
  Napi::FunctionReference answers[std::size(rtnl::kRecordNames)];  // factories, by kind of record
  Napi::FunctionReference news;                                    // factory of what is told
  Napi::FunctionReference failure;                                 // factory of refusals
  Napi::FunctionReference settle;                                  // settle(id, results)
  Napi::FunctionReference namespace_handle;  // the class NamespaceHandle, made in C++
  Napi::FunctionReference watcher;           // the class Watcher, likewise
  Napi::FunctionReference tap_handle;        // the class TapHandle, likewise
};

class Environment {
 public:
  static Environment& Of(Napi::Env env) { return *env.GetInstanceData<Environment>(); }
  static void Finalize(Napi::Env env, Environment* environment);

  explicit Environment(Napi::Env env);

  // Any thread. `delivery` is handed over soon, in the order of these calls; one that takes longer
  // than its turn goes on behind the others.
  void Enqueue(std::shared_ptr<Delivery> delivery);

  // Any thread: records that JavaScript is to have, and, on its own thread, one that it has.
  void AddUnread(size_t count) { unread_ += count; }
  void EndUnread() { --unread_; }
  // JavaScript thread: that so many records of a listing have become objects.
  void HastenCollection(size_t made);
  // Pool thread, in a long wait: until JavaScript has most of what there is for it. The kernel
  // lists faster than it reads, and of thousands of listings the records would take gigabytes.
  void AwaitReader() const;
  // The same within a listing, which is better not held up: a program that is busy for long, while
  // a router's table of a million routes is listed.
  void AwaitSlowReader() const;

  // JavaScript thread. The process stays alive while something is pending.
  void BeginPending();
  void EndPending();
  // The same for something that is answered as soon as the kernel can.
  void BeginRequest();
  void EndRequest();

  // Any thread: what opens descriptors and closes them again when it fails. When there are none to
  // be had, it is tried once more without the sockets that nothing waits for.
  template <class Open>
  io::Status WithDescriptors(Open&& open) {
    const io::Status status = open();
    if (!status.OutOfDescriptors()) return status;
    FreeDescriptors();
    return open();
  }
  std::shared_ptr<io::Channel> OpenChannel(std::shared_ptr<const io::Namespace> target);

  Napi::Env env() const { return env_; }
  io::Pool& pool() { return *pool_; }
  io::Jobs& jobs() { return *jobs_; }
  io::Reactor& reactor() { return reactor_; }
  // The record as its factory makes it. `netns`: the inode of the namespace it was seen in.
  Napi::Value ToScript(const rtnl::Record& record, double netns);
  // A refusal by a system call.
  Napi::Value ToFailure(const io::Status& status);
  // JavaScript thread: ends what was started under that id, with its results, or with one.
  void Settle(uint32_t id, const Napi::Array& results);
  void SettleWith(uint32_t id, const Napi::Value& result);

  ScriptHooks hooks;
  // JavaScript thread only.
  std::set<TapHandle*> open_taps;
  std::map<uint32_t, std::shared_ptr<NamespaceJob>> namespace_jobs;  // those that have not settled

 private:
  void AwaitUnread(size_t most) const;
  static void OnCall(napi_env env, napi_value, void* context, void*);
  static void OnRelay(napi_env env, napi_value, void* context, void*);
  static void OnTurn(napi_env env, napi_value, void* context, void*);
  napi_threadsafe_function CreateFunction(napi_threadsafe_function_call_js call);
  void Drain();
  void StartSpin();
  void Spin();
  void InNextTurn(void (Environment::*work)());
  void CloseIdleSockets();
  void FreeDescriptors();
  void TearDown();

  const Napi::Env env_;
  const bool may_spin_;
  napi_threadsafe_function wake_script_ = nullptr;
  Napi::Reference<Napi::Float64Array> counters_;
  napi_threadsafe_function turn_ = nullptr;
  napi_threadsafe_function relay_ = nullptr;
  void (Environment::*next_turn_)() = nullptr;  // what turn_ has to do, if anything

  // JavaScript thread only.
  size_t pending_ = 0;
  size_t requests_ = 0;          // of those pending
  bool is_first_asked_ = false;  // a request is under way that had no other beside it at first
  std::chrono::steady_clock::time_point asked_;  // when that one was
  io::SpinTime spin_time_;                       // learns how long answers take
  std::chrono::steady_clock::time_point spin_until_;
  std::chrono::steady_clock::time_point no_spin_until_;

  std::mutex mutex_;    // guards the three below
  bool ended_ = false;  // objects are finalized after the functions to call are gone
  std::deque<std::shared_ptr<Delivery>> deliveries_;
  bool called_ = false;  // a call to JavaScript is under way, or will come in the next turn
  std::atomic<bool> any_delivery_{false};  // whether deliveries_ holds something: read without it

  std::atomic<size_t> unread_{0};

  std::mutex channels_mutex_;  // guards the list
  std::vector<std::weak_ptr<io::Channel>> channels_;

  std::unique_ptr<io::Jobs> jobs_;  // the pool's threads use it

  // Their threads call Enqueue: they go first.
  io::Reactor reactor_;
  std::unique_ptr<io::Pool> pool_;
};

}  // namespace macvlan_netlink::node
