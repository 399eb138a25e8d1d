// An entry of the ARP or neighbour discovery table, or one to answer for, as RTM_NEWNEIGH carries
// it.
#pragma once

#include <linux/neighbour.h>

#include "wire/codec.h"

namespace macvlan_netlink::rtnl {

struct NeighbourRecord {
  // ndmsg
  uint8_t family = 0;
  int32_t index = 0;
  uint16_t state = 0;  // NUD_*
  uint8_t flags = 0;   // NTF_*

  std::optional<wire::IpAddress> address;
  std::optional<wire::HardwareAddress> mac;
  std::optional<uint8_t> protocol;  // RTPROT_*
  std::optional<uint32_t> only_on;  // of a listing: the link, which must not stand in ndmsg there
};

}  // namespace macvlan_netlink::rtnl

namespace macvlan_netlink::wire {

template <>
struct Table<rtnl::NeighbourRecord> {
  using R = rtnl::NeighbourRecord;
  using Header = ndmsg;
  static Header Pack(const R& record) {
    Header header{};
    header.ndm_family = record.family;
    header.ndm_ifindex = record.index;
    header.ndm_state = record.state;
    header.ndm_flags = record.flags;
    return header;
  }
  static void Unpack(const Header& header, R& record) {
    record.family = header.ndm_family;
    record.index = header.ndm_ifindex;
    record.state = header.ndm_state;
    record.flags = header.ndm_flags;
  }
  static constexpr auto header =
      std::make_tuple(Field("family", &R::family), Field("index", &R::index),
                      Field("state", &R::state), Field("flags", &R::flags));
  static constexpr auto rows =
      std::make_tuple(Attr(NDA_DST, "NDA_DST", "address", &R::address),
                      Attr(NDA_LLADDR, "NDA_LLADDR", "mac", &R::mac),
                      Attr(NDA_PROTOCOL, "NDA_PROTOCOL", "protocol", &R::protocol),
                      Attr(NDA_IFINDEX, "NDA_IFINDEX", "onlyOn", &R::only_on, Use::kRequest));
};

}  // namespace macvlan_netlink::wire
