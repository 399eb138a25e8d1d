// A network namespace that JavaScript holds open, and the requests made in it.
#pragma once

#include <map>

#include "node/environment.h"

namespace macvlan_netlink::node {

class ScriptExchange;

class NamespaceHandle : public Napi::ObjectWrap<NamespaceHandle> {
 public:
  static Napi::Function Define(Napi::Env env);
  static Napi::Object Wrap(Environment& environment, io::Namespace opened);

  explicit NamespaceHandle(const Napi::CallbackInfo& info);

  // While it is open.
  const io::Namespace& target() const { return *target_; }
  // For what may outlast it on another thread.
  std::shared_ptr<const io::Namespace> Share() const { return target_; }

 private:
  Napi::Value Fd(const Napi::CallbackInfo& info);
  Napi::Value Inode(const Napi::CallbackInfo& info);
  // submit(id, [operation, flags, record, …]): settle(id, results) follows, exactly once. With
  // (…, handle, [operation, …]) those steps follow in that namespace if all of the first succeed.
  void Submit(const Napi::CallbackInfo& info);
  // stage(id, [operation, …]): steps that go in front of those that submit(id, …) brings. Nothing
  // is sent before; unstage(id) forgets them.
  void Stage(const Napi::CallbackInfo& info);
  void Unstage(const Napi::CallbackInfo& info);
  // withdraw(id): false when it has been sent.
  Napi::Value Withdraw(const Napi::CallbackInfo& info);
  // setInUse(whether): see io::Channel.
  void SetInUse(const Napi::CallbackInfo& info);
  // watch([group, …], receiveBuffer): a Watcher or a failure. Opening a socket waits for no lock.
  Napi::Value Watch(const Napi::CallbackInfo& info);
  // Gives the descriptor and the socket back once nothing is under way any more.
  void Close(const Napi::CallbackInfo& info);

  std::shared_ptr<ScriptExchange> MakeExchange(Napi::Env env, uint32_t id,
                                               const Napi::Array& steps);

  std::shared_ptr<const io::Namespace> target_;
  std::shared_ptr<io::Channel> channel_;
  std::map<uint32_t, std::shared_ptr<ScriptExchange>> staged_;
};

}  // namespace macvlan_netlink::node
