// Reads a link as the kernel tells of it, whatever the length of its source list.
#pragma once

#include "rtnl/link.h"

namespace macvlan_netlink::rtnl {

// False when the body is too short to be a link's. `out` is one that says nothing.
bool ReadLink(wire::ByteSpan body, LinkRecord& out);
// The same body: whether the link is up.
bool IsUp(wire::ByteSpan body);

}  // namespace macvlan_netlink::rtnl
