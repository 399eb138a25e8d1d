// Rules of policy routing, against what `ip rule` sends and reads.
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>

#include "check.h"
#include "decode_replies.h"
#include "fixtures.h"
#include "golden.h"

namespace macvlan_netlink::test {
namespace {

using rtnl::RuleRecord;

// A rule of priority 100 for table 100, where `change` does not say otherwise.
GoldenCase Rule(const char* fixture, const char* operation, void (*change)(RuleRecord& record)) {
  return {fixture, operation, [=](const Fixture&) {
            RuleRecord record;
            record.family = AF_INET;
            record.priority = 100;
            record.table = 100;
            record.action = FR_ACT_TO_TBL;
            change(record);
            return record;
          }};
}

GoldenCase Add(const char* fixture, void (*change)(RuleRecord& record)) {
  return Rule(fixture, "addRule", change);
}

void From(RuleRecord& record, const char* address, uint8_t length) {
  record.from = Ip(address);
  record.from_length = length;
}

void To(RuleRecord& record, const char* address, uint8_t length) {
  record.to = Ip(address);
  record.to_length = length;
}

const std::vector<GoldenCase> kRequests = {
    Add("rule-add-from", [](RuleRecord& r) { From(r, "52.1.1.151", 32); }),
    Add("rule-add-table-large",
        [](RuleRecord& r) {
          From(r, "52.1.1.0", 24);
          r.table = RT_TABLE_UNSPEC;
          r.table_id = 1000;
          r.protocol = RTPROT_STATIC;
        }),
    Add("rule-add-everything",
        [](RuleRecord& r) {
          From(r, "52.1.1.0", 24);
          To(r, "10.9.0.0", 16);
          r.flags = FIB_RULE_INVERT;
          r.iif = "c0";
          r.oif = "p0";
          r.tos = 0x10;
          r.fwmark = 5;
          r.fwmask = 0xff;
          r.uid_range.emplace().value = {0, 1000};
          r.ip_protocol = IPPROTO_TCP;
          r.source_ports.emplace().value = {80, 80};
          r.destination_ports.emplace().value = {1000, 2000};
        }),
    Add("rule-add-suppress",
        [](RuleRecord& r) {
          r.table = RT_TABLE_MAIN;
          r.suppress_prefix_length = 0;
          r.suppress_group = 3;
        }),
    Add("rule-add-goto",
        [](RuleRecord& r) {
          r.table = RT_TABLE_UNSPEC;
          r.action = FR_ACT_GOTO;
          r.goto_priority = 200;
        }),
    Add("rule-add-blackhole",
        [](RuleRecord& r) {
          r.table = RT_TABLE_UNSPEC;
          r.action = FR_ACT_BLACKHOLE;
        }),
    Add("rule-add-l3mdev",
        [](RuleRecord& r) {
          r.table = RT_TABLE_UNSPEC;
          r.l3mdev = uint8_t{1};
        }),
    Add("rule-add-v6",
        [](RuleRecord& r) {
          r.family = AF_INET6;
          From(r, "fd00::", 64);
          To(r, "fd01::1", 128);
        }),
    Rule("rule-del", "removeRule",
         [](RuleRecord& r) {
           From(r, "52.1.1.151", 32);
           r.table = RT_TABLE_UNSPEC;
           r.action = FR_ACT_UNSPEC;
         }),
    {"dump-rules", "listRules",
     [](const Fixture&) {
       RuleRecord record;
       record.family = AF_INET;
       return record;
     }},
};

bool AboutRules(const Fixture& fixture) {
  nlmsghdr header;
  return wire::ReadStruct(fixture.Request(), header) && header.nlmsg_type >= RTM_NEWRULE &&
         header.nlmsg_type <= RTM_GETRULE;
}

// As ip prints an address, whose length stands in a field of its own.
std::string AddressText(const std::optional<wire::IpAddress>& address) {
  return address ? IpText(*address) : "";
}

std::string HexText(const std::optional<uint32_t>& number, const char* none = "") {
  if (!number) return none;
  if (*number == 0) return "0";
  char text[16];
  std::snprintf(text, sizeof(text), "0x%x", *number);
  return text;
}

std::string TableText(const RuleRecord& rule) {
  const uint32_t table = rule.table_id.value_or(rule.table);
  if (table == RT_TABLE_UNSPEC) return "";
  if (table == RT_TABLE_MAIN) return "main";
  if (table == RT_TABLE_LOCAL) return "local";
  return table == RT_TABLE_DEFAULT ? "default" : std::to_string(table);
}

std::string ProtocolText(uint8_t protocol) {
  if (protocol == RTPROT_KERNEL) return "kernel";
  return protocol == RTPROT_STATIC ? "static" : "unspec";
}

// ip prints null for what needs no value.
bool Says(const Json& expect, std::string_view name) {
  const auto& members = expect.Members();
  return std::any_of(members.begin(), members.end(),
                     [&](const auto& member) { return member.first == name; });
}

uint8_t ActionOf(const Json& expect) {
  if (expect.Has("goto")) return FR_ACT_GOTO;
  return expect["action"].Text() == "prohibit" ? FR_ACT_PROHIBIT : FR_ACT_TO_TBL;
}

// ip prints one port for a range of one.
void CheckPorts(const std::optional<wire::Binary<fib_rule_port_range>>& ports, const Json& expect,
                const std::string& name) {
  const fib_rule_port_range range = ports ? ports->value : fib_rule_port_range{0, 0};
  const bool single = expect.Has(name);
  CHECK_EQ(range.start, expect[single ? name : name + "_start"].Number());
  CHECK_EQ(range.end, expect[single ? name : name + "_end"].Number());
}

void CheckRule(const RuleRecord& rule, const Json& expect) {
  const Note note(std::to_string(static_cast<int>(expect["priority"].Number())));
  CHECK_EQ(rule.priority.value_or(0), expect["priority"].Number());
  CHECK_EQ(rule.from ? AddressText(rule.from) : "all", expect["src"].Text());
  CHECK_EQ(AddressText(rule.to), expect["dst"].Text());
  // ip does not print that of a single address.
  const size_t whole = rule.from ? size_t{8} * rule.from->size : 0;
  CHECK_EQ(rule.from_length, expect.Has("srclen") ? expect["srclen"].Number() : whole);
  CHECK_EQ(rule.to_length, expect["dstlen"].Number());
  CHECK(rule.family == AF_INET || rule.family == AF_INET6);
  CHECK_EQ(rule.tos == 0 ? "" : HexText(rule.tos), expect["tos"].Text());
  CHECK_EQ(rule.iif.value_or(""), expect["iif"].Text());
  CHECK_EQ(rule.oif.value_or(""), expect["oif"].Text());
  CHECK_EQ(HexText(rule.fwmark, rule.fwmask ? "0" : ""), expect["fwmark"].Text());
  CHECK_EQ(HexText(rule.fwmask), expect["fwmask"].Text());
  CHECK_EQ(rule.ip_protocol.value_or(0), expect["ipproto"].Text() == "tcp" ? IPPROTO_TCP : 0);
  CheckPorts(rule.source_ports, expect, "sport");
  CheckPorts(rule.destination_ports, expect, "dport");
  CHECK_EQ(rule.uid_range.has_value(), expect.Has("uid_end"));
  if (rule.uid_range) {
    CHECK_EQ(rule.uid_range->value.start, expect["uid_start"].Number());
    CHECK_EQ(rule.uid_range->value.end, expect["uid_end"].Number());
  }
  CHECK_EQ((rule.flags & FIB_RULE_INVERT) != 0, Says(expect, "not"));
  CHECK_EQ(rule.action, ActionOf(expect));
  CHECK_EQ(TableText(rule), expect["table"].Text());
  const uint32_t table = rule.table_id.value_or(RT_TABLE_UNSPEC);
  CHECK_EQ(rule.table, table < 256 ? table : RT_TABLE_COMPAT);
  CHECK_EQ(rule.goto_priority.value_or(0), expect["goto"].Number());
  CHECK_EQ(rule.l3mdev.value_or(0), Says(expect, "l3mdev") ? 1 : 0);
  // Of a rule that suppresses nothing the kernel says -1, and ip nothing.
  CHECK_EQ(rule.suppress_prefix_length == 0U, expect.Has("suppress_prefixlen"));
  CHECK_EQ(rule.suppress_group ? std::to_string(*rule.suppress_group) : "",
           expect["suppress_ifgroup"].Text());
  CHECK_EQ(ProtocolText(rule.protocol.value_or(0)), expect["protocol"].Text());
}

}  // namespace

TEST(rule_requests_are_those_of_ip) { CheckGolden(kRequests, {}, &AboutRules); }

TEST(rules_are_decoded_as_ip_reads_them) {
  const Fixture fixture = LoadFixture("replies", "rules");
  const std::vector<RuleRecord> rules = DecodeOf<RuleRecord>(fixture.Messages());
  const std::vector<Json>& expected = fixture.json["expect"].Items();
  CHECK_EQ(rules.size(), expected.size());
  CHECK(rules.size() > 5);
  for (size_t i = 0; i < rules.size() && i < expected.size(); ++i) CheckRule(rules[i], expected[i]);
}

}  // namespace macvlan_netlink::test
