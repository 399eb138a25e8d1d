#include "golden.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "attribute_tree.h"
#include "check.h"

namespace macvlan_netlink::test {

const rtnl::Operation& FindOperation(std::string_view js_name) {
  for (const rtnl::Operation& operation : rtnl::kOperations) {
    if (js_name == operation.js_name) return operation;
  }
  std::fprintf(stderr, "no operation %.*s\n", static_cast<int>(js_name.size()), js_name.data());
  std::abort();
}

wire::Bytes Encode(const rtnl::Operation& operation, const rtnl::Record& record) {
  wire::Bytes out;
  CHECK(rtnl::EncodeRequest(operation, record, out));
  return out;
}

void CheckGolden(const std::vector<GoldenCase>& cases, const std::vector<NotSent>& not_sent,
                 bool (*mine)(const Fixture& fixture)) {
  size_t compared = 0;
  for (const Fixture& fixture : LoadFixtures("requests")) {
    if (!mine(fixture)) continue;
    const Note note(fixture.name + ": " + fixture.json["command"].Text());
    const auto is_this = [&](const auto& entry) { return fixture.name == entry.fixture; };
    const auto found = std::find_if(cases.begin(), cases.end(), is_this);
    const bool skipped = std::any_of(not_sent.begin(), not_sent.end(), is_this);
    {
      const Note rule("must be a case, or not sent with a reason");
      CHECK((found != cases.end()) != skipped);
    }
    if (found == cases.end()) continue;
    wire::Bytes golden = fixture.Request();
    if (found->adapt != nullptr) found->adapt(golden);
    const wire::Bytes ours = Encode(FindOperation(found->operation), found->record(fixture));
    CHECK_EQ("\n" + AttributeTree(ours), "\n" + AttributeTree(golden));
    ++compared;
  }
  CHECK_EQ(compared, cases.size());
}

}  // namespace macvlan_netlink::test
