#include "bulk/deletion.h"

#include <errno.h>
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

// The index of the link that a deletion names; 0 when there is none that can go with the others.
int32_t MemberOf(const io::Step& deletion, const Census& census) {
  LinkRecord asked;
  if (!wire::DecodeBody(wire::ByteSpan(deletion.request).From(NLMSG_HDRLEN), asked)) return 0;
  int32_t index = asked.index;
  if (index == 0 && asked.name) {
    const auto named = census.by_name.find(*asked.name);
    if (named != census.by_name.end()) index = named->second;
  }
  const auto found = census.by_index.find(index);
  return found != census.by_index.end() && found->second.deletable ? index : 0;
}

bool ChooseGroup(const Census& census, uint32_t& group) {
  do {
    if (getrandom(&group, sizeof(group), 0) != sizeof(group)) return false;
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

}  // namespace

void DeleteTogether(io::Session& session, const io::Window& deletions) {
  Census census;
  uint32_t group = 0;
  if (!Take(session, census) || !ChooseGroup(census, group)) return;

  // Two deletions may name the same link; it is tagged once.
  std::vector<int32_t> members;
  std::unordered_map<int32_t, std::vector<io::Step*>> steps;
  for (const io::Sent& sent : deletions) {
    const int32_t index = MemberOf(sent.step(), census);
    if (index == 0) continue;
    if (steps[index].empty()) members.push_back(index);
    steps[index].push_back(&sent.step());
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
  if (tagged.empty()) return;
  if (certain && DeleteGroup(session, group) == 0) {
    for (const int32_t index : tagged) {
      for (io::Step* step : steps[index]) step->End(0, nullptr);
    }
    return;
  }
  auto restore = std::make_shared<Own>();
  for (const int32_t index : members) AddTag(*restore, index, census.by_index[index].group);
  Carry(session, restore);
}

}  // namespace macvlan_netlink::bulk
