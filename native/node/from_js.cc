#include "node/from_js.h"

namespace macvlan_netlink::node {

bool FromJs(napi_env env, napi_value value, std::string& out) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) return false;
  out.resize(length);
  return napi_get_value_string_utf8(env, value, out.data(), length + 1, &length) == napi_ok;
}

bool FromJs(napi_env env, napi_value value, wire::Octets& out) {
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr) != napi_ok) {
    return false;
  }
  return type == napi_uint8_array && out.Assign({static_cast<const uint8_t*>(data), length});
}

}  // namespace macvlan_netlink::node
