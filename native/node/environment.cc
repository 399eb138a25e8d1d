#include "node/environment.h"

#include <algorithm>
#include <thread>

#include "bulk/deletion.h"

namespace macvlan_netlink::node {
namespace {

// Requests that block for long (a delete waits 17 ms in the kernel) leave room in other namespaces
// only if there are more threads than such requests. With the reactor's they are eight.
constexpr size_t kMaxPoolThreads = 7;
// One is left for requests, and one more for openings of the kernel's own files and for reading
// settings.
constexpr size_t kMostJobs = kMaxPoolThreads - 1;
constexpr io::Jobs::Limits kJobs{kMostJobs, kMostJobs - 1, {kMostJobs, 1, 4, 3, 2}};
constexpr std::chrono::seconds kIdleSocketAge(2);
// Enough for JavaScript to go on while the next listing is asked for.
constexpr size_t kMostUnread = 4096;
// 64 MiB.
constexpr size_t kMostUnreadWithin = 64 * 1024;
constexpr std::chrono::milliseconds kReaderPoll(1);
// How long one visit to the JavaScript thread may take.
constexpr std::chrono::microseconds kSlice(350);
// A listing is long from so many records on, and then each so many come with this many elements of
// garbage: 96 KiB, near the most that V8 puts among its young objects.
constexpr size_t kLongListing = 4096;
constexpr size_t kGarbageInterval = 8;
constexpr size_t kGarbage = 12'000;
// For how long the loop spins for an answer, and for how long in one turn of the loop.
constexpr std::chrono::microseconds kShortestSpin(100);
constexpr std::chrono::microseconds kLongestSpin(1200);
constexpr std::chrono::microseconds kSpinTurn(100);
// How long not to spin after a spin that found nothing: somebody else needs the processors.
constexpr std::chrono::milliseconds kPause(1);

}  // namespace

Environment::Environment(Napi::Env env)
    : env_(env), may_spin_(io::HasTwoProcessors()), spin_time_(kShortestSpin, kLongestSpin) {
  wake_script_ = CreateFunction(&Environment::OnCall);
  turn_ = CreateFunction(&Environment::OnTurn);
  relay_ = CreateFunction(&Environment::OnRelay);
  counters_ = Napi::Persistent(Napi::Float64Array::New(env, kCounters));
  pool_ = std::make_unique<io::Pool>(
      kMaxPoolThreads,
      io::Pool::Hooks{
          [this] { CloseIdleSockets(); },
          [this] { napi_call_threadsafe_function(wake_script_, nullptr, napi_tsfn_nonblocking); }});
  jobs_ = std::make_unique<io::Jobs>(*pool_, kJobs);
  // Hooks run last in, first out: this one stops the threads before Node closes the function they
  // call.
  napi_add_env_cleanup_hook(
      env, [](void* self) { static_cast<Environment*>(self)->TearDown(); }, this);
}

void Environment::Finalize(Napi::Env, Environment* environment) { delete environment; }

// A function that calls back on the JavaScript thread, which does not keep the process alive.
napi_threadsafe_function Environment::CreateFunction(napi_threadsafe_function_call_js call) {
  const Napi::String name = Napi::String::New(env_, "macvlan-netlink");
  napi_threadsafe_function function = nullptr;
  const napi_status status = napi_create_threadsafe_function(
      env_, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this, call, &function);
  if (status != napi_ok) Napi::Error::Fatal("macvlan-netlink", "no thread-safe function");
  napi_unref_threadsafe_function(env_, function);
  return function;
}

void Environment::TearDown() {
  pool_->Stop();
  reactor_.Stop();
  for (const auto& weak : channels_) {
    if (const std::shared_ptr<io::Channel> channel = weak.lock()) channel->Drop();
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  ended_ = true;
}

void Environment::Enqueue(std::shared_ptr<Delivery> delivery) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (ended_) return;
    deliveries_.push_back(std::move(delivery));
    any_delivery_.store(true, std::memory_order_release);
    if (std::exchange(called_, true)) return;
  }
  // Any status but ok means that the environment is being torn down, so that nobody needs the call.
  napi_call_threadsafe_function(wake_script_, nullptr, napi_tsfn_nonblocking);
}

// V8 collects its young objects when their space is full, 16 MiB as a rule, and copies all that are
// in use: of a long listing every one, which held the event loop for 5 ms at 10,000 links. With
// garbage among them the space is full sooner, and each collection copies the objects of some 1,300
// records. The listing takes no longer, and a tenth more of the processor.
void Environment::HastenCollection(size_t made) {
  if (made % kGarbageInterval != 0 || made + unread_ < kLongListing) return;
  napi_value garbage = nullptr;
  napi_create_array_with_length(env_, kGarbage, &garbage);
}

void Environment::AwaitReader() const { AwaitUnread(kMostUnread); }

void Environment::AwaitSlowReader() const { AwaitUnread(kMostUnreadWithin); }

void Environment::AwaitUnread(size_t most) const {
  while (unread_ > most && any_delivery_ && !pool_->stops())
    std::this_thread::sleep_for(kReaderPoll);
}

void Environment::OnCall(napi_env env, napi_value, void* context, void*) {
  if (env == nullptr) return;
  auto* self = static_cast<Environment*>(context);
  self->pool_->EnsureThread();
  // A Drain or a Spin is on its way already, and will find what has come.
  if (self->next_turn_ != nullptr) return;
  self->next_turn_ = &Environment::Drain;
  napi_call_threadsafe_function(self->turn_, nullptr, napi_tsfn_nonblocking);
}

void Environment::Drain() {
  const auto deadline = std::chrono::steady_clock::now() + kSlice;
  while (true) {
    std::shared_ptr<Delivery> delivery;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (deliveries_.empty()) {
        any_delivery_.store(false, std::memory_order_relaxed);
        called_ = false;
        return;
      }
      delivery = std::move(deliveries_.front());
      deliveries_.pop_front();
    }
    const Napi::HandleScope scope(env_);
    if (!delivery->Deliver(*this, deadline)) {
      const std::lock_guard<std::mutex> lock(mutex_);
      // Behind the others: a long listing is not to hold up everything else.
      deliveries_.push_back(std::move(delivery));
      break;
    }
    if (std::chrono::steady_clock::now() >= deadline) break;
  }
  InNextTurn(&Environment::Drain);
}

// Node empties a thread-safe function's queue up to a thousand calls at a time, and lets the
// program go on after each. So one that calls itself gives the event loop no turn, nor does one
// that is called for each answer: the next may come while the program still runs because of the one
// before. libuv looks once a turn at each function, in the order in which they were made:
// wake_script_, turn_, relay_. One that calls a later one has it called in this turn, otherwise in
// the next. So OnCall leaves the work to turn_, and that comes back to it by way of relay_.
// setImmediate would do as well, and takes JavaScript of Node's own for each turn.
void Environment::InNextTurn(void (Environment::*work)()) {
  next_turn_ = work;
  napi_call_threadsafe_function(relay_, nullptr, napi_tsfn_nonblocking);
}

void Environment::OnRelay(napi_env env, napi_value, void* context, void*) {
  if (env == nullptr) return;
  napi_call_threadsafe_function(static_cast<Environment*>(context)->turn_, nullptr,
                                napi_tsfn_nonblocking);
}

void Environment::OnTurn(napi_env env, napi_value, void* context, void*) {
  if (env == nullptr) return;
  auto* self = static_cast<Environment*>(context);
  const auto work = std::exchange(self->next_turn_, nullptr);
  if (work != nullptr) (self->*work)();
}

// To wake a thread that sleeps on another processor costs more than most requests, on a virtual
// machine above all: one awaited creation after another took 145 µs each with two such wake-ups,
// and 94 without (74 in the kernel). So while answers come soon the event loop goes round without
// sleeping, and everything else in it has its turn. It gives up after three times as long as
// answers took of late, and for a while then.
void Environment::StartSpin() {
  if (!may_spin_ || !spin_time_.IsWorthwhile() || asked_ < no_spin_until_) return;
  if (next_turn_ != nullptr) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (std::exchange(called_, true)) return;
  }
  spin_until_ = asked_ + spin_time_.Length();
  InNextTurn(&Environment::Spin);
}

void Environment::Spin() {
  const auto end = std::min(std::chrono::steady_clock::now() + kSpinTurn, spin_until_);
  auto now = end;
  do {
    if (any_delivery_.load(std::memory_order_acquire)) return Drain();
    io::YieldProcessor();
    now = std::chrono::steady_clock::now();
  } while (now < end);
  if (now >= spin_until_) {
    no_spin_until_ = now + kPause;
    return Drain();
  }
  InNextTurn(&Environment::Spin);
}

void Environment::BeginPending() {
  if (pending_++ == 0) napi_ref_threadsafe_function(env_, wake_script_);
}

void Environment::EndPending() {
  if (--pending_ == 0) napi_unref_threadsafe_function(env_, wake_script_);
}

void Environment::BeginRequest() {
  BeginPending();
  if (requests_++ != 0) return;
  is_first_asked_ = true;
  asked_ = std::chrono::steady_clock::now();
  StartSpin();
}

void Environment::EndRequest() {
  --requests_;
  EndPending();
  if (!std::exchange(is_first_asked_, false)) return;
  spin_time_.Learn(std::chrono::steady_clock::now() - asked_);
}

std::shared_ptr<io::Channel> Environment::OpenChannel(std::shared_ptr<const io::Namespace> target) {
  auto channel = std::make_shared<io::Channel>(*pool_, std::move(target), bulk::DeleteTogether,
                                               [this] { FreeDescriptors(); });
  const std::lock_guard<std::mutex> lock(channels_mutex_);
  channels_.erase(std::remove_if(channels_.begin(), channels_.end(),
                                 [](const auto& weak) { return weak.expired(); }),
                  channels_.end());
  channels_.push_back(channel);
  return channel;
}

void Environment::CloseIdleSockets() {
  const std::lock_guard<std::mutex> lock(channels_mutex_);
  for (const auto& weak : channels_) {
    if (const std::shared_ptr<io::Channel> channel = weak.lock()) {
      channel->CloseIdle(kIdleSocketAge);
    }
  }
}

void Environment::FreeDescriptors() {
  const std::lock_guard<std::mutex> lock(channels_mutex_);
  for (const auto& weak : channels_) {
    if (const std::shared_ptr<io::Channel> channel = weak.lock()) channel->ReleaseSocket();
  }
}

Napi::Value Environment::ToScript(const rtnl::Record& record, double netns) {
  Napi::Float64Array counters = counters_.Value();
  Arguments arguments(env_, env_.Undefined(), counters, counters.Data());
  arguments.Push(Napi::Number::New(env_, netns));
  std::visit([&](const auto& columns) { arguments.PushColumns(columns); }, record);
  return hooks.answers[record.index()].Value().Call(env_.Undefined(), arguments.count(),
                                                    arguments.values());
}

void Environment::Settle(uint32_t id, const Napi::Array& results) {
  hooks.settle.Call({Napi::Number::New(env_, id), results});
}

void Environment::SettleWith(uint32_t id, const Napi::Value& result) {
  const Napi::Array results = Napi::Array::New(env_, 1);
  results.Set(0U, result);
  Settle(id, results);
}

Napi::Value Environment::ToFailure(const io::Status& status) {
  return hooks.failure.Call(
      {Napi::Number::New(env_, status.error), Napi::String::New(env_, status.syscall)});
}

}  // namespace macvlan_netlink::node
