#include "node/namespace_handle.h"

#include "node/from_js.h"
#include "node/script_exchange.h"
#include "node/watcher.h"

namespace macvlan_netlink::node {
namespace {

constexpr uint32_t kStepWidth = 3;  // operation, flags, record
// Flags of a step.
constexpr uint32_t kBarrier = 1;
constexpr uint32_t kApproximate = 2;
constexpr uint32_t kMustBeUp = 4;
constexpr uint32_t kTakesLink = 8;

// The engine refuses every call once a Worker is being ended, so each is looked at here: what
// napi.h gives instead of a value is empty, and using it aborts the process.
bool AddStep(Napi::Env env, napi_value steps, uint32_t position, ScriptExchange& exchange) {
  napi_value fields[kStepWidth];
  for (uint32_t i = 0; i < kStepWidth; ++i) {
    if (napi_get_element(env, steps, position + i, &fields[i]) != napi_ok) return false;
  }
  uint32_t number = 0;
  uint32_t flags = 0;
  if (napi_get_value_uint32(env, fields[0], &number) != napi_ok ||
      napi_get_value_uint32(env, fields[1], &flags) != napi_ok ||
      number >= std::size(rtnl::kOperations)) {
    return false;
  }
  const rtnl::Operation& operation = rtnl::kOperations[number];
  rtnl::Record record;
  rtnl::MakeEmpty(operation.record, record);
  const bool fits =
      std::visit([&](auto& empty) { return RecordFromJs(env, fields[2], empty); }, record);
  if (!fits || !exchange.Add(operation, record)) return false;
  exchange.steps.back().barrier = (flags & kBarrier) != 0;
  exchange.steps.back().approximate = (flags & kApproximate) != 0;
  exchange.steps.back().must_be_up = (flags & kMustBeUp) != 0;
  exchange.steps.back().takes_link = (flags & kTakesLink) != 0;
  return true;
}

}  // namespace

Napi::Function NamespaceHandle::Define(Napi::Env env) {
  return DefineClass(env, "NamespaceHandle",
                     {InstanceAccessor<&NamespaceHandle::Fd>("fd"),
                      InstanceAccessor<&NamespaceHandle::Inode>("inode"),
                      InstanceMethod<&NamespaceHandle::Submit>("submit"),
                      InstanceMethod<&NamespaceHandle::Stage>("stage"),
                      InstanceMethod<&NamespaceHandle::Unstage>("unstage"),
                      InstanceMethod<&NamespaceHandle::Withdraw>("withdraw"),
                      InstanceMethod<&NamespaceHandle::SetInUse>("setInUse"),
                      InstanceMethod<&NamespaceHandle::Watch>("watch"),
                      InstanceMethod<&NamespaceHandle::Close>("close")});
}

Napi::Object NamespaceHandle::Wrap(Environment& environment, io::Namespace opened) {
  const Napi::Object object = environment.hooks.namespace_handle.New({});
  // A Worker that is being ended makes no more objects.
  NamespaceHandle* handle = object.IsEmpty() ? nullptr : Unwrap(object);
  if (handle == nullptr) return object;
  handle->target_ = std::make_shared<const io::Namespace>(std::move(opened));
  handle->channel_ = environment.OpenChannel(handle->target_);
  return object;
}

NamespaceHandle::NamespaceHandle(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<NamespaceHandle>(info) {}

Napi::Value NamespaceHandle::Fd(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), target_ ? target_->fd.get() : -1);
}

Napi::Value NamespaceHandle::Inode(const Napi::CallbackInfo& info) {
  // Inodes of nsfs are 32 bits wide (fs/proc/generic.c, proc_alloc_inum).
  return Napi::Number::New(info.Env(), target_ ? static_cast<double>(target_->id.inode) : 0);
}

// The exchange staged under the id, or a new one, with the steps of a flat array; null, with an
// exception, when they are not in order.
std::shared_ptr<ScriptExchange> NamespaceHandle::MakeExchange(Napi::Env env, uint32_t id,
                                                              const Napi::Array& steps) {
  if (!channel_) {
    Napi::Error::New(env, "submit on a closed namespace").ThrowAsJavaScriptException();
    return nullptr;
  }
  const auto staged = staged_.extract(id);
  auto exchange = staged.empty()
                      ? std::make_shared<ScriptExchange>(Environment::Of(env), id,
                                                         static_cast<double>(target_->id.inode))
                      : staged.mapped();
  const uint32_t length = steps.Length();
  if (staged.empty()) exchange->steps.reserve(length / kStepWidth);
  for (uint32_t i = 0; i + kStepWidth <= length; i += kStepWidth) {
    if (!AddStep(env, steps, i, *exchange)) {
      Napi::TypeError::New(env, "a record does not fit its table or its message")
          .ThrowAsJavaScriptException();
      return nullptr;
    }
  }
  return exchange;
}

void NamespaceHandle::Submit(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const uint32_t id = info[0].As<Napi::Number>().Uint32Value();
  const auto exchange = MakeExchange(env, id, info[1].As<Napi::Array>());
  if (!exchange) return;
  if (info.Length() > 2) {
    NamespaceHandle* other = Unwrap(info[2].As<Napi::Object>());
    if (other == nullptr) return;  // of a Worker that is being ended
    auto next = other->MakeExchange(env, id, info[3].As<Napi::Array>());
    if (!next) return;
    exchange->Then(other->channel_, std::move(next));
  }
  // First, so that a thread of the pool begins meanwhile: its answer waits for this thread anyway.
  channel_->Submit(exchange);
  Environment::Of(env).BeginRequest();
}

void NamespaceHandle::Stage(const Napi::CallbackInfo& info) {
  const uint32_t id = info[0].As<Napi::Number>().Uint32Value();
  auto exchange = MakeExchange(info.Env(), id, info[1].As<Napi::Array>());
  if (exchange) staged_[id] = std::move(exchange);
}

void NamespaceHandle::Unstage(const Napi::CallbackInfo& info) {
  staged_.erase(info[0].As<Napi::Number>().Uint32Value());
}

Napi::Value NamespaceHandle::Withdraw(const Napi::CallbackInfo& info) {
  const bool withdrawn = channel_ && channel_->Withdraw(info[0].As<Napi::Number>().Uint32Value());
  return Napi::Boolean::New(info.Env(), withdrawn);
}

void NamespaceHandle::SetInUse(const Napi::CallbackInfo& info) {
  if (channel_) channel_->SetInUse(info[0].As<Napi::Boolean>().Value());
}

Napi::Value NamespaceHandle::Watch(const Napi::CallbackInfo& info) {
  const auto given = info[0].As<Napi::Array>();
  std::vector<uint32_t> groups;
  for (uint32_t i = 0; i < given.Length(); ++i) {
    const Napi::Value group = given.Get(i);
    if (group.IsEmpty()) return {};  // the Worker is being ended
    groups.push_back(group.As<Napi::Number>().Uint32Value());
  }
  return Watcher::Open(Environment::Of(info.Env()), *target_, groups,
                       info[1].As<Napi::Number>().Int32Value());
}

void NamespaceHandle::Close(const Napi::CallbackInfo&) {
  staged_.clear();
  channel_.reset();
  target_.reset();
}

}  // namespace macvlan_netlink::node
