// The kernel's messages about changes in a namespace, read only as fast as JavaScript asks for
// them. The others wait in the socket's buffer, and the kernel reports when that overflows.
#pragma once

#include "io/reactor.h"
#include "io/socket.h"
#include "node/environment.h"

namespace macvlan_netlink::node {

class EventStream;

class Watcher : public Napi::ObjectWrap<Watcher> {
 public:
  static Napi::Function Define(Napi::Env env);
  // A Watcher, or a failure.
  static Napi::Value Open(Environment& environment, const io::Namespace& target,
                          const std::vector<uint32_t>& groups, int receive_buffer);

  explicit Watcher(const Napi::CallbackInfo& info);
  ~Watcher() override;

 private:
  // read(id, reading): settle(id, [overflow, [news, …]]) follows, without news when there was an
  // overflow, or settle(id, []) when it is closed meanwhile. One at a time.
  void Read(const Napi::CallbackInfo& info);
  // endWait(): a reading that waits becomes one that does not.
  void EndWait(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  std::shared_ptr<EventStream> stream_;
};

}  // namespace macvlan_netlink::node
