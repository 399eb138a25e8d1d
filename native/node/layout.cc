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
  } else if constexpr (IsRecord<Inner>::value) {
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
    if constexpr (IsRecord<Inner>::value) {
      ListColumns<Inner>(list, prefix + column.js_name + ".");
    } else {
      list.Set(list.Length(), Napi::String::New(list.Env(), prefix + column.js_name));
    }
  });
}

// What `describe` makes of a record of each kind, by the kind's name.
template <class Describe>
Napi::Object DescribeRecords(Napi::Env env, Describe&& describe) {
  Napi::Object result = Napi::Object::New(env);
  for (size_t kind = 0; kind < std::size(rtnl::kRecordNames); ++kind) {
    rtnl::Record record;
    rtnl::MakeEmpty(static_cast<rtnl::RecordKind>(kind), record);
    result.Set(rtnl::kRecordNames[kind], std::visit(describe, record));
  }
  return result;
}

}  // namespace

Napi::Object DescribeOperations(Napi::Env env) {
  Napi::Object result = Napi::Object::New(env);
  uint32_t number = 0;
  for (const rtnl::Operation& operation : rtnl::kOperations) {
    const Napi::Array description = Napi::Array::New(env);
    description.Set(0U, Napi::Number::New(env, number++));
    description.Set(1U,
                    Napi::String::New(env, rtnl::kRecordNames[static_cast<int>(operation.record)]));
    result.Set(operation.js_name, description);
  }
  return result;
}

Napi::Object DescribeRequests(Napi::Env env) {
  return DescribeRecords(env, [&](const auto& record) {
    return DescribeColumns<std::decay_t<decltype(record)>>(env);
  });
}

Napi::Object DescribeAnswers(Napi::Env env) {
  return DescribeRecords(env, [&](const auto& record) {
    Napi::Array list = Napi::Array::New(env);
    ListColumns<std::decay_t<decltype(record)>>(list, "");
    return list;
  });
}

}  // namespace macvlan_netlink::node
