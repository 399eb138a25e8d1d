// A netlink request as text in which the order of attributes no longer matters.
#pragma once

#include <string>

#include "wire/bytes.h"

namespace macvlan_netlink::test {

// One line for the header and one for each attribute, nests indented under theirs and sorted by
// attribute number; attributes of the same number keep their order. Every length, flag bit, value
// and padding byte shows; sequence number and port id do not. The nests are found by this file's
// own knowledge of rtnetlink, not by the tables under test.
std::string AttributeTree(wire::ByteSpan message);

}  // namespace macvlan_netlink::test
