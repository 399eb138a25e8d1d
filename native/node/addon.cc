// The addon's entry: what lib/native.ts declares.
#include "node/layout.h"
#include "node/namespace_handle.h"
#include "node/namespace_job.h"

namespace macvlan_netlink::node {
namespace {

Napi::FunctionReference Keep(const Napi::Object& hooks, const char* name) {
  return Napi::Persistent(hooks.Get(name).As<Napi::Function>());
}

void Initialize(const Napi::CallbackInfo& info) {
  const auto given = info[0].As<Napi::Object>();
  ScriptHooks& hooks = Environment::Of(info.Env()).hooks;
  hooks.link = Keep(given, "link");
  hooks.address = Keep(given, "address");
  hooks.route = Keep(given, "route");
  hooks.failure = Keep(given, "failure");
  hooks.settle = Keep(given, "settle");
  hooks.later = Keep(given, "later");
}

Napi::Value StatusToFailure(Environment& environment, const io::Status& status) {
  const Napi::Env env = environment.env();
  return environment.hooks.failure.Call({Napi::Number::New(env, status.error),
                                         Napi::String::New(env, status.syscall), env.Undefined(),
                                         env.Undefined()});
}

// The calling thread's own namespace: two system calls on /proc that never wait.
Napi::Value OpenOwnNamespace(const Napi::CallbackInfo& info) {
  Environment& environment = Environment::Of(info.Env());
  io::Namespace own;
  const io::Status status = io::OpenOwn(own);
  if (!status.ok()) return StatusToFailure(environment, status);
  return NamespaceHandle::Wrap(environment, std::move(own));
}

// runWithin(handle, callback): calls back with this thread in that namespace, and returns what the
// callback did. No other JavaScript runs meanwhile.
Napi::Value RunWithin(const Napi::CallbackInfo& info) {
  Environment& environment = Environment::Of(info.Env());
  const NamespaceHandle& handle = *NamespaceHandle::Unwrap(info[0].As<Napi::Object>());
  io::Namespace home;
  io::Status status = io::OpenOwn(home);
  // Entering where it is already changes nothing, and shows whether the way back will be allowed.
  if (status.ok()) status = io::Enter(home.fd.get());
  if (status.ok()) status = io::Enter(handle.fd());
  if (!status.ok()) return StatusToFailure(environment, status);
  const Napi::Value result = info[1].As<Napi::Function>().Call({});
  status = io::Enter(home.fd.get());
  if (!status.ok()) {
    Napi::Error::Fatal("macvlan-netlink", "the thread cannot return to its network namespace");
  }
  return result;
}

void OpenNamespacePath(const Napi::CallbackInfo& info) {
  NamespaceJob::Start(Environment::Of(info.Env()), info[0].ToNumber().Uint32Value(),
                      [path = info[1].ToString().Utf8Value()](io::Namespace& out, bool&) {
                        return io::OpenPath(path, out);
                      });
}

// The descriptor is copied before this returns: its owner may close it at once.
Napi::Value OpenNamespaceDescriptor(const Napi::CallbackInfo& info) {
  Environment& environment = Environment::Of(info.Env());
  io::Namespace opened;
  const io::Status status = io::OpenDescriptor(info[0].ToNumber().Int32Value(), opened);
  if (!status.ok()) return StatusToFailure(environment, status);
  return NamespaceHandle::Wrap(environment, std::move(opened));
}

void CreateNamespace(const Napi::CallbackInfo& info) {
  NamespaceJob::Start(Environment::Of(info.Env()), info[0].ToNumber().Uint32Value(),
                      [name = info[1].ToString().Utf8Value()](io::Namespace& out, bool& returned) {
                        return io::CreateNamespace(name, out, returned);
                      });
}

void RemoveNamespace(const Napi::CallbackInfo& info) {
  NamespaceJob::Start(Environment::Of(info.Env()), info[0].ToNumber().Uint32Value(),
                      [name = info[1].ToString().Utf8Value()](io::Namespace&, bool&) {
                        return io::RemoveNamespace(name);
                      });
}

Napi::Object Load(Napi::Env env, Napi::Object exports) {
  auto* environment = new Environment(env);
  env.SetInstanceData<Environment, &Environment::Finalize>(environment);
  environment->hooks.namespace_handle = Napi::Persistent(NamespaceHandle::Define(env));
  exports.Set("operations", DescribeOperations(env));
  exports.Set("requests", DescribeRequests(env));
  exports.Set("answers", DescribeAnswers(env));
  exports.Set("initialize", Napi::Function::New<Initialize>(env));
  exports.Set("openOwnNamespace", Napi::Function::New<OpenOwnNamespace>(env));
  exports.Set("openNamespaceDescriptor", Napi::Function::New<OpenNamespaceDescriptor>(env));
  exports.Set("openNamespacePath", Napi::Function::New<OpenNamespacePath>(env));
  exports.Set("createNamespace", Napi::Function::New<CreateNamespace>(env));
  exports.Set("removeNamespace", Napi::Function::New<RemoveNamespace>(env));
  exports.Set("runWithin", Napi::Function::New<RunWithin>(env));
  return exports;
}

}  // namespace
}  // namespace macvlan_netlink::node

static Napi::Object Load(Napi::Env env, Napi::Object exports) {
  return macvlan_netlink::node::Load(env, exports);
}

NODE_API_MODULE(macvlan_netlink, Load)
