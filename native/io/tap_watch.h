// What happens to one link, heard from the kernel: a tap device itself falls silent when its link
// is deleted, and nothing more.
#pragma once

#include <functional>

#include "io/descriptor.h"
#include "io/namespace.h"
#include "io/reactor.h"

namespace macvlan_netlink::io {

// A socket in the calling thread's namespace that hears of the link with that index alone. It keeps
// the namespace alive.
Status OpenTapWatch(int index, Descriptor& out);

// The MTU of a link in a socket's namespace, without the kernel's RTNL lock; -1 when there is no
// such link.
int LookUpMtu(int socket, int index);

// What a TapWatch tells, on the reactor's thread.
struct TapWatchHooks {
  std::function<void(int mtu)> on_mtu;
  // The link is not there any more: deleted, or moved to another namespace (net/core/rtnetlink.c
  // tells both with RTM_DELLINK). Nothing more is heard then.
  std::function<void()> on_doubt;
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
};

// Doubt once a second from Begin on, where no socket tells: for a link that has moved to a
// namespace that is known by its number there at most. Its descriptor is taken while its tap is
// being opened, because a tap that found none to be had later would never hear of its end.
class TapClock : public Source {
 public:
  TapClock(Reactor& reactor, std::function<void()> on_doubt);
  // -1 with errno set when the kernel gave none.
  int fd() const { return timer_.get(); }
  void Begin() const;
  void OnReady(uint32_t events) override;

 private:
  Reactor& reactor_;
  const Descriptor timer_;
  const std::function<void()> on_doubt_;
};

}  // namespace macvlan_netlink::io
