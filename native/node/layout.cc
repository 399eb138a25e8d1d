#include "node/layout.h"

#include "node/columns.h"

namespace macvlan_netlink::node {
namespace {

template <class Record>
Napi::Object DescribeColumns(Napi::Env env);

// A link inside a link is described once: its own columns are the outer one's.
template <class Member>
void DescribeInner(Napi::Env env, Napi::Array& description) {
  using Inner = typename Unwrap<Member>::type;
  if constexpr (std::is_same_v<Inner, wire::Boxed<rtnl::LinkRecord>>) {
    description.Set(1U, Napi::String::New(env, "link"));
  } else if constexpr (std::is_same_v<Inner, rtnl::NextHops>) {
    description.Set(1U, DescribeColumns<rtnl::NextHop>(env));
  } else if constexpr (IsRecord<Inner>::value || IsRecord<Member>::value ||
                       std::is_same_v<Inner, ifa_cacheinfo>) {
    description.Set(1U, DescribeColumns<Inner>(env));
  }
}

template <class Record>
Napi::Object DescribeColumns(Napi::Env env) {
  Napi::Object result = Napi::Object::New(env);
  uint32_t number = 0;
  wire::ForEach(Columns<Record>::all, [&](const auto& column) {
    using Member = typename ColumnType<std::decay_t<decltype(column)>>::Member_t;
    Napi::Array description = Napi::Array::New(env);
    description.Set(0U, Napi::Number::New(env, number++));
    DescribeInner<Member>(env, description);
    result.Set(column.js_name, description);
  });
  return result;
}

template <class Record>
void ListColumns(Napi::Array& list, const std::string& prefix) {
  wire::ForEach(Columns<Record>::all, [&](const auto& column) {
    using Column = std::decay_t<decltype(column)>;
    using Inner = typename ColumnType<Column>::type;
    if (!IsReplied(column)) return;
    if constexpr (IsRecord<Inner>::value || std::is_same_v<Inner, ifa_cacheinfo>) {
      ListColumns<Inner>(list, prefix + column.js_name + ".");
    } else {
      list.Set(list.Length(), Napi::String::New(list.Env(), prefix + column.js_name));
    }
  });
}

template <class Record>
Napi::Array Answers(Napi::Env env) {
  Napi::Array list = Napi::Array::New(env);
  ListColumns<Record>(list, "");
  return list;
}

}  // namespace

Napi::Object DescribeOperations(Napi::Env env) {
  Napi::Object result = Napi::Object::New(env);
  uint32_t number = 0;
  for (const rtnl::Operation& operation : rtnl::kOperations) {
    result.Set(operation.js_name, Napi::Number::New(env, number++));
  }
  return result;
}

Napi::Object DescribeRequests(Napi::Env env) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("link", DescribeColumns<rtnl::LinkRecord>(env));
  result.Set("address", DescribeColumns<rtnl::AddressRecord>(env));
  result.Set("route", DescribeColumns<rtnl::RouteRecord>(env));
  result.Set("netnsid", DescribeColumns<rtnl::NetnsidRecord>(env));
  return result;
}

Napi::Object DescribeAnswers(Napi::Env env) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("link", Answers<rtnl::LinkRecord>(env));
  result.Set("address", Answers<rtnl::AddressRecord>(env));
  result.Set("route", Answers<rtnl::RouteRecord>(env));
  result.Set("netnsid", Answers<rtnl::NetnsidRecord>(env));
  return result;
}

}  // namespace macvlan_netlink::node
