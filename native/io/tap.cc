#include "io/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>

#include <algorithm>
#include <climits>
#include <cstring>

#include "io/nowait.h"
#include "io/tap_watch.h"

namespace macvlan_netlink::io {
namespace {

// One batch waits for the owner while the next is read.
constexpr size_t kMaxUntaken = 2;
// The largest MTU there is, and a header with a tag.
constexpr size_t kLongestFrame = 66 * 1024;
// With a virtio header frames come before they are segmented: GSO_MAX_SIZE (linux/netdevice.h,
// Linux 6.3) is 8 * 65,535 bytes, where somebody has raised a link's gso_max_size so far.
constexpr size_t kLongestUnsegmented = 520 * 1024;
// Besides room for the longest frame: frames of the usual MTU fill a batch before this is used up.
constexpr size_t kScratchRoom = 128 * 1024;

constexpr size_t kVlanTag = 4;
// gso_type of struct virtio_net_hdr, and VIRTIO_NET_HDR_GSO_NONE: linux/virtio_net.h is not for
// C++.
constexpr size_t kGsoType = 1;
constexpr uint8_t kGsoNone = 0;

}  // namespace

class Tap::Queue : public Source {
 public:
  Queue(std::shared_ptr<Tap> tap, size_t number) : tap_(std::move(tap)), number_(number) {}
  void OnReady(uint32_t events) override { tap_->OnReady(number_, events); }

 private:
  const std::shared_ptr<Tap> tap_;
  const size_t number_;
};

Tap::Tap(Reactor& reactor, TapDevice device, std::shared_ptr<TapListener> listener)
    : reactor_(reactor),
      device_(std::move(device)),
      listener_(std::move(listener)),
      longest_(device_.vnet_header_length > 0 ? kLongestUnsegmented : kLongestFrame),
      mtu_(device_.mtu),
      scratch_(new uint8_t[longest_ + kScratchRoom]) {}

Status Tap::Start() {
  timer_ =
      std::make_shared<TapTimer>(reactor_, [listener = listener_] { listener->OnMaybeGone(); });
  if (timer_->fd() < 0) return Status::FromErrno("timerfd_create");
  for (size_t i = 0; i < device_.queues.size(); ++i) {
    const int fd = device_.queues[i].get();
    const Status status = reactor_.Add(fd, std::make_shared<Queue>(shared_from_this(), i));
    if (!status.ok()) return status;
    registered_.push_back(fd);
  }
  const Status status = Listen(timer_->fd(), timer_);
  if (!status.ok()) return status;
  const std::weak_ptr<Tap> weak = weak_from_this();
  const auto check = [weak, listener = listener_](bool unsure) {
    if (const auto tap = weak.lock()) tap->unsure_ = unsure;
    listener->OnMaybeGone();
  };
  auto watch = std::make_shared<TapWatch>(
      reactor_, std::move(device_.watch), device_.index,
      TapWatchHooks{[weak](int mtu) {
                      if (const auto tap = weak.lock()) tap->mtu_ = mtu;
                    },
                    [check] { check(false); }, [check] { check(true); }});
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    watch_ = watch;
  }
  const int fd = watch->fd();
  return Listen(fd, std::move(watch));
}

Status Tap::Listen(int fd, std::shared_ptr<Source> source) {
  const Status status = reactor_.Add(fd, std::move(source));
  if (!status.ok()) return status;
  registered_.push_back(fd);
  reactor_.Arm(fd, EPOLLIN);
  return {};
}

void Tap::SetReading(bool wanted) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    reading_ = wanted;
    ever_read_ = ever_read_ || wanted;
  }
  if (!wanted) return;
  for (size_t i = 0; i < device_.queues.size(); ++i) Arm(i);
}

void Tap::BatchTaken() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    // Otherwise the queues are armed already, or nobody wants them to be.
    if (untaken_-- < kMaxUntaken || !reading_) return;
  }
  for (size_t i = 0; i < device_.queues.size(); ++i) Arm(i);
}

// Arms a queue for everything that is wanted of it at this moment: arming replaces.
void Tap::Arm(size_t queue) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (stopped_ || gone_) return;
  uint32_t events = 0;
  if (reading_ && untaken_ < kMaxUntaken) events |= EPOLLIN;
  // Frames go out by the first queue, and so in order.
  if (queue == 0 && outgoing_.next < outgoing_.count) events |= EPOLLOUT;
  if (events != 0) reactor_.Arm(device_.queues[queue].get(), events);
}

void Tap::OnReady(size_t queue, uint32_t events) {
  const std::lock_guard<std::mutex> io(io_mutex_);
  if (stopped_) return;
  if (queue == 0 && (events & EPOLLOUT) != 0) WriteFrames();
  if ((events & EPOLLIN) != 0 && MayRead()) {
    FrameBatch batch;
    if (ReadBatch(device_.queues[queue].get(), batch)) HandOver(std::move(batch));
  }
  Arm(queue);
}

void Tap::HandOver(FrameBatch batch) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++untaken_;
  }
  listener_->OnFrames(std::move(batch));
}

bool Tap::MayRead() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return reading_ && untaken_ < kMaxUntaken && !gone_;
}

// Reads what is there, up to a full batch; false when there was nothing. The batch gets memory of
// just its size, because frames may be kept for long.
bool Tap::ReadBatch(int fd, FrameBatch& batch) {
  while (batch.count < FrameBatch::kMaxFrames && batch.size <= kScratchRoom && !stopped_) {
    const ssize_t length = ReadNow(fd, scratch_.get() + batch.size, longest_);
    if (length < 0 && errno == EINTR) continue;
    if (length <= 0) break;
    batch.lengths[batch.count++] = static_cast<int32_t>(length);
    batch.size += static_cast<size_t>(length);
  }
  if (batch.count == 0) return false;
  batch.bytes.reset(static_cast<uint8_t*>(std::malloc(batch.size)));
  // Without memory the frames are lost, as they would be without room in the kernel's queue.
  if (!batch.bytes) return false;
  std::memcpy(batch.bytes.get(), scratch_.get(), batch.size);
  return true;
}

void Tap::Write(const uint8_t* bytes, int32_t* lengths, size_t count) {
  bool gone = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    gone = gone_;
    if (gone) std::fill(lengths, lengths + count, -ENOLINK);
    outgoing_ = {bytes, lengths, count, gone ? count : 0};
  }
  if (gone) return listener_->OnWritten();
  Arm(0);
}

size_t Tap::written() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return outgoing_.next;
}

bool Tap::writing() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return outgoing_.next < outgoing_.count;
}

// Writes until all is written, or the kernel has as much of this queue under way as it allows: what
// the receiver has not taken counts too, so that a pair of macvtaps loses nothing between them.
void Tap::WriteFrames() {
  Outgoing outgoing;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    outgoing = outgoing_;
  }
  const size_t before = outgoing.next;
  while (outgoing.next < outgoing.count && !stopped_) {
    int32_t& length = outgoing.lengths[outgoing.next];
    const auto size = static_cast<size_t>(length);
    const int error = WriteFrame(outgoing.bytes, size);
    if (error == -EAGAIN) break;
    length = error;
    outgoing.bytes += size;
    ++outgoing.next;
  }
  if (outgoing.next == before) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    outgoing_ = outgoing;
  }
  listener_->OnWritten();
}

int Tap::WriteFrame(const uint8_t* frame, size_t length) {
  if (IsTooLong(frame, length)) return -EMSGSIZE;
  device_.queues[0].NoteSent();
  while (true) {
    const ssize_t written = WriteNow(device_.queues[0].get(), frame, length);
    if (written >= 0) return 0;
    if (errno != EINTR) return -errno;
  }
}

// The kernel takes a frame of any length and silently drops it further down, so the rule of packet
// sockets is applied here: the MTU, and four bytes more for a VLAN tag (net/packet/af_packet.c,
// packet_snd). A frame that is to be segmented may be of any length.
bool Tap::IsTooLong(const uint8_t* frame, size_t length) const {
  const auto header = static_cast<size_t>(device_.vnet_header_length);
  size_t limit = header + ETH_HLEN + static_cast<size_t>(mtu_.load());
  if (length <= limit) return false;
  if (header > 0 && frame[kGsoType] != kGsoNone) {
    return length > longest_;
  }
  const uint8_t* type = frame + header + 2 * ETH_ALEN;
  const int protocol = type[0] << 8 | type[1];
  if (protocol == ETH_P_8021Q || protocol == ETH_P_8021AD) limit += kVlanTag;
  return length > limit;
}

void Tap::Check() {
  // With a descriptor of its own, because the device's may be closed while this waits for RTNL.
  TapQueue copy;
  std::shared_ptr<TapWatch> watch;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (stopped_ || gone_) return;
    watch = watch_;
    copy = TapQueue(Descriptor(fcntl(device_.queues[0].get(), F_DUPFD_CLOEXEC, 0)));
  }
  const bool is_gone = copy.get() >= 0 && IsTapGone(copy.get());
  const bool is_here = !is_gone && unsure_.exchange(false) && watch != nullptr && copy.get() >= 0 &&
                       IsTapOf(copy.get(), watch->fd(), device_.index);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (stopped_ && !given_away_) {
      // This may be the last descriptor of the queue.
      copy.NoteSent();
    } else {
      Descriptor(copy.Release());
    }
  }
  if (is_gone) {
    End();
  } else if (!is_here && !polling_.exchange(true)) {
    listener_->OnMoved();
  }
}

// The link is gone. Frames that the kernel still holds are delivered first.
void Tap::End() {
  const std::lock_guard<std::mutex> io(io_mutex_);
  if (stopped_) return;
  bool written = false;
  bool read = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (std::exchange(gone_, true)) return;
    written = outgoing_.next < outgoing_.count;
    std::fill(outgoing_.lengths + outgoing_.next, outgoing_.lengths + outgoing_.count, -ENOLINK);
    outgoing_.next = outgoing_.count;
    read = ever_read_;
  }
  if (written) listener_->OnWritten();
  for (size_t i = 0; read && i < device_.queues.size(); ++i) {
    for (FrameBatch batch; ReadBatch(device_.queues[i].get(), batch); batch = {}) {
      HandOver(std::move(batch));
    }
  }
  listener_->OnGone();
}

void Tap::StartPolling() {
  if (stopped_) return;
  // In its new namespace the link's MTU may change, and no message about that comes here.
  mtu_ = USHRT_MAX;
  reactor_.Remove(registered_.back());
  registered_.pop_back();
  timer_->Begin();
  const std::lock_guard<std::mutex> lock(mutex_);
  watch_.reset();
}

void Tap::GiveAway() {
  const std::lock_guard<std::mutex> lock(mutex_);
  given_away_ = true;
}

std::vector<TapQueue> Tap::Stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopped_ = true;
  }
  for (const int fd : registered_) reactor_.Remove(fd);
  registered_.clear();
  timer_.reset();
  const std::lock_guard<std::mutex> io(io_mutex_);
  const std::lock_guard<std::mutex> lock(mutex_);
  watch_.reset();
  return std::move(device_.queues);
}

}  // namespace macvlan_netlink::io
