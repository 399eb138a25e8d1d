// Tells TypeScript the tables: operation numbers and records, the column numbers of each record,
// and the order in which a factory is given an answer's columns.
#pragma once

#include <napi.h>

namespace macvlan_netlink::node {

// { createLink: [0, 'link'], … }
Napi::Object DescribeOperations(Napi::Env env);
// { link: { name: [5], info: [19, { kind: [0], … }], … }, address: …, route: … }
Napi::Object DescribeRequests(Napi::Env env);
// { link: ['family', …, 'info.kind', 'info.macvlan.mode', …], … }
Napi::Object DescribeAnswers(Napi::Env env);

}  // namespace macvlan_netlink::node
