// What JavaScript sees of each record: its columns, numbered in table order. A request comes as a
// flat array [column, value, column, value …]; an answer goes out as one call of a factory with the
// columns as arguments, nested records spread out in place ("info.macvlan.mode").
#pragma once

#include <linux/if_addr.h>

#include <string>

#include "rtnl/operations.h"

namespace macvlan_netlink::node {

// The tuple of everything with a js_name and a member.
template <class Record, class = void>
struct Columns;
template <class Record>
struct Columns<Record, std::enable_if_t<wire::HasTable<Record>::value>> {
  static constexpr auto all =
      std::tuple_cat(wire::Table<Record>::header, wire::Table<Record>::rows);
};
template <>
struct Columns<rtnl::LinkInfo> {
  using R = rtnl::LinkInfo;
  static constexpr auto all = std::make_tuple(
      wire::Field("kind", &R::kind), wire::Field("macvlan", &R::macvlan),
      wire::Field("veth", &R::veth), wire::Field("vlan", &R::vlan),
      wire::Field("slaveKind", &R::slave_kind), wire::Field("bridgePort", &R::bridge_port));
};
template <>
struct Columns<ifa_cacheinfo> {
  static constexpr auto all =
      std::make_tuple(wire::Field("preferred", &ifa_cacheinfo::ifa_prefered),
                      wire::Field("valid", &ifa_cacheinfo::ifa_valid));
};

template <>
struct Columns<fib_rule_uid_range> {
  static constexpr auto all = std::make_tuple(wire::Field("start", &fib_rule_uid_range::start),
                                              wire::Field("end", &fib_rule_uid_range::end));
};
template <>
struct Columns<fib_rule_port_range> {
  static constexpr auto all = std::make_tuple(wire::Field("start", &fib_rule_port_range::start),
                                              wire::Field("end", &fib_rule_port_range::end));
};

template <class T, class = void>
struct IsRecord : std::false_type {};
template <class T>
struct IsRecord<T, std::void_t<decltype(Columns<T>::all)>> : std::true_type {};
template <class T>
struct IsRecord<wire::Binary<T>> : IsRecord<T> {};

template <class T>
T& RecordOf(T& value) {
  return value;
}
template <class T>
T& RecordOf(wire::Binary<T>& value) {
  return value.value;
}
template <class T>
const T& RecordOf(const wire::Binary<T>& value) {
  return value.value;
}

template <class T>
struct Unwrap {
  using type = T;
};
template <class T>
struct Unwrap<std::optional<T>> : Unwrap<T> {};
template <class T>
struct Unwrap<wire::Binary<T>> {
  using type = T;
};

// The type behind a column, optional and Binary taken off.
template <class Column>
struct ColumnType;
template <class Record, class Member>
struct ColumnType<wire::HeaderRow<Record, Member>> : Unwrap<Member> {
  using Member_t = Member;
};
template <class Record, class Member>
struct ColumnType<wire::AttributeRow<Record, Member>> : Unwrap<Member> {
  using Member_t = Member;
};

template <class Record, class Member>
constexpr bool IsReplied(const wire::HeaderRow<Record, Member>&) {
  return true;
}
template <class Record, class Member>
constexpr bool IsReplied(const wire::AttributeRow<Record, Member>& row) {
  return row.use != wire::Use::kRequest;
}

// How many arguments the factory of a record gets, at most.
template <class Record>
constexpr size_t CountReplied() {
  const auto count = [](const auto& column) {
    using Inner = typename ColumnType<std::decay_t<decltype(column)>>::type;
    if constexpr (IsRecord<Inner>::value) {
      return IsReplied(column) ? CountReplied<Inner>() : 0;
    } else {
      return IsReplied(column) ? size_t{1} : size_t{0};
    }
  };
  return std::apply([&](const auto&... column) { return (size_t{0} + ... + count(column)); },
                    Columns<Record>::all);
}

}  // namespace macvlan_netlink::node
