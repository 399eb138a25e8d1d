// What links were told of last. The kernel tells of a parent with every macvlan that comes or goes,
// mostly in the same words (net/core/dev.c, __netdev_upper_dev_link, by way of
// NETDEV_CHANGEUPPER and rtnetlink_event): half of all messages, which nobody needs to look into.
#pragma once

#include <list>

#include "wire/bytes.h"

namespace macvlan_netlink::rtnl {

// Remembers the last words about a few links, those told of most lately.
class RepeatedLinks {
 public:
  // Whether the body of an RTM_NEWLINK says nothing but what was said last of that link, counters
  // aside.
  bool Repeats(wire::ByteSpan body);
  // The last words about a link that has been told of; what `Repeats` gave false for.
  void Remember(wire::ByteSpan body);
  // The link is no more.
  void Forget(int32_t index);
  void Clear() { known_.clear(); }

 private:
  struct Known {
    int32_t index;
    wire::Bytes words;
  };
  std::list<Known>::iterator Find(int32_t index);

  std::list<Known> known_;  // the latest first
};

}  // namespace macvlan_netlink::rtnl
