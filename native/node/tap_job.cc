#include "node/tap_job.h"

#include "node/tap_handle.h"

namespace macvlan_netlink::node {

TapOpening::TapOpening(Environment& environment, uint32_t id,
                       std::shared_ptr<const io::Namespace> target, io::TapLink link,
                       io::TapOptions options)
    : environment_(environment),
      id_(id),
      target_(std::move(target)),
      link_(std::move(link)),
      options_(options) {}

void TapOpening::Start(Environment& environment, uint32_t id,
                       std::shared_ptr<const io::Namespace> target, io::TapLink link,
                       io::TapOptions options) {
  environment.BeginPending();
  environment.pool().Schedule(
      std::make_shared<TapOpening>(environment, id, std::move(target), std::move(link), options));
}

void TapOpening::Run(io::PoolThread& thread) {
  const io::Pool::LongWait wait(environment_.pool());
  status_ = environment_.WithDescriptors([&] {
    const io::Status status = io::OpenTapDevice(*target_, link_, options_, thread.at_home, device_);
    // What was opened before a refusal is closed here, not on the JavaScript thread.
    if (!status.ok()) device_ = {};
    return status;
  });
  environment_.Enqueue(shared_from_this());
}

void TapOpening::Fail(const io::Status& status) {
  status_ = status;
  environment_.Enqueue(shared_from_this());
}

bool TapOpening::Deliver(Environment& environment, std::chrono::steady_clock::time_point) {
  const Napi::Env env = environment.env();
  Napi::Value result;
  if (status_.ok()) {
    result = TapHandle::Wrap(environment, std::move(device_));
  } else {
    result = environment.ToFailure(status_);
  }
  const Napi::Array results = Napi::Array::New(env, 1);
  results.Set(0U, result);
  environment.EndPending();
  environment.hooks.settle.Call({Napi::Number::New(env, id_), results});
  return true;
}

void TapCheck::Start(Environment& environment, std::shared_ptr<io::Tap> tap) {
  environment.pool().Schedule(std::make_shared<TapCheck>(std::move(tap)));
}

void TapRelease::Start(Environment& environment, std::vector<io::TapQueue> queues, uint32_t id) {
  if (id != 0) environment.BeginPending();
  environment.pool().Schedule(std::make_shared<TapRelease>(environment, std::move(queues), id));
}

void TapRelease::Run(io::PoolThread&) {
  {
    const io::Pool::LongWait wait(environment_.pool());
    queues_.clear();
  }
  if (id_ != 0) environment_.Enqueue(shared_from_this());
}

void TapRelease::Fail(const io::Status&) {
  queues_.clear();
  if (id_ != 0) environment_.Enqueue(shared_from_this());
}

bool TapRelease::Deliver(Environment& environment, std::chrono::steady_clock::time_point) {
  const Napi::Env env = environment.env();
  environment.EndPending();
  environment.hooks.settle.Call({Napi::Number::New(env, id_), Napi::Array::New(env)});
  return true;
}

}  // namespace macvlan_netlink::node
