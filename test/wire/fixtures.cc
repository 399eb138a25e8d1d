#include "fixtures.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace macvlan_netlink::test {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void Stop(const std::string& text) {
  std::fprintf(stderr, "%s\n", text.c_str());
  std::abort();
}

Fixture LoadFile(const fs::path& path) {
  std::ifstream file(path);
  if (!file) Stop("cannot read " + path.string());
  std::stringstream text;
  text << file.rdbuf();
  return {path.stem().string(), Json::Parse(text.str())};
}

}  // namespace

wire::Bytes Fixture::Request() const { return FromHex(json["request"].Text()); }

std::vector<wire::Bytes> Fixture::Messages() const {
  std::vector<wire::Bytes> messages;
  for (const std::string& text : json["messages"].Texts()) messages.push_back(FromHex(text));
  return messages;
}

std::vector<wire::Bytes> Fixture::Datagrams() const {
  const std::vector<wire::Bytes> messages = Messages();
  std::vector<wire::Bytes> datagrams;
  size_t next = 0;
  for (const Json& count : json["datagrams"].Items()) {
    wire::Bytes datagram;
    for (int64_t i = 0; i < count.Number(); ++i, ++next) {
      datagram.insert(datagram.end(), messages[next].begin(), messages[next].end());
      datagram.resize(wire::Align(datagram.size()));
    }
    datagrams.push_back(std::move(datagram));
  }
  // ACKs are kept without a list of datagrams: one each.
  for (; next < messages.size(); ++next) datagrams.push_back(messages[next]);
  return datagrams;
}

uint32_t Fixture::Index(std::string_view link) const {
  return static_cast<uint32_t>(json["indexes"][link].Number());
}

uint32_t Fixture::Descriptor(std::string_view netns) const {
  return static_cast<uint32_t>(json["fds"][netns].Number());
}

std::vector<Fixture> LoadFixtures(const std::string& folder) {
  std::vector<Fixture> fixtures;
  std::error_code error;
  const fs::path path = fs::path(TEST_FIXTURES_DIR) / folder;
  for (const fs::directory_entry& entry : fs::directory_iterator(path, error)) {
    if (entry.path().extension() == ".json") fixtures.push_back(LoadFile(entry.path()));
  }
  if (error || fixtures.empty()) Stop("no fixtures in " + path.string());
  std::sort(fixtures.begin(), fixtures.end(),
            [](const Fixture& a, const Fixture& b) { return a.name < b.name; });
  return fixtures;
}

Fixture LoadFixture(const std::string& folder, const std::string& name) {
  return LoadFile(fs::path(TEST_FIXTURES_DIR) / folder / (name + ".json"));
}

wire::Bytes FromHex(std::string_view text) {
  wire::Bytes bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    const std::string digits(text.substr(i, 2));
    bytes.push_back(static_cast<uint8_t>(std::strtoul(digits.c_str(), nullptr, 16)));
  }
  return bytes;
}

std::string ToHex(wire::ByteSpan bytes) {
  std::string text;
  for (size_t i = 0; i < bytes.size; ++i) {
    char digits[3];
    std::snprintf(digits, sizeof(digits), "%02x", bytes.data[i]);
    text += digits;
  }
  return text;
}

wire::HardwareAddress Mac(const std::string& text) {
  std::string digits = text;
  digits.erase(std::remove(digits.begin(), digits.end(), ':'), digits.end());
  wire::HardwareAddress address;
  address.Assign(FromHex(digits));
  return address;
}

wire::IpAddress Ip(const std::string& text) {
  uint8_t bytes[sizeof(in6_addr)];
  const bool v6 = text.find(':') != std::string::npos;
  if (inet_pton(v6 ? AF_INET6 : AF_INET, text.c_str(), bytes) != 1) Stop("no address: " + text);
  wire::IpAddress address;
  address.Assign({bytes, v6 ? sizeof(in6_addr) : sizeof(in_addr)});
  return address;
}

std::string MacText(const wire::Octets& address) {
  std::string text;
  for (size_t i = 0; i < address.size; ++i) {
    text += (i == 0 ? "" : ":") + ToHex({address.data + i, 1});
  }
  return text;
}

std::string IpText(const wire::Octets& address) {
  char text[INET6_ADDRSTRLEN];
  const int family = address.size == sizeof(in6_addr) ? AF_INET6 : AF_INET;
  if (inet_ntop(family, address.data, text, sizeof(text)) == nullptr) Stop("no address");
  return text;
}

}  // namespace macvlan_netlink::test
