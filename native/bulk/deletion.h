// Deletes many links at about the price of one. The kernel waits some 17 ms at the end of each
// deletion, however many links it removes, so the links are put into a group that nobody uses and
// the group is deleted by one request.
#pragma once

#include "io/session.h"

namespace macvlan_netlink::bulk {

// Ends the steps whose links it has deleted or has found gone. The caller sends the rest as they
// are: what cannot be deleted by group, or all of it when the group's deletion was refused. Their
// links have their old group again.
void DeleteTogether(io::Session& session, const io::Window& deletions);

}  // namespace macvlan_netlink::bulk
