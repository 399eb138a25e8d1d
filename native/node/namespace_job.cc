#include "node/namespace_job.h"

#include "node/namespace_handle.h"

namespace macvlan_netlink::node {
namespace {

constexpr io::Status kWithdrawn{-ECANCELED, ""};

}  // namespace

NamespaceJob::NamespaceJob(Environment& environment, uint32_t id, Next next,
                           io::Jobs::WaitsFor what, Work work)
    : environment_(environment), id_(id), next_(next), what_(what), work_(std::move(work)) {}

void NamespaceJob::Start(Environment& environment, uint32_t id, Next next, io::Jobs::WaitsFor what,
                         Work work) {
  environment.BeginPending();
  auto job = std::make_shared<NamespaceJob>(environment, id, next, what, std::move(work));
  environment.namespace_jobs.emplace(id, job);
  environment.jobs().Begin(std::move(job), what);
}

void NamespaceJob::Withdraw() {
  withdrawn_ = true;
  if (!environment_.jobs().Withdraw(*this)) return;
  begun_ = false;
  status_ = kWithdrawn;
  environment_.Enqueue(shared_from_this());
}

void NamespaceJob::Run(io::PoolThread& thread) {
  const io::GivenUp given_up = [&] { return thread.stops || withdrawn_; };
  if (withdrawn_) {
    status_ = kWithdrawn;
  } else {
    // Also to open a path: it may lead to a server that does not answer.
    const io::Pool::LongWait wait(environment_.pool());
    status_ = environment_.WithDescriptors([&] { return work_(outcome_, thread, given_up); });
  }
  if (next_ == Next::kAtOnce) environment_.jobs().End(what_);
  environment_.Enqueue(shared_from_this());
}

void NamespaceJob::Fail(const io::Status& status) {
  // The next one would fail in turn, and so on.
  next_ = Next::kAfterScript;
  status_ = status;
  environment_.Enqueue(shared_from_this());
}

bool NamespaceJob::Deliver(Environment& environment, std::chrono::steady_clock::time_point) {
  const Napi::Env env = environment.env();
  Napi::Value result = env.Undefined();
  if (!status_.ok()) {
    result = environment.ToFailure(status_);
  } else if (outcome_.opened.fd.valid()) {
    result = NamespaceHandle::Wrap(environment, std::move(outcome_.opened));
  } else if (outcome_.text) {
    result = Napi::String::New(env, *outcome_.text);
  }
  environment.EndPending();
  environment.namespace_jobs.erase(id_);
  environment.SettleWith(id_, result);
  if (begun_ && next_ == Next::kAfterScript) environment.jobs().End(what_);
  return true;
}

}  // namespace macvlan_netlink::node
