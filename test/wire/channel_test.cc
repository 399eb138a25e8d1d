// The queues of namespaces, and the sockets that they have where there are not enough for all.
#include "io/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>

#include <filesystem>
#include <future>

#include "bulk/deletion.h"
#include "check.h"
#include "faults.h"

namespace macvlan_netlink::test {
namespace {

using Ends = std::vector<std::optional<int>>;

// A read, and a way to wait for its result.
class Reading : public Requests {
 public:
  Reading() {
    rtnl::LinkRecord link;
    link.name = "lo";
    Add("getLink", link, io::Expect::kRead);
  }
  void OnAnswer(size_t step, const wire::Message& message) override {
    Requests::OnAnswer(step, message);
    if (step == 0 && meanwhile) meanwhile();
  }
  void OnEnd() override { over_.set_value(); }
  int Wait() {
    over_.get_future().wait();
    return steps.back().ack.error;
  }

  std::function<void()> meanwhile;  // done while the first step is answered

 private:
  std::promise<void> over_;
};

// One that has to be prepared.
class Prepared : public Reading {
 public:
  Prepared() { prepares = true; }
  io::Status Prepare(io::PoolThread&) override {
    prepared = true;
    if (while_prepared) while_prepared();
    return {};
  }

  bool prepared = false;
  std::function<void()> while_prepared;
};

// One that cannot be prepared.
class Unpreparable : public Reading {
 public:
  Unpreparable() { prepares = true; }
  io::Status Prepare(io::PoolThread&) override { return {-EMFILE, "socket"}; }
};

// Occupies the pool's thread until LetGo.
class Hold : public io::Task {
 public:
  void Run(io::PoolThread&) override {
    begun_.set_value();
    until_.get_future().wait();
  }
  void Fail(const io::Status&) override {}
  void Await() { begun_.get_future().wait(); }
  void LetGo() { until_.set_value(); }

 private:
  std::promise<void> begun_;
  std::promise<void> until_;
};

// Leaves the process only one free descriptor, for as long as it lives: the one by which a thread
// returns to its own namespace.
class OneDescriptor {
 public:
  OneDescriptor() {
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &before_), 0);
    const io::Descriptor left(fcntl(0, F_DUPFD_CLOEXEC, 0));
    const io::Descriptor next(fcntl(0, F_DUPFD_CLOEXEC, 0));
    rlimit now = before_;
    now.rlim_cur = static_cast<rlim_t>(next.get());
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &now), 0);
  }
  ~OneDescriptor() { setrlimit(RLIMIT_NOFILE, &before_); }
  OneDescriptor(const OneDescriptor&) = delete;
  OneDescriptor& operator=(const OneDescriptor&) = delete;

 private:
  rlimit before_{};
};

// A namespace that nobody else has, a pool of one thread, and channels of the two.
struct Testbed {
  Testbed() { CHECK(io::OpenOwn(*own).ok()); }
  std::shared_ptr<io::Channel> MakeChannel(io::Channel::FreeDescriptors free_descriptors = [] {}) {
    return std::make_shared<io::Channel>(pool, own, bulk::DeleteTogether,
                                         std::move(free_descriptors));
  }

  const Client client;
  const std::shared_ptr<io::Namespace> own = std::make_shared<io::Namespace>();
  io::Pool pool{1, {[] {}, [] {}}};
};

auto OpenDescriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return std::distance(begin(all), end(all));
}

int Ask(io::Channel& channel) {
  const auto reading = std::make_shared<Reading>();
  channel.Submit(reading);
  return reading->Wait();
}

}  // namespace

TEST(a_socket_is_closed_for_others_even_if_requests_wait_that_have_not_begun) {
  Testbed bed;
  std::vector<std::shared_ptr<io::Channel>> channels;
  const auto free_descriptors = [&] {
    for (const std::shared_ptr<io::Channel>& channel : channels) channel->ReleaseSocket();
  };
  for (int i = 0; i < 2; ++i) channels.push_back(bed.MakeChannel(free_descriptors));
  // Now the second channel has the only socket that there can be.
  CHECK_EQ(Ask(*channels[1]), 0);
  const OneDescriptor limit;
  const auto hold = std::make_shared<Hold>();
  bed.pool.Schedule(hold);
  const auto first = std::make_shared<Reading>();
  const auto second = std::make_shared<Reading>();
  channels[0]->Submit(first);
  channels[1]->Submit(second);
  hold->LetGo();
  CHECK_EQ(first->Wait(), 0);
  CHECK_EQ(second->Wait(), 0);
  // But not while SetInUse says that more requests follow.
  channels[1]->SetInUse(true);
  CHECK_EQ(Ask(*channels[0]), -EMFILE);
  channels[1]->SetInUse(false);
  CHECK_EQ(Ask(*channels[0]), 0);
  bed.pool.Stop();
}

TEST(no_socket_is_closed_while_it_is_in_use) {
  Testbed bed;
  const auto channel = bed.MakeChannel();
  const auto listing = std::make_shared<Reading>();
  listing->Add("listLinks", {}, io::Expect::kDump);
  listing->meanwhile = [&] { channel->ReleaseSocket(); };
  channel->Submit(listing);
  CHECK_EQ(listing->Wait(), 0);
  CHECK_EQ(listing->names, (std::vector<std::string>{"lo", "lo"}));
  bed.pool.Stop();
}

TEST(no_idle_socket_is_closed_while_more_requests_follow) {
  Testbed bed;
  const auto channel = bed.MakeChannel();
  CHECK_EQ(Ask(*channel), 0);
  bed.pool.Stop();
  channel->SetInUse(true);
  const auto before = OpenDescriptors();
  channel->CloseIdle({});
  CHECK_EQ(OpenDescriptors(), before);
  channel->SetInUse(false);
  channel->CloseIdle({});
  CHECK_EQ(OpenDescriptors(), before - 1);
}

TEST(what_comes_while_others_are_prepared_is_prepared_before_it_is_sent) {
  Testbed bed;
  const auto channel = bed.MakeChannel();
  const auto first = std::make_shared<Prepared>();
  const auto second = std::make_shared<Prepared>();
  bool prepared = false;
  first->while_prepared = [&] { channel->Submit(second); };
  second->meanwhile = [&] { prepared = second->prepared; };
  channel->Submit(first);
  CHECK_EQ(first->Wait(), 0);
  CHECK_EQ(second->Wait(), 0);
  CHECK(prepared);
  bed.pool.Stop();
}

TEST(nothing_is_sent_of_an_exchange_that_cannot_be_prepared_and_it_ends_once) {
  Testbed bed;
  const auto channel = bed.MakeChannel();
  const auto reading = std::make_shared<Unpreparable>();
  channel->Submit(reading);
  CHECK_EQ(reading->Wait(), -EMFILE);
  CHECK_EQ(Ask(*channel), 0);
  CHECK(reading->names.empty());
  bed.pool.Stop();
}

TEST(no_socket_is_closed_as_idle_while_requests_are_under_way) {
  Testbed bed;
  const auto channel = bed.MakeChannel();
  const auto listing = std::make_shared<Reading>();
  listing->Add("listLinks", {}, io::Expect::kDump);
  listing->meanwhile = [&] { channel->CloseIdle({}); };
  channel->Submit(listing);
  CHECK_EQ(listing->Wait(), 0);
  CHECK_EQ(listing->names, (std::vector<std::string>{"lo", "lo"}));
  bed.pool.Stop();
}

TEST(no_socket_is_closed_that_an_exchange_needs_which_has_begun) {
  Testbed bed;
  const auto channel = bed.MakeChannel();
  const auto hold = std::make_shared<Hold>();
  const auto reading = std::make_shared<Reading>();
  reading->Add("listLinks", {}, io::Expect::kDump);
  reading->steps.back().barrier = true;
  reading->meanwhile = [&] { bed.pool.Schedule(hold); };
  channel->Submit(reading);
  hold->Await();
  channel->ReleaseSocket();
  const OneDescriptor limit;
  hold->LetGo();
  CHECK_EQ(reading->Wait(), 0);
  bed.pool.Stop();
}

TEST(what_is_queued_behind_deletions_is_no_part_of_them) {
  Testbed bed;
  const auto channel = bed.MakeChannel();
  const auto hold = std::make_shared<Hold>();
  const auto deletion = std::make_shared<Reading>();
  for (const char* name : {"br1", "br2"}) {
    AddBridge(name);
    rtnl::LinkRecord link;
    link.index = IndexOf(name);
    deletion->Add("deleteLink", link);
    deletion->steps.back().deletion = true;
  }
  deletion->steps.erase(deletion->steps.begin());
  AddBridge("br3");
  rtnl::LinkRecord changed;
  changed.index = IndexOf("br3");
  changed.mtu = 1400;
  const auto change = std::make_shared<Reading>();
  change->Add("changeLink", changed);
  change->steps.erase(change->steps.begin());
  int deletions = 0;
  {
    const Faults faults(nullptr, [&](const std::vector<wire::Message>& messages) {
      for (const wire::Message& one : messages) deletions += one.header.nlmsg_type == RTM_DELLINK;
      return 0;
    });
    bed.pool.Schedule(hold);
    channel->Submit(deletion);
    channel->Submit(change);
    hold->LetGo();
    CHECK_EQ(deletion->Wait(), 0);
    CHECK_EQ(change->Wait(), 0);
  }
  // A second one for a link that is gone could meet another that has got its index.
  CHECK_EQ(deletions, 1);
  CHECK(!Exists("br1") && !Exists("br2"));
  CHECK(Exists("br3"));
  if (Exists("br3")) RunIp("link delete br3");
  bed.pool.Stop();
}

// A look-up of a link, and two changes that are about it.
class NamedChange : public Reading {
 public:
  NamedChange() {
    for (const char* name : {"br1", "br2"}) {
      rtnl::LinkRecord record;
      record.name = name;
      record.info.emplace().kind = "bridge";
      Add("createLink", record);
      steps.back().barrier = steps.back().takes_link = true;
    }
    token = 7;
  }
};

// That nothing of it was carried out, and that the channel goes on.
void CheckUnchanged(io::Channel& channel) {
  CHECK_EQ(Ask(channel), 0);
  CHECK(!Exists("br1") && !Exists("br2"));
}

TEST(an_exchange_is_withdrawn_while_one_before_it_is_under_way) {
  Testbed bed;
  const auto channel = bed.MakeChannel();
  const auto hold = std::make_shared<Hold>();
  const auto before = std::make_shared<Reading>();
  before->Add("listLinks", {}, io::Expect::kDump);
  before->steps.back().barrier = true;
  const auto change = std::make_shared<NamedChange>();
  before->meanwhile = [&] { CHECK(channel->Withdraw(7)); };
  bed.pool.Schedule(hold);
  channel->Submit(before);
  channel->Submit(change);
  hold->LetGo();
  CHECK_EQ(before->Wait(), 0);
  CHECK_EQ(change->Wait(), -ECANCELED);
  CHECK_EQ(change->Ends(), Ends(3, -ECANCELED));
  CheckUnchanged(*channel);
  bed.pool.Stop();
}

TEST(an_exchange_is_withdrawn_while_its_look_up_is_under_way) {
  Testbed bed;
  const auto channel = bed.MakeChannel();
  const auto change = std::make_shared<NamedChange>();
  change->meanwhile = [&] { CHECK(channel->Withdraw(7)); };
  channel->Submit(change);
  CHECK_EQ(change->Wait(), -ECANCELED);
  CHECK_EQ(change->Ends(), (Ends{0, -ECANCELED, -ECANCELED}));
  CheckUnchanged(*channel);
  bed.pool.Stop();
}

TEST(an_exchange_is_withdrawn_between_its_look_up_and_what_follows) {
  Testbed bed;
  const auto channel = bed.MakeChannel();
  const auto change = std::make_shared<NamedChange>();
  const auto hold = std::make_shared<Hold>();
  // It comes to the thread before the channel's next round.
  change->meanwhile = [&] { bed.pool.Schedule(hold); };
  channel->Submit(change);
  hold->Await();
  CHECK(channel->Withdraw(7));
  CHECK_EQ(change->Wait(), -ECANCELED);
  CHECK(!channel->Withdraw(7));
  hold->LetGo();
  CheckUnchanged(*channel);
  bed.pool.Stop();
}

// One that is told of its end, and does something then.
class Ending : public Reading {
 public:
  void OnEnd() override {
    then();
    Reading::OnEnd();
  }
  std::function<void()> then;
};

TEST(an_exchange_that_is_withdrawn_when_its_round_is_over_ends_once) {
  Testbed bed;
  const auto channel = bed.MakeChannel();
  const auto hold = std::make_shared<Hold>();
  const auto ending = std::make_shared<Ending>();
  const auto change = std::make_shared<NamedChange>();
  bed.pool.Schedule(hold);
  hold->Await();
  ending->then = [&] { CHECK(channel->Withdraw(7)); };
  channel->Submit(ending);
  channel->Submit(change);
  hold->LetGo();
  CHECK_EQ(ending->Wait(), 0);
  // A second end would end this program.
  CHECK_EQ(change->Wait(), -ECANCELED);
  CheckUnchanged(*channel);
  bed.pool.Stop();
}

TEST(an_exchange_that_has_changed_something_is_not_withdrawn) {
  Testbed bed;
  const auto channel = bed.MakeChannel();
  const auto change = std::make_shared<NamedChange>();
  std::vector<bool> withdrawn;
  {
    const Faults faults([&](const wire::Message& message) {
      if (Acknowledged(message) == RTM_NEWLINK) withdrawn.push_back(channel->Withdraw(7));
      return Fate::kArrives;
    });
    channel->Submit(change);
    CHECK_EQ(change->Wait(), 0);
  }
  CHECK_EQ(withdrawn, (std::vector<bool>{false, false}));
  CHECK(Exists("br1") && Exists("br2"));
  for (const char* name : {"br1", "br2"}) RunIp(std::string("link delete ") + name);
  bed.pool.Stop();
}

TEST(an_exchange_that_ends_at_a_failed_barrier_ends_once) {
  Testbed bed;
  const auto channel = bed.MakeChannel();
  const auto reading = std::make_shared<Reading>();
  rtnl::LinkRecord nobody;
  nobody.name = "nobody";
  reading->Add("getLink", nobody, io::Expect::kRead);
  reading->Add("listLinks", {}, io::Expect::kDump);
  reading->steps.back().barrier = true;
  channel->Submit(reading);
  CHECK_EQ(reading->Wait(), -ECANCELED);
  CHECK_EQ(Ask(*channel), 0);
  CHECK_EQ(reading->names, std::vector<std::string>{"lo"});
  bed.pool.Stop();
}

}  // namespace macvlan_netlink::test
