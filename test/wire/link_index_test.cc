// A link's name that is looked up on the way, and its index in the requests that are about it.
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "check.h"
#include "golden.h"

namespace macvlan_netlink::test {
namespace {

constexpr int32_t kIndex = 0x01020304;

using MakeRecord = rtnl::Record (*)(int32_t index);

// A request about a link of which nobody knows the index yet, once it is there, is the same as one
// that was made with it.
void CheckSetLink(const char* operation_name, MakeRecord make) {
  const rtnl::Operation& operation = FindOperation(operation_name);
  wire::Bytes request = Encode(operation, make(0));
  CHECK(request != Encode(operation, make(kIndex)));
  rtnl::SetLink(request, kIndex);
  CHECK_EQ(request, Encode(operation, make(kIndex)));
}

rtnl::Record NewLink(int32_t parent) {
  rtnl::LinkRecord record;
  record.index = 77;
  record.name = "mv0";
  record.info.emplace().kind = "macvlan";
  record.parent = static_cast<uint32_t>(parent);
  record.mtu = 0;
  return record;
}

rtnl::Record ChangedLink(int32_t index) {
  rtnl::LinkRecord record;
  record.index = index;
  record.master = 0;
  return record;
}

rtnl::Record NamedLink(int32_t index) {
  rtnl::LinkRecord record;
  record.index = index;
  record.alt_names.emplace().items = {"first", "second"};
  return record;
}

rtnl::Record Address(int32_t index) {
  rtnl::AddressRecord record;
  record.family = AF_INET;
  record.index = static_cast<uint32_t>(index);
  return record;
}

rtnl::Record Neighbour(int32_t index) {
  rtnl::NeighbourRecord record;
  record.family = AF_INET;
  record.index = index;
  return record;
}

rtnl::Record Route(int32_t link) {
  rtnl::RouteRecord record;
  record.family = AF_INET;
  record.link = static_cast<uint32_t>(link);
  record.metric = 0;
  return record;
}

}  // namespace

TEST(an_index_is_asked_for_as_a_link_is) {
  rtnl::LinkRecord link;
  rtnl::LinkIndexRecord index;
  link.ext_mask = index.ext_mask = RTEXT_FILTER_SKIP_STATS;
  link.name = index.name = "p0";
  CHECK_EQ(Encode(FindOperation("getLinkIndex"), index), Encode(FindOperation("getLink"), link));
  link.name = index.name = std::nullopt;
  link.alt_name = index.alt_name = "an-alternative-name";
  CHECK_EQ(Encode(FindOperation("getLinkIndex"), index), Encode(FindOperation("getLink"), link));
}

TEST(an_index_is_written_where_each_request_has_it) {
  CheckSetLink("createLink", &NewLink);
  CheckSetLink("createEchoedLink", &NewLink);
  CheckSetLink("changeLink", &ChangedLink);
  CheckSetLink("addAltNames", &NamedLink);
  CheckSetLink("addAddress", &Address);
  CheckSetLink("removeAddress", &Address);
  CheckSetLink("addNeighbour", &Neighbour);
  CheckSetLink("removeNeighbour", &Neighbour);
  CheckSetLink("addRoute", &Route);
  CheckSetLink("replaceRoute", &Route);
  CheckSetLink("removeRoute", &Route);
}

TEST(a_link_that_a_route_has_already_stays) {
  wire::Bytes request = Encode(FindOperation("removeRoute"), Route(1));
  rtnl::SetLink(request, kIndex);
  CHECK_EQ(request, Encode(FindOperation("removeRoute"), Route(1)));
}

}  // namespace macvlan_netlink::test
