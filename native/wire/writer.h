// Appends netlink attributes to a buffer.
#pragma once

#include <linux/netlink.h>

#include <limits>

#include "wire/bytes.h"

namespace macvlan_netlink::wire {

// The first failure sticks: later calls append nothing, and ok() tells at the end. The only failure
// possible is an attribute longer than its 16-bit length field can say.
class Writer {
 public:
  explicit Writer(Bytes& out) : out_(out) {}

  void Attribute(uint16_t type, ByteSpan payload) {
    if (payload.size > kMaxPayload) ok_ = false;
    if (!ok_) return;
    const size_t start = Open(type);
    Append(payload);
    Close(start);
  }

  // Writes a nested attribute whose content `body` appends; begin and end cannot be unbalanced.
  template <class Body>
  void Nest(uint16_t type, Body&& body) {
    if (!ok_) return;
    const size_t start = Open(type);
    body();
    Close(start);
  }

  // A structure that says its own length, what `body` appends behind it included (rtnexthop).
  template <class Struct, class Length, class Body>
  void Counted(Struct header, Length Struct::* length, Body&& body) {
    const size_t start = out_.size();
    Header(header);
    body();
    const size_t size = out_.size() - start;
    if (size > std::numeric_limits<Length>::max()) ok_ = false;
    header.*length = static_cast<Length>(size);
    std::memcpy(out_.data() + start, &header, sizeof(header));
  }

  // A structure that stands before the attributes (ifinfomsg and its like), padded as the kernel
  // expects.
  template <class Struct>
  void Header(const Struct& header) {
    Append(BytesOf(header));
    Pad();
  }

  bool ok() const { return ok_; }

 private:
  static constexpr size_t kMaxPayload = std::numeric_limits<uint16_t>::max() - NLA_HDRLEN;

  size_t Open(uint16_t type) {
    const size_t start = out_.size();
    Append(BytesOf(nlattr{0, type}));
    return start;
  }

  void Close(size_t start) {
    const size_t length = out_.size() - start;
    if (length > std::numeric_limits<uint16_t>::max()) {
      ok_ = false;
      return;
    }
    const auto field = static_cast<uint16_t>(length);
    std::memcpy(out_.data() + start, &field, sizeof(field));
    Pad();
  }

  void Append(ByteSpan bytes) {
    if (bytes.size != 0) out_.insert(out_.end(), bytes.data, bytes.data + bytes.size);
  }

  void Pad() { out_.resize(Align(out_.size())); }

  Bytes& out_;
  bool ok_ = true;
};

}  // namespace macvlan_netlink::wire
