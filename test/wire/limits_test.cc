// How many source addresses one request can carry.
#include "check.h"
#include "golden.h"

namespace macvlan_netlink::test {
namespace {

bool Encodes(size_t sources, bool with_mode) {
  rtnl::MacvlanData data;
  if (with_mode) data.mode = MACVLAN_MODE_SOURCE;
  data.mac_address_mode = MACVLAN_MACADDR_SET;
  data.mac_addresses.emplace().items.assign(sources, Mac("02:00:00:00:09:01"));
  rtnl::LinkRecord link;
  link.index = 4;
  link.info.emplace().kind = "macvlan";
  link.info->macvlan = data;
  wire::Bytes out;
  return rtnl::EncodeRequest(FindOperation("changeLink"), link, out);
}

// As long as the longest list that a reply can carry, with everything beside it that can be set.
bool EncodesLongestReadable() {
  rtnl::MacvlanData data;
  data.mode = MACVLAN_MODE_SOURCE;
  data.flags = MACVLAN_FLAG_NODST;
  data.mac_address_mode = MACVLAN_MACADDR_SET;
  data.mac_addresses.emplace().items.assign(5455, Mac("02:00:00:00:09:01"));
  data.bc_queue_len = 1000;
  data.bc_cutoff = 2;
  rtnl::LinkRecord link;
  link.parent = 3;
  link.info.emplace().kind = "macvlan";
  link.info->macvlan = data;
  wire::Bytes out;
  return rtnl::EncodeRequest(FindOperation("createLink"), link, out);
}

}  // namespace

// The list's own length would allow 5,460 of 12 bytes each, but IFLA_LINKINFO and IFLA_INFO_DATA
// around it have 16-bit lengths too, and hold the kind and other attributes beside it.
TEST(a_source_list_ends_where_the_nests_around_it_do) {
  CHECK(Encodes(5458, false));
  CHECK(!Encodes(5459, false));
  CHECK(Encodes(5457, true));
  CHECK(!Encodes(5458, true));
  CHECK(!Encodes(5461, false));
}

// Replies have the same limit a little earlier: with 5,456 sources the length of IFLA_LINKINFO
// wraps to 0, and other programs cannot read the link's kind any more (drivers/net/macvlan.c,
// macvlan_fill_info; seen on Linux 6.18 with iproute2). So 5,455 is as many as make sense.
TEST(as_many_sources_as_can_be_read_back_can_be_sent) { CHECK(EncodesLongestReadable()); }

}  // namespace macvlan_netlink::test
