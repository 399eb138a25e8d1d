// A route as RTM_NEWROUTE carries it.
#pragma once

#include <linux/rtnetlink.h>

#include "wire/codec.h"

namespace macvlan_netlink::rtnl {

struct RouteMetrics {
  std::optional<uint32_t> mtu;
  std::optional<uint32_t> advmss;
};

struct NextHop {
  int32_t index = 0;
  uint8_t flags = 0;  // RTNH_F_*
  uint8_t hops = 0;   // weight - 1
  std::optional<wire::IpAddress> gateway;
  std::optional<wire::ViaAddress> via;
};

// RTA_MULTIPATH: rtnexthop structures, each with attributes of its own.
struct NextHops {
  std::vector<NextHop> items;
};

struct RouteRecord {
  // rtmsg
  uint8_t family = 0;
  uint8_t destination_length = 0;
  uint8_t source_length = 0;
  uint8_t tos = 0;
  uint8_t table = 0;     // RT_TABLE_*, where it fits a byte
  uint8_t protocol = 0;  // RTPROT_*
  uint8_t scope = 0;     // RT_SCOPE_*
  uint8_t type = 0;      // RTN_*
  uint32_t flags = 0;    // RTNH_F_*, RTM_F_*

  std::optional<wire::IpAddress> destination;  // absent: the default route
  std::optional<wire::IpAddress> from;         // RTA_SRC: only packets with such a source
  std::optional<wire::IpAddress> gateway;
  std::optional<wire::ViaAddress> via;
  std::optional<uint32_t> link;    // RTA_OIF
  std::optional<uint32_t> metric;  // RTA_PRIORITY
  std::optional<uint32_t> table_id;
  std::optional<wire::IpAddress> source;  // RTA_PREFSRC
  std::optional<RouteMetrics> metrics;
  std::optional<NextHops> next_hops;
  std::optional<uint32_t> nexthop_id;  // an object of `ip nexthop`, which has gateway and link
};

}  // namespace macvlan_netlink::rtnl

namespace macvlan_netlink::wire {

template <>
struct Table<rtnl::RouteMetrics> {
  using R = rtnl::RouteMetrics;
  static constexpr auto header = std::make_tuple();
  static constexpr auto rows =
      std::make_tuple(Attr(RTAX_MTU, "RTAX_MTU", "mtu", &R::mtu),
                      Attr(RTAX_ADVMSS, "RTAX_ADVMSS", "advmss", &R::advmss));
};

template <>
struct Table<rtnl::NextHop> {
  using R = rtnl::NextHop;
  static constexpr auto header = std::make_tuple(
      Field("index", &R::index), Field("flags", &R::flags), Field("hops", &R::hops));
  static constexpr auto rows =
      std::make_tuple(Attr(RTA_GATEWAY, "RTA_GATEWAY", "gateway", &R::gateway),
                      Attr(RTA_VIA, "RTA_VIA", "via", &R::via));
};

template <>
struct Wire<rtnl::NextHops> {
  static void Encode(Writer& writer, uint16_t type, const rtnl::NextHops& hops) {
    writer.Nest(type, [&] {
      for (const rtnl::NextHop& hop : hops.items) {
        rtnexthop header{};
        header.rtnh_ifindex = hop.index;
        header.rtnh_flags = hop.flags;
        header.rtnh_hops = hop.hops;
        writer.Counted(header, &rtnexthop::rtnh_len, [&] { EncodeAttributes(writer, hop); });
      }
    });
  }
  static bool Decode(ByteSpan payload, rtnl::NextHops& out) {
    rtnexthop header;
    while (ReadStruct(payload, header)) {
      if (header.rtnh_len < sizeof(header) || header.rtnh_len > payload.size) return false;
      rtnl::NextHop hop;
      hop.index = header.rtnh_ifindex;
      hop.flags = header.rtnh_flags;
      hop.hops = header.rtnh_hops;
      DecodeAttributes(ByteSpan(payload.data, header.rtnh_len).From(sizeof(header)), hop);
      out.items.push_back(hop);
      payload = payload.From(Align(header.rtnh_len));
    }
    return true;
  }
};

template <>
struct Table<rtnl::RouteRecord> {
  using R = rtnl::RouteRecord;
  using Header = rtmsg;
  static Header Pack(const R& record) {
    Header header{};
    header.rtm_family = record.family;
    header.rtm_dst_len = record.destination_length;
    header.rtm_src_len = record.source_length;
    header.rtm_tos = record.tos;
    header.rtm_table = record.table;
    header.rtm_protocol = record.protocol;
    header.rtm_scope = record.scope;
    header.rtm_type = record.type;
    header.rtm_flags = record.flags;
    return header;
  }
  static void Unpack(const Header& header, R& record) {
    record.family = header.rtm_family;
    record.destination_length = header.rtm_dst_len;
    record.source_length = header.rtm_src_len;
    record.tos = header.rtm_tos;
    record.table = header.rtm_table;
    record.protocol = header.rtm_protocol;
    record.scope = header.rtm_scope;
    record.type = header.rtm_type;
    record.flags = header.rtm_flags;
  }
  static constexpr auto header = std::make_tuple(
      Field("family", &R::family), Field("destinationLength", &R::destination_length),
      Field("sourceLength", &R::source_length), Field("tos", &R::tos), Field("table", &R::table),
      Field("protocol", &R::protocol), Field("scope", &R::scope), Field("type", &R::type),
      Field("flags", &R::flags));
  static constexpr auto rows = std::make_tuple(
      Attr(RTA_DST, "RTA_DST", "destination", &R::destination),
      Attr(RTA_SRC, "RTA_SRC", "from", &R::from),
      Attr(RTA_GATEWAY, "RTA_GATEWAY", "gateway", &R::gateway),
      Attr(RTA_VIA, "RTA_VIA", "via", &R::via), Attr(RTA_OIF, "RTA_OIF", "link", &R::link),
      Attr(RTA_PRIORITY, "RTA_PRIORITY", "metric", &R::metric),
      Attr(RTA_TABLE, "RTA_TABLE", "tableId", &R::table_id),
      Attr(RTA_PREFSRC, "RTA_PREFSRC", "source", &R::source),
      Attr(RTA_METRICS, "RTA_METRICS", "metrics", &R::metrics),
      Attr(RTA_MULTIPATH, "RTA_MULTIPATH", "nextHops", &R::next_hops),
      Attr(RTA_NH_ID, "RTA_NH_ID", "nexthopId", &R::nexthop_id));
};

}  // namespace macvlan_netlink::wire
