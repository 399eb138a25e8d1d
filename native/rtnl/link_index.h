// A link of which only the index is asked for, as RTM_GETLINK carries it: what the kernel answers
// beside it is passed over.
#pragma once

#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <string>

#include "wire/codec.h"

namespace macvlan_netlink::rtnl {

struct LinkIndexRecord {
  int32_t index = 0;  // ifinfomsg
  std::optional<std::string> name;
  std::optional<std::string> alt_name;  // a name of over 15 bytes
  std::optional<uint32_t> ext_mask;
};

}  // namespace macvlan_netlink::rtnl

namespace macvlan_netlink::wire {

template <>
struct Table<rtnl::LinkIndexRecord> {
  using R = rtnl::LinkIndexRecord;
  using Header = ifinfomsg;
  static Header Pack(const R& record) {
    Header header{};
    header.ifi_index = record.index;
    return header;
  }
  static void Unpack(const Header& header, R& record) { record.index = header.ifi_index; }
  static constexpr auto header = std::make_tuple(Field("index", &R::index));
  static constexpr auto rows = std::make_tuple(
      Attr(IFLA_IFNAME, "IFLA_IFNAME", "name", &R::name, Use::kRequest),
      Attr(IFLA_ALT_IFNAME, "IFLA_ALT_IFNAME", "altName", &R::alt_name, Use::kRequest),
      Attr(IFLA_EXT_MASK, "IFLA_EXT_MASK", "extMask", &R::ext_mask, Use::kRequest));
};

}  // namespace macvlan_netlink::wire
