// Compares requests with those that `ip` sent for the same command.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "fixtures.h"
#include "rtnl/operations.h"

namespace macvlan_netlink::test {

struct GoldenCase {
  const char* fixture;
  const char* operation;  // Operation::js_name
  std::function<rtnl::Record(const Fixture&)> record;
  // Where this library says the same in another way: turns ip's message into that form.
  void (*adapt)(wire::Bytes& message) = nullptr;
};

// A fixture that has no case because this library never sends such a message, and why.
struct NotSent {
  const char* fixture;
  const char* reason;
};

// Encodes every case and compares. Of the fixtures in requests/ that `mine` picks, each must be
// either a case or not sent, so that a new capture cannot be forgotten. (That some test names each
// fixture is held by test/unit/fixtures.test.ts.)
void CheckGolden(const std::vector<GoldenCase>& cases, const std::vector<NotSent>& not_sent,
                 bool (*mine)(const Fixture& fixture));

const rtnl::Operation& FindOperation(std::string_view js_name);

// The bytes of one request; the test fails when it cannot be encoded.
wire::Bytes Encode(const rtnl::Operation& operation, const rtnl::Record& record);

}  // namespace macvlan_netlink::test
