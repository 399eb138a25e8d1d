// The addon's entry: what lib/addon.ts declares.
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "io/sysctl.h"
#include "node/layout.h"
#include "node/namespace_handle.h"
#include "node/namespace_job.h"
#include "node/script_thread.h"
#include "node/tap_handle.h"
#include "node/tap_job.h"
#include "node/watcher.h"

namespace macvlan_netlink::node {
namespace {

// How long the end of a process waits for what has begun.
constexpr std::chrono::seconds kLastWait(2);

Napi::FunctionReference Keep(const Napi::Object& hooks, const char* name) {
  return Napi::Persistent(hooks.Get(name).As<Napi::Function>());
}

void Initialize(const Napi::CallbackInfo& info) {
  const auto given = info[0].As<Napi::Object>();
  ScriptHooks& hooks = Environment::Of(info.Env()).hooks;
  for (size_t kind = 0; kind < std::size(rtnl::kRecordNames); ++kind) {
    hooks.answers[kind] = Keep(given, rtnl::kRecordNames[kind]);
  }
  hooks.news = Keep(given, "news");
  hooks.failure = Keep(given, "failure");
  hooks.settle = Keep(given, "settle");
}

// The calling thread's own namespace: two system calls on /proc that never wait.
Napi::Value OpenOwnNamespace(const Napi::CallbackInfo& info) {
  Environment& environment = Environment::Of(info.Env());
  io::Namespace own;
  const io::Status status = environment.WithDescriptors([&] {
    const io::Namespace* const home = io::Away::Home();
    return home == nullptr ? io::OpenOwn(own) : io::OpenDescriptor(home->fd.get(), own);
  });
  if (!status.ok()) return environment.ToFailure(status);
  return NamespaceHandle::Wrap(environment, std::move(own));
}

// runWithin(handle, callback): calls back with this thread in that namespace, and returns what the
// callback did. No other JavaScript runs meanwhile.
Napi::Value RunWithin(const Napi::CallbackInfo& info) {
  Environment& environment = Environment::Of(info.Env());
  const NamespaceHandle* handle = NamespaceHandle::Unwrap(info[0].As<Napi::Object>());
  if (handle == nullptr) return {};  // the Worker is being ended
  Napi::Value result;
  // A failed status means that the callback has not run: whatever it does counts as success.
  const io::Status status = environment.WithDescriptors([&] {
    return WithinOnScriptThread(handle->target(), [&] {
      result = info[1].As<Napi::Function>().Call({});
      return io::Status{};
    });
  });
  return status.ok() ? result : environment.ToFailure(status);
}

// Starts a namespace job under the id that comes first of the arguments.
void StartJob(const Napi::CallbackInfo& info, NamespaceJob::Next next, io::Jobs::WaitsFor what,
              NamespaceJob::Work work) {
  NamespaceJob::Start(Environment::Of(info.Env()), info[0].As<Napi::Number>().Uint32Value(), next,
                      what, std::move(work));
}

void OpenNamespacePath(const Napi::CallbackInfo& info) {
  auto path = info[1].As<Napi::String>().Utf8Value();
  const auto what =
      io::IsKernelsFile(path) ? io::Jobs::WaitsFor::kKernel : io::Jobs::WaitsFor::kFile;
  StartJob(info, NamespaceJob::Next::kAfterScript, what,
           [path = std::move(path)](NamespaceJob::Outcome& out, io::PoolThread&,
                                    const io::GivenUp& given_up) {
             return io::OpenPath(path, given_up, out.opened);
           });
}

// The descriptor is copied before this returns: its owner may close it at once.
Napi::Value OpenNamespaceDescriptor(const Napi::CallbackInfo& info) {
  Environment& environment = Environment::Of(info.Env());
  io::Namespace opened;
  const int fd = info[0].As<Napi::Number>().Int32Value();
  const io::Status status =
      environment.WithDescriptors([&] { return io::OpenDescriptor(fd, opened); });
  if (!status.ok()) return environment.ToFailure(status);
  return NamespaceHandle::Wrap(environment, std::move(opened));
}

void CreateNamespace(const Napi::CallbackInfo& info) {
  auto name = info[1].As<Napi::String>().Utf8Value();
  const auto what = name.empty() ? io::Jobs::WaitsFor::kCreation : io::Jobs::WaitsFor::kLock;
  StartJob(info, NamespaceJob::Next::kAtOnce, what,
           [name = std::move(name)](NamespaceJob::Outcome& out, io::PoolThread& thread,
                                    const io::GivenUp& given_up) {
             return io::CreateNamespace(name, given_up, out.opened, thread.at_home);
           });
}

// attachNamespace(id, handle, name): settles with [another handle].
void AttachNamespace(const Napi::CallbackInfo& info) {
  const NamespaceHandle* handle = NamespaceHandle::Unwrap(info[1].As<Napi::Object>());
  if (handle == nullptr) return;  // the Worker is being ended
  StartJob(info, NamespaceJob::Next::kAtOnce, io::Jobs::WaitsFor::kLock,
           [target = handle->Share(), name = info[2].As<Napi::String>().Utf8Value()](
               NamespaceJob::Outcome& out, io::PoolThread&, const io::GivenUp& given_up) {
             return io::AttachNamespace(*target, name, given_up, out.opened);
           });
}

void RemoveNamespace(const Napi::CallbackInfo& info) {
  StartJob(info, NamespaceJob::Next::kAtOnce, io::Jobs::WaitsFor::kKernel,
           [name = info[1].As<Napi::String>().Utf8Value()](NamespaceJob::Outcome&, io::PoolThread&,
                                                           const io::GivenUp& given_up) {
             return io::RemoveNamespace(name, given_up);
           });
}

// readSysctl(id, handle, path): settles with [the file's content].
void ReadSysctl(const Napi::CallbackInfo& info) {
  const NamespaceHandle* handle = NamespaceHandle::Unwrap(info[1].As<Napi::Object>());
  if (handle == nullptr) return;  // the Worker is being ended
  StartJob(info, NamespaceJob::Next::kAtOnce, io::Jobs::WaitsFor::kKernel,
           [target = handle->Share(), path = info[2].As<Napi::String>().Utf8Value()](
               NamespaceJob::Outcome& out, io::PoolThread& thread, const io::GivenUp&) {
             return io::ReadSysctl(*target, path, thread.at_home, out.text.emplace());
           });
}

// writeSysctl(id, handle, path, content): settles with [undefined]. With (…, name, index) only
// while that is the name of that link.
void WriteSysctl(const Napi::CallbackInfo& info) {
  const NamespaceHandle* handle = NamespaceHandle::Unwrap(info[1].As<Napi::Object>());
  if (handle == nullptr) return;  // the Worker is being ended
  std::optional<io::SysctlLink> link;
  if (info.Length() > 4) {
    link.emplace();
    link->name = info[4].As<Napi::String>().Utf8Value();
    link->index = info[5].As<Napi::Number>().Int32Value();
  }
  StartJob(info, NamespaceJob::Next::kAtOnce, io::Jobs::WaitsFor::kRtnl,
           [target = handle->Share(), path = info[2].As<Napi::String>().Utf8Value(),
            content = info[3].As<Napi::String>().Utf8Value(), link = std::move(link)](
               NamespaceJob::Outcome&, io::PoolThread& thread, const io::GivenUp&) {
             return io::WriteSysctl(*target, path, content, link, thread.at_home);
           });
}

// withdrawNamespaceJob(id): one of the six above.
void WithdrawNamespaceJob(const Napi::CallbackInfo& info) {
  const auto& jobs = Environment::Of(info.Env()).namespace_jobs;
  const auto job = jobs.find(info[0].As<Napi::Number>().Uint32Value());
  if (job != jobs.end()) job->second->Withdraw();
}

// hasten(): whether a namespace job waits for other requests. If so, it does no longer.
Napi::Value Hasten(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), Environment::Of(info.Env()).pool().Hasten());
}

// openTap(id, handle, index, name, mac, mtu, queues, vnetHeader, sendBuffer): settles with
// [TapHandle].
void OpenTap(const Napi::CallbackInfo& info) {
  const NamespaceHandle* handle = NamespaceHandle::Unwrap(info[1].As<Napi::Object>());
  if (handle == nullptr) return;  // the Worker is being ended
  const auto mac = info[4].As<Napi::Uint8Array>();
  io::TapLink link;
  link.index = info[2].As<Napi::Number>().Int32Value();
  link.name = info[3].As<Napi::String>().Utf8Value();
  link.mac.assign(mac.Data(), mac.Data() + mac.ByteLength());
  link.mtu = info[5].As<Napi::Number>().Int32Value();
  const io::TapOptions options{info[6].As<Napi::Number>().Int32Value(),
                               info[7].As<Napi::Boolean>().Value(),
                               info[8].As<Napi::Number>().Int32Value()};
  TapOpening::Start(Environment::Of(info.Env()), info[0].As<Napi::Number>().Uint32Value(),
                    handle->Share(), std::move(link), options);
}

// fillRandom(bytes): at most 256 of them. Node's `crypto` gives random bytes too, but takes
// milliseconds to load.
void FillRandom(const Napi::CallbackInfo& info) {
  auto bytes = info[0].As<Napi::Uint8Array>();
  if (getentropy(bytes.Data(), bytes.ByteLength()) != 0) {
    Napi::Error::New(info.Env(), std::string("getentropy: ") + std::strerror(errno))
        .ThrowAsJavaScriptException();
  }
}

// finish(): at the end of the process, of which Node-API tells nothing. What has begun is finished,
// such as a namespace that has a name and is not mounted there yet, or a link that is to have an
// address; what waits is dropped. What takes longer is cut off: it may wait for a file of a server
// that is gone. The end of a Worker waits for that as well, because its memory goes.
void Finish(const Napi::CallbackInfo& info) {
  Environment& environment = Environment::Of(info.Env());
  TapHandle::CloseAll(environment);
  environment.pool().Finish(kLastWait);
}

Napi::Object Load(Napi::Env env, Napi::Object exports) {
  auto* environment = new Environment(env);
  env.SetInstanceData<Environment, &Environment::Finalize>(environment);
  environment->hooks.namespace_handle = Napi::Persistent(NamespaceHandle::Define(env));
  environment->hooks.watcher = Napi::Persistent(Watcher::Define(env));
  environment->hooks.tap_handle = Napi::Persistent(TapHandle::Define(env));
  exports.Set("operations", DescribeOperations(env));
  exports.Set("requests", DescribeRequests(env));
  exports.Set("answers", DescribeAnswers(env));
  exports.Set("initialize", Napi::Function::New<Initialize>(env));
  exports.Set("openOwnNamespace", Napi::Function::New<OpenOwnNamespace>(env));
  exports.Set("openNamespaceDescriptor", Napi::Function::New<OpenNamespaceDescriptor>(env));
  exports.Set("openNamespacePath", Napi::Function::New<OpenNamespacePath>(env));
  exports.Set("createNamespace", Napi::Function::New<CreateNamespace>(env));
  exports.Set("attachNamespace", Napi::Function::New<AttachNamespace>(env));
  exports.Set("removeNamespace", Napi::Function::New<RemoveNamespace>(env));
  exports.Set("readSysctl", Napi::Function::New<ReadSysctl>(env));
  exports.Set("writeSysctl", Napi::Function::New<WriteSysctl>(env));
  exports.Set("withdrawNamespaceJob", Napi::Function::New<WithdrawNamespaceJob>(env));
  exports.Set("hasten", Napi::Function::New<Hasten>(env));
  exports.Set("openTap", Napi::Function::New<OpenTap>(env));
  exports.Set("fillRandom", Napi::Function::New<FillRandom>(env));
  exports.Set("finish", Napi::Function::New<Finish>(env));
  exports.Set("runWithin", Napi::Function::New<RunWithin>(env));
  return exports;
}

}  // namespace
}  // namespace macvlan_netlink::node

static Napi::Object Load(Napi::Env env, Napi::Object exports) {
  return macvlan_netlink::node::Load(env, exports);
}

NODE_API_MODULE(macvlan_netlink, Load)
