// Opening, making and removing namespaces, and their settings: system calls that block, so a pool
// thread makes them.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "node/environment.h"

namespace macvlan_netlink::node {

// Runs once on a pool thread, then settles with [NamespaceHandle], [string], [undefined] or
// [failure].
class NamespaceJob : public io::Task,
                     public Delivery,
                     public std::enable_shared_from_this<NamespaceJob> {
 public:
  struct Outcome {
    io::Namespace opened;
    std::optional<std::string> text;
  };
  using Work =
      std::function<io::Status(Outcome& out, io::PoolThread& thread, const io::GivenUp& given_up)>;

  // When the next of many jobs may begin.
  enum class Next : uint8_t {
    kAtOnce,
    // Once JavaScript has the result, so that its requests in an opened namespace go before the
    // next job: two hundred containers that are opened and attached all at once take an eighth less
    // time that way (measured).
    kAfterScript,
  };

  static void Start(Environment& environment, uint32_t id, Next next, io::Jobs::WaitsFor what,
                    Work work);

  NamespaceJob(Environment& environment, uint32_t id, Next next, io::Jobs::WaitsFor what,
               Work work);
  // JavaScript thread: ends its waits for others, so that it fails (mostly with ECANCELED) unless
  // it has changed something already or is about to be done.
  void Withdraw();
  void Run(io::PoolThread& thread) override;
  bool runs_beside() const override { return true; }
  void Fail(const io::Status& status) override;
  bool Deliver(Environment& environment, std::chrono::steady_clock::time_point deadline) override;

 private:
  Environment& environment_;
  const uint32_t id_;
  Next next_;
  const io::Jobs::WaitsFor what_;
  const Work work_;
  std::atomic<bool> withdrawn_{false};
  bool begun_ = true;  // given to the pool, which is to hear of its end
  Outcome outcome_;
  io::Status status_;
};

}  // namespace macvlan_netlink::node
