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

const rtnl::Operation& OperationNamed(std::string_view name) {
  for (const rtnl::Operation& operation : rtnl::kOperations) {
    if (name == operation.js_name) return operation;
  }
  __builtin_unreachable();
}

// An exchange of the bulk deletion's own: a listing, or any number of reads or of changes.
class Own : public io::Exchange {
 public:
  void OnAnswer(size_t, const wire::Message& message) override {
    LinkRecord link;
    if (rtnl::ReadLink(message.payload, link)) links.push_back(std::move(link));
  }
  void OnRestart(size_t step) override {
    // Of a read that is asked again there is nothing yet.
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
    std::string name;
    std::optional<wire::HardwareAddress> mac;
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
  all.ext_mask = RTEXT_FILTER_SKIP_STATS;
  own->Add("listLinks", all, io::Expect::kDump);
  own->steps.front().approximate = true;
  Carry(session, own);
  if (own->steps.front().ack.error != 0) return false;
  for (const LinkRecord& link : own->links) {
    const uint32_t group = link.group.value_or(0);
    const bool deletable = link.info && link.info->kind;
    census.by_index[link.index] = {group, link.name.value_or(""), link.mac, deletable};
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
    if (attribute.type == IFLA_ALT_IFNAME) name = wire::ReadText(attribute.payload);
  }
  return name;
}

// A link that can go with others.
struct Member {
  int32_t index = 0;
  std::string asked;  // the name that it was asked for by; empty when by its index
  const io::Sent* sent = nullptr;
};

// The link that a deletion names; its index is 0 when there is none that can go with the others.
Member MemberOf(const io::Sent& sent, const Census& census) {
  const wire::ByteSpan body = wire::ByteSpan(sent.step().request).From(NLMSG_HDRLEN);
  LinkRecord asked;
  if (!wire::DecodeBody(body, asked)) return {};
  Member member{asked.index, "", &sent};
  if (member.index == 0) {
    member.asked = asked.name ? *asked.name : LongNameIn(body);
    const auto named = census.by_name.find(member.asked);
    if (named == census.by_name.end()) return {};
    member.index = named->second;
  }
  const auto found = census.by_index.find(member.index);
  return found != census.by_index.end() && found->second.deletable ? member : Member{};
}

bool HasName(const LinkRecord& link, const std::string& name) {
  if (link.name == name) return true;
  if (!link.alt_names) return false;
  const std::vector<std::string>& others = link.alt_names->items;
  return std::find(others.begin(), others.end(), name) != others.end();
}

// Whether a link is the one that had its index when the links were counted.
bool IsSame(const LinkRecord& link, const Census::Entry& counted) {
  if (link.name == counted.name) return true;
  return link.mac && counted.mac && *link.mac == *counted.mac;
}

// Whether nobody can say if a change was made.
bool IsUncertain(const io::Step& step) {
  return step.ack.error != 0 && step.syscall != nullptr &&
         std::string_view(step.syscall) == "recvmsg";
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

// Whether the links may be gone.
bool DeleteGroup(io::Session& session, uint32_t group) {
  auto own = std::make_shared<Own>();
  LinkRecord record;
  record.group = group;
  own->Add("deleteLink", record);
  const io::Step& step = Carry(session, own)->steps.front();
  return step.ack.error == 0 || IsUncertain(step);
}

struct Remains {
  std::unordered_map<int32_t, LinkRecord> links;
  std::unordered_set<int32_t> unknown;  // links of which nobody said whether they are there
};

void TakeLinks(Own& own, Remains& remains) {
  for (LinkRecord& link : own.links) remains.links.emplace(link.index, std::move(link));
}

// Looks at each link by itself.
Remains Look(io::Session& session, const std::vector<Member>& members) {
  auto own = std::make_shared<Own>();
  LinkRecord asked;
  asked.ext_mask = RTEXT_FILTER_SKIP_STATS;
  for (const Member& member : members) {
    asked.index = member.index;
    own->Add("getLink", asked, io::Expect::kRead);
  }
  Carry(session, own);
  Remains remains;
  for (size_t i = 0; i < members.size(); ++i) {
    const int error = own->steps[i].ack.error;
    if (error != 0 && error != -ENODEV) remains.unknown.insert(members[i].index);
  }
  TakeLinks(*own, remains);
  return remains;
}

// Which of the links are still there. Where there are few others, a listing costs less than to ask
// for each; but others may interrupt it for ever.
Remains Remaining(io::Session& session, const std::vector<Member>& members, size_t others) {
  if (others >= members.size() / 4) return Look(session, members);
  auto own = std::make_shared<Own>();
  LinkRecord asked;
  asked.ext_mask = RTEXT_FILTER_SKIP_STATS;
  own->Add("listLinks", asked, io::Expect::kDump);
  if (Carry(session, own)->steps.front().ack.error != 0) return Look(session, members);
  Remains remains;
  TakeLinks(*own, remains);
  return remains;
}

void Restore(io::Session& session, const std::vector<Member>& members, const Census& census) {
  auto own = std::make_shared<Own>();
  for (const Member& member : members) {
    AddTag(*own, member.index, census.by_index.at(member.index).group);
  }
  Carry(session, own);
}

// Leaves out, with their groups put back, those that had the name they were asked for by when the
// links were counted and have it no more: a request of its own asks the kernel for the name.
void LeaveRenamed(io::Session& session, const Census& census, std::vector<Member>& tagged) {
  std::vector<Member> named;
  for (const Member& member : tagged) {
    if (!member.asked.empty()) named.push_back(member);
  }
  if (named.empty()) return;
  const Remains now = Look(session, named);
  std::vector<Member> kept;
  std::vector<Member> renamed;
  for (const Member& member : tagged) {
    const auto found = now.links.find(member.index);
    const bool is_it =
        member.asked.empty() || (found != now.links.end() && HasName(found->second, member.asked));
    (is_it ? kept : renamed).push_back(member);
  }
  Restore(session, renamed, census);
  tagged = std::move(kept);
}

// Deletes links one by one of which it is not known whether they went with the group.
void DeleteUnknown(io::Session& session, const std::vector<Member>& unknown) {
  io::Window window;
  for (const Member& member : unknown) window.push_back(*member.sent);
  session.Transact(window);
  for (const io::Sent& sent : window) {
    if (sent.step().ack.error == -ENODEV) sent.step().End(0, nullptr);
  }
}

}  // namespace

// What has not ended when this returns is deleted by a request of its own, and has that answer.
void DeleteTogether(io::Session& session, const io::Window& deletions) {
  if (deletions.size() < kMinMembers) return;
  Census census;
  uint32_t group = 0;
  if (!Take(session, census) || !ChooseGroup(census, group)) return;

  // Where several name one link, the first deletes it and the others come too late.
  std::vector<Member> members;
  std::unordered_set<int32_t> known;
  for (const io::Sent& sent : deletions) {
    const Member member = MemberOf(sent, census);
    if (member.index != 0 && known.insert(member.index).second) members.push_back(member);
  }
  if (members.size() < kMinMembers) return;

  auto tags = std::make_shared<Own>();
  for (const Member& member : members) AddTag(*tags, member.index, group);
  Carry(session, tags);
  if (std::any_of(tags->steps.begin(), tags->steps.end(), IsUncertain)) {
    return Restore(session, members, census);
  }
  std::vector<Member> tagged;
  for (size_t i = 0; i < members.size(); ++i) {
    if (tags->steps[i].ack.error == 0) tagged.push_back(members[i]);
  }
  LeaveRenamed(session, census, tagged);
  if (tagged.empty()) return;
  if (!DeleteGroup(session, group)) return Restore(session, tagged, census);

  // The group goes without those that were put into another meanwhile, and without those that only
  // their driver deletes, such as the fallback device of a kind of tunnel (net/ipv4/ip_tunnel.c,
  // ip_tunnel_dellink), and the answer is the same.
  const Remains remains = Remaining(session, tagged, census.by_index.size() - tagged.size());
  std::vector<Member> left;
  std::vector<Member> unknown;
  for (const Member& member : tagged) {
    const auto found = remains.links.find(member.index);
    if (remains.unknown.count(member.index) != 0) {
      unknown.push_back(member);
    } else if (found == remains.links.end() ||
               !IsSame(found->second, census.by_index.at(member.index))) {
      // Gone; who has its index now is another.
      member.sent->step().End(0, nullptr);
    } else if (found->second.group.value_or(0) == group) {
      left.push_back(member);
    }
  }
  Restore(session, left, census);
  DeleteUnknown(session, unknown);
}

}  // namespace macvlan_netlink::bulk
