// Requests come from JavaScript as flat arrays [column, value, column, value …], already checked
// and in plain form by TypeScript. What does not fit is a fault of this package's own, not of its
// user.
#pragma once

#include <node_api.h>

#include <cmath>
#include <limits>
#include <type_traits>

#include "node/columns.h"

namespace macvlan_netlink::node {

bool FromJs(napi_env env, napi_value value, std::string& out);
bool FromJs(napi_env env, napi_value value, wire::Octets& out);

template <class Record>
bool RecordFromJs(napi_env env, napi_value value, Record& out);

template <class T>
bool NumberFromJs(napi_env env, napi_value value, T& out) {
  double number = 0;
  if (napi_get_value_double(env, value, &number) != napi_ok) return false;
  static_assert(std::is_integral_v<T>);
  using Limits = std::numeric_limits<T>;
  // Also false for no number; what is converted otherwise may be anything.
  const bool fits = number >= Limits::lowest() && number < std::ldexp(1, Limits::digits);
  if (!fits) return false;
  out = static_cast<T>(number);
  return static_cast<double>(out) == number;
}

template <class T>
bool ValueFromJs(napi_env env, napi_value value, T& out) {
  if constexpr (std::is_arithmetic_v<T>) {
    return NumberFromJs(env, value, out);
  } else if constexpr (std::is_same_v<T, wire::BigEndian16>) {
    return NumberFromJs(env, value, out.value);
  } else if constexpr (std::is_same_v<T, wire::UnterminatedText>) {
    return FromJs(env, value, out.text);
  } else if constexpr (IsRecord<T>::value) {
    return RecordFromJs(env, value, RecordOf(out));
  } else {
    return FromJs(env, value, out);
  }
}

template <class Record>
bool ValueFromJs(napi_env env, napi_value value, wire::Boxed<Record>& out) {
  return RecordFromJs(env, value, out.one.emplace_back());
}

template <class Element>
bool ListFromJs(napi_env env, napi_value value, std::vector<Element>& out) {
  uint32_t length = 0;
  if (napi_get_array_length(env, value, &length) != napi_ok) return false;
  out.resize(length);
  for (uint32_t i = 0; i < length; ++i) {
    napi_value item = nullptr;
    if (napi_get_element(env, value, i, &item) != napi_ok) return false;
    if (!ValueFromJs(env, item, out[i])) return false;
  }
  return true;
}

template <class Element, uint16_t kElementType>
bool ValueFromJs(napi_env env, napi_value value, wire::ListOf<Element, kElementType>& out) {
  return ListFromJs(env, value, out.items);
}

inline bool ValueFromJs(napi_env env, napi_value value, rtnl::NextHops& out) {
  return ListFromJs(env, value, out.items);
}

template <class T>
bool ValueFromJs(napi_env env, napi_value value, std::optional<T>& out) {
  return ValueFromJs(env, value, out.emplace());
}

namespace internal {

template <class Record, size_t kColumn>
bool SetColumn(napi_env env, napi_value value, Record& record) {
  constexpr auto column = std::get<kColumn>(Columns<Record>::all);
  using Member = typename ColumnType<std::decay_t<decltype(column)>>::Member_t;
  // Answers only: no way in.
  if constexpr (std::is_same_v<Member, std::optional<wire::Binary<rtnl_link_stats64>>>) {
    return false;
  } else {
    return ValueFromJs(env, value, record.*(column.member));
  }
}

template <class Record, size_t... kColumns>
constexpr auto MakeSetters(std::index_sequence<kColumns...>) {
  using Setter = bool (*)(napi_env, napi_value, Record&);
  return std::array<Setter, sizeof...(kColumns)>{&SetColumn<Record, kColumns>...};
}

}  // namespace internal

template <class Record>
bool RecordFromJs(napi_env env, napi_value value, Record& out) {
  static constexpr auto setters = internal::MakeSetters<Record>(
      std::make_index_sequence<std::tuple_size_v<std::decay_t<decltype(Columns<Record>::all)>>>());
  uint32_t length = 0;
  if (napi_get_array_length(env, value, &length) != napi_ok) return false;
  for (uint32_t i = 0; i + 1 < length; i += 2) {
    napi_value number = nullptr;
    napi_value content = nullptr;
    uint32_t column = 0;
    if (napi_get_element(env, value, i, &number) != napi_ok ||
        napi_get_value_uint32(env, number, &column) != napi_ok || column >= setters.size() ||
        napi_get_element(env, value, i + 1, &content) != napi_ok ||
        !setters[column](env, content, out)) {
      return false;
    }
  }
  return true;
}

}  // namespace macvlan_netlink::node
