// An open tap device as JavaScript has it. lib/tap/tapStream.ts and lib/tap/tapWriter.ts give the
// object three methods, which are called with what has happened: onFrames(frames, count),
// onWritten(), onGone().
#pragma once

#include "node/tap_delivery.h"

namespace macvlan_netlink::node {

// What is under way holds the object and keeps the process alive: reading, writing, closing.
// Otherwise it can be collected, which closes the device.
class TapHandle : public Napi::ObjectWrap<TapHandle> {
 public:
  static Napi::Function Define(Napi::Env env);
  // Empty when a Worker is being ended.
  static Napi::Object Wrap(Environment& environment, io::TapDevice device);

  // Here and now, all that are open: no queue is emptied before nothing writes to another any more.
  static void CloseAll(Environment& environment);

  explicit TapHandle(const Napi::CallbackInfo& info);
  ~TapHandle() override;

  // For TapDelivery.
  void TellFrames(io::FrameBatch batch);
  void TellWritten();
  void TellGone();
  void StartCheck();
  void StartPolling();

 private:
  Napi::Value Fds(const Napi::CallbackInfo& info);
  Napi::Value VnetHeaderLength(const Napi::CallbackInfo& info);
  // The lengths of the frames that onFrames is called with.
  Napi::Value Received(const Napi::CallbackInfo& info);
  // start(): undefined, or a failure. Nothing is called before.
  Napi::Value Start(const Napi::CallbackInfo& info);
  // setReading(wanted)
  void SetReading(const Napi::CallbackInfo& info);
  // lend(bytes: Uint8Array, lengths: Int32Array): where the frames to write stand, in two halves.
  // Once.
  void Lend(const Napi::CallbackInfo& info);
  // write(half, count): onWritten follows until all are written, with 0 or a negative errno in
  // place of each length. The other half is JavaScript's meanwhile.
  void Write(const Napi::CallbackInfo& info);
  // How many frames of the last write have been dealt with; exact after close and detach.
  Napi::Value Written(const Napi::CallbackInfo& info);
  // close(id): settle(id, []) follows when the descriptors are closed.
  void Close(const Napi::CallbackInfo& info);
  // Gives the descriptors up, set to wait as a device that was just opened does.
  void Detach(const Napi::CallbackInfo& info);

  std::vector<io::TapQueue> Stop();
  void SetBusy(bool& what, bool busy);
  void Call(const char* method, std::initializer_list<napi_value> arguments);

  Environment& environment_;
  std::shared_ptr<io::Tap> tap_;
  std::shared_ptr<TapDelivery> delivery_;
  Napi::Reference<Napi::Int32Array> received_;
  Napi::Reference<Napi::Uint8Array> bytes_;
  Napi::Reference<Napi::Int32Array> lengths_;
  size_t written_ = 0;  // when there is no tap_ any more
  bool reading_ = false;
  bool writing_ = false;
};

}  // namespace macvlan_netlink::node
