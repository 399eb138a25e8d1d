// The frames of one tap device, in and out. They are read and written on the reactor's thread;
// while nobody wants any, they stay in the kernel's queue, which drops what it has no room for.
#pragma once

#include <atomic>
#include <cstdlib>

#include "io/reactor.h"
#include "io/tap_device.h"

namespace macvlan_netlink::io {

// Frames that were read together, one behind the other.
struct FrameBatch {
  static constexpr size_t kMaxFrames = 64;
  struct Free {
    void operator()(uint8_t* bytes) const { std::free(bytes); }
  };

  std::unique_ptr<uint8_t[], Free> bytes;
  size_t size = 0;
  size_t count = 0;
  int32_t lengths[kMaxFrames] = {};
};

class TapTimer;
class TapWatch;

// Is told what happens to a tap, on the reactor's thread or a pool thread.
class TapListener {
 public:
  virtual ~TapListener() = default;
  virtual void OnFrames(FrameBatch batch) = 0;
  // More of the frames that were given to Tap::Write are written or refused.
  virtual void OnWritten() = 0;
  // The link may be gone: call Tap::Check on a pool thread.
  virtual void OnMaybeGone() = 0;
  // The link exists, but has moved to another namespace: call Tap::StartPolling.
  virtual void OnMoved() = 0;
  // The link is gone. No frame comes after this.
  virtual void OnGone() = 0;
};

// Methods are for the owner's thread unless they say otherwise.
class Tap : public std::enable_shared_from_this<Tap> {
 public:
  Tap(Reactor& reactor, TapDevice device, std::shared_ptr<TapListener> listener);

  // Once, before anything else.
  Status Start();

  const std::vector<TapQueue>& queues() const { return device_.queues; }
  int vnet_header_length() const { return device_.vnet_header_length; }

  // Whether frames are wanted. Up to two batches that were read already are delivered all the same.
  void SetReading(bool wanted);
  // A batch has been taken: there is room for another.
  void BatchTaken();

  // Writes `count` frames, one behind the other in `bytes`. Each of `lengths` is replaced by 0 or
  // by the negative errno of its frame. Until all are written, or Stop, the caller must not touch
  // `bytes`, nor the entries of `lengths` that are not done yet.
  void Write(const uint8_t* bytes, int32_t* lengths, size_t count);
  // How many of them are written or refused; exact after Stop.
  size_t written();
  bool writing();

  // Pool thread: asks the device whether its link still exists; OnGone or OnMoved may follow.
  void Check();
  // After a move, because no message about the link comes any more: OnMaybeGone comes once a second
  // from now on.
  void StartPolling();

  // Before Stop: its descriptors are not to be closed but somebody else's from then on.
  void GiveAway();
  // Once this returns nothing is read or written any more, and OnFrames and OnWritten are not
  // called. Returns the descriptors, which are to be closed on a pool thread.
  std::vector<TapQueue> Stop();

 private:
  class Queue;
  struct Outgoing {
    const uint8_t* bytes = nullptr;  // of the first frame not dealt with
    int32_t* lengths = nullptr;
    size_t count = 0;
    size_t next = 0;  // the number of that frame
  };

  void OnReady(size_t queue, uint32_t events);
  void Arm(size_t queue);
  bool MayRead();
  bool ReadBatch(int fd, FrameBatch& batch);
  void HandOver(FrameBatch batch);
  void WriteFrames();
  int WriteFrame(const uint8_t* frame, size_t length);
  bool IsTooLong(const uint8_t* frame, size_t length) const;
  void End();
  Status Listen(int fd, std::shared_ptr<Source> source);

  Reactor& reactor_;
  TapDevice device_;
  const std::shared_ptr<TapListener> listener_;
  std::vector<int> registered_;  // with the reactor: the queues, the clock, the watch
  std::shared_ptr<TapTimer> timer_;

  const size_t longest_;  // of a frame, with its virtio header where there is one
  std::atomic<int> mtu_;
  std::atomic<bool> stopped_{false};
  std::atomic<bool> polling_{false};
  // Whether another link may have the index.
  std::atomic<bool> unsure_{false};

  // Held while frames are read or written. The owner's thread waits for it in Stop alone, for one
  // system call at most.
  std::mutex io_mutex_;
  std::unique_ptr<uint8_t[]> scratch_;  // what batches are read into

  std::mutex mutex_;  // guards everything below; never held while frames are read or written
  std::shared_ptr<TapWatch> watch_;  // until the link has moved
  Outgoing outgoing_;
  size_t untaken_ = 0;
  bool reading_ = false;
  bool ever_read_ = false;
  bool gone_ = false;
  bool given_away_ = false;
};

}  // namespace macvlan_netlink::io
