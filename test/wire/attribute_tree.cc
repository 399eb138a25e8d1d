#include "attribute_tree.h"

#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "fixtures.h"

namespace macvlan_netlink::test {
namespace {

// What the payload of an attribute is made of.
enum class Content { kValue, kAttributes, kLink, kLinkInfo, kMacvlan, kVeth };

Content ContentOfKind(const std::string& kind) {
  if (kind == "macvlan" || kind == "macvtap") return Content::kMacvlan;
  if (kind == "veth") return Content::kVeth;
  return Content::kAttributes;
}

Content ContentOf(Content parent, uint16_t type, const std::string& kind) {
  switch (parent) {
    case Content::kLink:
      if (type == IFLA_LINKINFO) return Content::kLinkInfo;
      return type == IFLA_PROP_LIST ? Content::kAttributes : Content::kValue;
    case Content::kLinkInfo:
      if (type == IFLA_INFO_DATA) return ContentOfKind(kind);
      return type == IFLA_INFO_SLAVE_DATA ? Content::kAttributes : Content::kValue;
    case Content::kMacvlan:
      return type == IFLA_MACVLAN_MACADDR_DATA ? Content::kAttributes : Content::kValue;
    case Content::kVeth:
      return type == VETH_INFO_PEER ? Content::kLink : Content::kValue;
    default:
      return Content::kValue;
  }
}

struct Part {
  uint16_t type;
  std::string text;
};

std::string Print(wire::ByteSpan bytes, Content content, const std::string& indent);

// Walks with pointers of its own rather than with the reader under test.
std::string PrintAttributes(wire::ByteSpan bytes, Content content, const std::string& indent) {
  std::string kind;
  std::vector<Part> parts;
  size_t at = 0;
  while (at < bytes.size) {
    nlattr header;
    if (bytes.size - at < sizeof(header)) return indent + "bytes left over\n";
    std::memcpy(&header, bytes.data + at, sizeof(header));
    const size_t end = at + header.nla_len;
    if (header.nla_len < sizeof(header) || end > bytes.size) return indent + "bad length\n";
    const size_t next = at + ((header.nla_len + 3u) & ~3u);
    if (next > bytes.size) return indent + "no padding\n";
    const wire::ByteSpan payload{bytes.data + at + sizeof(header), header.nla_len - sizeof(header)};
    const uint16_t type = header.nla_type & NLA_TYPE_MASK;
    if (content == Content::kLinkInfo && type == IFLA_INFO_KIND) {
      const auto* text = reinterpret_cast<const char*>(payload.data);
      kind.assign(text, strnlen(text, payload.size));
    }
    char line[64];
    std::snprintf(line, sizeof(line), "%u flags %x length %u padding ", type,
                  header.nla_type & ~NLA_TYPE_MASK, header.nla_len);
    std::string text = indent + line + ToHex({bytes.data + end, next - end}) + ":";
    text += Print(payload, ContentOf(content, type, kind), indent + "  ");
    parts.push_back({type, std::move(text)});
    at = next;
  }
  std::stable_sort(parts.begin(), parts.end(),
                   [](const Part& a, const Part& b) { return a.type < b.type; });
  std::string text;
  for (const Part& part : parts) text += part.text;
  return text;
}

std::string Print(wire::ByteSpan bytes, Content content, const std::string& indent) {
  if (content == Content::kValue) return " " + ToHex(bytes) + "\n";
  std::string text = "\n";
  if (content == Content::kLink) {
    const size_t size = std::min(bytes.size, sizeof(ifinfomsg));
    text += indent + "header " + ToHex({bytes.data, size}) + "\n";
    bytes = bytes.From(size);
  }
  return text + PrintAttributes(bytes, content, indent);
}

size_t HeaderSize(uint16_t type) {
  switch (type) {
    case RTM_NEWADDR:
    case RTM_DELADDR:
    case RTM_GETADDR:
      return sizeof(ifaddrmsg);
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
    case RTM_GETROUTE:
      return sizeof(rtmsg);
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
    case RTM_GETNEIGH:
      return sizeof(ndmsg);
    case RTM_NEWRULE:
    case RTM_DELRULE:
    case RTM_GETRULE:
      return sizeof(fib_rule_hdr);
    default:
      return sizeof(ifinfomsg);
  }
}

}  // namespace

std::string AttributeTree(wire::ByteSpan message) {
  nlmsghdr header;
  if (!wire::ReadStruct(message, header)) return "no header\n";
  char line[96];
  std::snprintf(line, sizeof(line), "type %u flags %x length %u of %zu\n", header.nlmsg_type,
                header.nlmsg_flags, header.nlmsg_len, message.size);
  wire::ByteSpan body = message.From(sizeof(header));
  const size_t size = std::min(body.size, HeaderSize(header.nlmsg_type));
  const Content content =
      HeaderSize(header.nlmsg_type) == sizeof(ifinfomsg) ? Content::kLink : Content::kAttributes;
  return line + ("header " + ToHex({body.data, size})) + "\n" +
         PrintAttributes(body.From(size), content, "");
}

}  // namespace macvlan_netlink::test
