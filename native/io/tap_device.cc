#include "io/tap_device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include <charconv>
#include <cstring>

#include "io/file_calls.h"
#include "io/nowait.h"
#include "io/tap_mount.h"
#include "io/tap_watch.h"

namespace macvlan_netlink::io {
namespace {

constexpr int kOpenFlags = O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;

// How many frames are dropped at most to empty a queue: more than any queue holds. Without a limit
// it might never end, because somebody may keep filling the queue.
constexpr int kMaxEmptied = 1 << 20;

// A sysfs attribute; empty when there is none, as where the link has gone. What is refused for
// another reason, such as by a security module, is no reason to look for the link again.
Status ReadAttribute(int sysfs, const std::string& path, std::string& out) {
  out.clear();
  const auto fails = [](const char* syscall) {
    const bool is_gone = errno == ENOENT || errno == ENOTDIR || errno == ENODEV;
    return is_gone ? Status{} : Status::FromErrno(syscall);
  };
  const Descriptor file(openat(sysfs, path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return fails("open(sysfs)");
  char text[64];
  const ssize_t size = read(file.get(), text, sizeof(text));
  if (size < 0) return fails("read(sysfs)");
  out.assign(text, static_cast<size_t>(size));
  return {};
}

// Takes a number off the front of the text; false when there is none. Not with sscanf or strtol:
// the headers of a newer C library replace them by functions that an older library does not have.
bool TakeNumber(std::string_view& text, unsigned& number) {
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  text.remove_prefix(static_cast<size_t>(rest - text.data()));
  return error == std::errc();
}

// "MAJOR:MINOR".
bool TakeDevice(std::string_view text, dev_t& number) {
  unsigned major_number = 0;
  unsigned minor_number = 0;
  if (!TakeNumber(text, major_number) || text.substr(0, 1) != ":") return false;
  text.remove_prefix(1);
  if (!TakeNumber(text, minor_number)) return false;
  number = makedev(major_number, minor_number);
  return true;
}

// The device's number, from the sysfs of the link's namespace, found by the link's name and index.
Status ReadNumber(int sysfs, const TapLink& link, dev_t& number) {
  const std::string device = "/tap" + std::to_string(link.index);
  std::string text;
  const Status status = ReadAttribute(sysfs, "class/net/" + link.name + device + "/dev", text);
  if (!status.ok()) return status;
  return TakeDevice(text, number) ? Status{} : Status{-ESTALE, "read"};
}

// Where the device can be opened.
struct Node {
  Descriptor root;  // where a relative path begins, or what an absolute one leads through
  std::string path;

  Status Open(TapQueue& out) const {
    Descriptor fd(openat(root.valid() ? root.get() : AT_FDCWD, path.c_str(), kOpenFlags));
    if (!fd.valid()) return Status::FromErrno("open");
    out = TapQueue(std::move(fd));
    return {};
  }
};

bool IsDevice(const std::string& path, dev_t number) {
  struct stat info;
  return StatAt(AT_FDCWD, path.c_str(), 0, info) == 0 && S_ISCHR(info.st_mode) &&
         info.st_rdev == number;
}

// Makes a device node in /dev, under a name that it loses at once.
Status MakeNodeInDev(dev_t number, Node& out) {
  // Of two threads with one number, in two PID namespaces, or where a killed process left its node.
  constexpr int kMostNames = 100;
  const std::string start = "/dev/.macvlan-netlink-" + std::to_string(syscall(SYS_gettid)) + "-";
  std::string path;
  int made = -1;
  for (int i = 0; made != 0 && i < kMostNames; ++i) {
    path = start + std::to_string(i);
    made = MakeNodeAt(AT_FDCWD, path.c_str(), S_IFCHR | 0600, number);
    if (made != 0 && errno != EEXIST) break;
  }
  if (made != 0) return Status::FromErrno("mknod");
  out.root.Reset(open(path.c_str(), O_PATH | O_CLOEXEC));
  const Status status = out.root.valid() ? Status{} : Status::FromErrno("open");
  unlink(path.c_str());
  out.path = "/proc/thread-self/fd/" + std::to_string(out.root.get());
  return status;
}

// Makes a device node that no other process sees; where nothing can be mounted for that, as in a
// container without CAP_SYS_ADMIN, or a security module does not want a node there, in /dev.
Status MakeNode(dev_t number, Node& out) {
  const Status status = MountPrivate("tmpfs", Access::kWrite, out.root);
  if (status.NotPermitted()) return MakeNodeInDev(number, out);
  if (!status.ok()) return status;
  out.path = "tap";
  if (MakeNodeAt(out.root.get(), out.path.c_str(), S_IFCHR | 0600, number) == 0) return {};
  return errno == EACCES ? MakeNodeInDev(number, out) : Status::FromErrno("mknod");
}

// devtmpfs names its nodes by the index alone and knows no namespaces: the node belongs to the
// first of two links with one index, and in a container it is missing. So its number is compared
// before it is opened: every open adds a queue, which takes frames away from the others.
Status FindNode(dev_t number, int index, Node& node, TapQueue& first) {
  node.path = "/dev/tap" + std::to_string(index);
  Status own{-ENOENT, "open"};
  if (IsDevice(node.path, number)) {
    own = node.Open(first);
    if (own.ok()) return own;
  }
  Status status = MakeNode(number, node);
  if (status.ok()) status = node.Open(first);
  return status.ok() || own.error == -ENOENT ? status : own;
}

// Whether a queue belongs to the link, and not to another one that has the number now.
Status Verify(int queue, const TapLink& link) {
  ifreq request{};
  if (ioctl(queue, TUNGETIFF, &request) != 0) {
    return errno == ENOLINK ? Status{-ESTALE, "ioctl(TUNGETIFF)"}
                            : Status::FromErrno("ioctl(TUNGETIFF)");
  }
  const bool is_tap = (request.ifr_flags & IFF_TAP) != 0;
  if (!is_tap || link.name != std::string(request.ifr_name, strnlen(request.ifr_name, IFNAMSIZ))) {
    return {-ESTALE, "ioctl(TUNGETIFF)"};
  }
  if (ioctl(queue, SIOCGIFHWADDR, &request) != 0) return Status::FromErrno("ioctl(SIOCGIFHWADDR)");
  return link.mac == std::string(request.ifr_hwaddr.sa_data, link.mac.size())
             ? Status{}
             : Status{-ESTALE, "ioctl(SIOCGIFHWADDR)"};
}

// A queue begins with the virtio header on (drivers/net/tap.c, tap_open).
Status Prepare(int queue, const TapOptions& options, int& vnet_header_length) {
  ifreq request{};
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (options.vnet_header) request.ifr_flags |= IFF_VNET_HDR;
  if (options.queues > 1) request.ifr_flags |= IFF_MULTI_QUEUE;
  if (ioctl(queue, TUNSETIFF, &request) != 0) return Status::FromErrno("ioctl(TUNSETIFF)");
  if (options.vnet_header && ioctl(queue, TUNGETVNETHDRSZ, &vnet_header_length) != 0) {
    return Status::FromErrno("ioctl(TUNGETVNETHDRSZ)");
  }
  if (options.send_buffer > 0 && ioctl(queue, TUNSETSNDBUF, &options.send_buffer) != 0) {
    return Status::FromErrno("ioctl(TUNSETSNDBUF)");
  }
  return {};
}

// The sysfs of the calling thread's namespace, which is mounted for that. Where mounting or reading
// it is `refused`, /sys is used instead if it may show that namespace; what it says is compared
// with the device afterwards.
Status OpenSysfs(bool own_namespace, const TapLink& link, Descriptor& out, Status& refused) {
  Status status = MountPrivate("sysfs", Access::kRead, out);
  if (status.ok()) {
    dev_t number = 0;
    status = ReadNumber(out.get(), link, number);
    if (!status.NotPermitted()) return {};
  }
  if (status.OutOfDescriptors() || !own_namespace) return status;
  refused = status;
  out.Reset(open("/sys", O_PATH | O_DIRECTORY | O_CLOEXEC));
  return out.valid() ? Status{} : status;
}

Status OpenQueues(int sysfs, const TapLink& link, const TapOptions& options, TapDevice& out) {
  dev_t number = 0;
  Status status = ReadNumber(sysfs, link, number);
  if (!status.ok()) return status;
  Node node;
  out.queues.resize(static_cast<size_t>(options.queues));
  status = FindNode(number, link.index, node, out.queues[0]);
  for (size_t i = 0; status.ok() && i < out.queues.size(); ++i) {
    if (i > 0) status = node.Open(out.queues[i]);
    if (status.ok()) status = Verify(out.queues[i].get(), link);
    if (status.ok()) status = Prepare(out.queues[i].get(), options, out.vnet_header_length);
  }
  if (!status.ok()) return status;
  // The number may have passed to another link before it was opened: then the link has lost it.
  dev_t now = 0;
  status = ReadNumber(sysfs, link, now);
  return !status.ok() || now == number ? status : Status{-ESTALE, "read"};
}

}  // namespace

TapQueue& TapQueue::operator=(TapQueue&& other) noexcept {
  if (this != &other) {
    Empty();
    fd_ = std::move(other.fd_);
    has_sent_ = other.has_sent_;
  }
  return *this;
}

void TapQueue::Empty() {
  if (!fd_.valid()) return;
  if (has_sent_) {
    ifreq request{};
    request.ifr_flags = IFF_DETACH_QUEUE;
    // It fails where the link is gone, and then nothing arrives either.
    ioctl(fd_.get(), TUNSETQUEUE, &request);
  }
  // Reading a little more than the virtio header removes the whole frame.
  uint8_t start[64];
  for (int frames = 0; frames < kMaxEmptied; ++frames) {
    if (ReadNow(fd_.get(), start, sizeof(start)) < 0 && errno != EINTR) return;
  }
}

Status OpenTapDevice(const Namespace& target, const TapLink& link, const TapOptions& options,
                     bool& returned, TapDevice& out) {
  Namespace home;
  Status status = OpenOwn(home);
  if (!status.ok()) return status;
  Descriptor sysfs;
  Status refused;
  status = Within(target, returned, [&] {
    const Status opened = OpenSysfs(home.id == target.id, link, sysfs, refused);
    return opened.ok() ? OpenTapWatch(link.index, out.watch) : opened;
  });
  if (!status.ok()) return status;
  // A device that is opened in another namespace would keep that namespace alive.
  if (!returned) return {-EPERM, "setns"};
  out.index = link.index;
  // Read after the socket was opened, so that no change is missed. If the link is gone by now, the
  // socket will report that.
  out.mtu = LookUpMtu(out.watch.get(), link.index);
  if (out.mtu < 0) out.mtu = link.mtu;
  // From here on outside the namespace, because a queue keeps its opener's namespace alive.
  status = OpenQueues(sysfs.get(), link, options, out);
  // /sys may have been another namespace's: then what was refused before is the reason.
  if (status.error != -ESTALE || refused.ok()) return status;
  return refused.NotPermitted() ? Status{status.error, refused.syscall} : refused;
}

bool IsTapGone(int queue) {
  ifreq request{};
  return ioctl(queue, TUNGETIFF, &request) != 0 && errno == ENOLINK;
}

bool IsTapOf(int queue, int socket, int index) {
  ifreq own{};
  if (ioctl(queue, TUNGETIFF, &own) != 0) return false;
  ifreq there = own;
  if (ioctl(socket, SIOCGIFINDEX, &there) != 0 || there.ifr_ifindex != index) return false;
  return ioctl(queue, SIOCGIFHWADDR, &own) == 0 && ioctl(socket, SIOCGIFHWADDR, &there) == 0 &&
         std::memcmp(own.ifr_hwaddr.sa_data, there.ifr_hwaddr.sa_data, ETH_ALEN) == 0;
}

}  // namespace macvlan_netlink::io
