#include "node/namespace_handle.h"

#include "node/from_js.h"
#include "node/script_exchange.h"

namespace macvlan_netlink::node {
namespace {

constexpr uint32_t kStepWidth = 3;  // operation, barrier, record

bool RecordFromScript(Napi::Env env, rtnl::RecordKind kind, napi_value value, rtnl::Record& out) {
  switch (kind) {
    case rtnl::RecordKind::kLink:
      return RecordFromJs(env, value, out.emplace<rtnl::LinkRecord>());
    case rtnl::RecordKind::kAddress:
      return RecordFromJs(env, value, out.emplace<rtnl::AddressRecord>());
    case rtnl::RecordKind::kRoute:
      return RecordFromJs(env, value, out.emplace<rtnl::RouteRecord>());
  }
  return false;
}

bool AddStep(const Napi::Array& steps, uint32_t position, ScriptExchange& exchange) {
  const auto number = steps.Get(position).ToNumber().Uint32Value();
  if (number >= std::size(rtnl::kOperations)) return false;
  const rtnl::Operation& operation = rtnl::kOperations[number];
  rtnl::Record record;
  return RecordFromScript(steps.Env(), operation.record, steps.Get(position + 2), record) &&
         exchange.Add(operation, record, steps.Get(position + 1).ToBoolean());
}

}  // namespace

Napi::Function NamespaceHandle::Define(Napi::Env env) {
  return DefineClass(env, "NamespaceHandle",
                     {InstanceAccessor<&NamespaceHandle::Fd>("fd"),
                      InstanceAccessor<&NamespaceHandle::Inode>("inode"),
                      InstanceMethod<&NamespaceHandle::Submit>("submit"),
                      InstanceMethod<&NamespaceHandle::Withdraw>("withdraw"),
                      InstanceMethod<&NamespaceHandle::Close>("close")});
}

Napi::Object NamespaceHandle::Wrap(Environment& environment, io::Namespace opened) {
  const Napi::Object object = environment.hooks.namespace_handle.New({});
  NamespaceHandle* handle = Unwrap(object);
  handle->target_ = std::make_shared<const io::Namespace>(std::move(opened));
  handle->channel_ = environment.OpenChannel(handle->target_);
  return object;
}

NamespaceHandle::NamespaceHandle(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<NamespaceHandle>(info) {}

Napi::Value NamespaceHandle::Fd(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), fd());
}

Napi::Value NamespaceHandle::Inode(const Napi::CallbackInfo& info) {
  // Inodes of nsfs are 32 bits wide (fs/nsfs.c, proc_alloc_inum).
  return Napi::Number::New(info.Env(), target_ ? static_cast<double>(target_->id.inode) : 0);
}

void NamespaceHandle::Submit(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!channel_) {
    Napi::Error::New(env, "submit on a closed namespace").ThrowAsJavaScriptException();
    return;
  }
  Environment& environment = Environment::Of(env);
  const auto steps = info[1].As<Napi::Array>();
  auto exchange = std::make_shared<ScriptExchange>(environment, info[0].ToNumber().Uint32Value(),
                                                   static_cast<double>(target_->id.inode));
  const uint32_t length = steps.Length();
  exchange->steps.reserve(length / kStepWidth);
  for (uint32_t i = 0; i + kStepWidth <= length; i += kStepWidth) {
    if (!AddStep(steps, i, *exchange)) {
      Napi::TypeError::New(env, "a record does not fit its table or its message")
          .ThrowAsJavaScriptException();
      return;
    }
  }
  environment.BeginPending();
  channel_->Submit(std::move(exchange));
}

Napi::Value NamespaceHandle::Withdraw(const Napi::CallbackInfo& info) {
  const bool withdrawn = channel_ && channel_->Withdraw(info[0].ToNumber().Uint32Value());
  return Napi::Boolean::New(info.Env(), withdrawn);
}

void NamespaceHandle::Close(const Napi::CallbackInfo&) {
  channel_.reset();
  target_.reset();
}

}  // namespace macvlan_netlink::node
