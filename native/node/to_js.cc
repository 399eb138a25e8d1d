#include "node/to_js.h"

namespace macvlan_netlink::node {

napi_value HardwareAddressText(napi_env env, wire::ByteSpan bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  char text[wire::Octets::kCapacity * 3];
  size_t length = 0;
  for (size_t i = 0; i < bytes.size; ++i) {
    if (i != 0) text[length++] = ':';
    text[length++] = kDigits[bytes.data[i] >> 4];
    text[length++] = kDigits[bytes.data[i] & 15];
  }
  napi_value result = nullptr;
  napi_create_string_latin1(env, text, length, &result);
  return result;
}

napi_value IpAddressText(napi_env env, wire::ByteSpan bytes) {
  char text[INET6_ADDRSTRLEN] = "";
  if (bytes.size == 4) inet_ntop(AF_INET, bytes.data, text, sizeof(text));
  if (bytes.size == 16) inet_ntop(AF_INET6, bytes.data, text, sizeof(text));
  napi_value result = nullptr;
  napi_create_string_latin1(env, text, NAPI_AUTO_LENGTH, &result);
  return result;
}

}  // namespace macvlan_netlink::node
