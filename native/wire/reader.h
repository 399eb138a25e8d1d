// Walks the attributes of a message without ever reading past its end.
#pragma once

#include <linux/netlink.h>

#include "wire/bytes.h"

namespace macvlan_netlink::wire {

struct Attribute {
  uint16_t type = 0;  // without NLA_F_NESTED and NLA_F_NET_BYTEORDER
  size_t offset = 0;  // of the attribute's header, from the start of the span that was walked
  ByteSpan payload;
};

// A length that does not fit ends the walk and sets malformed(); what came before it stays valid.
// The kernel itself produces such a tail: a list of more than 5,455 MAC addresses wraps the 16-bit
// length of a nest around it (drivers/net/macvlan.c, Linux 6.18).
class AttributeReader {
 public:
  explicit AttributeReader(ByteSpan attributes) : span_(attributes) {}

  bool Next(Attribute& out) {
    const ByteSpan rest = span_.From(position_);
    nlattr header;
    if (!ReadStruct(rest, header)) {
      malformed_ = malformed_ || rest.size != 0;
      return false;
    }
    if (header.nla_len < NLA_HDRLEN || header.nla_len > rest.size) {
      malformed_ = true;
      return false;
    }
    out.type = header.nla_type & NLA_TYPE_MASK;
    out.offset = position_;
    out.payload = {rest.data + NLA_HDRLEN, static_cast<size_t>(header.nla_len) - NLA_HDRLEN};
    position_ += Align(header.nla_len);
    return true;
  }

  bool malformed() const { return malformed_; }

 private:
  ByteSpan span_;
  size_t position_ = 0;
  bool malformed_ = false;
};

}  // namespace macvlan_netlink::wire
