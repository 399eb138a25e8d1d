// Framing: netlink messages in a datagram, and the acknowledgement that ends each request.
#pragma once

#include <linux/netlink.h>

#include <optional>
#include <string>

#include "wire/reader.h"

namespace macvlan_netlink::wire {

struct Message {
  nlmsghdr header{};
  ByteSpan payload;  // what follows nlmsghdr
};

// Splits a datagram into its messages; a header whose length does not fit ends the walk.
class MessageReader {
 public:
  explicit MessageReader(ByteSpan datagram) : span_(datagram) {}
  bool Next(Message& out);

 private:
  ByteSpan span_;
  size_t position_ = 0;
};

// How a request ended: NLMSG_ERROR (also the ACK of success) or NLMSG_DONE, with what the extended
// ACK adds. Offsets count from the start of the request's nlmsghdr.
struct Ack {
  int error = 0;  // 0 or a negative errno
  std::string message;
  std::optional<uint32_t> attribute_offset;  // NLMSGERR_ATTR_OFFS: the attribute at fault
  std::optional<uint32_t> missing_type;      // NLMSGERR_ATTR_MISS_TYPE: the attribute not there
  std::optional<uint32_t> missing_nest;      // NLMSGERR_ATTR_MISS_NEST: the nest it was missed in
};

// Reads NLMSG_ERROR or NLMSG_DONE. False when the message is neither, or too short to be one.
// Attributes that are cut off are left out: the status in front of them stands.
bool ParseEnd(const Message& message, Ack& out);

// Starts a message with room for its nlmsghdr; EndMessage fills it in. Sequence number and port id
// belong to the socket that sends it.
size_t BeginMessage(Bytes& out);
void EndMessage(Bytes& out, size_t start, uint16_t type, uint16_t flags);

}  // namespace macvlan_netlink::wire
