// One row for each attribute: encoding, decoding, the way to and from JavaScript, and the names in
// error messages all walk the same rows. The wire form follows from the member's C++ type.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "wire/bytes.h"

namespace macvlan_netlink::wire {

// Which way an attribute travels. A kReply row is never sent, a kRequest row never read.
enum class Use { kBoth, kRequest, kReply };

// A field of the fixed structure in front of the attributes.
template <class Record, class Member>
struct HeaderRow {
  const char* js_name;
  Member Record::* member;
};
template <class Record, class Member>
constexpr HeaderRow<Record, Member> Field(const char* js_name, Member Record::* member) {
  return {js_name, member};
}

// An attribute. `type` carries NLA_F_NESTED where the kernel insists on it when it is sent.
template <class Record, class Member>
struct AttributeRow {
  uint16_t type;
  const char* kernel_name;
  const char* js_name;
  Member Record::* member;
  Use use;
};
template <class Record, class Member>
constexpr AttributeRow<Record, Member> Attr(uint16_t type, const char* kernel_name,
                                            const char* js_name, Member Record::* member,
                                            Use use = Use::kBoth) {
  return {type, kernel_name, js_name, member, use};
}

// Specialised for each record, with
//   static constexpr auto header = std::make_tuple(Field(…) …);   fields of the fixed structure
//   static constexpr auto rows = std::make_tuple(Attr(…) …);      attributes
// and, where the record starts with a fixed structure,
//   using Header = ifinfomsg;  static Header Pack(const Record&);  static void Unpack(const
//   Header&, Record&);
template <class Record>
struct Table;

template <class T, class = void>
struct HasTable : std::false_type {};
template <class T>
struct HasTable<T, std::void_t<decltype(Table<T>::rows)>> : std::true_type {};

template <class T, class = void>
struct HasHeader : std::false_type {};
template <class T>
struct HasHeader<T, std::void_t<typename Table<T>::Header>> : std::true_type {};

// Calls `visit(row)` for each row of a tuple, in order.
template <class Rows, class Visit>
constexpr void ForEach(const Rows& rows, Visit&& visit) {
  std::apply([&](const auto&... row) { (visit(row), ...); }, rows);
}

// Member types with a wire form of their own.

// A number in network byte order (IFLA_VLAN_PROTOCOL).
struct BigEndian16 {
  uint16_t value = 0;
};

// Text that the kernel wants without a NUL at its end (IFLA_IFALIAS: 255 bytes of text fill it).
struct UnterminatedText {
  std::string text;
};

// A nest that repeats one attribute: IFLA_PROP_LIST of IFLA_ALT_IFNAME, and so on.
template <class Element, uint16_t kElementType>
struct ListOf {
  std::vector<Element> items;
};

// A record inside another of the same type (a veth's peer is a link in a link).
template <class Record>
struct Boxed {
  std::vector<Record> one;  // empty or one: a vector may hold an incomplete type
};

// A kernel structure of unsigned numbers, read as it stands (rtnl_link_stats64, ifa_cacheinfo).
// Kernels grow these at the end, so a shorter or longer one is read as far as it goes.
template <class Struct>
struct Binary {
  Struct value{};
};

}  // namespace macvlan_netlink::wire
