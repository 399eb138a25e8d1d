// Every scheduled task is run, whatever happened to the threads that ran tasks before.
#include "io/pool.h"

#include <atomic>
#include <chrono>
#include <filesystem>
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

class JobBeside : public Job {
 public:
  using Job::Job;
  bool runs_beside() const override { return true; }
};

// Counts how often a pool reports that it needs a thread.
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

size_t CountThreads() {
  const auto tasks = std::filesystem::directory_iterator("/proc/self/task");
  return static_cast<size_t>(std::distance(begin(tasks), end(tasks)));
}

// Those of the tests before may still be on their way out.
void AwaitNoThreads() {
  while (CountThreads() > 1) std::this_thread::yield();
}

}  // namespace

TEST(another_thread_takes_the_place_of_one_that_has_ended) {
  Shortages shortages;
  io::Pool pool(1, {[] {}, [&] { shortages.Tell(); }});
  pool.Schedule(std::make_shared<Job>([](io::PoolThread& thread) { thread.at_home = false; }));
  CHECK(shortages.Reach(1));
  std::promise<void> ran;
  std::thread another(
      [&] { pool.Schedule(std::make_shared<Job>([&](io::PoolThread&) { ran.set_value(); })); });
  another.join();
  CHECK(shortages.Reach(2));
  pool.EnsureThread();
  CHECK(ran.get_future().wait_for(kLongEnough) == std::future_status::ready);
}

TEST(a_thread_in_the_wrong_namespace_runs_no_other_task) {
  Shortages shortages;
  std::promise<bool> ran_at_home;
  io::Pool pool(1, {[] {}, [&] { shortages.Tell(); }});
  pool.Schedule(std::make_shared<Job>([](io::PoolThread& thread) { thread.at_home = false; }));
  pool.Schedule(std::make_shared<Job>(
      [&](io::PoolThread& thread) { ran_at_home.set_value(thread.at_home); }));
  CHECK(shortages.Reach(1));
  pool.EnsureThread();
  CHECK(ran_at_home.get_future().get());
}

TEST(a_task_that_was_queued_before_a_long_wait_runs_beside_it) {
  Shortages shortages;
  std::promise<void> queued;
  std::promise<void> ran;
  std::promise<bool> beside;
  io::Pool pool(3, {[] {}, [&] { shortages.Tell(); }});
  pool.Schedule(std::make_shared<Job>([&](io::PoolThread&) {
    queued.get_future().wait();
    const io::Pool::LongWait wait(pool);
    beside.set_value(ran.get_future().wait_for(kLongEnough) == std::future_status::ready);
  }));
  pool.Schedule(std::make_shared<Job>([&](io::PoolThread&) { ran.set_value(); }));
  queued.set_value();
  CHECK(shortages.Reach(1));
  pool.EnsureThread();
  CHECK(beside.get_future().get());
}

// A task that waits until others have run.
class Waiting {
 public:
  explicit Waiting(int count) : left_(count) {}

  std::shared_ptr<Job> Task() {
    return std::make_shared<Job>([&](io::PoolThread&) {
      begun.set_value();
      std::unique_lock<std::mutex> lock(mutex_);
      ended.set_value(changed_.wait_for(lock, kLongEnough, [&] { return left_ == 0; }));
    });
  }
  template <class Kind>
  std::shared_ptr<Job> Other() {
    return std::make_shared<Kind>([&](io::PoolThread&) {
      const std::lock_guard<std::mutex> lock(mutex_);
      --left_;
      changed_.notify_all();
    });
  }

  std::promise<void> begun;
  std::promise<bool> ended;  // whether the others had run

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int left_;
};

TEST(a_task_that_runs_beside_others_does_not_wait_for_one_that_is_stuck) {
  Waiting waiting(1);
  io::Pool pool(2, {[] {}, [] {}});
  pool.Schedule(waiting.Task());
  waiting.begun.get_future().wait();
  pool.Schedule(waiting.Other<JobBeside>());
  CHECK(pool.Hasten());
  CHECK(waiting.ended.get_future().get());
}

TEST(a_task_that_runs_beside_others_overtakes_those_that_do_not) {
  for (const size_t threads : {2, 3}) {
    const Note note("threads: " + std::to_string(threads));
    Waiting waiting(1);
    std::promise<bool> overtaken;
    std::atomic<bool> ran{false};
    const std::shared_ptr<Job> other = waiting.Other<Job>();
    io::Pool pool(threads, {[] {}, [] {}});
    pool.Schedule(waiting.Task());
    waiting.begun.get_future().wait();
    pool.Schedule(std::make_shared<Job>([&](io::PoolThread&) { overtaken.set_value(ran); }));
    pool.Schedule(std::make_shared<JobBeside>([&](io::PoolThread& thread) {
      ran = true;
      other->Run(thread);
    }));
    CHECK(pool.Hasten());
    CHECK(waiting.ended.get_future().get());
    CHECK(overtaken.get_future().get());
  }
}

TEST(a_thread_is_left_for_tasks_that_run_beside_others_whatever_waits_for_long) {
  std::promise<void> waits;
  std::promise<void> goes_on;
  std::promise<void> ran;
  std::promise<bool> ran_before;
  io::Pool pool(2, {[] {}, [] {}});
  pool.Schedule(std::make_shared<Job>([&](io::PoolThread&) {
    const io::Pool::LongWait wait(pool);
    waits.set_value();
    // For longer than the next task waits, which would otherwise see the last one run behind this.
    goes_on.get_future().wait_for(2 * kLongEnough);
  }));
  waits.get_future().wait();
  pool.Schedule(std::make_shared<Job>([&](io::PoolThread&) {
    ran_before.set_value(ran.get_future().wait_for(kLongEnough) == std::future_status::ready);
  }));
  // Whoever is to take it has done so by then.
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  pool.Schedule(std::make_shared<JobBeside>([&](io::PoolThread&) {
    ran.set_value();
    goes_on.set_value();
  }));
  pool.Hasten();
  CHECK(ran_before.get_future().get());
}

TEST(only_tasks_that_run_beside_others_are_hastened) {
  Waiting waiting(0);
  std::promise<void> goes_on;
  io::Pool pool(2, {[] {}, [] {}});
  pool.Schedule(std::make_shared<Job>([&](io::PoolThread&) { goes_on.get_future().wait(); }));
  pool.Schedule(waiting.Task());
  CHECK(!pool.Hasten());
  goes_on.set_value();
  CHECK(waiting.ended.get_future().get());
}

TEST(what_is_queued_is_finished_at_the_end_although_another_task_is_stuck) {
  class Begun : public io::Task {
   public:
    explicit Begun(std::promise<void>& finished) : finished_(finished) {}
    void Run(io::PoolThread&) override { CHECK(false); }
    void Finish(io::PoolThread&) override { finished_.set_value(); }
    void Fail(const io::Status&) override { CHECK(false); }

   private:
    std::promise<void>& finished_;
  };
  std::promise<void> stuck;
  std::promise<void> finished;
  std::promise<bool> beside;
  std::promise<void> ran;
  io::Pool pool(2, {[] {}, [] {}});
  pool.Schedule(std::make_shared<Job>([&](io::PoolThread&) {
    stuck.set_value();
    beside.set_value(finished.get_future().wait_for(kLongEnough) == std::future_status::ready);
  }));
  stuck.get_future().wait();
  // For a second thread.
  pool.Schedule(std::make_shared<JobBeside>([&](io::PoolThread&) { ran.set_value(); }));
  CHECK(pool.Hasten());
  ran.get_future().wait();
  pool.Schedule(std::make_shared<Begun>(finished));
  pool.Finish(kLongEnough);
  CHECK(beside.get_future().get());
}

TEST(a_task_that_comes_after_the_end_fails) {
  std::promise<io::Status> failed;
  class Late : public io::Task {
   public:
    explicit Late(std::promise<io::Status>& failed) : failed_(failed) {}
    void Run(io::PoolThread&) override { CHECK(false); }
    void Fail(const io::Status& status) override { failed_.set_value(status); }

   private:
    std::promise<io::Status>& failed_;
  };
  io::Pool pool(1, {[] {}, [] {}});
  pool.Finish(kLongEnough);
  pool.Schedule(std::make_shared<Late>(failed));
  CHECK_EQ(failed.get_future().get().error, -ECANCELED);
}

TEST(no_other_thread_is_started_once_a_long_wait_is_over) {
  std::promise<void> waited;
  std::promise<void> counted;
  std::promise<void> ran;
  AwaitNoThreads();
  io::Pool pool(3, {[] {}, [] {}});
  pool.Schedule(std::make_shared<Job>([&](io::PoolThread&) {
    {
      const io::Pool::LongWait wait(pool);
    }
    waited.set_value();
    counted.get_future().wait();
  }));
  waited.get_future().wait();
  pool.Schedule(std::make_shared<Job>([&](io::PoolThread&) { ran.set_value(); }));
  CHECK_EQ(CountThreads(), 2);
  counted.set_value();
  CHECK(ran.get_future().wait_for(kLongEnough) == std::future_status::ready);
}

TEST(tasks_without_long_waits_need_one_thread) {
  std::promise<void> begun;
  std::promise<void> counted;
  std::promise<void> ran;
  std::promise<void> ran_later;
  AwaitNoThreads();
  io::Pool pool(4, {[] {}, [] {}});
  pool.Schedule(std::make_shared<Job>([&](io::PoolThread&) {
    begun.set_value();
    counted.get_future().wait();
  }));
  begun.get_future().wait();
  for (int i = 0; i < 2; ++i) pool.Schedule(std::make_shared<Job>([](io::PoolThread&) {}));
  pool.Schedule(std::make_shared<Job>([&](io::PoolThread&) { ran.set_value(); }));
  CHECK_EQ(CountThreads(), 2);
  counted.set_value();
  CHECK(ran.get_future().wait_for(kLongEnough) == std::future_status::ready);
  // It sleeps by then.
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  pool.Schedule(std::make_shared<Job>([&](io::PoolThread&) { ran_later.set_value(); }));
  CHECK_EQ(CountThreads(), 2);
  CHECK(ran_later.get_future().wait_for(kLongEnough) == std::future_status::ready);
}

}  // namespace macvlan_netlink::test
