// Reads the messages of a captured answer as records of one kind.
#pragma once

#include <vector>

#include "check.h"
#include "wire/codec.h"
#include "wire/message.h"

namespace macvlan_netlink::test {

template <class Record>
std::vector<Record> DecodeOf(const std::vector<wire::Bytes>& messages) {
  std::vector<Record> records;
  for (const wire::Bytes& bytes : messages) {
    wire::MessageReader reader(bytes);
    wire::Message message;
    CHECK(reader.Next(message));
    if (message.header.nlmsg_type == NLMSG_DONE) continue;
    CHECK(wire::DecodeBody(message.payload, records.emplace_back()));
  }
  return records;
}

}  // namespace macvlan_netlink::test
