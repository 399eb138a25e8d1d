#include "node/tap_delivery.h"

#include "node/tap_handle.h"

namespace macvlan_netlink::node {

void TapDelivery::OnFrames(io::FrameBatch batch) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    news_.batches.push_back(std::move(batch));
    if (std::exchange(enqueued_, true)) return;
  }
  environment_.Enqueue(shared_from_this());
}

void TapDelivery::Tell(bool News::* what) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    news_.*what = true;
    if (std::exchange(enqueued_, true)) return;
  }
  environment_.Enqueue(shared_from_this());
}

// One batch at a time, and then to the back of the queue: what JavaScript does with the frames may
// take long, and others wait for their turn too.
bool TapDelivery::Deliver(Environment& environment, std::chrono::steady_clock::time_point) {
  News now;
  bool more = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!news_.batches.empty()) {
      now.batches.push_back(std::move(news_.batches.front()));
      news_.batches.pop_front();
    }
    now.written = std::exchange(news_.written, false);
    now.maybe_gone = std::exchange(news_.maybe_gone, false);
    now.moved = std::exchange(news_.moved, false);
    if (news_.batches.empty()) now.gone = std::exchange(news_.gone, false);
    more = !news_.batches.empty() || news_.gone;
    enqueued_ = more;
  }
  // Each of these may close the tap, and then handle_ is nobody.
  if (handle_ != nullptr && now.written) handle_->TellWritten();
  if (handle_ != nullptr && !now.batches.empty()) {
    handle_->TellFrames(std::move(now.batches.front()));
  }
  if (handle_ != nullptr && now.maybe_gone) handle_->StartCheck();
  if (handle_ != nullptr && now.moved) handle_->StartPolling();
  if (handle_ != nullptr && now.gone) handle_->TellGone();
  if (more) environment.Enqueue(shared_from_this());
  return true;
}

}  // namespace macvlan_netlink::node
