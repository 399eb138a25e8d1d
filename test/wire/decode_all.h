// Everything in the library that reads bytes of the kernel, on one datagram.
#pragma once

#include "wire/bytes.h"

namespace macvlan_netlink::test {

// What was found in a datagram, so that a test can tell that decoding went on at all.
struct Decoded {
  size_t messages = 0;
  size_t ends = 0;  // NLMSG_ERROR and NLMSG_DONE
  size_t links = 0, addresses = 0, routes = 0, rules = 0, neighbours = 0;
};

// Splits the datagram and decodes each message by its type. An acknowledgement's offset is looked
// up in `request`.
Decoded DecodeAll(wire::ByteSpan datagram, wire::ByteSpan request);

// Reads the span as the body of each record in turn, whatever it is.
void DecodeAsEveryRecord(wire::ByteSpan body);

}  // namespace macvlan_netlink::test
