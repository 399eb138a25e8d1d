// RTM_NEWLINK with NLM_F_CREATE, against what `ip link add` sends.
#include <linux/if_ether.h>
#include <net/if.h>

#include "check.h"
#include "golden.h"

namespace macvlan_netlink::test {
namespace {

using rtnl::LinkRecord;
using rtnl::MacvlanData;

LinkRecord OfKind(const char* kind) {
  LinkRecord link;
  link.info.emplace().kind = kind;
  return link;
}

LinkRecord OnParent(const Fixture& fixture, const char* kind, const char* name) {
  LinkRecord link = OfKind(kind);
  link.parent = fixture.Index("p0");
  if (name != nullptr) link.name = name;
  return link;
}

// The link of most commands: c0 on p0, its data filled in by `fill`.
template <class Fill>
LinkRecord Macvlan(const Fixture& fixture, Fill&& fill) {
  LinkRecord link = OnParent(fixture, "macvlan", "c0");
  fill(link.info->macvlan.emplace());
  return link;
}

LinkRecord Bridge(const Fixture& fixture) {
  return Macvlan(fixture, [](MacvlanData& data) { data.mode = MACVLAN_MODE_BRIDGE; });
}

void SetSources(MacvlanData& data, const std::vector<const char*>& macs) {
  data.mac_address_mode = MACVLAN_MACADDR_SET;
  data.mac_addresses.emplace();
  for (const char* mac : macs) data.mac_addresses->items.push_back(Mac(mac));
}

// A case in bridge mode, with more about the link itself.
GoldenCase BridgeWith(const char* fixture, void (*change)(LinkRecord& link)) {
  return {fixture, "createLink", [change](const Fixture& f) {
            LinkRecord link = Bridge(f);
            change(link);
            return link;
          }};
}

GoldenCase WithData(const char* fixture, void (*fill)(MacvlanData& data)) {
  return {fixture, "createLink", [fill](const Fixture& f) { return Macvlan(f, fill); }};
}

GoldenCase Plain(const char* fixture, rtnl::Record (*record)(const Fixture& fixture)) {
  return {fixture, "createLink", record};
}

const std::vector<GoldenCase> kCases = {
    WithData("macvlan-private", [](MacvlanData& d) { d.mode = MACVLAN_MODE_PRIVATE; }),
    WithData("macvlan-vepa", [](MacvlanData& d) { d.mode = MACVLAN_MODE_VEPA; }),
    WithData("macvlan-bridge", [](MacvlanData& d) { d.mode = MACVLAN_MODE_BRIDGE; }),
    {"macvlan-echo", "createEchoedLink", &Bridge},
    WithData("macvlan-passthru", [](MacvlanData& d) { d.mode = MACVLAN_MODE_PASSTHRU; }),
    WithData("macvlan-passthru-nopromisc",
             [](MacvlanData& d) {
               d.mode = MACVLAN_MODE_PASSTHRU;
               d.flags = MACVLAN_FLAG_NOPROMISC;
             }),
    WithData("macvlan-source", [](MacvlanData& d) { d.mode = MACVLAN_MODE_SOURCE; }),
    WithData("macvlan-source-macs",
             [](MacvlanData& d) {
               d.mode = MACVLAN_MODE_SOURCE;
               SetSources(d, {"02:00:00:00:09:01", "02:00:00:00:09:02"});
             }),
    WithData("macvlan-source-nodst",
             [](MacvlanData& d) {
               d.mode = MACVLAN_MODE_SOURCE;
               d.flags = MACVLAN_FLAG_NODST;
             }),
    WithData("macvlan-source-nodst-macs",
             [](MacvlanData& d) {
               d.mode = MACVLAN_MODE_SOURCE;
               d.flags = MACVLAN_FLAG_NODST;
               SetSources(d, {"02:00:00:00:09:01"});
             }),
    WithData("macvlan-bcqueuelen",
             [](MacvlanData& d) {
               d.mode = MACVLAN_MODE_BRIDGE;
               d.bc_queue_len = 5000;
             }),
    Plain("macvlan-default",
          [](const Fixture& f) -> rtnl::Record { return OnParent(f, "macvlan", "c0"); }),
    BridgeWith("macvlan-unnamed", [](LinkRecord& link) { link.name.reset(); }),
    BridgeWith("macvlan-address", [](LinkRecord& link) { link.mac = Mac("02:00:00:00:01:01"); }),
    BridgeWith("macvlan-mtu", [](LinkRecord& link) { link.mtu = 1400; }),
    BridgeWith("macvlan-index", [](LinkRecord& link) { link.index = 77; }),
    BridgeWith("macvlan-txqueuelen", [](LinkRecord& link) { link.tx_queue_len = 250; }),
    BridgeWith("macvlan-queues",
               [](LinkRecord& link) {
                 link.num_tx_queues = 4;
                 link.num_rx_queues = 2;
               }),
    BridgeWith("macvlan-group", [](LinkRecord& link) { link.group = 7; }),
    BridgeWith("macvlan-up", [](LinkRecord& link) { link.flags = link.change = IFF_UP; }),
    BridgeWith("macvlan-promisc",
               [](LinkRecord& link) { link.flags = link.change = IFF_UP | IFF_PROMISC; }),
    BridgeWith("macvlan-allmulticast",
               [](LinkRecord& link) { link.flags = link.change = IFF_ALLMULTI; }),
    Plain("macvlan-everything",
          [](const Fixture& f) -> rtnl::Record {
            LinkRecord link = Macvlan(f, [](MacvlanData& d) {
              d.mode = MACVLAN_MODE_SOURCE;
              d.flags = MACVLAN_FLAG_NODST;
              d.bc_queue_len = 5000;
              SetSources(d, {"02:00:00:00:09:01", "02:00:00:00:09:02"});
            });
            link.index = 77;
            link.flags = link.change = IFF_UP;
            link.mac = Mac("02:00:00:00:01:01");
            link.mtu = 1400;
            link.tx_queue_len = 250;
            link.num_tx_queues = 4;
            link.num_rx_queues = 2;
            link.group = 7;
            return link;
          }),
    Plain("macvlan-netns-fd",
          [](const Fixture& f) -> rtnl::Record {
            LinkRecord link = Bridge(f);
            link.netns_fd = f.Descriptor("net1");
            return link;
          }),
    Plain("macvtap-bridge",
          [](const Fixture& f) -> rtnl::Record {
            LinkRecord link = OnParent(f, "macvtap", "t0");
            link.info->macvlan.emplace().mode = MACVLAN_MODE_BRIDGE;
            return link;
          }),
    Plain("macvtap-default",
          [](const Fixture& f) -> rtnl::Record { return OnParent(f, "macvtap", nullptr); }),
    Plain("macvtap-source-macs",
          [](const Fixture& f) -> rtnl::Record {
            LinkRecord link = OnParent(f, "macvtap", "t0");
            link.info->macvlan.emplace().mode = MACVLAN_MODE_SOURCE;
            SetSources(*link.info->macvlan, {"02:00:00:00:09:01"});
            return link;
          }),
    Plain("veth",
          [](const Fixture&) -> rtnl::Record {
            LinkRecord link = OfKind("veth");
            link.name = "v0";
            link.info->veth.emplace().peer.emplace().one.emplace_back().name = "v1";
            return link;
          }),
    Plain("veth-unnamed", [](const Fixture&) -> rtnl::Record { return OfKind("veth"); }),
    Plain("veth-peer-netns",
          [](const Fixture& f) -> rtnl::Record {
            LinkRecord link = OfKind("veth");
            link.name = "v0";
            link.mac = Mac("02:00:00:00:03:01");
            link.mtu = 1400;
            link.flags = link.change = IFF_UP;
            LinkRecord& peer = link.info->veth.emplace().peer.emplace().one.emplace_back();
            peer.name = "v1";
            peer.mac = Mac("02:00:00:00:03:02");
            peer.netns_fd = f.Descriptor("net1");
            return link;
          }),
    Plain("bridge",
          [](const Fixture&) -> rtnl::Record {
            LinkRecord link = OfKind("bridge");
            link.name = "br0";
            return link;
          }),
    Plain("bridge-address-up",
          [](const Fixture&) -> rtnl::Record {
            LinkRecord link = OfKind("bridge");
            link.name = "br0";
            link.mac = Mac("02:00:00:00:02:01");
            link.flags = link.change = IFF_UP;
            return link;
          }),
    Plain("dummy",
          [](const Fixture&) -> rtnl::Record {
            LinkRecord link = OfKind("dummy");
            link.name = "d0";
            return link;
          }),
    Plain("vlan",
          [](const Fixture& f) -> rtnl::Record {
            LinkRecord link = OnParent(f, "vlan", "p0.5");
            link.info->vlan.emplace().id = 5;
            return link;
          }),
    Plain("vlan-8021ad",
          [](const Fixture& f) -> rtnl::Record {
            LinkRecord link = OnParent(f, "vlan", "p0.5");
            link.info->vlan.emplace().id = 4094;
            link.info->vlan->protocol = wire::BigEndian16{ETH_P_8021AD};
            return link;
          }),
};

const std::vector<NotSent> kNotSent = {
    {"macvlan-netns-pid",
     "a namespace is always a descriptor here, so that a process id that was "
     "given to another process meanwhile cannot be meant"},
};

bool Creates(const Fixture& fixture) {
  nlmsghdr header;
  return wire::ReadStruct(fixture.Request(), header) && header.nlmsg_type == RTM_NEWLINK &&
         (header.nlmsg_flags & NLM_F_CREATE) != 0;
}

}  // namespace

TEST(create_requests_are_those_of_ip) { CheckGolden(kCases, kNotSent, &Creates); }

}  // namespace macvlan_netlink::test
