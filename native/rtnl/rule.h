// A rule of policy routing as RTM_NEWRULE carries it.
#pragma once

#include <linux/fib_rules.h>

#include "wire/codec.h"

namespace macvlan_netlink::rtnl {

struct RuleRecord {
  // fib_rule_hdr
  uint8_t family = 0;
  uint8_t to_length = 0;
  uint8_t from_length = 0;
  uint8_t tos = 0;
  uint8_t table = 0;   // RT_TABLE_*, where it fits a byte
  uint8_t action = 0;  // FR_ACT_*
  uint32_t flags = 0;  // FIB_RULE_*

  std::optional<wire::IpAddress> to;
  std::optional<wire::IpAddress> from;
  std::optional<std::string> iif;  // links are known by their names, and need not exist
  std::optional<std::string> oif;
  std::optional<uint32_t> goto_priority;
  std::optional<uint32_t> priority;
  std::optional<uint32_t> fwmark;
  std::optional<uint32_t> fwmask;
  std::optional<uint32_t> suppress_group;
  std::optional<uint32_t> suppress_prefix_length;
  std::optional<uint32_t> table_id;
  std::optional<uint8_t> l3mdev;
  std::optional<wire::Binary<fib_rule_uid_range>> uid_range;
  std::optional<uint8_t> protocol;  // RTPROT_*
  std::optional<uint8_t> ip_protocol;
  std::optional<wire::Binary<fib_rule_port_range>> source_ports;
  std::optional<wire::Binary<fib_rule_port_range>> destination_ports;
};

}  // namespace macvlan_netlink::rtnl

namespace macvlan_netlink::wire {

template <>
struct Table<rtnl::RuleRecord> {
  using R = rtnl::RuleRecord;
  using Header = fib_rule_hdr;
  static Header Pack(const R& record) {
    Header header{};
    header.family = record.family;
    header.dst_len = record.to_length;
    header.src_len = record.from_length;
    header.tos = record.tos;
    header.table = record.table;
    header.action = record.action;
    header.flags = record.flags;
    return header;
  }
  static void Unpack(const Header& header, R& record) {
    record.family = header.family;
    record.to_length = header.dst_len;
    record.from_length = header.src_len;
    record.tos = header.tos;
    record.table = header.table;
    record.action = header.action;
    record.flags = header.flags;
  }
  static constexpr auto header = std::make_tuple(
      Field("family", &R::family), Field("toLength", &R::to_length),
      Field("fromLength", &R::from_length), Field("tos", &R::tos), Field("table", &R::table),
      Field("action", &R::action), Field("flags", &R::flags));
  static constexpr auto rows = std::make_tuple(
      Attr(FRA_DST, "FRA_DST", "to", &R::to), Attr(FRA_SRC, "FRA_SRC", "from", &R::from),
      Attr(FRA_IIFNAME, "FRA_IIFNAME", "iif", &R::iif),
      Attr(FRA_OIFNAME, "FRA_OIFNAME", "oif", &R::oif),
      Attr(FRA_GOTO, "FRA_GOTO", "goto", &R::goto_priority),
      Attr(FRA_PRIORITY, "FRA_PRIORITY", "priority", &R::priority),
      Attr(FRA_FWMARK, "FRA_FWMARK", "fwmark", &R::fwmark),
      Attr(FRA_FWMASK, "FRA_FWMASK", "fwmask", &R::fwmask),
      Attr(FRA_SUPPRESS_IFGROUP, "FRA_SUPPRESS_IFGROUP", "suppressGroup", &R::suppress_group),
      Attr(FRA_SUPPRESS_PREFIXLEN, "FRA_SUPPRESS_PREFIXLEN", "suppressPrefixLength",
           &R::suppress_prefix_length),
      Attr(FRA_TABLE, "FRA_TABLE", "tableId", &R::table_id),
      Attr(FRA_L3MDEV, "FRA_L3MDEV", "l3mdev", &R::l3mdev),
      Attr(FRA_UID_RANGE, "FRA_UID_RANGE", "uidRange", &R::uid_range),
      Attr(FRA_PROTOCOL, "FRA_PROTOCOL", "protocol", &R::protocol),
      Attr(FRA_IP_PROTO, "FRA_IP_PROTO", "ipProtocol", &R::ip_protocol),
      Attr(FRA_SPORT_RANGE, "FRA_SPORT_RANGE", "sourcePorts", &R::source_ports),
      Attr(FRA_DPORT_RANGE, "FRA_DPORT_RANGE", "destinationPorts", &R::destination_ports));
};

}  // namespace macvlan_netlink::wire
