// Decodes captured links and compares every field with what `ip -j -d` printed from the same bytes.
#include <net/if.h>
#include <net/if_arp.h>

#include <algorithm>

#include "check.h"
#include "fixtures.h"
#include "rtnl/read_link.h"
#include "wire/message.h"

namespace macvlan_netlink::test {
namespace {

using rtnl::LinkRecord;
using rtnl::MacvlanData;

bool DecodeLink(const wire::Bytes& bytes, LinkRecord& link, uint16_t* type = nullptr) {
  wire::MessageReader reader(bytes);
  wire::Message message;
  if (!reader.Next(message) || message.header.nlmsg_type == NLMSG_DONE) return false;
  if (type != nullptr) *type = message.header.nlmsg_type;
  return rtnl::ReadLink(message.payload, link);
}

template <class Octets>
std::string TextOf(const std::optional<Octets>& address) {
  return address ? MacText(*address) : "absent";
}

std::optional<uint32_t> NumberOf(const Json& json, std::string_view key) {
  if (!json.Has(key)) return std::nullopt;
  return static_cast<uint32_t>(json[key].Number());
}

const std::pair<const char*, uint32_t> kFlagNames[] = {
    {"UP", IFF_UP},         {"BROADCAST", IFF_BROADCAST},     {"LOOPBACK", IFF_LOOPBACK},
    {"NOARP", IFF_NOARP},   {"PROMISC", IFF_PROMISC},         {"ALLMULTI", IFF_ALLMULTI},
    {"MASTER", IFF_MASTER}, {"MULTICAST", IFF_MULTICAST},     {"LOWER_UP", 1u << 16},
    {"DORMANT", 1u << 17},  {"POINTOPOINT", IFF_POINTOPOINT}, {"SLAVE", IFF_SLAVE},
};

void CheckFlags(const LinkRecord& link, const Json& expect) {
  const std::vector<std::string> names = expect["flags"].Texts();
  for (const auto& [name, bit] : kFlagNames) {
    const Note note(name);
    const bool expected = std::find(names.begin(), names.end(), name) != names.end();
    CHECK_EQ((link.flags & bit) != 0, expected);
  }
}

// ip's words for IF_OPER_*, in their order (Documentation/networking/operstates.rst).
const char* const kOperStates[] = {"UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN",
                                   "TESTING", "DORMANT",    "UP"};

const std::pair<const char*, uint32_t> kModes[] = {
    {"private", MACVLAN_MODE_PRIVATE}, {"vepa", MACVLAN_MODE_VEPA},
    {"bridge", MACVLAN_MODE_BRIDGE},   {"passthru", MACVLAN_MODE_PASSTHRU},
    {"source", MACVLAN_MODE_SOURCE},
};

void CheckMacvlan(const MacvlanData& data, const Json& expect) {
  const auto mode = std::find_if(std::begin(kModes), std::end(kModes), [&](const auto& entry) {
    return expect["mode"].Text() == entry.first;
  });
  CHECK(mode != std::end(kModes));
  if (mode != std::end(kModes)) CHECK_EQ(data.mode, std::optional<uint32_t>(mode->second));
  const uint16_t flags = (expect.Has("nopromisc") ? MACVLAN_FLAG_NOPROMISC : 0) |
                         (expect.Has("nodst") ? MACVLAN_FLAG_NODST : 0);
  CHECK_EQ(data.flags, std::optional<uint16_t>(flags));
  CHECK_EQ(data.bc_queue_len, NumberOf(expect, "bcqueuelen"));
  CHECK_EQ(data.bc_queue_len_used, NumberOf(expect, "usedbcqueuelen"));
  // Left out of replies while it has its default.
  CHECK(!data.bc_cutoff);
  CHECK(!data.mac_address_mode && !data.mac_address);
  std::vector<std::string> sources;
  if (data.mac_addresses) {
    for (const wire::HardwareAddress& mac : data.mac_addresses->items) {
      sources.push_back(MacText(mac));
    }
  }
  CHECK_EQ(sources, expect["macaddr_data"].Texts());
}

void CheckInfo(const LinkRecord& link, const Json& expect) {
  if (!expect.Has("info_kind")) {
    CHECK(!link.info || !link.info->kind);
    return;
  }
  CHECK(link.info.has_value());
  if (!link.info) return;
  const std::string& kind = expect["info_kind"].Text();
  CHECK_EQ(link.info->kind, std::optional<std::string>(kind));
  const bool macvlan = kind == "macvlan" || kind == "macvtap";
  CHECK_EQ(link.info->macvlan.has_value(), macvlan);
  if (link.info->macvlan) CheckMacvlan(*link.info->macvlan, expect["info_data"]);

  CHECK_EQ(link.info->slave_kind.has_value(), expect.Has("info_slave_kind"));
  CHECK_EQ(link.info->bridge_port.has_value(), expect["info_slave_kind"].Text() == "bridge");
  if (link.info->bridge_port) {
    const Json& port = expect["info_slave_data"];
    CHECK_EQ(link.info->bridge_port->hairpin,
             std::optional<uint8_t>(static_cast<uint8_t>(port["hairpin"].Number())));
  }
}

void CheckParent(const Fixture& fixture, const LinkRecord& link, const Json& expect) {
  std::optional<uint32_t> parent = NumberOf(expect, "link_index");
  // ip prints the name where the parent is in the same namespace.
  if (expect.Has("link")) parent = fixture.Index(expect["link"].Text());
  CHECK_EQ(link.parent, parent);
  std::optional<int32_t> netnsid;
  if (expect.Has("link_netnsid")) netnsid = static_cast<int32_t>(expect["link_netnsid"].Number());
  CHECK_EQ(link.link_netnsid, netnsid);
}

void CheckLink(const Fixture& fixture, const LinkRecord& link, const Json& expect) {
  const Note note(expect["ifname"].Text());
  CHECK_EQ(link.index, expect["ifindex"].Number());
  CHECK_EQ(link.name, std::optional<std::string>(expect["ifname"].Text()));
  CheckFlags(link, expect);
  CHECK_EQ(link.type, expect["link_type"].Text() == "loopback" ? ARPHRD_LOOPBACK : ARPHRD_ETHER);
  CHECK_EQ(link.mtu, NumberOf(expect, "mtu"));
  CHECK_EQ(link.min_mtu, NumberOf(expect, "min_mtu"));
  CHECK_EQ(link.max_mtu, NumberOf(expect, "max_mtu"));
  CHECK_EQ(link.qdisc, std::optional<std::string>(expect["qdisc"].Text()));
  CHECK(link.oper_state && *link.oper_state < std::size(kOperStates));
  CHECK_EQ(kOperStates[*link.oper_state], expect["operstate"].Text());
  CHECK_EQ(link.carrier.has_value(), true);
  const std::string group = link.group == 0u ? "default" : std::to_string(link.group.value_or(0));
  CHECK_EQ(group, expect["group"].Text());
  CHECK_EQ(link.tx_queue_len, NumberOf(expect, "txqlen"));
  CHECK_EQ(link.num_tx_queues, NumberOf(expect, "num_tx_queues"));
  CHECK_EQ(link.num_rx_queues, NumberOf(expect, "num_rx_queues"));
  CHECK_EQ(TextOf(link.mac), expect["address"].Text());
  CHECK_EQ(TextOf(link.broadcast), expect["broadcast"].Text());
  CHECK_EQ(link.promiscuity, NumberOf(expect, "promiscuity"));
  CHECK_EQ(link.alias ? link.alias->text : "", expect["ifalias"].Text());
  CHECK_EQ(link.alt_names ? link.alt_names->items : std::vector<std::string>(),
           expect["altnames"].Texts());
  std::optional<uint32_t> master;
  if (expect.Has("master")) master = fixture.Index(expect["master"].Text());
  CHECK_EQ(link.master, master);
  CheckParent(fixture, link, expect);
  CheckInfo(link, expect["linkinfo"]);
  if (expect.Has("inet6_addr_gen_mode")) {
    CHECK_EQ(expect["inet6_addr_gen_mode"].Text(), "eui64");
    CHECK(link.families && link.families->inet6);
    CHECK_EQ(link.families->inet6->addr_gen_mode, std::optional<uint8_t>(0));
  }
  CHECK(!link.new_netnsid && !link.new_ifindex);
}

}  // namespace

TEST(links_are_decoded_as_ip_reads_them) {
  for (const char* name : {"links-mixed", "links-macvlan-modes", "link-macvlan-in-netns",
                           "links-of-kind", "link-stats"}) {
    const Fixture fixture = LoadFixture("replies", name);
    const Note note(name);
    const std::vector<Json>& expected = fixture.json["expect"].Items();
    size_t next = 0;
    for (const wire::Bytes& bytes : fixture.Messages()) {
      LinkRecord link;
      if (!DecodeLink(bytes, link)) continue;
      if (next < expected.size()) CheckLink(fixture, link, expected[next]);
      ++next;
    }
    CHECK_EQ(next, expected.size());
    CHECK(next > 0);
  }
}

TEST(statistics_are_those_that_ip_prints) {
  const Fixture fixture = LoadFixture("replies", "link-stats");
  LinkRecord link;
  CHECK(DecodeLink(fixture.Messages().front(), link));
  CHECK(link.stats.has_value());
  const rtnl_link_stats64& stats = link.stats->value;
  const Json& rx = fixture.json["expect"].Items().front()["stats64"]["rx"];
  const Json& tx = fixture.json["expect"].Items().front()["stats64"]["tx"];
  CHECK(rx["packets"].Number() > 0 && tx["packets"].Number() > 0);
  CHECK_EQ(stats.rx_bytes, rx["bytes"].Number());
  CHECK_EQ(stats.rx_packets, rx["packets"].Number());
  CHECK_EQ(stats.rx_errors, rx["errors"].Number());
  CHECK_EQ(stats.rx_dropped, rx["dropped"].Number());
  CHECK_EQ(stats.multicast, rx["multicast"].Number());
  CHECK_EQ(stats.tx_bytes, tx["bytes"].Number());
  CHECK_EQ(stats.tx_packets, tx["packets"].Number());
  CHECK_EQ(stats.tx_errors, tx["errors"].Number());
  CHECK_EQ(stats.tx_dropped, tx["dropped"].Number());
}

TEST(events_are_decoded_as_the_monitor_reads_them) {
  size_t events = 0;
  for (const Fixture& fixture : LoadFixtures("replies")) {
    if (fixture.name.rfind("event-link-", 0) != 0) continue;
    const Note note(fixture.name);
    const std::vector<std::string> printed = fixture.json["printed"].Texts();
    const std::vector<wire::Bytes> messages = fixture.Messages();
    CHECK_EQ(messages.size(), printed.size());
    for (size_t i = 0; i < messages.size() && i < printed.size(); ++i, ++events) {
      LinkRecord link;
      uint16_t type = 0;
      CHECK(DecodeLink(messages[i], link, &type));
      CHECK_EQ(type == RTM_DELLINK, printed[i].rfind("Deleted ", 0) == 0);
      const std::string start = (type == RTM_DELLINK ? "Deleted " : "") +
                                std::to_string(link.index) + ": " + link.name.value_or("") + "@";
      CHECK(printed[i].rfind(start, 0) == 0);
      std::string moved;
      if (link.new_netnsid) moved += "new-netnsid " + std::to_string(*link.new_netnsid);
      if (link.new_ifindex) moved += " new-ifindex " + std::to_string(*link.new_ifindex);
      CHECK_EQ(moved.empty(), printed[i].find("new-netnsid") == std::string::npos);
      CHECK(printed[i].find(moved) != std::string::npos);
      const std::string mode = "macvlan mode bridge";
      const bool bridge = link.info && link.info->macvlan &&
                          link.info->macvlan->mode == uint32_t{MACVLAN_MODE_BRIDGE};
      CHECK_EQ(bridge, printed[i].find(mode) != std::string::npos);
    }
  }
  CHECK(events >= 6);
}

TEST(of_several_attributes_of_a_type_the_first_counts) {
  wire::Bytes bytes;
  wire::Writer writer(bytes);
  writer.Header(ifinfomsg{});
  for (const uint32_t mtu : {1400u, 9000u}) wire::Wire<uint32_t>::Encode(writer, IFLA_MTU, mtu);
  LinkRecord link;
  CHECK(rtnl::ReadLink(bytes, link));
  CHECK_EQ(link.mtu, std::optional<uint32_t>(1400));
}

// A macvlan's body as the kernel writes it (drivers/net/macvlan.c, macvlan_fill_info, Linux 6.18),
// every length cut to its 16 bits; `counted` is what it says of the number of its sources.
wire::Bytes BodyWithSources(uint32_t sources, std::optional<uint32_t> counted,
                            const std::string& kind = "macvlan") {
  wire::Bytes bytes;
  wire::Writer writer(bytes);
  const auto nest = [&](uint16_t type, const auto& inside) {
    const size_t start = bytes.size();
    bytes.resize(start + NLA_HDRLEN);
    inside();
    const nlattr header{static_cast<uint16_t>(bytes.size() - start), type};
    std::memcpy(bytes.data() + start, &header, sizeof(header));
  };
  writer.Header(ifinfomsg{});
  wire::Wire<std::string>::Encode(writer, IFLA_IFNAME, "c0");
  nest(IFLA_LINKINFO, [&] {
    wire::Wire<std::string>::Encode(writer, IFLA_INFO_KIND, kind);
    nest(IFLA_INFO_DATA, [&] {
      wire::Wire<uint32_t>::Encode(writer, IFLA_MACVLAN_MODE, uint32_t{MACVLAN_MODE_SOURCE});
      if (counted) wire::Wire<uint32_t>::Encode(writer, IFLA_MACVLAN_MACADDR_COUNT, *counted);
      nest(IFLA_MACVLAN_MACADDR_DATA, [&] {
        for (uint32_t i = 0; i < sources; ++i) {
          wire::HardwareAddress mac = Mac("02:00:00:00:00:00");
          std::memcpy(mac.data + 2, &i, sizeof(i));
          wire::Wire<wire::HardwareAddress>::Encode(writer, IFLA_MACVLAN_MACADDR, mac);
        }
      });
      wire::Wire<uint32_t>::Encode(writer, IFLA_MACVLAN_BC_QUEUE_LEN, uint32_t{1000});
    });
    wire::Wire<std::string>::Encode(writer, IFLA_INFO_SLAVE_KIND, "bridge");
  });
  wire::Wire<uint32_t>::Encode(writer, IFLA_LINK, uint32_t{7});
  CHECK(writer.ok());
  return bytes;
}

TEST(every_source_is_read_where_the_lengths_around_them_have_wrapped) {
  for (const uint32_t sources : {5454u, 5455u, 5456u, 5457u, 5458u, 5459u, 5460u, 5461u, 5462u,
                                 5463u, 10919u, 10922u, 10923u, 16384u, 30000u}) {
    const Note note(std::to_string(sources));
    LinkRecord link;
    CHECK(rtnl::ReadLink(BodyWithSources(sources, sources), link));
    CHECK_EQ(link.name, std::optional<std::string>("c0"));
    CHECK_EQ(link.parent, std::optional<uint32_t>(7));
    CHECK(link.info && link.info->kind == std::string("macvlan") && link.info->macvlan);
    if (!link.info || !link.info->macvlan) continue;
    CHECK(link.info->slave_kind == std::string("bridge"));
    const rtnl::MacvlanData& data = *link.info->macvlan;
    CHECK_EQ(data.mode, std::optional<uint32_t>(MACVLAN_MODE_SOURCE));
    CHECK_EQ(data.bc_queue_len, std::optional<uint32_t>(1000));
    CHECK(data.mac_addresses.has_value());
    if (!data.mac_addresses) continue;
    const std::vector<wire::HardwareAddress>& items = data.mac_addresses->items;
    CHECK_EQ(items.size(), size_t{sources});
    for (uint32_t i = 0; i < items.size(); ++i) {
      uint32_t number = 0;
      std::memcpy(&number, items[i].data + 2, sizeof(number));
      CHECK_EQ(number, i);
    }
  }
}

TEST(every_source_of_a_macvtap_is_read_as_well) {
  LinkRecord link;
  CHECK(rtnl::ReadLink(BodyWithSources(5600, 5600, "macvtap"), link));
  CHECK(link.info && link.info->macvlan && link.info->macvlan->mac_addresses);
  if (!link.info || !link.info->macvlan || !link.info->macvlan->mac_addresses) return;
  CHECK_EQ(link.info->macvlan->mac_addresses->items.size(), size_t{5600});
  CHECK_EQ(link.parent, std::optional<uint32_t>(7));
}

// Whatever the count says, what stands in front of the list is read, and nothing outside the body
// is.
TEST(a_wrong_count_hides_nothing_in_front_of_the_list) {
  for (const std::optional<uint32_t> counted : {std::optional<uint32_t>(),
                                                {0u},
                                                {1u},
                                                {5599u},
                                                {5601u},
                                                {11061u},
                                                {1u << 30},
                                                {0xffffffffu}}) {
    LinkRecord link;
    CHECK(rtnl::ReadLink(BodyWithSources(5600, counted), link));
    CHECK_EQ(link.name, std::optional<std::string>("c0"));
    CHECK(link.info && link.info->kind == std::string("macvlan"));
  }
}

// The sanitizers are the judges.
TEST(a_damaged_long_list_is_read_inside_its_body) {
  const wire::Bytes whole = BodyWithSources(5600, 5600);
  const auto read = [&](wire::Bytes bytes) {
    bytes.shrink_to_fit();
    LinkRecord link;
    rtnl::ReadLink(bytes, link);
  };
  constexpr size_t kInFront = 96;  // and a few of the list
  for (size_t at = 0; at < kInFront; ++at) {
    for (const uint8_t value : {0x00, 0x01, 0x04, 0x7f, 0xff}) {
      wire::Bytes bytes = whole;
      bytes[at] = value;
      read(bytes);
      bytes[bytes.size() - 1 - at] = value;
      read(bytes);
    }
    read(wire::Bytes(whole.begin(), whole.end() - static_cast<ptrdiff_t>(at)));
  }
}

}  // namespace macvlan_netlink::test
