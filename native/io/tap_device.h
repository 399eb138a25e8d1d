// The character device of a macvtap: finding it, opening it, asking it. Everything here may wait
// for the kernel's RTNL lock and belongs on a pool thread; so does closing a descriptor of one.
#pragma once

#include <string>
#include <vector>

#include "io/descriptor.h"
#include "io/namespace.h"

namespace macvlan_netlink::io {

// A macvtap as its namespace listed it.
struct TapLink {
  int index = 0;
  std::string name;
  std::string mac;  // 6 bytes
  int mtu = 0;
};

struct TapOptions {
  int queues = 1;
  bool vnet_header = false;
  int send_buffer = 0;  // bytes; 0: what the kernel gives by itself
};

// The descriptor of a queue, which is emptied before it is closed. The kernel frees the frames in a
// queue only together with the queue's socket, and a socket only when no frame that it has sent
// waits anywhere. So two devices with frames of each other in their queues would stay for ever, and
// with them the namespace that they were opened in (drivers/net/tap.c, tap_sock_destruct,
// Linux 6.18). `close` waits for RTNL, and until then frames still arrive: a queue that has sent
// any is taken off its link before.
class TapQueue {
 public:
  TapQueue() = default;
  explicit TapQueue(Descriptor fd) : fd_(std::move(fd)) {}
  TapQueue(TapQueue&& other) noexcept = default;
  TapQueue& operator=(TapQueue&& other) noexcept;
  ~TapQueue() { Empty(); }

  int get() const { return fd_.get(); }
  int Release() { return fd_.Release(); }
  // Frames have been written to it by this process: nobody else uses it.
  void NoteSent() { has_sent_ = true; }

 private:
  void Empty();

  Descriptor fd_;
  bool has_sent_ = false;
};

struct TapDevice {
  // One for each queue, not blocking. The kernel spreads what arrives over them by flow, and takes
  // frames from any (drivers/net/tap.c, tap_get_queue).
  std::vector<TapQueue> queues;
  // Bytes of struct virtio_net_hdr in front of each frame, in both directions; 0 for none.
  int vnet_header_length = 0;
  // An rtnetlink socket in the link's namespace, subscribed to what happens to the link since
  // before the device was opened (io/tap_watch.h).
  Descriptor watch;
  int index = 0;  // of the link in that namespace
  int mtu = 0;    // of the link, at the time when `watch` was subscribed
};

// -ESTALE: the link is no longer as `link` says, and should be read again. With the name of a
// system call that mounts, the status says that no sysfs of the namespace could be mounted.
// `returned` false: the calling thread could not return to its own namespace and must end.
Status OpenTapDevice(const Namespace& target, const TapLink& link, const TapOptions& options,
                     bool& returned, TapDevice& out);

// Whether the link behind a queue has been deleted. Moved to another namespace, it is still there.
bool IsTapGone(int queue);
// Whether it is the link with that index in a socket's namespace.
bool IsTapOf(int queue, int socket, int index);

}  // namespace macvlan_netlink::io
