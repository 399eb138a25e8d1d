#include "node/script_exchange.h"

#include <errno.h>

#include "rtnl/read_link.h"

namespace macvlan_netlink::node {
namespace {

// Large enough that handing over costs nothing, small enough that JavaScript objects are made while
// the kernel still lists.
constexpr size_t kBatch = 64;

io::Expect Expected(rtnl::Answer answer) {
  switch (answer) {
    case rtnl::Answer::kNone:
      return io::Expect::kAck;
    case rtnl::Answer::kOne:
      return io::Expect::kRead;
    case rtnl::Answer::kDump:
      return io::Expect::kDump;
    case rtnl::Answer::kEcho:
      return io::Expect::kEcho;
  }
  return io::Expect::kAck;
}

}  // namespace

bool ScriptExchange::Add(const rtnl::Operation& operation, const rtnl::Record& record) {
  io::Step& step = steps.emplace_back();
  step.expect = Expected(operation.answer);
  step.deletion = operation.type == RTM_DELLINK;
  operations_.push_back(&operation);
  return rtnl::EncodeRequest(operation, record, step.request);
}

void ScriptExchange::OnAnswer(size_t step, const wire::Message& message) {
  if (!rtnl::MatchesRequest(steps[step].request, message.payload)) return;
  if (steps[step].must_be_up && !rtnl::IsUp(message.payload)) steps[step].ack.error = -ENETDOWN;
  if (current_.step != step) HandOver();
  current_.step = step;
  // Decoded in place, because a record is large.
  std::vector<rtnl::Record>& records = current_.records;
  if (operations_[step]->answer == rtnl::Answer::kDump) records.reserve(kBatch);
  if (!rtnl::DecodeRecord(operations_[step]->record, message.payload, records.emplace_back())) {
    records.pop_back();
  } else if (const auto* link = std::get_if<rtnl::LinkIndexRecord>(&records.back())) {
    GiveLink(step + 1, link->index);
  }
  if (current_.records.size() >= kBatch) HandOver();
}

// The steps from `first` on have not been sent: they wait behind a barrier.
void ScriptExchange::GiveLink(size_t first, int32_t index) {
  for (size_t at = first; at < steps.size(); ++at) {
    if (steps[at].takes_link) rtnl::SetLink(steps[at].request, index);
  }
}

void ScriptExchange::OnRestart(size_t step) {
  if (current_.step != step) HandOver();
  current_ = {step, {}, true};
  HandOver();
}

// Passes the current batch on, and calls JavaScript if it is full: a smaller one waits for OnEnd.
void ScriptExchange::HandOver() {
  if (current_.records.empty() && !current_.restart) return;
  const bool worth_a_call = current_.records.size() >= kBatch;
  environment_.AddUnread(current_.records.size());
  bool call = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    batches_.push_back(std::exchange(current_, {current_.step, {}}));
    if (worth_a_call) call = !std::exchange(enqueued_, true);
  }
  if (call) environment_.Enqueue(shared_from_this());
}

void ScriptExchange::Then(std::shared_ptr<io::Channel> channel,
                          std::shared_ptr<ScriptExchange> next) {
  next_channel_ = std::move(channel);
  next_ = std::move(next);
  next_->steps_before_ = steps.size();
  next_->follows = true;
  prepares = true;
}

io::Status ScriptExchange::Prepare(io::PoolThread& thread) { return next_channel_->Open(thread); }

void ScriptExchange::AwaitReader() { environment_.AwaitReader(); }

void ScriptExchange::AwaitSlowReader() { environment_.AwaitSlowReader(); }

void ScriptExchange::OnEnd() {
  if (next_ && AllSucceeded()) {
    next_channel_->Submit(std::move(next_));
    return;
  }
  HandOver();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ended_ = true;
    if (std::exchange(enqueued_, true)) return;
  }
  environment_.Enqueue(shared_from_this());
}

bool ScriptExchange::Deliver(Environment& environment,
                             std::chrono::steady_clock::time_point deadline) {
  const Napi::Env env = environment.env();
  Napi::Array results =
      results_.IsEmpty() ? Napi::Array::New(env, steps_before_ + steps.size()) : results_.Value();
  const Progress progress = ConvertBatches(results, deadline);
  const auto conclude = [&](size_t step) { results.Set(Slot(step), Result(step, results)); };
  if (progress != Progress::kEnded ||
      !ConvertInTime(env, concluded_, steps.size(), deadline, conclude)) {
    if (results_.IsEmpty()) results_ = Napi::Persistent(results);
    return progress == Progress::kNothingLeft;
  }
  results_.Reset();
  environment.EndRequest();
  environment.Settle(token, results);
  return true;
}

ScriptExchange::Progress ScriptExchange::ConvertBatches(
    Napi::Array& results, std::chrono::steady_clock::time_point deadline) {
  while (true) {
    Batch batch{0, {}};
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (batches_.empty()) {
        if (ended_) return Progress::kEnded;
        enqueued_ = false;
        return Progress::kNothingLeft;
      }
      batch = std::move(batches_.front());
      batches_.pop_front();
    }
    if (!ConvertBatch(batch, results, deadline)) {
      const std::lock_guard<std::mutex> lock(mutex_);
      batches_.push_front(std::move(batch));
      return Progress::kOutOfTime;
    }
    converted_ = 0;
  }
}

bool ScriptExchange::ConvertBatch(const Batch& batch, Napi::Array& results,
                                  std::chrono::steady_clock::time_point deadline) {
  const Napi::Env env = environment_.env();
  const uint32_t slot = Slot(batch.step);
  // Empty while a Worker is being ended: then nobody needs it.
  Napi::Value known = results.Get(slot);
  if (operations_[batch.step]->answer != rtnl::Answer::kDump) {
    return ConvertInTime(env, converted_, batch.records.size(), deadline, [&](size_t at) {
      if (at == 0 && known.IsUndefined())
        results.Set(slot, environment_.ToScript(batch.records[at], netns_));
      environment_.EndUnread();
    });
  }
  if (batch.restart || !known.IsArray()) {
    known = Napi::Array::New(env);
    results.Set(slot, known);
  }
  const auto list = known.As<Napi::Array>();
  uint32_t next = list.Length();
  return ConvertInTime(env, converted_, batch.records.size(), deadline, [&](size_t at) {
    list.Set(next++, environment_.ToScript(batch.records[at], netns_));
    environment_.EndUnread();
    environment_.HastenCollection(next);
  });
}

// Undefined for a change that was made, the record for a read or an echo, an array for a listing,
// and a failure for whatever the kernel refused.
Napi::Value ScriptExchange::Result(size_t step, const Napi::Array& results) {
  const Napi::Env env = environment_.env();
  if (steps[step].ack.error != 0) return Failure(steps[step], *operations_[step]);
  const rtnl::Answer answer = operations_[step]->answer;
  if (answer == rtnl::Answer::kNone) return env.Undefined();
  const Napi::Value known = results.Get(Slot(step));
  if (answer == rtnl::Answer::kDump && !known.IsArray()) return Napi::Array::New(env);
  return known.IsEmpty() ? env.Undefined() : known;
}

Napi::Value ScriptExchange::Failure(const io::Step& step, const rtnl::Operation& operation) {
  const Napi::Env env = environment_.env();
  const char* attribute = rtnl::AttributeAtFault(operation, step.request, step.ack);
  const char* syscall = step.syscall != nullptr ? step.syscall : operation.kernel_name;
  return environment_.hooks.failure.Call(
      {Napi::Number::New(env, step.ack.error), Napi::String::New(env, syscall),
       step.ack.message.empty() ? env.Undefined() : Napi::String::New(env, step.ack.message),
       attribute == nullptr ? env.Undefined() : Napi::String::New(env, attribute)});
}

}  // namespace macvlan_netlink::node
