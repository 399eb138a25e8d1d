// Deletes many links at about the price of one. The kernel waits some 17 ms at the end of each
// deletion, however many links it takes away, so the links are tagged with a group that nobody uses
// and the group is deleted at once.
#pragma once

#include "io/session.h"

namespace macvlan_netlink::bulk {

// Ends the steps whose links it has deleted, or has found gone. What cannot be deleted by group,
// and everything when the group as a whole was refused, is left for the caller to send as it is,
// its group put back.
void DeleteTogether(io::Session& session, const io::Window& deletions);

}  // namespace macvlan_netlink::bulk
