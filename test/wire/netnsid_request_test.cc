// The request for a namespace's id, against what `ip netns list` sends.
#include "check.h"
#include "golden.h"

namespace macvlan_netlink::test {
namespace {

const std::vector<GoldenCase> kCases = {
    {"get-netnsid", "getNetnsid",
     [](const Fixture& f) {
       rtnl::NetnsidRecord record;
       record.fd = f.Descriptor("net1");
       return record;
     }},
};

bool AboutIds(const Fixture& fixture) {
  nlmsghdr header;
  return wire::ReadStruct(fixture.Request(), header) && header.nlmsg_type == RTM_GETNSID;
}

}  // namespace

TEST(netnsid_requests_are_those_of_ip) { CheckGolden(kCases, {}, &AboutIds); }

}  // namespace macvlan_netlink::test
