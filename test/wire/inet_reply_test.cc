// Decodes captured addresses and routes and compares them with what `ip -j -d` printed from the
// same bytes.
#include <sys/socket.h>

#include <algorithm>

#include "check.h"
#include "decode_replies.h"
#include "fixtures.h"
#include "rtnl/address.h"
#include "rtnl/operations.h"
#include "rtnl/route.h"
#include "wire/message.h"

namespace macvlan_netlink::test {
namespace {

using rtnl::AddressRecord;
using rtnl::RouteMetrics;
using rtnl::RouteRecord;

template <class Octets>
std::string TextOf(const std::optional<Octets>& address) {
  return address ? IpText(*address) : "";
}

std::string ScopeText(uint8_t scope) {
  switch (scope) {
    case RT_SCOPE_UNIVERSE:
      return "global";
    case RT_SCOPE_LINK:
      return "link";
    case RT_SCOPE_HOST:
      return "host";
    default:
      return std::to_string(scope);
  }
}

const std::pair<const char*, uint32_t> kAddressFlags[] = {
    {"nodad", IFA_F_NODAD},         {"deprecated", IFA_F_DEPRECATED},
    {"tentative", IFA_F_TENTATIVE}, {"noprefixroute", IFA_F_NOPREFIXROUTE},
    {"dadfailed", IFA_F_DADFAILED}, {"mngtmpaddr", IFA_F_MANAGETEMPADDR},
};

void CheckAddress(const AddressRecord& address, const Json& expect) {
  const Note note(expect["local"].Text());
  CHECK_EQ(address.family, expect["family"].Text() == "inet" ? AF_INET : AF_INET6);
  CHECK_EQ(address.prefix_length, expect["prefixlen"].Number());
  CHECK_EQ(ScopeText(address.scope), expect["scope"].Text());
  // IPv6 has IFA_LOCAL only where there is a peer; ip calls what there is "local".
  const std::string local = TextOf(address.local ? address.local : address.address);
  CHECK_EQ(local, expect["local"].Text());
  const std::string peer = expect.Has("address") ? expect["address"].Text() : local;
  CHECK_EQ(TextOf(address.address), peer);
  CHECK_EQ(TextOf(address.broadcast), expect["broadcast"].Text());
  CHECK_EQ(address.label.value_or(""), expect["label"].Text());
  CHECK_EQ(address.metric.value_or(0), expect["metric"].Number());
  CHECK(address.flags.has_value());
  for (const auto& [name, bit] : kAddressFlags) {
    const Note flag(name);
    CHECK_EQ((*address.flags & bit) != 0, expect.Has(name));
  }
  // What will not last ip calls dynamic.
  CHECK_EQ((*address.flags & IFA_F_PERMANENT) == 0, expect.Has("dynamic"));
  CHECK_EQ((*address.flags & IFA_F_SECONDARY) != 0, expect.Has("secondary"));
  CHECK(address.cache_info.has_value());
  CHECK_EQ(address.cache_info->value.ifa_valid, expect["valid_life_time"].Number());
  CHECK_EQ(address.cache_info->value.ifa_prefered, expect["preferred_life_time"].Number());
}

std::string TypeText(uint8_t type) {
  const char* const names[] = {"unspec",    "unicast",   "local",       "broadcast", "anycast",
                               "multicast", "blackhole", "unreachable", "prohibit"};
  return type < std::size(names) ? names[type] : std::to_string(type);
}

std::string ProtocolText(uint8_t protocol) {
  if (protocol == RTPROT_KERNEL) return "kernel";
  return protocol == RTPROT_BOOT ? "boot" : std::to_string(protocol);
}

std::string TableText(const RouteRecord& route) {
  const uint32_t table = route.table_id.value_or(route.table);
  if (table == RT_TABLE_MAIN) return "main";
  return table == RT_TABLE_LOCAL ? "local" : std::to_string(table);
}

// As ip prints it: without the length for a single host.
std::string DestinationText(const RouteRecord& route) {
  if (!route.destination) return "default";
  const int bits = route.destination->size * 8;
  const std::string text = IpText(*route.destination);
  if (route.destination_length == bits) return text;
  return text + "/" + std::to_string(route.destination_length);
}

std::string ViaText(const std::optional<wire::ViaAddress>& via) {
  if (!via) return "";
  // Two bytes of family in front of the address.
  wire::IpAddress address;
  address.Assign(via->Span().From(2));
  uint16_t family = 0;
  CHECK(wire::ReadStruct(via->Span(), family));
  return (family == AF_INET6 ? "inet6 " : "inet ") + IpText(address);
}

std::string ViaText(const Json& via) {
  return via.Has("host") ? via["family"].Text() + " " + via["host"].Text() : "";
}

void CheckNextHops(const Fixture& fixture, const RouteRecord& route, const Json& expect) {
  const size_t count = route.next_hops ? route.next_hops->items.size() : 0;
  CHECK_EQ(count, expect.Items().size());
  for (size_t i = 0; i < count && i < expect.Items().size(); ++i) {
    const rtnl::NextHop& hop = route.next_hops->items[i];
    const Json& expected = expect.Items()[i];
    CHECK_EQ(hop.index, fixture.Index(expected["dev"].Text()));
    CHECK_EQ(hop.hops + 1, expected["weight"].Number());
    CHECK_EQ(TextOf(hop.gateway), expected["gateway"].Text());
    CHECK_EQ(ViaText(hop.via), ViaText(expected["via"]));
  }
}

void CheckRoute(const Fixture& fixture, const RouteRecord& route, const Json& expect) {
  const Note note(expect["type"].Text() + " " + expect["dst"].Text());
  CHECK_EQ(TypeText(route.type), expect["type"].Text());
  CHECK_EQ(DestinationText(route), expect["dst"].Text());
  CHECK_EQ(ProtocolText(route.protocol), expect["protocol"].Text());
  CHECK_EQ(ScopeText(route.scope), expect["scope"].Text());
  CHECK_EQ(TableText(route), expect["table"].Text());
  CHECK_EQ(TextOf(route.gateway), expect["gateway"].Text());
  CHECK_EQ(ViaText(route.via), ViaText(expect["via"]));
  CHECK_EQ(TextOf(route.source), expect["prefsrc"].Text());
  CHECK_EQ(route.metric.value_or(0), expect["metric"].Number());
  CHECK_EQ(route.link.value_or(0), fixture.Index(expect["dev"].Text()));
  uint32_t mtu = 0;
  uint32_t advmss = 0;
  for (const Json& metric : expect["metrics"].Items()) {
    if (metric.Has("mtu")) mtu = static_cast<uint32_t>(metric["mtu"].Number());
    if (metric.Has("advmss")) advmss = static_cast<uint32_t>(metric["advmss"].Number());
  }
  const RouteMetrics metrics = route.metrics.value_or(RouteMetrics{});
  CHECK_EQ(metrics.mtu.value_or(0), mtu);
  CHECK_EQ(metrics.advmss.value_or(0), advmss);
  CheckNextHops(fixture, route, expect["nexthops"]);
}

}  // namespace

TEST(addresses_are_decoded_as_ip_reads_them) {
  const Fixture fixture = LoadFixture("replies", "addresses");
  const std::vector<AddressRecord> addresses = DecodeOf<AddressRecord>(fixture.Messages());
  size_t compared = 0;
  // ip groups them by link; of one link they stand in the order of the dump.
  for (const Json& link : fixture.json["expect"].Items()) {
    std::vector<AddressRecord> here;
    std::copy_if(addresses.begin(), addresses.end(), std::back_inserter(here),
                 [&](const AddressRecord& a) { return a.index == link["ifindex"].Number(); });
    const std::vector<Json>& expected = link["addr_info"].Items();
    CHECK_EQ(here.size(), expected.size());
    for (size_t i = 0; i < here.size() && i < expected.size(); ++i, ++compared) {
      CheckAddress(here[i], expected[i]);
    }
  }
  CHECK_EQ(compared, addresses.size());
  CHECK(compared >= 10);
}

TEST(routes_are_decoded_as_ip_reads_them) {
  for (const char* name : {"routes", "routes-v6"}) {
    const Fixture fixture = LoadFixture("replies", name);
    const Note note(name);
    const std::vector<RouteRecord> routes = DecodeOf<RouteRecord>(fixture.Messages());
    const std::vector<Json>& expected = fixture.json["expect"].Items();
    CHECK_EQ(routes.size(), expected.size());
    CHECK(routes.size() > 10);
    for (size_t i = 0; i < routes.size() && i < expected.size(); ++i) {
      CheckRoute(fixture, routes[i], expected[i]);
    }
  }
}

TEST(of_families_that_are_not_asked_for_only_those_of_ip_match) {
  const auto matches = [](uint8_t asked, uint8_t answered) {
    wire::Bytes request(NLMSG_HDRLEN + sizeof(rtgenmsg));
    request[NLMSG_HDRLEN] = asked;
    const ifaddrmsg answer{answered, 0, 0, 0, 0};
    return rtnl::MatchesRequest(request,
                                {reinterpret_cast<const uint8_t*>(&answer), sizeof(answer)});
  };
  constexpr uint8_t kMctp = 45;
  for (const uint8_t asked : {AF_UNSPEC, AF_INET, AF_INET6}) CHECK(matches(asked, asked));
  CHECK(matches(AF_UNSPEC, AF_INET));
  CHECK(matches(AF_UNSPEC, AF_INET6));
  CHECK(!matches(AF_UNSPEC, kMctp));
  CHECK(!matches(AF_INET6, AF_INET));
}

TEST(of_a_listing_of_links_only_those_behind_the_index_match) {
  const auto matches = [](int asked, int answered, uint16_t flags = NLM_F_DUMP) {
    nlmsghdr header{};
    header.nlmsg_type = RTM_GETLINK;
    header.nlmsg_flags = flags;
    ifinfomsg body{};
    body.ifi_index = asked;
    wire::Bytes request(NLMSG_HDRLEN + sizeof(body));
    std::memcpy(request.data(), &header, sizeof(header));
    std::memcpy(request.data() + NLMSG_HDRLEN, &body, sizeof(body));
    ifinfomsg answer{};
    answer.ifi_index = answered;
    return rtnl::MatchesRequest(request,
                                {reinterpret_cast<const uint8_t*>(&answer), sizeof(answer)});
  };
  CHECK(matches(0, 1));
  CHECK(matches(7, 8));
  CHECK(!matches(7, 7));
  CHECK(!matches(7, 6));
  CHECK(matches(7, 7, NLM_F_REQUEST));
}

TEST(events_carry_what_the_command_said) {
  for (const char* name : {"event-address-add", "event-address-del"}) {
    const Note note(name);
    const Fixture fixture = LoadFixture("replies", name);
    const std::vector<AddressRecord> addresses = DecodeOf<AddressRecord>(fixture.Messages());
    CHECK_EQ(addresses.size(), size_t{1});
    CHECK_EQ(TextOf(addresses.front().local), "52.1.1.151");
    CHECK_EQ(addresses.front().index, fixture.Index("c0"));
  }
  for (const char* name : {"event-route-add", "event-route-del"}) {
    const Note note(name);
    const Fixture fixture = LoadFixture("replies", name);
    const std::vector<RouteRecord> routes = DecodeOf<RouteRecord>(fixture.Messages());
    CHECK_EQ(routes.size(), size_t{1});
    CHECK_EQ(DestinationText(routes.front()), "10.9.0.0/16");
    CHECK_EQ(routes.front().link, std::optional<uint32_t>(fixture.Index("p0")));
  }
}

}  // namespace macvlan_netlink::test
