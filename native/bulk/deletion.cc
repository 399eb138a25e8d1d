#include "bulk/deletion.h"

#include <errno.h>
#include <sys/random.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "rtnl/operations.h"
#include "rtnl/read_link.h"

namespace macvlan_netlink::bulk {
namespace {

using rtnl::LinkRecord;

// With fewer it costs more than it saves.
constexpr size_t kMinMembers = 2;
// Of the upper byte of every group that is used, so that others know it from those that programs
// choose: a link that is in another deletion's group must not be put back into that.
constexpr uint32_t kGroupMark = 0x5e000000;
constexpr uint32_t kGroupMask = 0xff000000;

const rtnl::Operation& OperationNamed(std::string_view name) {
  for (const rtnl::Operation& operation : rtnl::kOperations) {
    if (name == operation.js_name) return operation;
  }
  __builtin_unreachable();
}

// An exchange that the bulk deletion itself makes: a listing, or any number of reads or changes.
class BulkExchange : public io::Exchange {
 public:
  void OnAnswer(size_t, const wire::Message& message) override {
    LinkRecord link;
    if (rtnl::ReadLink(message.payload, link)) links.push_back(std::move(link));
  }
  void OnRestart(size_t step) override {
    // A read that is asked again has given nothing yet.
    if (steps[step].expect == io::Expect::kDump) links.clear();
  }
  void OnEnd() override {}

  void Add(std::string_view name, const LinkRecord& record, io::Expect expect = io::Expect::kAck) {
    io::Step& step = steps.emplace_back();
    step.expect = expect;
    rtnl::EncodeRequest(OperationNamed(name), record, step.request);
  }

  std::vector<LinkRecord> links;
};

// Sends all steps of an exchange, and waits for their answers.
std::shared_ptr<BulkExchange> Execute(io::Session& session,
                                      std::shared_ptr<BulkExchange> exchange) {
  io::Window window;
  for (size_t i = 0; i < exchange->steps.size(); ++i) window.push_back({exchange, i});
  session.Transact(window);
  return exchange;
}

// What asks for links without their counters.
LinkRecord WithoutStatistics() {
  LinkRecord record;
  record.ext_mask = RTEXT_FILTER_SKIP_STATS;
  return record;
}

std::shared_ptr<BulkExchange> ListLinks(io::Session& session, bool approximate) {
  auto exchange = std::make_shared<BulkExchange>();
  exchange->Add("listLinks", WithoutStatistics(), io::Expect::kDump);
  exchange->steps.front().approximate = approximate;
  return Execute(session, exchange);
}

// The links of a namespace before anything is changed.
struct LinkSnapshot {
  struct Entry {
    uint32_t group = 0;
    std::string name;
    std::optional<wire::HardwareAddress> mac;
    // A device without a driver kind cannot be deleted, and a single one would keep the whole group
    // from being deleted (net/core/rtnetlink.c, rtnl_group_dellink).
    bool deletable = false;
  };
  std::unordered_map<int32_t, Entry> by_index;
  std::unordered_map<std::string, int32_t> by_name;
  std::unordered_set<uint32_t> groups;
};

bool TakeSnapshot(io::Session& session, LinkSnapshot& snapshot) {
  const auto exchange = ListLinks(session, true);
  if (exchange->steps.front().ack.error != 0) return false;
  for (const LinkRecord& link : exchange->links) {
    uint32_t group = link.group.value_or(0);
    snapshot.groups.insert(group);
    // Only the other deletion knows the link's own.
    if ((group & kGroupMask) == kGroupMark) group = 0;
    const bool deletable = link.info && link.info->kind;
    snapshot.by_index[link.index] = {group, link.name.value_or(""), link.mac, deletable};
    if (link.name) snapshot.by_name[*link.name] = link.index;
    if (!link.alt_names) continue;
    for (const std::string& name : link.alt_names->items) snapshot.by_name[name] = link.index;
  }
  return true;
}

// IFLA_ALT_IFNAME at the top level, which only requests have: a name of more than 15 bytes.
std::string LongNameIn(wire::ByteSpan body) {
  wire::AttributeReader reader(body.From(NLMSG_ALIGN(sizeof(ifinfomsg))));
  wire::Attribute attribute;
  std::string name;
  while (reader.Next(attribute)) {
    if (attribute.type == IFLA_ALT_IFNAME) name = wire::ReadText(attribute.payload);
  }
  return name;
}

// A link that can be deleted with the group.
struct Member {
  int32_t index = 0;
  std::string asked;  // the name that it was asked for by; empty when by its index
  const io::Sent* sent = nullptr;
};

// The link that a deletion names; its index is 0 when it cannot be deleted with the group.
Member MemberOf(const io::Sent& sent, const LinkSnapshot& snapshot) {
  const wire::ByteSpan body = wire::ByteSpan(sent.step().request).From(NLMSG_HDRLEN);
  LinkRecord asked;
  if (!wire::DecodeBody(body, asked)) return {};
  Member member{asked.index, "", &sent};
  if (member.index == 0) {
    member.asked = asked.name ? *asked.name : LongNameIn(body);
    const auto named = snapshot.by_name.find(member.asked);
    if (named == snapshot.by_name.end()) return {};
    member.index = named->second;
  }
  const auto found = snapshot.by_index.find(member.index);
  return found != snapshot.by_index.end() && found->second.deletable ? member : Member{};
}

bool HasName(const LinkRecord& link, const std::string& name) {
  if (link.name == name) return true;
  if (!link.alt_names) return false;
  const std::vector<std::string>& others = link.alt_names->items;
  return std::find(others.begin(), others.end(), name) != others.end();
}

// Whether a link is the one that had its index when the links were listed.
bool IsSame(const LinkRecord& link, const LinkSnapshot::Entry& listed) {
  if (link.name == listed.name) return true;
  return link.mac && listed.mac && *link.mac == *listed.mac;
}

// Whether the answer was lost, so that nobody can say if the change was made.
bool IsUncertain(const io::Step& step) {
  return step.ack.error != 0 && step.syscall != nullptr &&
         std::string_view(step.syscall) == "recvmsg";
}

bool ChooseGroup(const LinkSnapshot& snapshot, uint32_t& group) {
  do {
    if (getrandom(&group, sizeof(group), 0) != sizeof(group)) return false;
    // As far as `ip` can name one, should this program end before it is done.
    group = kGroupMark | (group & ~kGroupMask);
  } while (snapshot.groups.count(group) != 0);
  return true;
}

void AddTag(BulkExchange& exchange, int32_t index, uint32_t group) {
  LinkRecord tag;
  tag.index = index;
  tag.group = group;
  exchange.Add("changeLink", tag);
}

// Whether the links may be gone.
bool DeleteGroup(io::Session& session, uint32_t group) {
  auto exchange = std::make_shared<BulkExchange>();
  LinkRecord record;
  record.group = group;
  exchange->Add("deleteLink", record);
  const io::Step& step = Execute(session, exchange)->steps.front();
  return step.ack.error == 0 || IsUncertain(step);
}

struct Remaining {
  std::unordered_map<int32_t, LinkRecord> links;
  std::unordered_set<int32_t> unknown;  // links that the kernel gave no answer about
};

void MoveLinks(BulkExchange& exchange, Remaining& remaining) {
  for (LinkRecord& link : exchange.links) remaining.links.emplace(link.index, std::move(link));
}

// Reads each link with a request of its own.
Remaining LookUpEach(io::Session& session, const std::vector<Member>& members) {
  auto exchange = std::make_shared<BulkExchange>();
  LinkRecord asked = WithoutStatistics();
  for (const Member& member : members) {
    asked.index = member.index;
    exchange->Add("getLink", asked, io::Expect::kRead);
  }
  Execute(session, exchange);
  Remaining remaining;
  for (size_t i = 0; i < members.size(); ++i) {
    const int error = exchange->steps[i].ack.error;
    if (error != 0 && error != -ENODEV) remaining.unknown.insert(members[i].index);
  }
  MoveLinks(*exchange, remaining);
  return remaining;
}

// Which of the links are still there. Where there are few others, one listing costs less than a
// request for each; but other programs' changes may interrupt every attempt to list.
Remaining FindRemaining(io::Session& session, const std::vector<Member>& members, size_t others) {
  if (others >= members.size() / 4) return LookUpEach(session, members);
  const auto exchange = ListLinks(session, false);
  if (exchange->steps.front().ack.error != 0) return LookUpEach(session, members);
  Remaining remaining;
  MoveLinks(*exchange, remaining);
  return remaining;
}

// Puts the links back into their groups; false when one may still be in the other.
bool Restore(io::Session& session, const std::vector<Member>& members,
             const LinkSnapshot& snapshot) {
  auto exchange = std::make_shared<BulkExchange>();
  for (const Member& member : members) {
    AddTag(*exchange, member.index, snapshot.by_index.at(member.index).group);
  }
  Execute(session, exchange);
  return std::all_of(exchange->steps.begin(), exchange->steps.end(), [](const io::Step& step) {
    return step.ack.error == 0 || step.ack.error == -ENODEV;
  });
}

// Removes from `tagged`, and restores the groups of, links that no longer have the name they were
// asked for by: a request of its own would have the kernel look the name up now. False when a group
// could not be restored: then the link would be deleted with the others.
bool LeaveOutRenamed(io::Session& session, const LinkSnapshot& snapshot,
                     std::vector<Member>& tagged) {
  std::vector<Member> named;
  for (const Member& member : tagged) {
    if (!member.asked.empty()) named.push_back(member);
  }
  if (named.empty()) return true;
  const Remaining now = LookUpEach(session, named);
  std::vector<Member> kept;
  std::vector<Member> renamed;
  for (const Member& member : tagged) {
    const auto found = now.links.find(member.index);
    const bool is_it =
        member.asked.empty() || (found != now.links.end() && HasName(found->second, member.asked));
    (is_it ? kept : renamed).push_back(member);
  }
  if (!Restore(session, renamed, snapshot)) return false;
  tagged = std::move(kept);
  return true;
}

// Deletes one by one the links that may or may not have gone with the group.
void DeleteUnknown(io::Session& session, const std::vector<Member>& unknown) {
  io::Window window;
  for (const Member& member : unknown) window.push_back(*member.sent);
  session.Transact(window);
  for (const io::Sent& sent : window) {
    if (sent.step().ack.error == -ENODEV) sent.step().End(0, nullptr);
  }
}

// Where several deletions name one link, the first deletes it and the others come too late.
std::vector<Member> MembersOf(const io::Window& deletions, const LinkSnapshot& snapshot) {
  std::vector<Member> members;
  std::unordered_set<int32_t> known;
  for (const io::Sent& sent : deletions) {
    const Member member = MemberOf(sent, snapshot);
    if (member.index != 0 && known.insert(member.index).second) members.push_back(member);
  }
  return members;
}

}  // namespace

// What has not ended when this returns is sent as a request of its own, and ends with its answer.
void DeleteTogether(io::Session& session, const io::Window& deletions) {
  if (deletions.size() < kMinMembers) return;
  LinkSnapshot snapshot;
  uint32_t group = 0;
  if (!TakeSnapshot(session, snapshot) || !ChooseGroup(snapshot, group)) return;

  const std::vector<Member> members = MembersOf(deletions, snapshot);
  if (members.size() < kMinMembers) return;

  auto tags = std::make_shared<BulkExchange>();
  for (const Member& member : members) AddTag(*tags, member.index, group);
  Execute(session, tags);
  if (std::any_of(tags->steps.begin(), tags->steps.end(), IsUncertain)) {
    Restore(session, members, snapshot);
    return;
  }
  std::vector<Member> tagged;
  for (size_t i = 0; i < members.size(); ++i) {
    if (tags->steps[i].ack.error == 0) tagged.push_back(members[i]);
  }
  const bool can_go_together = LeaveOutRenamed(session, snapshot, tagged);
  if (tagged.empty()) return;
  if (!can_go_together || !DeleteGroup(session, group)) {
    Restore(session, tagged, snapshot);
    return;
  }

  // The kernel reports success although it leaves out links that somebody has moved to another
  // group meanwhile, and those that only their driver deletes, such as a tunnel kind's fallback
  // device (net/ipv4/ip_tunnel.c, ip_tunnel_dellink).
  const Remaining remaining =
      FindRemaining(session, tagged, snapshot.by_index.size() - tagged.size());
  std::vector<Member> left;
  std::vector<Member> unknown;
  for (const Member& member : tagged) {
    const auto found = remaining.links.find(member.index);
    if (remaining.unknown.count(member.index) != 0) {
      unknown.push_back(member);
    } else if (found == remaining.links.end() ||
               !IsSame(found->second, snapshot.by_index.at(member.index))) {
      // Gone; a link with its index is another one.
      member.sent->step().End(0, nullptr);
    } else if (found->second.group.value_or(0) == group) {
      left.push_back(member);
    }
  }
  Restore(session, left, snapshot);
  DeleteUnknown(session, unknown);
}

}  // namespace macvlan_netlink::bulk
