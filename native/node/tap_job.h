// What is done to tap devices on a pool thread, because the kernel's RTNL lock may have to be
// waited for: opening, asking, closing.
#pragma once

#include "io/tap.h"
#include "node/environment.h"

namespace macvlan_netlink::node {

// Settles with [TapHandle] or [failure].
class TapOpening : public io::Task,
                   public Delivery,
                   public std::enable_shared_from_this<TapOpening> {
 public:
  static void Start(Environment& environment, uint32_t id,
                    std::shared_ptr<const io::Namespace> target, io::TapLink link,
                    io::TapOptions options);

  TapOpening(Environment& environment, uint32_t id, std::shared_ptr<const io::Namespace> target,
             io::TapLink link, io::TapOptions options);
  void Run(io::PoolThread& thread) override;
  void Fail(const io::Status& status) override;
  bool Deliver(Environment& environment, std::chrono::steady_clock::time_point deadline) override;

 private:
  Environment& environment_;
  const uint32_t id_;
  const std::shared_ptr<const io::Namespace> target_;
  const io::TapLink link_;
  const io::TapOptions options_;
  io::TapDevice device_;
  io::Status status_;
};

// Asks a device whether its link is there; the tap tells its listener.
class TapCheck : public io::Task {
 public:
  static void Start(Environment& environment, std::shared_ptr<io::Tap> tap);

  explicit TapCheck(std::shared_ptr<io::Tap> tap) : tap_(std::move(tap)) {}
  void Run(io::PoolThread&) override { tap_->Check(); }
  // On the JavaScript thread rather than not at all.
  void Fail(const io::Status&) override { tap_->Check(); }

 private:
  const std::shared_ptr<io::Tap> tap_;
};

// Closes descriptors, then settles with [] when there is an `id`.
class TapRelease : public io::Task,
                   public Delivery,
                   public std::enable_shared_from_this<TapRelease> {
 public:
  static void Start(Environment& environment, std::vector<io::TapQueue> queues, uint32_t id = 0);

  TapRelease(Environment& environment, std::vector<io::TapQueue> queues, uint32_t id)
      : environment_(environment), queues_(std::move(queues)), id_(id) {}
  void Run(io::PoolThread& thread) override;
  // In a long wait, beside which others are finished.
  void Finish(io::PoolThread& thread) override { Run(thread); }
  // On the JavaScript thread rather than not at all.
  void Fail(const io::Status& status) override;
  bool Deliver(Environment& environment, std::chrono::steady_clock::time_point deadline) override;

 private:
  Environment& environment_;
  std::vector<io::TapQueue> queues_;
  const uint32_t id_;
};

}  // namespace macvlan_netlink::node
