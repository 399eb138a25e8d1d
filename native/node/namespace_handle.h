// A network namespace that JavaScript holds open, and the requests made in it.
#pragma once

#include "node/environment.h"

namespace macvlan_netlink::node {

class NamespaceHandle : public Napi::ObjectWrap<NamespaceHandle> {
 public:
  static Napi::Function Define(Napi::Env env);
  static Napi::Object Wrap(Environment& environment, io::Namespace opened);

  explicit NamespaceHandle(const Napi::CallbackInfo& info);

  // -1 once it is closed.
  int fd() const { return target_ ? target_->fd.get() : -1; }

 private:
  Napi::Value Fd(const Napi::CallbackInfo& info);
  Napi::Value Inode(const Napi::CallbackInfo& info);
  // submit(id, [operation, barrier, record, …]): settle(id, results) follows, exactly once.
  void Submit(const Napi::CallbackInfo& info);
  // withdraw(id): false when it has been sent.
  Napi::Value Withdraw(const Napi::CallbackInfo& info);
  // Gives the descriptor and the socket back once nothing is under way any more.
  void Close(const Napi::CallbackInfo& info);

  std::shared_ptr<const io::Namespace> target_;
  std::shared_ptr<io::Channel> channel_;
};

}  // namespace macvlan_netlink::node
