// What becomes of the steps of an exchange when one before a barrier fails.
#include "io/exchange.h"

#include <errno.h>

#include "check.h"

namespace macvlan_netlink::test {
namespace {

struct Steps : io::Exchange {
  // One character a step: '|' is a barrier, '.' is none.
  explicit Steps(const std::string& form) {
    for (const char one : form) steps.emplace_back().barrier = one == '|';
  }
  void OnAnswer(size_t, const wire::Message&) override {}
  void OnRestart(size_t) override {}
  void OnEnd() override {}

  // Ends the steps up to `end`, of which those listed fail.
  void End(size_t end, const std::vector<size_t>& failed) {
    for (size_t at = 0; at < end; ++at) steps[at].End(0, nullptr);
    for (const size_t at : failed) steps[at].End(-EEXIST, nullptr);
  }
  // The steps that have ended with -ECANCELED.
  size_t Cancelled() const {
    size_t count = 0;
    for (const io::Step& step : steps) count += step.ended && step.ack.error == -ECANCELED;
    return count;
  }
};

size_t CancelledBehind(const std::string& form, size_t next, const std::vector<size_t>& failed) {
  Steps exchange(form);
  exchange.End(next, failed);
  exchange.CancelBehindBarrier(next);
  CHECK_EQ(exchange.AllEnded(), exchange.Cancelled() == form.size() - next);
  return exchange.Cancelled();
}

}  // namespace

TEST(a_barrier_ends_the_rest_when_a_step_since_the_last_barrier_has_failed) {
  CHECK_EQ(CancelledBehind(".....|..", 5, {0}), 3);
  CHECK_EQ(CancelledBehind(".....|..", 5, {2, 4}), 3);
  CHECK_EQ(CancelledBehind(".|...|..", 5, {1}), 3);
  CHECK_EQ(CancelledBehind("||||||", 3, {2}), 3);
  CHECK_EQ(CancelledBehind("||", 1, {0}), 1);
}

TEST(a_barrier_lets_the_rest_pass_when_none_has_failed) {
  CHECK_EQ(CancelledBehind(".....|..", 5, {}), 0);
  CHECK_EQ(CancelledBehind("||||||", 3, {}), 0);
}

TEST(a_failure_does_not_end_a_step_that_is_no_barrier) {
  CHECK_EQ(CancelledBehind(".....|..", 4, {0}), 0);
  CHECK_EQ(CancelledBehind("..", 2, {0}), 0);
}

TEST(all_steps_have_ended_only_when_the_first_and_the_last_have) {
  Steps exchange("....");
  exchange.End(3, {});
  CHECK(!exchange.AllEnded());
  exchange.steps[3].End(0, nullptr);
  CHECK(exchange.AllEnded());
  exchange.steps[0].ended = false;
  CHECK(!exchange.AllEnded());
}

TEST(all_steps_have_succeeded_only_when_each_has_ended_without_an_error) {
  Steps exchange("....");
  exchange.End(3, {});
  CHECK(!exchange.AllSucceeded());
  exchange.steps[3].End(0, nullptr);
  CHECK(exchange.AllSucceeded());
  exchange.steps[1].End(-EEXIST, nullptr);
  CHECK(!exchange.AllSucceeded());
}

}  // namespace macvlan_netlink::test
