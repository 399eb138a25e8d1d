// Plain byte ranges and the alignment rule that every netlink structure follows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace macvlan_netlink::wire {

using Bytes = std::vector<uint8_t>;

// A range of bytes owned by somebody else; valid as long as the buffer it was cut from.
struct ByteSpan {
  const uint8_t* data = nullptr;
  size_t size = 0;

  ByteSpan() = default;
  ByteSpan(const uint8_t* bytes, size_t length) : data(bytes), size(length) {}
  // Implicit: a vector is a span of its bytes.
  ByteSpan(const Bytes& bytes) : data(bytes.data()), size(bytes.size()) {}

  // The bytes from `offset` on; empty when the span is shorter than that.
  ByteSpan From(size_t offset) const {
    return offset < size ? ByteSpan(data + offset, size - offset) : ByteSpan();
  }
};

// Copies a kernel structure out of a buffer that need not be aligned for it. A span that is too
// short gives false and leaves `out` untouched.
template <class Struct>
bool ReadStruct(ByteSpan span, Struct& out) {
  if (span.size < sizeof(Struct)) return false;
  std::memcpy(&out, span.data, sizeof(Struct));
  return true;
}

// The bytes of a kernel structure or a number, as they are in memory.
template <class Struct>
ByteSpan BytesOf(const Struct& value) {
  return {reinterpret_cast<const uint8_t*>(&value), sizeof(value)};
}

// Text ends with NUL on the wire; the kernel's own may lack it.
inline std::string ReadText(ByteSpan span) {
  const auto* text = reinterpret_cast<const char*>(span.data);
  return {text, span.size == 0 ? 0 : strnlen(text, span.size)};
}

// NLMSG_ALIGN and NLA_ALIGN are the same rule: everything starts on a multiple of four.
constexpr size_t Align(size_t length) { return (length + 3) & ~size_t{3}; }

// A hardware or network address as it travels: up to MAX_ADDR_LEN (32) bytes, length included.
// Inline, because a listing decodes thousands of them.
struct Octets {
  static constexpr size_t kCapacity = 32;
  uint8_t size = 0;
  uint8_t data[kCapacity] = {};

  bool Assign(ByteSpan span) {
    if (span.size > kCapacity) return false;
    size = static_cast<uint8_t>(span.size);
    if (span.size != 0) std::memcpy(data, span.data, span.size);
    return true;
  }
  ByteSpan Span() const { return {data, size}; }
  bool operator==(const Octets& other) const {
    return size == other.size && std::memcmp(data, other.data, size) == 0;
  }
};

// The same bytes, told apart because people write them differently.
struct HardwareAddress : Octets {};
struct IpAddress : Octets {};
// RTA_VIA: a gateway of the other address family, two bytes of family in front.
struct ViaAddress : Octets {};

}  // namespace macvlan_netlink::wire
