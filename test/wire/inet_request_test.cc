// Requests about addresses and routes, against what `ip addr` and `ip route` send.
#include "check.h"
#include "golden.h"

namespace macvlan_netlink::test {
namespace {

using rtnl::AddressRecord;
using rtnl::RouteRecord;

// `address` with its prefix length on c0. IPv4 takes the address in IFA_LOCAL and IFA_ADDRESS, and
// ip sends both for IPv6 too.
GoldenCase Address(const char* fixture, const char* operation, const char* address,
                   uint8_t prefix_length, void (*change)(AddressRecord& record) = nullptr) {
  return {fixture, operation, [=](const Fixture& f) {
            AddressRecord record;
            record.local = record.address = Ip(address);
            record.family = record.local->size == 4 ? AF_INET : AF_INET6;
            record.prefix_length = prefix_length;
            record.index = f.Index("c0");
            if (change != nullptr) change(record);
            return record;
          }};
}

GoldenCase V4(const char* fixture, void (*change)(AddressRecord& record) = nullptr) {
  return Address(fixture, "addAddress", "52.1.1.151", 24, change);
}
GoldenCase V6(const char* fixture, void (*change)(AddressRecord& record) = nullptr) {
  return Address(fixture, "addAddress", "fd00::1", 64, change);
}

void Lifetimes(AddressRecord& record, uint32_t preferred, uint32_t valid) {
  ifa_cacheinfo& info = record.cache_info.emplace().value;
  info.ifa_prefered = preferred;
  info.ifa_valid = valid;
}

// Flags that fit a byte travel in ifaddrmsg with ip and always in IFA_FLAGS here. The kernel takes
// IFA_FLAGS where there is one and the header's byte otherwise (net/ipv6/addrconf.c,
// inet6_rtm_newaddr, Linux 6.18), so this form means the same.
void FlagsAsAttribute(wire::Bytes& message) {
  uint8_t& byte = message[NLMSG_HDRLEN + offsetof(ifaddrmsg, ifa_flags)];
  const uint8_t attribute[] = {8, 0, IFA_FLAGS, 0, byte, 0, 0, 0};
  byte = 0;
  message.insert(message.end(), attribute, attribute + sizeof(attribute));
  message[0] = static_cast<uint8_t>(message.size());
}

GoldenCase Adapted(GoldenCase golden, void (*adapt)(wire::Bytes& message)) {
  golden.adapt = adapt;
  return golden;
}

constexpr uint32_t kForever = 0xffffffff;

const std::vector<GoldenCase> kAddresses = {
    V4("addr-add-v4"),
    V4("addr-add-v4-broadcast", [](AddressRecord& r) { r.broadcast = Ip("52.1.1.255"); }),
    V4("addr-add-v4-label", [](AddressRecord& r) { r.label = "c0:one"; }),
    Address("addr-add-v4-peer", "addAddress", "10.0.0.1", 32,
            [](AddressRecord& r) { r.address = Ip("10.0.0.2"); }),
    Address("addr-add-v4-scope", "addAddress", "169.254.1.1", 16,
            [](AddressRecord& r) { r.scope = RT_SCOPE_LINK; }),
    V4("addr-add-v4-metric", [](AddressRecord& r) { r.metric = 50; }),
    V4("addr-add-v4-lifetimes", [](AddressRecord& r) { Lifetimes(r, 1800, 3600); }),
    V4("addr-add-v4-valid", [](AddressRecord& r) { Lifetimes(r, 3600, 3600); }),
    V4("addr-add-v4-preferred-zero", [](AddressRecord& r) { Lifetimes(r, 0, kForever); }),
    V4("addr-add-v4-noprefixroute", [](AddressRecord& r) { r.flags = IFA_F_NOPREFIXROUTE; }),
    V4("addr-add-v4-everything",
       [](AddressRecord& r) {
         r.address = Ip("52.1.1.1");
         r.broadcast = Ip("52.1.1.255");
         r.label = "c0:one";
         r.scope = RT_SCOPE_LINK;
         r.flags = IFA_F_NOPREFIXROUTE;
         r.metric = 50;
         Lifetimes(r, 1800, 3600);
       }),
    Address("addr-replace-v4", "replaceAddress", "52.1.1.151", 24),
    Address("addr-del-v4", "removeAddress", "52.1.1.151", 24),
    V6("addr-add-v6"),
    Adapted(V6("addr-add-v6-nodad", [](AddressRecord& r) { r.flags = IFA_F_NODAD; }),
            &FlagsAsAttribute),
    V6("addr-add-v6-noprefixroute", [](AddressRecord& r) { r.flags = IFA_F_NOPREFIXROUTE; }),
    V6("addr-add-v6-flags",
       [](AddressRecord& r) {
         r.flags = IFA_F_NODAD | IFA_F_NOPREFIXROUTE | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR;
       }),
    V6("addr-add-v6-lifetimes", [](AddressRecord& r) { Lifetimes(r, 1800, 3600); }),
    Address("addr-add-v6-peer", "addAddress", "fd00::1", 128,
            [](AddressRecord& r) { r.address = Ip("fd00::2"); }),
    Address("addr-replace-v6", "replaceAddress", "fd00::1", 64),
    Address("addr-del-v6", "removeAddress", "fd00::1", 64),
    {"dump-addresses", "listAddresses", [](const Fixture&) { return AddressRecord{}; }},
    {"dump-addresses-v4", "listAddresses",
     [](const Fixture&) {
       AddressRecord record;
       record.family = AF_INET;
       return record;
     }},
    {"dump-addresses-v6-dev", "listAddresses",
     [](const Fixture& f) {
       AddressRecord record;
       record.family = AF_INET6;
       record.index = f.Index("c0");
       return record;
     }},
};

bool AboutAddresses(const Fixture& fixture) {
  nlmsghdr header;
  return wire::ReadStruct(fixture.Request(), header) && header.nlmsg_type >= RTM_NEWADDR &&
         header.nlmsg_type <= RTM_GETADDR;
}

// `to` over c0 where `change` does not say otherwise, with what ip puts into rtmsg.
GoldenCase Route(const char* fixture, const char* operation, uint8_t family, const char* to,
                 uint8_t length, void (*change)(RouteRecord& record) = nullptr) {
  return {fixture, operation, [=](const Fixture& f) {
            RouteRecord record;
            record.family = family;
            record.destination_length = length;
            if (to != nullptr) record.destination = Ip(to);
            record.link = f.Index("c0");
            record.table = RT_TABLE_MAIN;
            if (FindOperation(operation).type == RTM_NEWROUTE) {
              record.protocol = RTPROT_BOOT;
              record.type = RTN_UNICAST;
              record.scope = family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
            } else {
              record.scope = family == AF_INET ? RT_SCOPE_NOWHERE : RT_SCOPE_UNIVERSE;
            }
            if (change != nullptr) change(record);
            return record;
          }};
}

GoldenCase Net(const char* fixture, void (*change)(RouteRecord& record) = nullptr) {
  return Route(fixture, "addRoute", AF_INET, "10.9.0.0", 16, change);
}

void Via(RouteRecord& record, const char* gateway) {
  record.gateway = Ip(gateway);
  record.scope = RT_SCOPE_UNIVERSE;
}

void Hops(RouteRecord& record) {
  const int32_t link = static_cast<int32_t>(*record.link);
  record.link.reset();
  if (record.scope != RT_SCOPE_NOWHERE) record.scope = RT_SCOPE_UNIVERSE;
  record.next_hops.emplace().items = {{link, 0, 2, Ip("52.1.1.1"), {}},
                                      {link, 0, 0, Ip("52.1.1.2"), {}}};
}

GoldenCase RouteDump(const char* fixture, uint8_t family, uint32_t table, const char* link) {
  return {fixture, "listRoutes", [=](const Fixture& f) {
            RouteRecord record;
            record.family = family;
            if (table != RT_TABLE_UNSPEC) record.table_id = table;
            if (link != nullptr) record.link = f.Index(link);
            return record;
          }};
}

const std::vector<GoldenCase> kRoutes = {
    Route("route-add-default-via", "addRoute", AF_INET, nullptr, 0,
          [](RouteRecord& r) {
            Via(r, "52.1.1.1");
            r.link.reset();
          }),
    Route("route-add-default-via-dev", "addRoute", AF_INET, nullptr, 0,
          [](RouteRecord& r) { Via(r, "52.1.1.1"); }),
    Route("route-add-default-dev", "addRoute", AF_INET, nullptr, 0),
    Net("route-add-dev"),
    Net("route-add-via-metric",
        [](RouteRecord& r) {
          Via(r, "52.1.1.1");
          r.link.reset();
          r.metric = 50;
        }),
    Net("route-add-table", [](RouteRecord& r) { r.table = 100; }),
    Net("route-add-table-large",
        [](RouteRecord& r) {
          r.table = RT_TABLE_UNSPEC;
          r.table_id = 1000;
        }),
    Net("route-add-source", [](RouteRecord& r) { r.source = Ip("52.1.1.151"); }),
    Net("route-add-scope", [](RouteRecord& r) { r.scope = RT_SCOPE_UNIVERSE; }),
    Net("route-add-everything",
        [](RouteRecord& r) {
          Via(r, "52.1.1.1");
          r.table = 100;
          r.metric = 50;
          r.source = Ip("52.1.1.151");
        }),
    Net("route-add-tos", [](RouteRecord& r) { r.tos = 0x10; }),
    Net("route-add-multipath", &Hops),
    Route("route-del-multipath", "removeRoute", AF_INET, "10.9.0.0", 16, &Hops),
    Route("route-add-v6-from", "addRoute", AF_INET6, "fd09::", 48,
          [](RouteRecord& r) {
            r.from = Ip("fd0a::");
            r.source_length = 64;
          }),
    Net("route-add-nexthop",
        [](RouteRecord& r) {
          r.link.reset();
          r.scope = RT_SCOPE_UNIVERSE;
          r.nexthop_id = 5;
        }),
    Route("route-append", "appendRoute", AF_INET, "10.9.0.0", 16),
    Route("route-replace", "replaceRoute", AF_INET, "10.9.0.0", 16),
    Route("route-add-v6-default-via", "addRoute", AF_INET6, "::", 0,
          [](RouteRecord& r) {
            Via(r, "fd00::ff");
            r.link.reset();
          }),
    Route("route-add-v6-default-via-dev", "addRoute", AF_INET6, "::", 0,
          [](RouteRecord& r) { Via(r, "fe80::1"); }),
    Route("route-add-v6-dev", "addRoute", AF_INET6, "fd09::", 48),
    Route("route-add-v6-everything", "addRoute", AF_INET6, "fd09::", 48,
          [](RouteRecord& r) {
            Via(r, "fd00::ff");
            r.table = 100;
            r.metric = 50;
            r.source = Ip("fd00::1");
          }),
    Route("route-del-default", "removeRoute", AF_INET, nullptr, 0,
          [](RouteRecord& r) { r.link.reset(); }),
    Route("route-del-dev", "removeRoute", AF_INET, "10.9.0.0", 16),
    Route("route-del-table", "removeRoute", AF_INET, "10.9.0.0", 16,
          [](RouteRecord& r) {
            r.table = RT_TABLE_UNSPEC;
            r.table_id = 1000;
            r.metric = 50;
          }),
    Route("route-del-v6", "removeRoute", AF_INET6, "fd09::", 48),
    RouteDump("dump-routes", AF_INET, RT_TABLE_MAIN, nullptr),
    RouteDump("dump-routes-table-all", AF_UNSPEC, RT_TABLE_UNSPEC, nullptr),
    RouteDump("dump-routes-v6-table", AF_INET6, 100, nullptr),
    RouteDump("dump-routes-dev", AF_INET, RT_TABLE_MAIN, "c0"),
};

bool AboutRoutes(const Fixture& fixture) {
  nlmsghdr header;
  return wire::ReadStruct(fixture.Request(), header) && header.nlmsg_type >= RTM_NEWROUTE &&
         header.nlmsg_type <= RTM_GETROUTE;
}

}  // namespace

TEST(address_requests_are_those_of_ip) { CheckGolden(kAddresses, {}, &AboutAddresses); }
TEST(route_requests_are_those_of_ip) { CheckGolden(kRoutes, {}, &AboutRoutes); }

}  // namespace macvlan_netlink::test
