// What a tap has to report to JavaScript: frames, progress of a write, and its end.
#pragma once

#include "io/tap.h"
#include "node/environment.h"

namespace macvlan_netlink::node {

class TapHandle;

class TapDelivery : public Delivery,
                    public io::TapListener,
                    public std::enable_shared_from_this<TapDelivery> {
 public:
  explicit TapDelivery(Environment& environment) : environment_(environment) {}

  // JavaScript thread: the object to call; null when it has been deleted.
  void SetHandle(TapHandle* handle) { handle_ = handle; }

  void OnFrames(io::FrameBatch batch) override;
  void OnWritten() override { Tell(&News::written); }
  void OnMaybeGone() override { Tell(&News::maybe_gone); }
  void OnMoved() override { Tell(&News::moved); }
  void OnGone() override { Tell(&News::gone); }
  bool Deliver(Environment& environment, std::chrono::steady_clock::time_point deadline) override;

 private:
  struct News {
    std::deque<io::FrameBatch> batches;
    bool written = false;
    bool maybe_gone = false;
    bool moved = false;
    bool gone = false;  // told after every batch
  };

  void Tell(bool News::* what);

  Environment& environment_;
  TapHandle* handle_ = nullptr;

  std::mutex mutex_;  // guards the two below
  News news_;
  bool enqueued_ = false;
};

}  // namespace macvlan_netlink::node
