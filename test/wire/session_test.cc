// Each request ends exactly once, and with the truth, also when an answer to it gets lost.
#include "io/session.h"

#include <errno.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>

#include "check.h"
#include "faults.h"
#include "fixtures.h"

namespace macvlan_netlink::test {
namespace {

using Ends = std::vector<std::optional<int>>;

rtnl::LinkRecord Named(const std::string& name) {
  rtnl::LinkRecord link;
  link.name = name;
  return link;
}

rtnl::LinkRecord Bridge(const std::string& name) {
  rtnl::LinkRecord link = Named(name);
  link.info.emplace().kind = "bridge";
  return link;
}

// Lets the acknowledgements of a request's type arrive but for one, counted from 0.
Arrival LoseAcknowledgement(uint16_t type, int which, Fate fate = Fate::kLost) {
  return [=, seen = 0](const wire::Message& message) mutable {
    return Acknowledged(message) == type && seen++ == which ? fate : Fate::kArrives;
  };
}

// Of the first answers to a read.
Arrival LoseAnswers(int count, Fate fate = Fate::kLost) {
  return [=, lost = 0](const wire::Message& message) mutable {
    return message.header.nlmsg_type == RTM_NEWLINK && lost < count ? (++lost, fate)
                                                                    : Fate::kArrives;
  };
}

// The first listing: something changes under it.
Arrival ChangeOnce() {
  return [changed = false](const wire::Message& message) mutable {
    const bool ends = message.header.nlmsg_type == NLMSG_DONE;
    return ends && !std::exchange(changed, true) ? Fate::kChanged : Fate::kArrives;
  };
}

// Sends a refusal of a request to whoever asks it, as any program with CAP_NET_ADMIN may try.
void RefuseAsAnother(const wire::Message& request) {
  struct {
    nlmsghdr header;
    nlmsgerr error;
  } refusal{request.header, {-EPERM, {}}};
  refusal.header.nlmsg_len = sizeof(refusal);
  refusal.header.nlmsg_type = NLMSG_ERROR;
  sockaddr_nl asker{};
  asker.nl_family = AF_NETLINK;
  asker.nl_pid = request.header.nlmsg_pid;
  const io::Descriptor own(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  const auto* address = reinterpret_cast<const sockaddr*>(&asker);
  CHECK_EQ(sendto(own.get(), &refusal, sizeof(refusal), 0, address, sizeof(asker)), ssize_t{-1});
  CHECK_EQ(errno, ECONNREFUSED);
}

// How many requests each datagram carries.
std::vector<size_t> DatagramsOf(Requests& requests) {
  Client client;
  std::vector<size_t> sizes;
  const Faults faults(nullptr, [&](const std::vector<wire::Message>& messages) {
    if (messages.empty()) std::abort();  // it would go on without end
    sizes.push_back(messages.size());
    return 0;
  });
  client.session().Transact(requests.All());
  return sizes;
}

// A link with many source addresses between two others: by itself it is a part of a listing.
void AddLargeLink(io::Session& session, uint32_t sources) {
  AddBridge("br1");
  RunIp("link add source1 link br1 type macvlan mode source");
  Requests additions;
  for (uint32_t number = 0; number < sources; ++number) {
    rtnl::LinkRecord link;
    link.index = IndexOf("source1");
    rtnl::MacvlanData data;
    data.mac_address_mode = MACVLAN_MACADDR_ADD;
    const uint8_t mac[] = {
        2, 0, 0, 0, static_cast<uint8_t>(number >> 8), static_cast<uint8_t>(number)};
    data.mac_address.emplace().Assign({mac, sizeof(mac)});
    link.info.emplace().kind = "macvlan";
    link.info->macvlan = data;
    additions.Add("changeLink", link);
  }
  session.Transact(additions.All());
  AddBridge("br2");
}

void RemoveLargeLink() {
  for (const char* name : {"br1", "br2"}) RunIp(std::string("link delete ") + name);
}

// With a mask, without which the kernel makes no room for a long link (net/core/rtnetlink.c,
// rtnl_calcit).
rtnl::LinkRecord Everything() {
  rtnl::LinkRecord all;
  all.ext_mask = RTEXT_FILTER_SKIP_STATS;
  return all;
}

}  // namespace

TEST(a_change_whose_answer_is_lost_ends_with_an_error_and_the_others_with_their_results) {
  Client client;
  Requests requests;
  for (const char* name : {"br1", "br2", "lo", "br3"}) requests.Add("createLink", Bridge(name));
  {
    const Faults faults(LoseAcknowledgement(RTM_NEWLINK, 1));
    client.session().Transact(requests.All());
  }
  CHECK_EQ(requests.Ends(), (Ends{0, -ENOBUFS, -EEXIST, 0}));
  CHECK_EQ(requests.steps[1].syscall, "recvmsg");
  // It was not sent again, and whether it took effect is not this layer's to say.
  for (const char* name : {"br1", "br2", "br3"}) {
    CHECK(Exists(name));
    RunIp(std::string("link delete ") + name);
  }
}

TEST(a_change_whose_answer_is_lost_does_not_get_the_error_of_a_listing_behind_it) {
  Client client;
  Requests requests;
  requests.Add("createLink", Bridge("br1"));
  requests.Add("listLinks", {}, io::Expect::kDump);
  {
    const Faults faults([changed = false](const wire::Message& message) mutable {
      if (Acknowledged(message) == RTM_NEWLINK) return Fate::kLost;
      const bool ends = message.header.nlmsg_type == NLMSG_DONE;
      return ends && !std::exchange(changed, true) ? Fate::kChanged : Fate::kArrives;
    });
    client.session().Transact(requests.All());
  }
  CHECK_EQ(requests.Ends(), (Ends{-ENOBUFS, 0}));
  CHECK_EQ(requests.restarts, 1);
  CHECK(Exists("br1"));
  RunIp("link delete br1");
}

TEST(a_change_whose_answer_is_lost_does_not_get_the_error_of_a_read_behind_it) {
  Client client;
  AddLargeLink(client.session(), 23'000);
  Client other;
  Requests requests;
  requests.Add("createLink", Bridge("br3"));
  requests.Add("getLink", Named("source1"), io::Expect::kRead);
  {
    const Faults faults(LoseAcknowledgement(RTM_NEWLINK, 0));
    other.session().Transact(requests.All());
  }
  CHECK_EQ(requests.Ends(), (Ends{-ENOBUFS, 0}));
  CHECK_EQ(requests.names, std::vector<std::string>{"source1"});
  CHECK(Exists("br3"));
  RunIp("link delete br3");
  RemoveLargeLink();
}

TEST(a_read_whose_answer_is_lost_is_sent_again) {
  Client client;
  Requests requests;
  requests.Add("getLink", Named("lo"), io::Expect::kRead);
  {
    const Faults faults(LoseAnswers(3));
    client.session().Transact(requests.All());
  }
  CHECK_EQ(requests.Ends(), Ends{0});
  CHECK_EQ(requests.names, std::vector<std::string>{"lo"});
  CHECK_EQ(requests.restarts, 3);
}

TEST(a_listing_of_which_a_part_is_lost_is_sent_again_and_shows_each_link_once) {
  AddBridge("br1");
  Client client;
  Requests requests;
  requests.Add("listLinks", {}, io::Expect::kDump);
  {
    const Faults faults(LoseAnswers(1));
    client.session().Transact(requests.All());
  }
  CHECK_EQ(requests.Ends(), Ends{0});
  CHECK_EQ(requests.names, (std::vector<std::string>{"lo", "br1"}));
  RunIp("link delete br1");
}

TEST(a_listing_that_a_change_interrupts_is_sent_again) {
  Client client;
  Requests requests;
  requests.Add("listLinks", {}, io::Expect::kDump);
  {
    const Faults faults(ChangeOnce());
    client.session().Transact(requests.All());
  }
  CHECK_EQ(requests.Ends(), Ends{0});
  CHECK_EQ(requests.names, std::vector<std::string>{"lo"});
  CHECK_EQ(requests.restarts, 1);
}

TEST(a_listing_that_may_be_approximate_is_not_sent_again) {
  Client client;
  Requests requests;
  requests.Add("listLinks", {}, io::Expect::kDump);
  requests.steps.front().approximate = true;
  {
    const Faults faults(ChangeOnce());
    client.session().Transact(requests.All());
  }
  CHECK_EQ(requests.Ends(), Ends{0});
  CHECK_EQ(requests.names, std::vector<std::string>{"lo"});
  CHECK_EQ(requests.restarts, 0);
}

TEST(a_read_whose_answer_never_comes_ends_too) {
  Client client;
  Requests requests;
  requests.Add("getLink", Named("lo"), io::Expect::kRead);
  {
    const Faults faults(LoseAnswers(1000));
    client.session().Transact(requests.All());
  }
  CHECK_EQ(requests.Ends(), Ends{-ENOBUFS});
  CHECK_EQ(requests.steps[0].syscall, "recvmsg");
  CHECK(requests.names.empty());
}

TEST(a_link_that_is_larger_than_the_buffer_is_listed_and_so_are_the_others) {
  Client client;
  // Others may add more than the kernel can tell of in a well-formed message.
  AddLargeLink(client.session(), 23'000);
  Requests listing;
  listing.Add("listLinks", Everything(), io::Expect::kDump);
  client.session().Transact(listing.All());
  CHECK_EQ(listing.Ends(), Ends{0});
  CHECK_EQ(listing.names, (std::vector<std::string>{"lo", "br1", "source1", "br2"}));
  Client other;
  Requests reading;
  reading.Add("getLink", Named("source1"), io::Expect::kRead);
  other.session().Transact(reading.All());
  CHECK_EQ(reading.Ends(), Ends{0});
  CHECK_EQ(reading.names, std::vector<std::string>{"source1"});
  RemoveLargeLink();
}

TEST(a_listing_that_a_change_interrupts_is_sent_again_whichever_part_says_so) {
  Client client;
  AddLargeLink(client.session(), 3'000);
  Requests listing;
  listing.Add("listLinks", Everything(), io::Expect::kDump);
  {
    const Faults faults(LoseAnswers(1, Fate::kChanged));
    client.session().Transact(listing.All());
  }
  CHECK_EQ(listing.Ends(), Ends{0});
  CHECK_EQ(listing.names, (std::vector<std::string>{"lo", "br1", "source1", "br2"}));
  CHECK_EQ(listing.restarts, 1);
  RemoveLargeLink();
}

TEST(a_listing_is_sent_again_until_the_one_before_has_ended) {
  Client client;
  AddLargeLink(client.session(), 3'000);
  Requests listing;
  listing.Add("listLinks", Everything(), io::Expect::kDump);
  {
    // As when the kernel has no memory for a part: it goes on with that when the next thing is
    // read.
    const Faults faults(LoseAnswers(1, Fate::kLate));
    client.session().Transact(listing.All());
  }
  CHECK_EQ(listing.Ends(), Ends{0});
  CHECK_EQ(listing.names, (std::vector<std::string>{"lo", "br1", "source1", "br2"}));
  RemoveLargeLink();
}

TEST(an_answer_that_comes_late_is_not_taken_for_one_to_the_next_request) {
  Client client;
  Requests requests;
  requests.Add("getLink", Named("lo"), io::Expect::kRead);
  {
    const Faults faults(LoseAnswers(1, Fate::kLate));
    client.session().Transact(requests.All());
  }
  CHECK_EQ(requests.Ends(), Ends{0});
  CHECK_EQ(requests.names, std::vector<std::string>{"lo"});
  CHECK_EQ(requests.restarts, 1);
}

TEST(what_another_program_sends_is_no_answer) {
  Client client;
  Requests requests;
  requests.Add("createLink", Bridge("br1"));
  {
    const Faults faults(nullptr, [](const std::vector<wire::Message>& messages) {
      RefuseAsAnother(messages.at(0));
      return 0;
    });
    client.session().Transact(requests.All());
  }
  CHECK_EQ(requests.Ends(), Ends{0});
  RunIp("link delete br1");
}

TEST(what_another_program_tells_all_subscribers_is_no_event) {
  const Client client;
  io::Socket socket;
  CHECK(socket.Open().ok() && socket.Subscribe({RTNLGRP_LINK}, 1 << 16).ok());
  struct {
    nlmsghdr header;
    ifinfomsg link;
  } event{};
  event.header.nlmsg_len = sizeof(event);
  event.header.nlmsg_type = RTM_DELLINK;
  sockaddr_nl all{};
  all.nl_family = AF_NETLINK;
  all.nl_groups = RTMGRP_LINK;
  const io::Descriptor own(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  const auto* address = reinterpret_cast<const sockaddr*>(&all);
  sendto(own.get(), &event, sizeof(event), 0, address, sizeof(all));
  wire::Bytes buffer(4096);
  wire::ByteSpan datagram;
  CHECK(socket.Receive(buffer, datagram).ok());
  CHECK_EQ(datagram.size, size_t{0});
  CHECK_EQ(socket.Receive(buffer, datagram).error, -EAGAIN);
}

TEST(signals_interrupt_neither_sending_nor_reading) {
  Client client;
  Requests requests;
  requests.Add("createLink", Bridge("br1"));
  requests.Add("getLink", Named("br1"), io::Expect::kRead);
  int interruptions = 2;
  {
    const Faults faults(LoseAcknowledgement(RTM_NEWLINK, 0, Fate::kInterrupted),
                        [&](const auto&) { return interruptions-- > 0 ? EINTR : 0; });
    client.session().Transact(requests.All());
  }
  CHECK_EQ(requests.Ends(), (Ends{0, 0}));
  CHECK_EQ(requests.names, std::vector<std::string>{"br1"});
  RunIp("link delete br1");
}

TEST(what_cannot_be_sent_has_not_been_done) {
  Client client;
  Requests requests;
  requests.Add("createLink", Bridge("br1"));
  requests.Add("createLink", Bridge("br2"));
  {
    const Faults faults(nullptr, [](const auto&) { return ENOMEM; });
    client.session().Transact(requests.All());
  }
  CHECK_EQ(requests.Ends(), (Ends{-ENOMEM, -ENOMEM}));
  CHECK_EQ(requests.steps[0].syscall, "sendmsg");
  CHECK(!Exists("br1") && !Exists("br2"));
}

TEST(what_shares_a_datagram_with_a_forbidden_message_is_sent_without_it) {
  Client client;
  Requests requests;
  requests.Add("createLink", Bridge("br1"));
  requests.Add("createLink", Bridge("br2"));
  requests.Add("getLink", Named("lo"), io::Expect::kRead);
  const auto forbids_br2 = [](const std::vector<wire::Message>& messages) {
    const auto is_it = [](const wire::Message& message) {
      rtnl::LinkRecord link;
      return wire::DecodeBody(message.payload, link) && link.name == "br2";
    };
    return std::any_of(messages.begin(), messages.end(), is_it) ? EACCES : 0;
  };
  {
    const Faults faults(nullptr, forbids_br2);
    client.session().Transact(requests.All());
  }
  CHECK_EQ(requests.Ends(), (Ends{0, -EACCES, 0}));
  CHECK_EQ(requests.names, std::vector<std::string>{"lo"});
  CHECK(Exists("br1") && !Exists("br2"));
  RunIp("link delete br1");
}

TEST(a_lost_answer_to_what_is_sent_without_a_forbidden_message_is_noticed) {
  Client client;
  Requests requests;
  requests.Add("createLink", Bridge("br1"));
  requests.Add("createLink", Bridge("br2"));
  requests.Add("getLink", Named("lo"), io::Expect::kRead);
  {
    const Arrival lose_both = [change = LoseAcknowledgement(RTM_NEWLINK, 0),
                               read = LoseAnswers(1)](const wire::Message& message) mutable {
      return std::max(change(message), read(message));
    };
    const Faults faults(lose_both, [](const std::vector<wire::Message>& messages) {
      return messages.size() > 1 ? EACCES : 0;
    });
    client.session().Transact(requests.All());
  }
  CHECK_EQ(requests.Ends(), (Ends{-ENOBUFS, 0, 0}));
  CHECK_EQ(requests.names, std::vector<std::string>{"lo"});
  CHECK_EQ(requests.restarts, 1);
  for (const char* name : {"br1", "br2"}) RunIp(std::string("link delete ") + name);
}

TEST(no_change_shares_a_datagram_behind_a_read) {
  Requests requests;
  requests.Add("changeLink", Named("lo"));
  requests.Add("getLink", Named("lo"), io::Expect::kRead);
  requests.Add("changeLink", Named("lo"));
  CHECK_EQ(DatagramsOf(requests), (std::vector<size_t>{2, 1}));
}

TEST(a_listing_has_a_datagram_of_its_own) {
  Requests requests;
  for (int i = 0; i < 2; ++i) requests.Add("getLink", Named("lo"), io::Expect::kRead);
  for (int i = 0; i < 2; ++i) requests.Add("listLinks", {}, io::Expect::kDump);
  requests.Add("changeLink", Named("lo"));
  CHECK_EQ(DatagramsOf(requests), (std::vector<size_t>{2, 1, 1, 1}));
}

TEST(a_datagram_asks_for_no_more_than_the_receive_buffer_holds) {
  Requests requests;
  for (int i = 0; i < 128; ++i) requests.Add("getLink", Named("lo"), io::Expect::kRead);
  CHECK(DatagramsOf(requests).size() > 1);
  CHECK_EQ(requests.Ends(), Ends(128, 0));
}

TEST(a_datagram_is_no_longer_than_the_send_buffer_takes) {
  rtnl::MacvlanData data;
  data.mac_address_mode = MACVLAN_MACADDR_SET;
  data.mac_addresses.emplace().items.assign(5000, Mac("02:00:00:00:09:01"));
  rtnl::LinkRecord link = Named("nobody");
  link.info.emplace().kind = "macvlan";
  link.info->macvlan = data;
  Requests requests;
  for (int i = 0; i < 2; ++i) requests.Add("changeLink", link);
  CHECK_EQ(DatagramsOf(requests), (std::vector<size_t>{1, 1}));
  CHECK_EQ(requests.Ends(), (Ends{-ENODEV, -ENODEV}));
}

TEST(a_message_that_is_longer_than_a_datagram_should_be_is_sent_all_the_same) {
  rtnl::MacvlanData data;
  data.mac_addresses.emplace().items.assign(5440, Mac("02:00:00:00:09:01"));
  rtnl::LinkRecord link = Named("nobody");
  link.info.emplace().kind = "macvlan";
  link.info->macvlan = data;
  link.alias.emplace().text.assign(250, 'a');
  Requests requests;
  requests.Add("changeLink", link);
  CHECK(requests.steps.front().request.size() > size_t{64 * 1024});
  CHECK_EQ(DatagramsOf(requests), std::vector<size_t>{1});
  CHECK_EQ(requests.Ends(), Ends{-ENODEV});
}

}  // namespace macvlan_netlink::test
