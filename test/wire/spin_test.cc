// How long to poll follows how long things took of late.
#include "io/spin.h"

#include "check.h"

namespace macvlan_netlink::test {
namespace {

using std::chrono::microseconds;

constexpr microseconds kShortest(100);
constexpr microseconds kLongest(600);

io::SpinTime After(int times, microseconds took) {
  io::SpinTime spin_time(kShortest, kLongest);
  for (int i = 0; i < times; ++i) spin_time.Learn(took);
  return spin_time;
}

}  // namespace

TEST(what_comes_at_once_is_polled_for_the_shortest_time) {
  CHECK(After(0, microseconds(0)).IsWorthwhile());
  CHECK(After(0, microseconds(0)).Length() == kShortest);
  CHECK(After(100, microseconds(5)).Length() == kShortest);
}

TEST(what_takes_longer_is_polled_for_three_times_as_long) {
  const io::SpinTime spin_time = After(100, microseconds(200));
  CHECK(spin_time.IsWorthwhile());
  CHECK(spin_time.Length() > microseconds(590));
  CHECK(spin_time.Length() <= microseconds(600));
}

TEST(what_takes_more_than_half_the_longest_time_is_not_polled_for) {
  CHECK(After(100, microseconds(290)).IsWorthwhile());
  CHECK(!After(100, microseconds(310)).IsWorthwhile());
}

TEST(a_few_others_change_that) {
  io::SpinTime spin_time = After(100, microseconds(10));
  spin_time.Learn(std::chrono::hours(1));
  CHECK(spin_time.IsWorthwhile());
  for (int i = 0; i < 2; ++i) spin_time.Learn(std::chrono::hours(1));
  CHECK(!spin_time.IsWorthwhile());
  for (int i = 0; i < 2; ++i) spin_time.Learn(microseconds(10));
  CHECK(spin_time.IsWorthwhile());
}

}  // namespace macvlan_netlink::test
