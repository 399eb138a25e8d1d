// How a request ended: ACKs and DONE as the kernel sent them, and the attribute they blame.
#include <cstddef>
#include <cstring>

#include "check.h"
#include "fixtures.h"
#include "golden.h"

namespace macvlan_netlink::test {
namespace {

wire::Message First(const wire::Bytes& datagram) {
  wire::MessageReader reader(datagram);
  wire::Message message;
  CHECK(reader.Next(message));
  return message;
}

const rtnl::Operation* OperationOf(const wire::Bytes& request) {
  nlmsghdr header;
  CHECK(wire::ReadStruct(wire::ByteSpan(request), header));
  for (const rtnl::Operation& operation : rtnl::kOperations) {
    if (operation.type == header.nlmsg_type) return &operation;
  }
  return nullptr;
}

}  // namespace

TEST(acks_are_read_with_their_error_and_message) {
  size_t texts = 0;
  for (const Fixture& fixture : LoadFixtures("replies")) {
    if (fixture.name.rfind("ack-", 0) != 0 && fixture.name != "done-with-error") continue;
    const Note note(fixture.name);
    const wire::Bytes answer = fixture.Messages().front();
    const Json& expect = fixture.json["expect"];
    wire::Ack ack;
    CHECK(wire::ParseEnd(First(answer), ack));
    CHECK_EQ(ack.error, -expect["errno"].Number());
    CHECK_EQ(ack.message, expect["message"].Text());
    CHECK_EQ(ack.attribute_offset.has_value(), expect.Has("attribute"));
    CHECK_EQ(ack.missing_type.has_value(), expect.Has("missingType"));
    if (expect.Has("missingType")) CHECK_EQ(*ack.missing_type, expect["missingType"].Number());
    CHECK(!ack.missing_nest);
    // ip prints the text and a full stop.
    if (!ack.message.empty() && fixture.json.Has("printed")) {
      CHECK(fixture.json["printed"].Text().rfind("Error: " + ack.message + ".", 0) == 0);
    }
    texts += ack.message.empty() ? 0 : 1;
  }
  CHECK(texts >= 5);
}

TEST(offsets_name_the_attribute) {
  size_t named = 0;
  for (const Fixture& fixture : LoadFixtures("replies")) {
    const Json& path = fixture.json["expect"]["attribute"];
    if (path.Items().empty()) continue;
    const Note note(fixture.name);
    wire::Bytes request = fixture.Request();
    wire::Ack ack;
    CHECK(wire::ParseEnd(First(fixture.Messages().front()), ack));
    const rtnl::Operation* operation = OperationOf(request);
    CHECK(operation != nullptr);
    if (operation == nullptr) continue;
    const std::string& expected = path.Items().back().Text();
    // One is to be known by no table: it gets a number that no kernel will have.
    const bool known = expected != "IFLA_GSO_MAX_SIZE";
    if (!known) {
      const uint16_t type = 0x3fff;
      std::memcpy(&request[*ack.attribute_offset + offsetof(nlattr, nla_type)], &type,
                  sizeof(type));
    }
    CHECK_EQ(rtnl::AttributeAtFault(*operation, request, ack), known ? expected.c_str() : nullptr);
    ++named;
  }
  CHECK(named >= 4);
}

TEST(offsets_are_followed_into_every_nest) {
  // An ACK that points at the given bytes of a captured request.
  const auto name_of = [](const char* fixture_name, const char* operation, const char* bytes) {
    const wire::Bytes request = LoadFixture("requests", fixture_name).Request();
    const size_t at = ToHex(request).find(bytes);
    CHECK(at != std::string::npos);
    wire::Ack ack;
    ack.attribute_offset = static_cast<uint32_t>(at / 2);
    const char* name = rtnl::AttributeAtFault(FindOperation(operation), request, ack);
    return std::string(name == nullptr ? "" : name);
  };
  CHECK_EQ(name_of("macvlan-mtu", "createLink", "0800040078050000"), "IFLA_MTU");
  CHECK_EQ(name_of("macvlan-mtu", "createLink", "1c001200"), "IFLA_LINKINFO");
  CHECK_EQ(name_of("macvlan-mtu", "createLink", "0b000100"), "IFLA_INFO_KIND");
  CHECK_EQ(name_of("macvlan-mtu", "createLink", "0c000200"), "IFLA_INFO_DATA");
  CHECK_EQ(name_of("macvlan-mtu", "createLink", "0800010004000000"), "IFLA_MACVLAN_MODE");
  CHECK_EQ(name_of("macvlan-source-macs", "createLink", "1c000500"), "IFLA_MACVLAN_MACADDR_DATA");
  CHECK_EQ(name_of("macvtap-bridge", "createLink", "0800010004000000"), "IFLA_MACVLAN_MODE");
  CHECK_EQ(name_of("veth", "createLink", "1c000100"), "VETH_INFO_PEER");
  CHECK_EQ(name_of("veth", "createLink", "0700030076310000"), "IFLA_IFNAME");
  CHECK_EQ(name_of("vlan", "createLink", "0c000200"), "IFLA_INFO_DATA");
  CHECK_EQ(name_of("vlan", "createLink", "0600010005000000"), "IFLA_VLAN_ID");
  CHECK_EQ(name_of("addr-add-v4-label", "addAddress", "0b000300"), "IFA_LABEL");
  CHECK_EQ(name_of("route-add-via-metric", "addRoute", "0800060032000000"), "RTA_PRIORITY");
  CHECK_EQ(name_of("altname-add", "addAltNames", "1c003480"), "IFLA_PROP_LIST");
}

TEST(offsets_are_followed_into_the_data_of_a_bridge_port) {
  rtnl::LinkRecord port;
  port.info.emplace().slave_kind = "bridge";
  port.info->bridge_port.emplace().hairpin = uint8_t{1};
  const rtnl::Operation& change = FindOperation("changeLink");
  const wire::Bytes request = Encode(change, port);
  wire::Ack ack;
  ack.attribute_offset = static_cast<uint32_t>(ToHex(request).find("0500040001000000") / 2);
  CHECK_EQ(rtnl::AttributeAtFault(change, request, ack), "IFLA_BRPORT_MODE");
  ack.attribute_offset = *ack.attribute_offset - NLA_HDRLEN;
  CHECK_EQ(rtnl::AttributeAtFault(change, request, ack), "IFLA_INFO_SLAVE_DATA");
  ack.attribute_offset = static_cast<uint32_t>(ToHex(request).find("0a000400627269646765") / 2);
  CHECK_EQ(rtnl::AttributeAtFault(change, request, ack), "IFLA_INFO_SLAVE_KIND");
}

TEST(a_missing_attribute_is_named_at_the_top_only) {
  wire::Ack ack;
  ack.missing_type = uint32_t{IFLA_LINK};
  const rtnl::Operation& create = FindOperation("createLink");
  CHECK_EQ(rtnl::AttributeAtFault(create, {}, ack), "IFLA_LINK");
  ack.missing_nest = uint32_t{64};
  CHECK(rtnl::AttributeAtFault(create, {}, ack) == nullptr);
  CHECK(rtnl::AttributeAtFault(create, {}, wire::Ack{}) == nullptr);
}

TEST(done_of_a_dump_is_success) {
  for (const char* name : {"links-mixed", "addresses", "routes"}) {
    const Note note(name);
    wire::Ack ack;
    ack.error = 1;
    CHECK(wire::ParseEnd(First(LoadFixture("replies", name).Messages().back()), ack));
    CHECK_EQ(ack.error, 0);
    CHECK_EQ(ack.message, "");
  }
}

TEST(a_message_that_is_no_ack_or_done_is_not_read_as_one) {
  wire::Ack ack;
  CHECK(!wire::ParseEnd(First(LoadFixture("replies", "links-mixed").Messages().front()), ack));
  // NLMSG_ERROR and NLMSG_DONE without a status.
  for (const uint16_t type : {NLMSG_ERROR, NLMSG_DONE}) {
    wire::Bytes bytes;
    wire::EndMessage(bytes, wire::BeginMessage(bytes), type, 0);
    CHECK(!wire::ParseEnd(First(bytes), ack));
  }
}

// Numbers of a later kernel are passed over, whichever side of the known ones they stand on.
TEST(unknown_attributes_of_an_extended_ack_are_ignored) {
  wire::Bytes bytes;
  const size_t start = wire::BeginMessage(bytes);
  wire::Writer writer(bytes);
  nlmsgerr error{};
  error.error = -22;
  writer.Header(error);
  wire::Wire<uint32_t>::Encode(writer, 200, 1);
  wire::Wire<std::string>::Encode(writer, NLMSGERR_ATTR_MSG, "why");
  wire::Wire<uint32_t>::Encode(writer, NLMSGERR_ATTR_OFFS, 40);
  wire::Wire<uint32_t>::Encode(writer, 5, 3);   // NLMSGERR_ATTR_MISS_TYPE
  wire::Wire<uint32_t>::Encode(writer, 6, 60);  // NLMSGERR_ATTR_MISS_NEST
  wire::Wire<uint32_t>::Encode(writer, 201, 1);
  wire::EndMessage(bytes, start, NLMSG_ERROR, NLM_F_CAPPED | NLM_F_ACK_TLVS);
  wire::Ack ack;
  CHECK(wire::ParseEnd(First(bytes), ack));
  CHECK_EQ(ack.error, -22);
  CHECK_EQ(ack.message, "why");
  CHECK_EQ(ack.attribute_offset, std::optional<uint32_t>(40));
  CHECK_EQ(ack.missing_type, std::optional<uint32_t>(3));
  CHECK_EQ(ack.missing_nest, std::optional<uint32_t>(60));
}

}  // namespace macvlan_netlink::test
