// The captured messages of test/fixtures, and values in the forms that the records use.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "json.h"
#include "wire/bytes.h"

namespace macvlan_netlink::test {

struct Fixture {
  std::string name;
  Json json;

  wire::Bytes Request() const;
  std::vector<wire::Bytes> Messages() const;
  // The same messages as they were read: several to a buffer.
  std::vector<wire::Bytes> Datagrams() const;
  uint32_t Index(std::string_view link) const;  // of an interface; 0 when there is none
  uint32_t Descriptor(std::string_view netns) const;
};

// All of a folder ("requests", "replies"), by name.
std::vector<Fixture> LoadFixtures(const std::string& folder);
Fixture LoadFixture(const std::string& folder, const std::string& name);

wire::Bytes FromHex(std::string_view text);
std::string ToHex(wire::ByteSpan bytes);

wire::HardwareAddress Mac(const std::string& text);
wire::IpAddress Ip(const std::string& text);
std::string MacText(const wire::Octets& address);
std::string IpText(const wire::Octets& address);

}  // namespace macvlan_netlink::test
