// What is scheduled is run, whatever has become of the threads that ran things before.
#include "io/pool.h"

#include <chrono>
#include <functional>
#include <future>

#include "check.h"

namespace macvlan_netlink::test {
namespace {

constexpr std::chrono::seconds kLongEnough(10);

class Job : public io::Task {
 public:
  explicit Job(std::function<void(io::PoolThread&)> body) : body_(std::move(body)) {}
  void Run(io::PoolThread& thread) override { body_(thread); }
  void Fail(const io::Status&) override { CHECK(false); }

 private:
  const std::function<void(io::PoolThread&)> body_;
};

// Shortages that a pool tells of, one after another.
class Shortages {
 public:
  void Tell() {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++told_;
    changed_.notify_all();
  }

  bool Reach(int count) {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, kLongEnough, [&] { return told_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int told_ = 0;
};

}  // namespace

TEST(a_thread_that_has_ended_leaves_its_place_to_another) {
  Shortages shortages;
  io::Pool pool(1, {[] {}, [&] { shortages.Tell(); }});
  pool.Schedule(std::make_shared<Job>([](io::PoolThread& thread) { thread.at_home = false; }));
  CHECK(shortages.Reach(1));
  std::promise<void> ran;
  std::thread another(
      [&] { pool.Schedule(std::make_shared<Job>([&](io::PoolThread&) { ran.set_value(); })); });
  another.join();
  CHECK(shortages.Reach(2));
  pool.Reinforce();
  CHECK(ran.get_future().wait_for(kLongEnough) == std::future_status::ready);
}

}  // namespace macvlan_netlink::test
