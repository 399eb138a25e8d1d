// A network interface as RTM_NEWLINK, RTM_GETLINK and RTM_DELLINK carry it.
#pragma once

#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "rtnl/link_info.h"

namespace macvlan_netlink::rtnl {

using AltNames = wire::ListOf<std::string, IFLA_ALT_IFNAME>;

// IFLA_AF_SPEC: settings of the address families, each in a nest numbered by its family.
struct Ipv4Conf {
  std::optional<uint32_t> proxy_arp, rp_filter, arp_announce, arp_ignore, promote_secondaries,
      arp_accept, arp_notify, accept_local, arp_filter;
};
struct InetSettings {
  std::optional<Ipv4Conf> conf;
};
struct Inet6Settings {
  std::optional<uint8_t> addr_gen_mode;  // IN6_ADDR_GEN_MODE_*
};
struct FamilySettings {
  std::optional<InetSettings> inet;
  std::optional<Inet6Settings> inet6;
};

struct LinkRecord {
  // ifinfomsg
  uint8_t family = AF_UNSPEC;
  uint16_t type = 0;  // ARPHRD_*
  int32_t index = 0;
  uint32_t flags = 0;
  // Which flags a request changes. Zero would mean all of them (net/core/rtnetlink.c,
  // rtnl_dev_combine_flags, Linux 6.18), so nothing here ever sends flags without it.
  uint32_t change = 0;

  std::optional<std::string> name;
  std::optional<std::string> alt_name;  // looks a link up by a name of over 15 bytes
  std::optional<wire::HardwareAddress> mac;
  std::optional<wire::HardwareAddress> broadcast;
  std::optional<uint32_t> mtu, min_mtu, max_mtu;
  std::optional<uint32_t> parent;       // IFLA_LINK: an index in the namespace link_netnsid names
  std::optional<int32_t> link_netnsid;  // absent: this namespace
  std::optional<std::string> qdisc;
  std::optional<wire::Binary<rtnl_link_stats64>> stats;
  std::optional<uint32_t> master;
  std::optional<uint8_t> oper_state;  // IF_OPER_*
  std::optional<uint8_t> carrier;
  std::optional<LinkInfo> info;
  std::optional<uint32_t> netns_fd;
  std::optional<wire::UnterminatedText> alias;
  std::optional<uint32_t> ext_mask;
  std::optional<uint32_t> promiscuity;
  std::optional<uint32_t> tx_queue_len, num_tx_queues, num_rx_queues;
  std::optional<uint32_t> group;
  std::optional<int32_t> new_netnsid;  // RTM_DELLINK of a link that moved
  std::optional<int32_t> new_ifindex;
  std::optional<AltNames> alt_names;
  std::optional<FamilySettings> families;
};

}  // namespace macvlan_netlink::rtnl

namespace macvlan_netlink::wire {

template <>
struct Table<rtnl::Ipv4Conf> {
  using R = rtnl::Ipv4Conf;
  static constexpr auto header = std::make_tuple();
  static constexpr auto rows = std::make_tuple(
      Attr(IPV4_DEVCONF_PROXY_ARP, "IPV4_DEVCONF_PROXY_ARP", "proxyArp", &R::proxy_arp),
      Attr(IPV4_DEVCONF_RP_FILTER, "IPV4_DEVCONF_RP_FILTER", "rpFilter", &R::rp_filter),
      Attr(IPV4_DEVCONF_ARPFILTER, "IPV4_DEVCONF_ARPFILTER", "arpFilter", &R::arp_filter),
      Attr(IPV4_DEVCONF_ARP_ANNOUNCE, "IPV4_DEVCONF_ARP_ANNOUNCE", "arpAnnounce", &R::arp_announce),
      Attr(IPV4_DEVCONF_ARP_IGNORE, "IPV4_DEVCONF_ARP_IGNORE", "arpIgnore", &R::arp_ignore),
      Attr(IPV4_DEVCONF_PROMOTE_SECONDARIES, "IPV4_DEVCONF_PROMOTE_SECONDARIES",
           "promoteSecondaries", &R::promote_secondaries),
      Attr(IPV4_DEVCONF_ARP_ACCEPT, "IPV4_DEVCONF_ARP_ACCEPT", "arpAccept", &R::arp_accept),
      Attr(IPV4_DEVCONF_ARP_NOTIFY, "IPV4_DEVCONF_ARP_NOTIFY", "arpNotify", &R::arp_notify),
      Attr(IPV4_DEVCONF_ACCEPT_LOCAL, "IPV4_DEVCONF_ACCEPT_LOCAL", "acceptLocal",
           &R::accept_local));
};

// A nest of single settings in a request; an answer has an array of all of them instead.
template <>
struct Table<rtnl::InetSettings> {
  using R = rtnl::InetSettings;
  static constexpr auto header = std::make_tuple();
  static constexpr auto rows =
      std::make_tuple(Attr(IFLA_INET_CONF, "IFLA_INET_CONF", "conf", &R::conf, Use::kRequest));
};

template <>
struct Table<rtnl::Inet6Settings> {
  using R = rtnl::Inet6Settings;
  static constexpr auto header = std::make_tuple();
  static constexpr auto rows = std::make_tuple(
      Attr(IFLA_INET6_ADDR_GEN_MODE, "IFLA_INET6_ADDR_GEN_MODE", "addrGenMode", &R::addr_gen_mode));
};

template <>
struct Table<rtnl::FamilySettings> {
  using R = rtnl::FamilySettings;
  static constexpr auto header = std::make_tuple();
  static constexpr auto rows =
      std::make_tuple(Attr(AF_INET, "AF_INET", "inet", &R::inet, Use::kRequest),
                      Attr(AF_INET6, "AF_INET6", "inet6", &R::inet6));
};

template <>
struct Table<rtnl::LinkRecord> {
  using R = rtnl::LinkRecord;
  using Header = ifinfomsg;
  static Header Pack(const R& record) {
    Header header{};
    header.ifi_family = record.family;
    header.ifi_index = record.index;
    header.ifi_flags = record.flags;
    header.ifi_change = record.change;
    return header;
  }
  static void Unpack(const Header& header, R& record) {
    record.family = header.ifi_family;
    record.type = header.ifi_type;
    record.index = header.ifi_index;
    record.flags = header.ifi_flags;
    record.change = header.ifi_change;
  }
  static constexpr auto header = std::make_tuple(
      Field("family", &R::family), Field("type", &R::type), Field("index", &R::index),
      Field("flags", &R::flags), Field("change", &R::change));
  static constexpr auto rows = std::make_tuple(
      Attr(IFLA_IFNAME, "IFLA_IFNAME", "name", &R::name),
      Attr(IFLA_ALT_IFNAME, "IFLA_ALT_IFNAME", "altName", &R::alt_name, Use::kRequest),
      Attr(IFLA_ADDRESS, "IFLA_ADDRESS", "mac", &R::mac),
      Attr(IFLA_BROADCAST, "IFLA_BROADCAST", "broadcast", &R::broadcast, Use::kReply),
      Attr(IFLA_MTU, "IFLA_MTU", "mtu", &R::mtu),
      Attr(IFLA_MIN_MTU, "IFLA_MIN_MTU", "minMtu", &R::min_mtu, Use::kReply),
      Attr(IFLA_MAX_MTU, "IFLA_MAX_MTU", "maxMtu", &R::max_mtu, Use::kReply),
      Attr(IFLA_LINK, "IFLA_LINK", "parent", &R::parent),
      Attr(IFLA_LINK_NETNSID, "IFLA_LINK_NETNSID", "parentNetnsid", &R::link_netnsid, Use::kReply),
      Attr(IFLA_QDISC, "IFLA_QDISC", "qdisc", &R::qdisc, Use::kReply),
      Attr(IFLA_STATS64, "IFLA_STATS64", "stats", &R::stats, Use::kReply),
      Attr(IFLA_MASTER, "IFLA_MASTER", "master", &R::master),
      Attr(IFLA_OPERSTATE, "IFLA_OPERSTATE", "operState", &R::oper_state, Use::kReply),
      Attr(IFLA_CARRIER, "IFLA_CARRIER", "carrier", &R::carrier, Use::kReply),
      Attr(IFLA_LINKINFO, "IFLA_LINKINFO", "info", &R::info),
      Attr(IFLA_NET_NS_FD, "IFLA_NET_NS_FD", "netnsFd", &R::netns_fd, Use::kRequest),
      Attr(IFLA_IFALIAS, "IFLA_IFALIAS", "alias", &R::alias),
      Attr(IFLA_EXT_MASK, "IFLA_EXT_MASK", "extMask", &R::ext_mask, Use::kRequest),
      Attr(IFLA_PROMISCUITY, "IFLA_PROMISCUITY", "promiscuity", &R::promiscuity, Use::kReply),
      Attr(IFLA_TXQLEN, "IFLA_TXQLEN", "txQueueLen", &R::tx_queue_len),
      Attr(IFLA_NUM_TX_QUEUES, "IFLA_NUM_TX_QUEUES", "numTxQueues", &R::num_tx_queues),
      Attr(IFLA_NUM_RX_QUEUES, "IFLA_NUM_RX_QUEUES", "numRxQueues", &R::num_rx_queues),
      Attr(IFLA_GROUP, "IFLA_GROUP", "group", &R::group),
      Attr(IFLA_NEW_NETNSID, "IFLA_NEW_NETNSID", "newNetnsid", &R::new_netnsid, Use::kReply),
      Attr(IFLA_NEW_IFINDEX, "IFLA_NEW_IFINDEX", "newIfindex", &R::new_ifindex),
      // IFLA_PROP_LIST is parsed strictly: without NLA_F_NESTED it is refused.
      Attr(IFLA_PROP_LIST | NLA_F_NESTED, "IFLA_PROP_LIST", "altNames", &R::alt_names),
      Attr(IFLA_AF_SPEC, "IFLA_AF_SPEC", "families", &R::families));
};

}  // namespace macvlan_netlink::wire
