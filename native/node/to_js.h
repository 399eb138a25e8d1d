// Answers become JavaScript values: one argument for each column.
#pragma once

#include <arpa/inet.h>
#include <node_api.h>

#include <algorithm>

#include "node/columns.h"

namespace macvlan_netlink::node {

// Collects the arguments of one factory call.
class Arguments {
 public:
  static constexpr size_t kCapacity = 64;

  // `counters` is a Float64Array that every call shares: the factory copies out of it at once.
  Arguments(napi_env env, napi_value undefined, napi_value counters, double* counter_memory)
      : env_(env), undefined_(undefined), counters_(counters), counter_memory_(counter_memory) {}

  void Push(napi_value value) { values_[count_++] = value; }
  size_t count() const { return count_; }
  const napi_value* values() const { return values_; }

  template <class Record>
  void PushColumns(const Record& record);

 private:
  template <class T>
  napi_value Convert(const T& value);
  template <class Member>
  void PushColumn(const Member& value);
  template <class T>
  void PushColumn(const std::optional<T>& value);
  template <class Record>
  void PushAbsentColumns();
  template <class Member>
  void PushAbsentColumn();

  napi_env env_;
  napi_value undefined_;
  napi_value counters_;
  double* counter_memory_;
  size_t count_ = 0;
  napi_value values_[kCapacity];
};

static_assert(sizeof(rtnl_link_stats64) % sizeof(uint64_t) == 0, "only unsigned 64-bit counters");
constexpr size_t kCounters = sizeof(rtnl_link_stats64) / sizeof(uint64_t);

napi_value HardwareAddressText(napi_env env, wire::ByteSpan bytes);
napi_value IpAddressText(napi_env env, wire::ByteSpan bytes);

template <class T>
napi_value Arguments::Convert(const T& value) {
  napi_value result = nullptr;
  if constexpr (std::is_same_v<T, std::string>) {
    napi_create_string_utf8(env_, value.data(), value.size(), &result);
  } else if constexpr (std::is_same_v<T, wire::UnterminatedText>) {
    result = Convert(value.text);
  } else if constexpr (std::is_same_v<T, wire::HardwareAddress>) {
    result = HardwareAddressText(env_, value.Span());
  } else if constexpr (std::is_same_v<T, wire::IpAddress>) {
    result = IpAddressText(env_, value.Span());
  } else if constexpr (std::is_same_v<T, wire::ViaAddress>) {
    result = IpAddressText(env_, value.Span().From(2));
  } else if constexpr (std::is_same_v<T, wire::BigEndian16>) {
    napi_create_uint32(env_, value.value, &result);
  } else if constexpr (std::is_same_v<T, rtnl::NextHop>) {
    // Rare enough to be a plain array of its columns.
    Arguments columns(env_, undefined_, counters_, counter_memory_);
    columns.PushColumns(value);
    napi_create_array_with_length(env_, columns.count(), &result);
    for (size_t i = 0; i < columns.count(); ++i) {
      napi_set_element(env_, result, static_cast<uint32_t>(i), columns.values()[i]);
    }
  } else if constexpr (std::is_signed_v<T>) {
    static_assert(sizeof(T) <= 4);
    napi_create_int32(env_, value, &result);
  } else {
    static_assert(std::is_unsigned_v<T> && sizeof(T) <= 4);
    napi_create_uint32(env_, value, &result);
  }
  return result;
}

template <class Member>
void Arguments::PushColumn(const Member& value) {
  if constexpr (std::is_same_v<Member, wire::Boxed<rtnl::LinkRecord>>) {
    // A veth's peer: never in an answer.
  } else if constexpr (std::is_same_v<Member, wire::Binary<rtnl_link_stats64>>) {
    uint64_t numbers[kCounters];
    std::memcpy(numbers, &value.value, sizeof(numbers));
    if (std::all_of(numbers, numbers + kCounters, [](uint64_t count) { return count == 0; })) {
      napi_value null = nullptr;
      napi_get_null(env_, &null);
      return Push(null);
    }
    for (size_t i = 0; i < kCounters; ++i) counter_memory_[i] = static_cast<double>(numbers[i]);
    Push(counters_);
  } else if constexpr (IsRecord<Member>::value) {
    PushColumns(RecordOf(value));
  } else if constexpr (std::is_same_v<Member, rtnl::MacList> ||
                       std::is_same_v<Member, rtnl::AltNames> ||
                       std::is_same_v<Member, rtnl::NextHops>) {
    napi_value array = nullptr;
    napi_create_array_with_length(env_, value.items.size(), &array);
    for (size_t i = 0; i < value.items.size(); ++i) {
      // A list may hold thousands; without a scope each handle would live until the call returns.
      napi_handle_scope scope;
      napi_open_handle_scope(env_, &scope);
      napi_set_element(env_, array, static_cast<uint32_t>(i), Convert(value.items[i]));
      napi_close_handle_scope(env_, scope);
    }
    Push(array);
  } else {
    Push(Convert(value));
  }
}

template <class T>
void Arguments::PushColumn(const std::optional<T>& value) {
  if (value) {
    PushColumn(*value);
  } else {
    PushAbsentColumn<T>();
  }
}

template <class Member>
void Arguments::PushAbsentColumn() {
  using Inner = typename Unwrap<Member>::type;
  if constexpr (IsRecord<Inner>::value) {
    PushAbsentColumns<Inner>();
  } else {
    Push(undefined_);
  }
}

template <class Record>
void Arguments::PushColumns(const Record& record) {
  // One for the namespace.
  static_assert(1 + CountReplied<Record>() <= kCapacity, "more columns than arguments have room");
  wire::ForEach(Columns<Record>::all, [&](const auto& column) {
    if (IsReplied(column)) PushColumn(record.*(column.member));
  });
}

template <class Record>
void Arguments::PushAbsentColumns() {
  wire::ForEach(Columns<Record>::all, [&](const auto& column) {
    using Member = typename ColumnType<std::decay_t<decltype(column)>>::Member_t;
    if (IsReplied(column)) PushAbsentColumn<Member>();
  });
}

}  // namespace macvlan_netlink::node
