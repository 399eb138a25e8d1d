// Recognises link messages that say nothing new. With every macvlan that is made or deleted the
// kernel also sends a message about the parent, mostly the same one again (net/core/dev.c,
// __netdev_upper_dev_link, by way of NETDEV_CHANGEUPPER and rtnetlink_event): half of all messages,
// which need not be decoded.
#pragma once

#include <list>

#include "wire/bytes.h"

namespace macvlan_netlink::rtnl {

// Remembers the last message about each of a few links, those with the latest messages.
class RepeatedLinks {
 public:
  // Whether the body of an RTM_NEWLINK says the same as the last one about that link, statistics
  // aside.
  bool Repeats(wire::ByteSpan body);
  // Remembers a body for which `Repeats` returned false.
  void Remember(wire::ByteSpan body);
  // The link has been removed.
  void Forget(int32_t index);
  void Clear() { known_.clear(); }

 private:
  struct Known {
    int32_t index;
    wire::Bytes content;
  };
  std::list<Known>::iterator Find(int32_t index);

  std::list<Known> known_;  // the latest first
};

}  // namespace macvlan_netlink::rtnl
