#include "rtnl/link_info.h"

#include "rtnl/link.h"

namespace macvlan_netlink::wire {
namespace {

// The payloads of IFLA_LINKINFO, found before any of them is read: the data cannot be understood
// before the kind is known, whatever their order.
struct Parts {
  std::optional<Attribute> kind, data, slave_kind, slave_data;
};

Parts Split(ByteSpan payload) {
  Parts parts;
  AttributeReader reader(payload);
  Attribute attribute;
  while (reader.Next(attribute)) {
    switch (attribute.type) {
      case IFLA_INFO_KIND:
        parts.kind = attribute;
        break;
      case IFLA_INFO_DATA:
        parts.data = attribute;
        break;
      case IFLA_INFO_SLAVE_KIND:
        parts.slave_kind = attribute;
        break;
      case IFLA_INFO_SLAVE_DATA:
        parts.slave_data = attribute;
        break;
      default:
        break;
    }
  }
  return parts;
}

template <class Rows>
void EncodeData(Writer& writer, uint16_t type, const std::string& kind, const Rows& rows,
                const rtnl::LinkInfo& info) {
  bool written = false;
  ForEach(rows, [&](const auto& row) {
    const auto& data = info.*(row.data);
    if (written || kind != row.kind || !data.has_value()) return;
    writer.Nest(type, [&] { EncodeBody(writer, *data); });
    written = true;
  });
}

template <class Rows>
void DecodeData(const std::string& kind, const Attribute& attribute, const Rows& rows,
                rtnl::LinkInfo& info) {
  ForEach(rows, [&](const auto& row) {
    if (kind == row.kind) DecodeBody(attribute.payload, (info.*(row.data)).emplace());
  });
}

template <class Rows>
const char* NameInData(const std::string& kind, const Attribute& attribute, size_t offset,
                       const Rows& rows, const char* name) {
  if (offset < attribute.offset + NLA_HDRLEN) return name;
  const size_t inside = offset - attribute.offset - NLA_HDRLEN;
  ForEach(rows, [&](const auto& row) {
    using Data =
        typename std::decay_t<decltype(std::declval<rtnl::LinkInfo>().*(row.data))>::value_type;
    if (kind != row.kind) return;
    const char* inner = AttributeNameAt<Data>(attribute.payload, inside);
    if (inner != nullptr) name = inner;
  });
  return name;
}

bool Covers(const std::optional<Attribute>& attribute, size_t offset) {
  return attribute && offset >= attribute->offset &&
         offset < attribute->offset + NLA_HDRLEN + attribute->payload.size;
}

std::string TextOf(const std::optional<Attribute>& attribute) {
  return attribute ? ReadText(attribute->payload) : std::string();
}

}  // namespace

void Wire<rtnl::LinkInfo>::Encode(Writer& writer, uint16_t type, const rtnl::LinkInfo& info) {
  writer.Nest(type, [&] {
    if (info.kind) {
      Wire<UnterminatedText>::Encode(writer, IFLA_INFO_KIND, {*info.kind});
      EncodeData(writer, IFLA_INFO_DATA, *info.kind, rtnl::kKinds, info);
    }
    if (info.slave_kind) {
      Wire<UnterminatedText>::Encode(writer, IFLA_INFO_SLAVE_KIND, {*info.slave_kind});
      EncodeData(writer, IFLA_INFO_SLAVE_DATA, *info.slave_kind, rtnl::kSlaveKinds, info);
    }
  });
}

bool Wire<rtnl::LinkInfo>::Decode(ByteSpan payload, rtnl::LinkInfo& out) {
  const Parts parts = Split(payload);
  if (parts.kind) {
    out.kind = TextOf(parts.kind);
    if (parts.data) DecodeData(*out.kind, *parts.data, rtnl::kKinds, out);
  }
  if (parts.slave_kind) {
    out.slave_kind = TextOf(parts.slave_kind);
    if (parts.slave_data) DecodeData(*out.slave_kind, *parts.slave_data, rtnl::kSlaveKinds, out);
  }
  return true;
}

const char* internal::Descend<rtnl::LinkInfo>::NameAt(ByteSpan body, size_t offset) {
  const Parts parts = Split(body);
  if (Covers(parts.kind, offset)) return "IFLA_INFO_KIND";
  if (Covers(parts.data, offset)) {
    return NameInData(TextOf(parts.kind), *parts.data, offset, rtnl::kKinds, "IFLA_INFO_DATA");
  }
  if (Covers(parts.slave_kind, offset)) return "IFLA_INFO_SLAVE_KIND";
  if (Covers(parts.slave_data, offset)) {
    return NameInData(TextOf(parts.slave_kind), *parts.slave_data, offset, rtnl::kSlaveKinds,
                      "IFLA_INFO_SLAVE_DATA");
  }
  return nullptr;
}

}  // namespace macvlan_netlink::wire
