// Requests about a living link, against what `ip link set`, `del`, `property` and `show` send.
#include <linux/if_bridge.h>
#include <net/if.h>

#include "check.h"
#include "golden.h"

namespace macvlan_netlink::test {
namespace {

using rtnl::LinkRecord;
using rtnl::MacvlanData;

GoldenCase On(const char* link, const char* fixture, void (*change)(LinkRecord& record),
              const char* operation = "changeLink") {
  return {fixture, operation, [=](const Fixture& f) {
            LinkRecord record;
            record.index = static_cast<int32_t>(f.Index(link));
            change(record);
            return record;
          }};
}

GoldenCase Change(const char* fixture, void (*change)(LinkRecord& record)) {
  return On("c0", fixture, change);
}

GoldenCase Data(const char* fixture, void (*change)(MacvlanData& data),
                const char* kind = "macvlan", const char* link = "c0") {
  return {fixture, "changeLink", [=](const Fixture& f) {
            LinkRecord record;
            record.index = static_cast<int32_t>(f.Index(link));
            record.info.emplace().kind = kind;
            change(record.info->macvlan.emplace());
            return record;
          }};
}

GoldenCase Adapted(GoldenCase golden, void (*adapt)(wire::Bytes& message)) {
  golden.adapt = adapt;
  return golden;
}

GoldenCase Move(const char* fixture, void (*change)(LinkRecord& record)) {
  return {fixture, "changeLink", [=](const Fixture& f) {
            LinkRecord record;
            record.index = static_cast<int32_t>(f.Index("c0"));
            record.netns_fd = f.Descriptor("net1");
            change(record);
            return record;
          }};
}

void SetSources(MacvlanData& data, const std::vector<const char*>& macs) {
  data.mac_address_mode = MACVLAN_MACADDR_SET;
  data.mac_addresses.emplace();
  for (const char* mac : macs) data.mac_addresses->items.push_back(Mac(mac));
}

rtnl::AltNames AltNames(const std::vector<const char*>& names) {
  rtnl::AltNames list;
  for (const char* name : names) list.items.emplace_back(name);
  return list;
}

// ip names the kind in IFLA_INFO_KIND, as bridge_slave; this library says what replies say,
// IFLA_INFO_SLAVE_KIND bridge. In a request nobody reads either: the kind of the port's master
// decides (net/core/rtnetlink.c, rtnl_changelink, Linux 6.18).
void NamedBridge(wire::Bytes& message) {
  std::string text = ToHex(message);
  const std::string long_name =
      "2000120010000100"
      "6272696467655f736c617665";
  const std::string name =
      "1c0012000a000400"
      "627269646765"
      "0000";
  const size_t at = text.find(long_name);
  CHECK(at != std::string::npos);
  text.replace(at, long_name.size(), name);
  message = FromHex(text);
  message[0] = static_cast<uint8_t>(message.size());
}

// A lookup: ip's own family and mask, which say what the answer shall contain.
GoldenCase Read(const char* fixture, const char* operation, uint8_t family, uint32_t mask,
                void (*change)(LinkRecord& record, const Fixture& fixture)) {
  return {fixture, operation, [=](const Fixture& f) {
            LinkRecord record;
            record.family = family;
            record.ext_mask = mask;
            change(record, f);
            return record;
          }};
}

const std::vector<GoldenCase> kCases = {
    Data("set-macvlan-mode", [](MacvlanData& d) { d.mode = MACVLAN_MODE_PRIVATE; }),
    Data("set-macvlan-bcqueuelen", [](MacvlanData& d) { d.bc_queue_len = 20; }),
    Data("set-macvlan-nopromisc",
         [](MacvlanData& d) {
           d.mode = MACVLAN_MODE_PASSTHRU;
           d.flags = MACVLAN_FLAG_NOPROMISC;
         }),
    Data("set-macvlan-nodst",
         [](MacvlanData& d) {
           d.mode = MACVLAN_MODE_SOURCE;
           d.flags = MACVLAN_FLAG_NODST;
         }),
    Data("set-macvlan-source-macs",
         [](MacvlanData& d) {
           d.mode = MACVLAN_MODE_SOURCE;
           SetSources(d, {"02:00:00:00:09:03"});
         }),
    Data(
        "set-macvtap-mode", [](MacvlanData& d) { d.mode = MACVLAN_MODE_VEPA; }, "macvtap", "t0"),
    Data("macaddr-add",
         [](MacvlanData& d) {
           d.mac_address_mode = MACVLAN_MACADDR_ADD;
           d.mac_address = Mac("02:00:00:00:09:01");
         }),
    Data("macaddr-del",
         [](MacvlanData& d) {
           d.mac_address_mode = MACVLAN_MACADDR_DEL;
           d.mac_address = Mac("02:00:00:00:09:01");
         }),
    Data("macaddr-flush", [](MacvlanData& d) { d.mac_address_mode = MACVLAN_MACADDR_FLUSH; }),
    Data("macaddr-set",
         [](MacvlanData& d) { SetSources(d, {"02:00:00:00:09:01", "02:00:00:00:09:02"}); }),
    Data("macaddr-set-empty", [](MacvlanData& d) { SetSources(d, {}); }),
    Change("set-up", [](LinkRecord& r) { r.flags = r.change = IFF_UP; }),
    Change("set-down", [](LinkRecord& r) { r.change = IFF_UP; }),
    Change("set-promisc-on", [](LinkRecord& r) { r.flags = r.change = IFF_PROMISC; }),
    Change("set-promisc-off", [](LinkRecord& r) { r.change = IFF_PROMISC; }),
    Change("set-allmulticast-on", [](LinkRecord& r) { r.flags = r.change = IFF_ALLMULTI; }),
    Change("set-arp-off", [](LinkRecord& r) { r.flags = r.change = IFF_NOARP; }),
    Change("set-multicast-off", [](LinkRecord& r) { r.change = IFF_MULTICAST; }),
    Change("set-flags",
           [](LinkRecord& r) {
             r.flags = IFF_UP | IFF_PROMISC;
             r.change = IFF_UP | IFF_PROMISC | IFF_ALLMULTI | IFF_NOARP | IFF_MULTICAST;
           }),
    Change("set-mtu", [](LinkRecord& r) { r.mtu = 1400; }),
    Change("set-address", [](LinkRecord& r) { r.mac = Mac("02:00:00:00:01:02"); }),
    Change("set-name", [](LinkRecord& r) { r.name = "c9"; }),
    Change("set-alias", [](LinkRecord& r) { r.alias.emplace().text = "the first"; }),
    Change("set-alias-empty", [](LinkRecord& r) { r.alias.emplace(); }),
    Change("set-txqueuelen", [](LinkRecord& r) { r.tx_queue_len = 250; }),
    Change("set-group", [](LinkRecord& r) { r.group = 7; }),
    Change("set-many",
           [](LinkRecord& r) {
             r.flags = r.change = IFF_UP;
             r.mtu = 1400;
             r.mac = Mac("02:00:00:00:01:02");
             r.tx_queue_len = 250;
             r.alias.emplace().text = "first";
           }),
    {"set-master", "changeLink",
     [](const Fixture& f) {
       LinkRecord record;
       record.index = static_cast<int32_t>(f.Index("p0"));
       record.master = f.Index("br0");
       return record;
     }},
    On("p0", "set-nomaster", [](LinkRecord& r) { r.master = 0; }),
    Adapted(On("p0", "set-bridge-slave-hairpin",
               [](LinkRecord& r) {
                 r.info.emplace().slave_kind = "bridge";
                 r.info->bridge_port.emplace().hairpin = uint8_t{1};
               }),
            &NamedBridge),
    On("", "set-group-members-up",
       [](LinkRecord& r) {
         r.flags = r.change = IFF_UP;
         r.group = 7;
       }),
    On(
        "c0", "altname-add", [](LinkRecord& r) { r.alt_names = AltNames({"first", "second"}); },
        "addAltNames"),
    On(
        "c0", "altname-del", [](LinkRecord& r) { r.alt_names = AltNames({"first"}); },
        "removeAltNames"),
    Move("move-netns-fd", [](LinkRecord&) {}),
    Move("move-netns-name", [](LinkRecord& r) { r.name = "eth0"; }),
    Move("move-netns-index", [](LinkRecord& r) { r.new_ifindex = 99; }),
    On(
        "c0", "del-link", [](LinkRecord&) {}, "deleteLink"),
    On(
        "", "del-group", [](LinkRecord& r) { r.group = 7; }, "deleteLink"),
    Read("dump-links", "listLinks", AF_PACKET, RTEXT_FILTER_VF, [](LinkRecord&, const Fixture&) {}),
    Read("dump-links-kind", "listLinks", AF_PACKET, RTEXT_FILTER_VF,
         [](LinkRecord& r, const Fixture&) { r.info.emplace().kind = "macvlan"; }),
    Read("dump-links-master", "listLinks", AF_PACKET, RTEXT_FILTER_VF,
         [](LinkRecord& r, const Fixture& f) { r.master = f.Index("br0"); }),
    Read("get-link-name", "getLink", AF_PACKET, RTEXT_FILTER_VF,
         [](LinkRecord& r, const Fixture&) { r.name = "c0"; }),
    Read("get-link-altname", "getLink", AF_PACKET, RTEXT_FILTER_VF,
         [](LinkRecord& r, const Fixture&) { r.alt_name = "an-alternative-name"; }),
    Read("get-link-index", "getLink", AF_UNSPEC, RTEXT_FILTER_VF | RTEXT_FILTER_SKIP_STATS,
         [](LinkRecord& r, const Fixture& f) { r.index = static_cast<int32_t>(f.Index("p0")); }),
};

const std::vector<NotSent> kNotSent = {
    {"move-netns-pid", "a namespace is always a descriptor here"},
    {"set-bridge-hairpin",
     "RTM_SETLINK of AF_BRIDGE; set-bridge-slave-hairpin has the same effect and can travel "
     "with other changes"},
};

bool ChangesOrReads(const Fixture& fixture) {
  nlmsghdr header;
  if (!wire::ReadStruct(fixture.Request(), header)) return false;
  switch (header.nlmsg_type) {
    case RTM_NEWLINK:
      return (header.nlmsg_flags & NLM_F_CREATE) == 0;
    case RTM_DELLINK:
    case RTM_GETLINK:
    case RTM_SETLINK:
    case RTM_NEWLINKPROP:
    case RTM_DELLINKPROP:
      return true;
    default:
      return false;
  }
}

}  // namespace

TEST(change_and_read_requests_are_those_of_ip) { CheckGolden(kCases, kNotSent, &ChangesOrReads); }

}  // namespace macvlan_netlink::test
