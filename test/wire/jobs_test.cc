// Which jobs are given to the pool, and when.
#include "io/jobs.h"

#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "check.h"

namespace macvlan_netlink::test {
namespace {

using WaitsFor = io::Jobs::WaitsFor;

// Notes that the pool was given it: one that has stopped refuses each task here and now.
class Job : public io::Task {
 public:
  Job(int number, std::vector<int>& begun) : number_(number), begun_(begun) {}
  void Run(io::PoolThread&) override { CHECK(false); }
  void Fail(const io::Status&) override { begun_.push_back(number_); }

 private:
  const int number_;
  std::vector<int>& begun_;
};

class Scenario {
 public:
  explicit Scenario(const io::Jobs::Limits& limits) : jobs(pool_, limits) { pool_.Stop(); }

  std::shared_ptr<Job> Begin(int number, WaitsFor what) {
    auto job = std::make_shared<Job>(number, begun);
    jobs.Begin(job, what);
    return job;
  }

  // Numbered from 1.
  void BeginAll(std::initializer_list<WaitsFor> kinds) {
    int number = 0;
    for (const WaitsFor what : kinds) Begin(++number, what);
  }

 private:
  io::Pool pool_{1, {[] {}, [] {}}};

 public:
  io::Jobs jobs;
  std::vector<int> begun;
};

}  // namespace

TEST(as_many_jobs_begin_as_may_wait_for_the_same) {
  const io::Jobs::Limits limits{9, 9, {4, 1, 3, 3, 2}};
  for (size_t kind = 0; kind < limits.each.size(); ++kind) {
    const Note note("kind: " + std::to_string(kind));
    Scenario scenario(limits);
    for (int number = 0; number < 6; ++number) scenario.Begin(number, WaitsFor(kind));
    CHECK_EQ(scenario.begun.size(), limits.each[kind]);
    scenario.jobs.End(WaitsFor(kind));
    CHECK_EQ(scenario.begun.size(), limits.each[kind] + 1);
  }
}

TEST(as_many_jobs_begin_as_the_pool_is_given_at_a_time_whatever_they_wait_for) {
  Scenario scenario({4, 4, {4, 1, 1, 1, 2}});
  scenario.BeginAll(
      {WaitsFor::kFile, WaitsFor::kFile, WaitsFor::kLock, WaitsFor::kRtnl, WaitsFor::kKernel});
  CHECK_EQ(scenario.begun, (std::vector{1, 2, 3, 4}));
  scenario.jobs.End(WaitsFor::kLock);
  CHECK_EQ(scenario.begun, (std::vector{1, 2, 3, 4, 5}));
  scenario.jobs.End(WaitsFor::kFile);
  scenario.Begin(6, WaitsFor::kLock);
  CHECK_EQ(scenario.begun, (std::vector{1, 2, 3, 4, 5, 6}));
}

TEST(a_job_that_waits_for_the_kernel_alone_begins_beside_all_that_may_wait_for_long) {
  Scenario scenario({4, 3, {4, 1, 2, 2, 2}});
  scenario.BeginAll({WaitsFor::kCreation, WaitsFor::kCreation, WaitsFor::kLock, WaitsFor::kFile,
                     WaitsFor::kKernel, WaitsFor::kKernel});
  CHECK_EQ(scenario.begun, (std::vector{1, 2, 3, 5}));
  scenario.jobs.End(WaitsFor::kKernel);
  CHECK_EQ(scenario.begun, (std::vector{1, 2, 3, 5, 6}));
  scenario.jobs.End(WaitsFor::kLock);
  CHECK_EQ(scenario.begun, (std::vector{1, 2, 3, 5, 6, 4}));
}

TEST(the_end_of_a_job_begins_the_first_that_may) {
  Scenario scenario({4, 4, {4, 1, 1, 1, 1}});
  scenario.BeginAll(
      {WaitsFor::kRtnl, WaitsFor::kLock, WaitsFor::kRtnl, WaitsFor::kLock, WaitsFor::kLock});
  CHECK_EQ(scenario.begun, (std::vector{1, 2}));
  scenario.jobs.End(WaitsFor::kLock);
  CHECK_EQ(scenario.begun, (std::vector{1, 2, 4}));
  scenario.jobs.End(WaitsFor::kLock);
  CHECK_EQ(scenario.begun, (std::vector{1, 2, 4, 5}));
  scenario.jobs.End(WaitsFor::kLock);
  scenario.jobs.End(WaitsFor::kRtnl);
  CHECK_EQ(scenario.begun, (std::vector{1, 2, 4, 5, 3}));
}

TEST(a_job_that_is_withdrawn_does_not_begin_and_one_that_has_begun_is_not_withdrawn) {
  Scenario scenario({4, 4, {4, 1, 1, 1, 1}});
  const auto first = scenario.Begin(1, WaitsFor::kRtnl);
  const auto second = scenario.Begin(2, WaitsFor::kRtnl);
  scenario.Begin(3, WaitsFor::kRtnl);
  CHECK(!scenario.jobs.Withdraw(*first));
  CHECK(scenario.jobs.Withdraw(*second));
  CHECK(!scenario.jobs.Withdraw(*second));
  scenario.jobs.End(WaitsFor::kRtnl);
  CHECK_EQ(scenario.begun, (std::vector{1, 3}));
}

}  // namespace macvlan_netlink::test
