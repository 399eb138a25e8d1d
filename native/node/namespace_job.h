// Opening, making and removing namespaces: system calls that block, so a pool thread makes them.
#pragma once

#include <functional>

#include "node/environment.h"

namespace macvlan_netlink::node {

// Runs once on a pool thread, then settles with [NamespaceHandle], [undefined] or [failure].
class NamespaceJob : public io::Task,
                     public Delivery,
                     public std::enable_shared_from_this<NamespaceJob> {
 public:
  using Work = std::function<io::Status(io::Namespace& out, io::PoolThread& thread)>;

  static void Start(Environment& environment, uint32_t id, Work work);

  NamespaceJob(Environment& environment, uint32_t id, Work work);
  void Run(io::PoolThread& thread) override;
  void Fail(const io::Status& status) override;
  bool Deliver(Environment& environment, std::chrono::steady_clock::time_point deadline) override;

 private:
  Environment& environment_;
  const uint32_t id_;
  const Work work_;
  io::Namespace opened_;
  io::Status status_;
};

}  // namespace macvlan_netlink::node
