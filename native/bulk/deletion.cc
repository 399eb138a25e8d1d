#include "bulk/deletion.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "rtnl/operations.h"

namespace macvlan_netlink::bulk {
namespace {

using rtnl::LinkRecord;

const rtnl::Operation& OperationNamed(std::string_view name) {
  for (const rtnl::Operation& operation : rtnl::kOperations) {
    if (name == operation.js_name) return operation;
  }
  __builtin_unreachable();
}

// An exchange of the bulk deletion's own.
class Own : public io::Exchange {
 public:
  void OnAnswer(size_t, const wire::Message& message) override {
    LinkRecord link;
    if (wire::DecodeBody(message.payload, link)) links.push_back(std::move(link));
  }
  void OnRestart(size_t) override { links.clear(); }
  void OnEnd() override {}

  void Add(std::string_view name, const LinkRecord& record, io::Expect expect = io::Expect::kAck) {
    io::Step& step = steps.emplace_back();
    step.expect = expect;
    rtnl::EncodeRequest(OperationNamed(name), record, step.request);
  }

  std::vector<LinkRecord> links;
};

// Carries out all steps of an exchange.
std::shared_ptr<Own> Carry(io::Session& session, std::shared_ptr<Own> own) {
  io::Window window;
  for (size_t i = 0; i < own->steps.size(); ++i) window.push_back({own, i});
  session.Transact(window);
  return own;
}

// What is known of a namespace's links before anything is changed.
struct Census {
  struct Entry {
    uint32_t group = 0;
    // A device that no driver kind made cannot be deleted, and one of them would keep the whole
    // group from it (net/core/rtnetlink.c, rtnl_group_dellink).
    bool deletable = false;
  };
  std::unordered_map<int32_t, Entry> by_index;
  std::unordered_map<std::string, int32_t> by_name;
  std::unordered_set<uint32_t> groups;
};

bool Take(io::Session& session, Census& census) {
  auto own = std::make_shared<Own>();
  LinkRecord all;
  all.ext_mask = rtnl::kRtextFilterSkipStats;
  own->Add("listLinks", all, io::Expect::kDump);
  own->steps.front().approximate = true;
  Carry(session, own);
  if (own->steps.front().ack.error != 0) return false;
  for (const LinkRecord& link : own->links) {
    const uint32_t group = link.group.value_or(0);
    census.by_index[link.index] = {group, link.info && link.info->kind};
    census.groups.insert(group);
    if (link.name) census.by_name[*link.name] = link.index;
    if (!link.alt_names) continue;
    for (const std::string& name : link.alt_names->items) census.by_name[name] = link.index;
  }
  return true;
}

// A name of more than 15 bytes, which only requests have at the top.
std::string LongNameIn(wire::ByteSpan body) {
  wire::AttributeReader reader(body.From(NLMSG_ALIGN(sizeof(ifinfomsg))));
  wire::Attribute attribute;
  std::string name;
  while (reader.Next(attribute)) {
    if (attribute.type != IFLA_ALT_IFNAME) continue;
    const auto* text = reinterpret_cast<const char*>(attribute.payload.data);
    name.assign(text, strnlen(text, attribute.payload.size));
  }
  return name;
}

// The index of the link that a deletion names; 0 when there is none that can go with the others.
int32_t MemberOf(const io::Step& deletion, const Census& census) {
  const wire::ByteSpan body = wire::ByteSpan(deletion.request).From(NLMSG_HDRLEN);
  LinkRecord asked;
  if (!wire::DecodeBody(body, asked)) return 0;
  int32_t index = asked.index;
  if (index == 0) {
    const auto named = census.by_name.find(asked.name ? *asked.name : LongNameIn(body));
    if (named != census.by_name.end()) index = named->second;
  }
  const auto found = census.by_index.find(index);
  return found != census.by_index.end() && found->second.deletable ? index : 0;
}

bool ChooseGroup(const Census& census, uint32_t& group) {
  do {
    if (getrandom(&group, sizeof(group), 0) != sizeof(group)) return false;
    group &= INT32_MAX;  // as far as `ip` can name one, should this program end before it is done
  } while (group == 0 || census.groups.count(group) != 0);
  return true;
}

void AddTag(Own& own, int32_t index, uint32_t group) {
  LinkRecord tag;
  tag.index = index;
  tag.group = group;
  own.Add("changeLink", tag);
}

int DeleteGroup(io::Session& session, uint32_t group) {
  auto own = std::make_shared<Own>();
  LinkRecord record;
  record.group = group;
  own->Add("deleteLink", record);
  return Carry(session, own)->steps.front().ack.error;
}

struct Remains {
  std::unordered_map<int32_t, LinkRecord> links;
  std::unordered_set<int32_t> unknown;  // links of which nobody said whether they are there
};

// Which of the links are still there. Where there are few others, a listing costs less than to ask
// for each.
Remains Remaining(io::Session& session, const std::vector<int32_t>& indexes, size_t others) {
  auto own = std::make_shared<Own>();
  LinkRecord asked;
  asked.ext_mask = rtnl::kRtextFilterSkipStats;
  Remains remains;
  if (others < indexes.size() / 4) {
    own->Add("listLinks", asked, io::Expect::kDump);
    if (Carry(session, own)->steps.front().ack.error != 0) {
      remains.unknown.insert(indexes.begin(), indexes.end());
    }
  } else {
    for (const int32_t index : indexes) {
      asked.index = index;
      own->Add("getLink", asked, io::Expect::kRead);
    }
    Carry(session, own);
    for (size_t i = 0; i < indexes.size(); ++i) {
      const int error = own->steps[i].ack.error;
      if (error != 0 && error != -ENODEV) remains.unknown.insert(indexes[i]);
    }
  }
  for (LinkRecord& link : own->links) remains.links.emplace(link.index, std::move(link));
  return remains;
}

void Restore(io::Session& session, const std::vector<int32_t>& indexes, const Census& census) {
  auto own = std::make_shared<Own>();
  for (const int32_t index : indexes) AddTag(*own, index, census.by_index.at(index).group);
  Carry(session, own);
}

}  // namespace

// What has not ended when this returns is deleted by a request of its own, and has that answer.
void DeleteTogether(io::Session& session, const io::Window& deletions) {
  Census census;
  uint32_t group = 0;
  if (!Take(session, census) || !ChooseGroup(census, group)) return;

  // Where several name one link, the first deletes it and the others come too late.
  std::vector<int32_t> members;
  std::unordered_map<int32_t, io::Step*> steps;
  for (const io::Sent& sent : deletions) {
    const int32_t index = MemberOf(sent.step(), census);
    if (index != 0 && steps.emplace(index, &sent.step()).second) members.push_back(index);
  }

  auto tags = std::make_shared<Own>();
  for (const int32_t index : members) AddTag(*tags, index, group);
  Carry(session, tags);
  std::vector<int32_t> tagged;
  bool certain = true;
  for (size_t i = 0; i < members.size(); ++i) {
    const int error = tags->steps[i].ack.error;
    if (error == 0) tagged.push_back(members[i]);
    certain = certain && error != -ENOBUFS;
  }
  if (!certain) return Restore(session, members, census);
  if (tagged.empty()) return;
  const int error = DeleteGroup(session, group);
  if (error != 0 && error != -ENOBUFS) return Restore(session, tagged, census);

  // The group goes without those that were put into another meanwhile, and without those that only
  // their driver deletes, such as the fallback device of a kind of tunnel (net/ipv4/ip_tunnel.c,
  // ip_tunnel_dellink), and the answer is the same.
  const Remains remains = Remaining(session, tagged, census.by_index.size() - tagged.size());
  std::vector<int32_t> left;
  for (const int32_t index : tagged) {
    const auto found = remains.links.find(index);
    if (found == remains.links.end() && remains.unknown.count(index) == 0) {
      steps[index]->End(0, nullptr);
    } else if (found == remains.links.end() || found->second.group.value_or(0) == group) {
      left.push_back(index);
    }
  }
  Restore(session, left, census);
}

}  // namespace macvlan_netlink::bulk
