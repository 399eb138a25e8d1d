// Receives the kernel's messages about one link: a tap device itself does not report that its link
// is deleted, it only gets no more frames.
#pragma once

#include <functional>

#include "io/descriptor.h"
#include "io/reactor.h"
#include "io/status.h"

namespace macvlan_netlink::io {

// A socket in the calling thread's namespace that receives messages about the link with that index
// only. It keeps the namespace alive.
Status OpenTapWatch(int index, Descriptor& out);

// The MTU of a link in a socket's namespace, without the kernel's RTNL lock; -1 when there is no
// such link.
int LookUpMtu(int socket, int index);

// What a TapWatch reports, on the reactor's thread.
struct TapWatchHooks {
  std::function<void(int mtu)> on_mtu;
  // The link has been deleted or moved to another namespace (net/core/rtnetlink.c sends RTM_DELLINK
  // for both). The watch reports nothing more after that.
  std::function<void()> on_maybe_gone;
  // Messages were lost. There is a link with that index, but it may be another one by now.
  std::function<void()> on_lost;
};

class TapWatch : public Source {
 public:
  TapWatch(Reactor& reactor, Descriptor socket, int index, TapWatchHooks hooks);
  int fd() const { return socket_.get(); }
  void OnReady(uint32_t events) override;

 private:
  Reactor& reactor_;
  const Descriptor socket_;
  const int index_;
  const TapWatchHooks hooks_;
  // The reactor's thread only: messages were lost, and not all that is older has been read.
  bool has_lost_ = false;
};

// Ticks once a second from Begin on. For a link that has moved to another namespace, of which the
// kernel tells a number at most, so that no socket can be opened there. Its descriptor is taken
// while the tap is being opened: a tap that could get none later would never hear of its end.
class TapTimer : public Source {
 public:
  TapTimer(Reactor& reactor, std::function<void()> on_tick);
  // -1 with errno set when the kernel gave none.
  int fd() const { return timer_.get(); }
  void Begin() const;
  void OnReady(uint32_t events) override;

 private:
  Reactor& reactor_;
  const Descriptor timer_;
  const std::function<void()> on_tick_;
};

}  // namespace macvlan_netlink::io
