#include "node/tap_handle.h"

#include <fcntl.h>

#include "node/tap_job.h"

namespace macvlan_netlink::node {

Napi::Function TapHandle::Define(Napi::Env env) {
  return DefineClass(
      env, "TapHandle",
      {InstanceAccessor<&TapHandle::Fds>("fds"),
       InstanceAccessor<&TapHandle::VnetHeaderLength>("vnetHeaderLength"),
       InstanceAccessor<&TapHandle::Received>("received"),
       InstanceAccessor<&TapHandle::Written>("written"), InstanceMethod<&TapHandle::Start>("start"),
       InstanceMethod<&TapHandle::SetReading>("setReading"),
       InstanceMethod<&TapHandle::Lend>("lend"), InstanceMethod<&TapHandle::Write>("write"),
       InstanceMethod<&TapHandle::Close>("close"), InstanceMethod<&TapHandle::Detach>("detach")});
}

Napi::Object TapHandle::Wrap(Environment& environment, io::TapDevice device) {
  const Napi::Object object = environment.hooks.tap_handle.New({});
  // A Worker that is being ended makes no more objects.
  TapHandle* handle = object.IsEmpty() ? nullptr : Unwrap(object);
  if (handle == nullptr) return object;
  handle->delivery_ = std::make_shared<TapDelivery>(environment);
  handle->tap_ =
      std::make_shared<io::Tap>(environment.reactor(), std::move(device), handle->delivery_);
  environment.open_taps.insert(handle);
  return object;
}

void TapHandle::CloseAll(Environment& environment) {
  std::vector<std::vector<io::TapQueue>> queues;
  while (!environment.open_taps.empty()) {
    queues.push_back((*environment.open_taps.begin())->Stop());
  }
}

TapHandle::TapHandle(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<TapHandle>(info), environment_(Environment::Of(info.Env())) {
  received_ = Napi::Persistent(Napi::Int32Array::New(info.Env(), io::FrameBatch::kMaxFrames));
}

// The environment is deleted after every object in it, its threads stopped before: what is handed
// to them then is closed here and now.
TapHandle::~TapHandle() {
  if (tap_) TapRelease::Start(environment_, Stop());
}

std::vector<io::TapQueue> TapHandle::Stop() {
  environment_.open_taps.erase(this);
  delivery_->SetHandle(nullptr);
  std::vector<io::TapQueue> queues = tap_->Stop();
  written_ = tap_->written();
  tap_.reset();
  bytes_.Reset();
  lengths_.Reset();
  return queues;
}

// Counts one more or one less thing under way.
void TapHandle::SetBusy(bool& what, bool busy) {
  if (what == busy) return;
  what = busy;
  if (busy) {
    Ref();
    environment_.BeginPending();
  } else {
    environment_.EndPending();
    Unref();
  }
}

Napi::Value TapHandle::Fds(const Napi::CallbackInfo& info) {
  const Napi::Array fds = Napi::Array::New(info.Env());
  if (!tap_) return fds;
  for (const io::TapQueue& queue : tap_->queues()) {
    fds.Set(fds.Length(), Napi::Number::New(info.Env(), queue.get()));
  }
  return fds;
}

Napi::Value TapHandle::VnetHeaderLength(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), tap_ ? tap_->vnet_header_length() : 0);
}

Napi::Value TapHandle::Received(const Napi::CallbackInfo&) { return received_.Value(); }

Napi::Value TapHandle::Start(const Napi::CallbackInfo& info) {
  delivery_->SetHandle(this);
  const io::Status status = environment_.WithDescriptors([&] { return tap_->Start(); });
  return status.ok() ? info.Env().Undefined() : environment_.ToFailure(status);
}

void TapHandle::SetReading(const Napi::CallbackInfo& info) {
  if (!tap_) return;
  const bool wanted = info[0].As<Napi::Boolean>().Value();
  SetBusy(reading_, wanted);
  tap_->SetReading(wanted);
}

void TapHandle::Lend(const Napi::CallbackInfo& info) {
  bytes_ = Napi::Persistent(info[0].As<Napi::Uint8Array>());
  lengths_ = Napi::Persistent(info[1].As<Napi::Int32Array>());
}

void TapHandle::Write(const Napi::CallbackInfo& info) {
  if (!tap_) return;
  SetBusy(writing_, true);
  const size_t half = info[0].As<Napi::Number>().Uint32Value();
  Napi::Uint8Array bytes = bytes_.Value();
  Napi::Int32Array lengths = lengths_.Value();
  tap_->Write(bytes.Data() + half * (bytes.ByteLength() / 2),
              lengths.Data() + half * (lengths.ElementLength() / 2),
              info[1].As<Napi::Number>().Uint32Value());
}

Napi::Value TapHandle::Written(const Napi::CallbackInfo& info) {
  const size_t written = tap_ ? tap_->written() : written_;
  return Napi::Number::New(info.Env(), static_cast<double>(written));
}

void TapHandle::Close(const Napi::CallbackInfo& info) {
  std::vector<io::TapQueue> queues;
  if (tap_) queues = Stop();
  SetBusy(reading_, false);
  SetBusy(writing_, false);
  TapRelease::Start(environment_, std::move(queues), info[0].As<Napi::Number>().Uint32Value());
}

void TapHandle::Detach(const Napi::CallbackInfo&) {
  if (!tap_) return;
  tap_->GiveAway();
  for (io::TapQueue& queue : Stop()) {
    fcntl(queue.get(), F_SETFL, fcntl(queue.get(), F_GETFL) & ~O_NONBLOCK);
    queue.Release();
  }
  SetBusy(reading_, false);
  SetBusy(writing_, false);
}

void TapHandle::Call(const char* method, std::initializer_list<napi_value> arguments) {
  const Napi::Object self = Value();
  // Collected, though its finalizer has not run yet: nobody waits for it.
  if (self.IsEmpty()) return;
  const Napi::Value function = self.Get(method);
  // A Worker that is being ended runs no more JavaScript, and calls give empty values.
  if (!function.IsFunction()) return;
  function.As<Napi::Function>().Call(self, arguments);
  // A listener may have thrown. As long as that is pending, every call into JavaScript fails, also
  // those that others wait for.
  const napi_env env = environment_.env();
  napi_value exception = nullptr;
  bool pending = false;
  if (napi_is_exception_pending(env, &pending) == napi_ok && pending &&
      napi_get_and_clear_last_exception(env, &exception) == napi_ok) {
    napi_fatal_exception(env, exception);
  }
}

void TapHandle::TellFrames(io::FrameBatch batch) {
  const Napi::Env env = environment_.env();
  std::memcpy(received_.Value().Data(), batch.lengths, batch.count * sizeof(batch.lengths[0]));
  const auto count = Napi::Number::New(env, static_cast<double>(batch.count));
  // Shared, because whether the finalizer is called where no buffer is made depends on why not.
  const std::shared_ptr<uint8_t> bytes(batch.bytes.release(), io::FrameBatch::Free());
  const auto frames = Napi::Buffer<uint8_t>::NewOrCopy(env, bytes.get(), batch.size,
                                                       [bytes](Napi::Env, uint8_t*) {});
  if (frames.IsEmpty()) return;
  Call("onFrames", {frames, count});
  // Closed by whoever got the frames, perhaps.
  if (tap_) tap_->BatchTaken();
}

void TapHandle::TellWritten() {
  if (!tap_->writing()) SetBusy(writing_, false);
  Call("onWritten", {});
}

void TapHandle::TellGone() {
  SetBusy(reading_, false);
  Call("onGone", {});
}

void TapHandle::StartCheck() { TapCheck::Start(environment_, tap_); }

void TapHandle::StartPolling() { tap_->StartPolling(); }

}  // namespace macvlan_netlink::node
