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
  const Napi::Value result = status_.ok() ? TapHandle::Wrap(environment, std::move(device_))
                                          : environment.ToFailure(status_);
  environment.EndPending();
  environment.SettleWith(id_, result);
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
  environment.EndPending();
  environment.Settle(id_, Napi::Array::New(environment.env()));
  return true;
}

}  // namespace macvlan_netlink::node
