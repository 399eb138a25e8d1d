// Deleting links by a group: the result for each link is true, and no group stays changed, whatever
// is refused or lost on the way. Other programs (`ip`) make changes in between.
#include "bulk/deletion.h"

#include <errno.h>

#include "check.h"
#include "faults.h"

namespace macvlan_netlink::test {
namespace {

using Ends = std::vector<std::optional<int>>;

// three bridges that are to be deleted, the second in a group of its own, beside one that is not.
class Deletion {
 public:
  Deletion() {
    for (const char* name : {"br1", "br2", "br3", "other"}) AddBridge(name);
    RunIp("link set br2 group 7");
    for (const char* name : {"br1", "br2", "br3"}) {
      rtnl::LinkRecord link;
      link.index = IndexOf(name);
      requests.Add("deleteLink", link);
      requests.steps.back().deletion = true;
    }
  }
  ~Deletion() {
    CHECK_EQ(GroupOf("other"), "default");
    for (const char* name : {"br1", "br2", "br3", "other"}) {
      if (Exists(name)) RunIp(std::string("link delete ") + name);
    }
  }

  void Run(Arrival arrival, Departure departure = nullptr) {
    const Faults faults(std::move(arrival), std::move(departure));
    bulk::DeleteTogether(client_.session(), requests.All());
  }

 private:
  Client client_;

 public:
  Requests requests;
};

// Every link and group is as before, and it is left to the caller to delete them one by one.
void CheckUntouched(const Deletion& deletion) {
  CHECK_EQ(deletion.requests.Ends(), (Ends{{}, {}, {}}));
  CHECK_EQ(GroupOf("br1"), "default");
  CHECK_EQ(GroupOf("br2"), "7");
  CHECK_EQ(GroupOf("br3"), "default");
}

void CheckAllDeleted(const Deletion& deletion) {
  CHECK_EQ(deletion.requests.Ends(), (Ends{0, 0, 0}));
  for (const char* name : {"br1", "br2", "br3"}) CHECK(!Exists(name));
}

// So many that listing the links costs less than a request for each.
void AddMore(Deletion& deletion) {
  for (const char* name : {"br4", "br5", "br6", "br7", "br8", "br9", "br10", "br11", "br12"}) {
    AddBridge(name);
    rtnl::LinkRecord link;
    link.index = IndexOf(name);
    deletion.requests.Add("deleteLink", link);
    deletion.requests.steps.back().deletion = true;
  }
}

bool IsListing(const wire::Message& message) {
  return message.header.nlmsg_type == RTM_GETLINK &&
         (message.header.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
}

// Loses what acknowledges requests of a type, the first of them.
Arrival LoseFirst(uint16_t type) {
  return [=, lost = false](const wire::Message& message) mutable {
    if (lost || Acknowledged(message) != type) return Fate::kArrives;
    lost = true;
    return Fate::kLost;
  };
}

uint32_t GroupIn(const wire::Message& message) {
  rtnl::LinkRecord link;
  CHECK(wire::DecodeBody(message.payload, link));
  return link.group.value_or(0);
}

// Acts once the links are tagged, just before their group is deleted.
Departure BeforeTheGroupGoes(std::function<void(const std::string& group)> act) {
  return [=](const std::vector<wire::Message>& messages) {
    const wire::Message& first = messages.at(0);
    if (first.header.nlmsg_type == RTM_DELLINK) act(std::to_string(GroupIn(first)));
    return 0;
  };
}

}  // namespace

TEST(links_are_deleted_by_one_request) {
  Deletion deletion;
  int deletions = 0;
  deletion.Run(nullptr, [&](const std::vector<wire::Message>& messages) {
    for (const wire::Message& one : messages) deletions += one.header.nlmsg_type == RTM_DELLINK;
    return 0;
  });
  CheckAllDeleted(deletion);
  CHECK_EQ(deletions, 1);
}

TEST(a_link_that_cannot_be_deleted_does_not_prevent_the_others) {
  Deletion deletion;
  rtnl::LinkRecord lo;
  lo.index = IndexOf("lo");
  deletion.requests.Add("deleteLink", lo);
  deletion.requests.steps.back().deletion = true;
  deletion.Run(nullptr);
  CHECK_EQ(deletion.requests.Ends(), (Ends{0, 0, 0, {}}));
  CHECK_EQ(GroupOf("lo"), "default");
}

TEST(a_second_deletion_of_a_link_is_left_to_a_request_of_its_own) {
  Deletion deletion;
  rtnl::LinkRecord link;
  link.name = "br2";
  deletion.requests.Add("deleteLink", link);
  deletion.requests.steps.back().deletion = true;
  deletion.Run(nullptr);
  CHECK_EQ(deletion.requests.Ends(), (Ends{0, 0, 0, {}}));
}

TEST(links_are_counted_once_although_others_change_them) {
  Deletion deletion;
  int listings = 0;
  const Arrival change = [](const wire::Message& message) {
    return message.header.nlmsg_type == NLMSG_DONE ? Fate::kChanged : Fate::kArrives;
  };
  deletion.Run(change, [&](const std::vector<wire::Message>& messages) {
    listings += IsListing(messages.at(0));
    return 0;
  });
  CheckAllDeleted(deletion);
  CHECK_EQ(listings, 1);
}

TEST(nothing_is_deleted_when_it_is_not_known_whether_a_link_was_tagged) {
  Deletion deletion;
  deletion.Run(LoseFirst(RTM_NEWLINK));
  CheckUntouched(deletion);
}

TEST(what_was_deleted_is_looked_up_when_the_answer_to_the_deletion_is_lost) {
  Deletion deletion;
  deletion.Run(LoseFirst(RTM_DELLINK));
  CheckAllDeleted(deletion);
}

TEST(groups_are_put_back_when_the_kernel_refuses_the_group) {
  Deletion deletion;
  // A device that cannot be deleted keeps the whole group from it.
  deletion.Run(nullptr, BeforeTheGroupGoes(
                            [](const std::string& group) { RunIp("link set lo group " + group); }));
  RunIp("link set lo group default");
  CheckUntouched(deletion);
}

TEST(groups_are_put_back_when_the_answer_that_refuses_the_group_is_lost) {
  Deletion deletion;
  deletion.Run(LoseFirst(RTM_DELLINK), BeforeTheGroupGoes([](const std::string& group) {
                 RunIp("link set lo group " + group);
               }));
  RunIp("link set lo group default");
  CheckUntouched(deletion);
}

TEST(groups_are_put_back_when_the_deletion_cannot_be_sent) {
  Deletion deletion;
  deletion.Run(nullptr, [](const std::vector<wire::Message>& messages) {
    return messages.at(0).header.nlmsg_type == RTM_DELLINK ? ENOMEM : 0;
  });
  CheckUntouched(deletion);
}

// Which is deleting it as well, and has put it into a group of its own.
TEST(a_link_is_not_put_back_into_the_group_of_another_deletion) {
  Deletion deletion;
  RunIp("link set br2 group " + std::to_string(0x5e000001));
  bool was_tagged = false;
  deletion.Run(nullptr, [&](const std::vector<wire::Message>& messages) {
    const wire::Message& first = messages.at(0);
    if (first.header.nlmsg_type != RTM_DELLINK) return 0;
    was_tagged = GroupOf("br2") == std::to_string(GroupIn(first));
    return EPERM;
  });
  CHECK(was_tagged);
  CHECK_EQ(deletion.requests.Ends(), (Ends{{}, {}, {}}));
  for (const char* name : {"br1", "br2", "br3"}) CHECK_EQ(GroupOf(name), "default");
}

TEST(a_group_of_another_upper_byte_is_put_back) {
  Deletion deletion;
  // `ip` cannot name it.
  rtnl::LinkRecord change;
  change.index = IndexOf("br2");
  change.group = 0xde000001;
  Requests requests;
  requests.Add("changeLink", change);
  Client client;
  client.session().Transact(requests.All());
  deletion.Run(nullptr, [](const std::vector<wire::Message>& messages) {
    return messages.at(0).header.nlmsg_type == RTM_DELLINK ? EPERM : 0;
  });
  CHECK(GroupOf("br2") != "default");
}

TEST(nothing_is_done_when_the_links_cannot_be_listed) {
  Deletion deletion;
  deletion.Run(nullptr, [](const std::vector<wire::Message>& messages) {
    CHECK_EQ(messages.at(0).header.nlmsg_type, RTM_GETLINK);
    return ENOMEM;
  });
  CheckUntouched(deletion);
}

TEST(a_link_that_another_program_takes_out_of_the_group_keeps_its_new_group) {
  Deletion deletion;
  deletion.Run(nullptr,
               BeforeTheGroupGoes([](const std::string&) { RunIp("link set br2 group 9"); }));
  CHECK_EQ(deletion.requests.Ends(), (Ends{0, {}, 0}));
  CHECK_EQ(GroupOf("br2"), "9");
}

TEST(links_that_stay_get_requests_of_their_own_when_an_answer_about_one_is_lost) {
  Deletion deletion;
  bool gone = false;
  const Arrival lose_the_second = [&, seen = 0](const wire::Message& message) mutable {
    const bool found = gone && message.header.nlmsg_type == RTM_NEWLINK;
    return found && ++seen == 2 ? Fate::kLost : Fate::kArrives;
  };
  deletion.Run(lose_the_second, BeforeTheGroupGoes([&](const std::string&) {
                 for (const char* name : {"br1", "br2"}) {
                   RunIp(std::string("link set ") + name + " group 9");
                 }
                 gone = true;
               }));
  CHECK_EQ(deletion.requests.Ends(), (Ends{{}, {}, 0}));
  for (const char* name : {"br1", "br2"}) CHECK_EQ(GroupOf(name), "9");
}

TEST(a_link_that_is_renamed_and_taken_out_of_the_group_does_not_count_as_deleted) {
  Deletion deletion;
  deletion.Run(nullptr, BeforeTheGroupGoes([](const std::string&) {
                 RunIp("link set br2 name renamed");
                 RunIp("link set renamed group 9");
               }));
  CHECK_EQ(deletion.requests.Ends(), (Ends{0, {}, 0}));
  CHECK_EQ(GroupOf("renamed"), "9");
  RunIp("link delete renamed");
}

TEST(a_link_that_gets_another_mac_and_is_taken_out_of_the_group_does_not_count_as_deleted) {
  Deletion deletion;
  deletion.Run(nullptr, BeforeTheGroupGoes([](const std::string&) {
                 RunIp("link set br2 address 02:00:00:00:00:02 group 9");
               }));
  CHECK_EQ(deletion.requests.Ends(), (Ends{0, {}, 0}));
  CHECK_EQ(GroupOf("br2"), "9");
}

TEST(a_link_that_another_program_deletes_meanwhile_counts_as_deleted) {
  Deletion deletion;
  deletion.Run(nullptr, BeforeTheGroupGoes([](const std::string&) { RunIp("link delete br2"); }));
  CheckAllDeleted(deletion);
}

TEST(a_link_that_is_gone_before_it_is_tagged_is_left_to_a_request_of_its_own) {
  Deletion deletion;
  deletion.Run(nullptr, [done = false](const std::vector<wire::Message>& messages) mutable {
    if (messages.at(0).header.nlmsg_type != RTM_NEWLINK || std::exchange(done, true)) return 0;
    RunIp("link delete br2");
    return 0;
  });
  CHECK_EQ(deletion.requests.Ends(), (Ends{0, {}, 0}));
}

// br1 and br2 by their names alone, of which the second becomes another link's before it is tagged.
class RenamedDeletion : public Deletion {
 public:
  RenamedDeletion() {
    requests.steps.clear();
    for (const char* name : {"br1", "br2"}) {
      rtnl::LinkRecord link;
      link.name = name;
      requests.Add("deleteLink", link);
      requests.steps.back().deletion = true;
    }
  }
  ~RenamedDeletion() { RunIp("link delete precious"); }

  // Refuses to send the changes of groups behind the first ones, so many of them.
  void Run(int refused, Arrival arrival = nullptr) {
    const Departure rename = [=, changes = 0](const std::vector<wire::Message>& messages) mutable {
      if (messages.at(0).header.nlmsg_type != RTM_NEWLINK) return 0;
      if (changes++ > 0) return refused-- > 0 ? ENOMEM : 0;
      RunIp("link set br2 name precious");
      RunIp("link set br3 name br2");
      return 0;
    };
    Deletion::Run(std::move(arrival), rename);
    CHECK_EQ(GroupOf("br2"), "default");
    CHECK(Exists("precious"));
  }
};

TEST(a_link_renamed_before_it_is_tagged_is_not_confused_with_another_of_its_old_name) {
  RenamedDeletion deletion;
  deletion.Run(0);
  CHECK_EQ(deletion.requests.Ends(), (Ends{0, {}}));
  CHECK(!Exists("br1"));
  CHECK_EQ(GroupOf("precious"), "7");
}

TEST(a_link_of_which_nobody_knows_whether_it_was_renamed_is_not_deleted_with_the_group) {
  RenamedDeletion deletion;
  deletion.Run(0, [](const wire::Message& message) {
    const bool is_part = (message.header.nlmsg_flags & NLM_F_MULTI) != 0;
    return message.header.nlmsg_type == RTM_NEWLINK && !is_part ? Fate::kLost : Fate::kArrives;
  });
  CHECK_EQ(deletion.requests.Ends(), (Ends{{}, {}}));
  CHECK_EQ(GroupOf("br1"), "default");
  CHECK_EQ(GroupOf("precious"), "7");
}

TEST(a_renamed_link_that_cannot_be_put_back_is_not_deleted_with_the_group) {
  for (const int refused : {1, 2}) {
    const Note note("refused: " + std::to_string(refused));
    RenamedDeletion deletion;
    deletion.Run(refused);
    CHECK_EQ(deletion.requests.Ends(), (Ends{{}, {}}));
    CHECK(Exists("br1"));
    if (refused == 1) CHECK_EQ(GroupOf("precious"), "7");
  }
}

TEST(a_new_link_that_has_got_the_index_of_a_deleted_one_is_left_alone) {
  Deletion deletion;
  const std::string index = std::to_string(IndexOf("br2"));
  deletion.Run(nullptr, [&, gone = false, done = false](const auto& messages) mutable {
    if (messages.at(0).header.nlmsg_type == RTM_DELLINK) {
      gone = true;
    } else if (gone && !std::exchange(done, true)) {
      RunIp("link add stranger index " + index + " type bridge");
    }
    return 0;
  });
  CHECK_EQ(deletion.requests.Ends(), (Ends{0, 0, 0}));
  CHECK_EQ(GroupOf("stranger"), "default");
  RunIp("link delete stranger");
}

TEST(links_are_deleted_one_by_one_where_it_is_unknown_whether_they_went_with_the_group) {
  for (const bool stays : {false, true}) {
    const Note note(stays ? "one stays" : "all went");
    Deletion deletion;
    bool gone = false;
    const Arrival lose_reads = [&](const wire::Message& message) {
      const bool read = message.header.nlmsg_type == RTM_NEWLINK ||
                        message.header.nlmsg_type == NLMSG_DONE ||
                        Acknowledged(message) == RTM_GETLINK;
      return gone && read ? Fate::kLost : Fate::kArrives;
    };
    deletion.Run(lose_reads, BeforeTheGroupGoes([&](const std::string&) {
                   gone = true;
                   if (stays) RunIp("link set br2 group 9");
                 }));
    CheckAllDeleted(deletion);
  }
}

TEST(links_are_asked_for_one_by_one_where_they_cannot_be_listed) {
  Deletion deletion;
  AddMore(deletion);
  bool gone = false;
  int listings = 0;
  const Arrival lose_lists = [&](const wire::Message& message) {
    const bool is_part = (message.header.nlmsg_flags & NLM_F_MULTI) != 0;
    return gone && is_part ? Fate::kLost : Fate::kArrives;
  };
  deletion.Run(lose_lists, [&](const std::vector<wire::Message>& messages) {
    if (messages.at(0).header.nlmsg_type == RTM_DELLINK) {
      RunIp("link set br2 group 9");
      gone = true;
    }
    listings += gone && IsListing(messages.at(0));
    return 0;
  });
  CHECK(listings > 0);
  Ends ends(deletion.requests.steps.size(), 0);
  ends.at(1) = std::nullopt;
  CHECK_EQ(deletion.requests.Ends(), ends);
  CHECK_EQ(GroupOf("br2"), "9");
}

TEST(what_an_interrupted_listing_said_about_a_link_no_longer_counts) {
  Deletion deletion;
  AddMore(deletion);
  bool gone = false;
  int listings = 0;
  const Arrival interrupt_the_first = [&](const wire::Message& message) {
    const bool first = gone && listings == 1 && message.header.nlmsg_type == NLMSG_DONE;
    return first ? Fate::kChanged : Fate::kArrives;
  };
  deletion.Run(interrupt_the_first, [&](const std::vector<wire::Message>& messages) {
    if (messages.at(0).header.nlmsg_type == RTM_DELLINK) {
      RunIp("link set br2 group 9");
      gone = true;
    } else if (gone && IsListing(messages.at(0)) && ++listings == 2) {
      RunIp("link delete br2");
    }
    return 0;
  });
  CHECK_EQ(listings, 2);
  CHECK_EQ(deletion.requests.Ends(), Ends(deletion.requests.steps.size(), 0));
}

}  // namespace macvlan_netlink::test
