#include "io/tap_watch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include <cstddef>

#include "wire/reader.h"

namespace macvlan_netlink::io {
namespace {

// Enough for the beginning of a message about a link, where the MTU is. A list of source addresses,
// which comes late, can make a message 64 KiB long; the rest is cut off.
constexpr size_t kBufferSize = 4 * 1024;
constexpr time_t kPollSeconds = 1;
// How many messages are read before other sources have their turn: programs in the namespace may
// send without end.
constexpr int kMaxMessages = 512;

// A BPF filter that accepts the messages about one link. The kernel runs it before it queues a
// message, so that ten thousand other links cost no memory and no wake-up.
int FilterByIndex(int socket, int index) {
  constexpr uint32_t kIndexOffset = NLMSG_HDRLEN + offsetof(ifinfomsg, ifi_index);
  // A filter loads words in network order; the message has the machine's.
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kIndexOffset),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(static_cast<uint32_t>(index)), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
      BPF_STMT(BPF_RET | BPF_K, 0),
  };
  const sock_fprog program{static_cast<uint16_t>(std::size(code)), code};
  return setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

// The MTU among a link's attributes; 0 when there is none. The first one counts: behind a list of
// more than 5,459 sources, whose length wraps, its entries look like attributes of the link.
int MtuOf(wire::ByteSpan attributes) {
  wire::AttributeReader reader(attributes);
  wire::Attribute attribute;
  int mtu = 0;
  while (reader.Next(attribute)) {
    if (attribute.type != IFLA_MTU || attribute.payload.size != sizeof(mtu)) continue;
    wire::ReadStruct(attribute.payload, mtu);
    break;
  }
  return mtu;
}

}  // namespace

int LookUpMtu(int socket, int index) {
  while (true) {
    ifreq request{};
    request.ifr_ifindex = index;
    if (ioctl(socket, SIOCGIFNAME, &request) != 0) return -1;
    // Between the two calls the link may be renamed: then the name is out of date.
    if (ioctl(socket, SIOCGIFMTU, &request) == 0) return request.ifr_mtu;
    if (errno != ENODEV) return -1;
  }
}

Status OpenTapWatch(int index, Descriptor& out) {
  Descriptor socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!socket.valid()) return Status::FromErrno("socket");
  if (FilterByIndex(socket.get(), index) != 0) return Status::FromErrno("setsockopt");
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_LINK;
  if (bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    return Status::FromErrno("bind");
  }
  out = std::move(socket);
  return {};
}

TapWatch::TapWatch(Reactor& reactor, Descriptor socket, int index, TapWatchHooks hooks)
    : reactor_(reactor), socket_(std::move(socket)), index_(index), hooks_(std::move(hooks)) {}

void TapWatch::OnReady(uint32_t) {
  uint8_t buffer[kBufferSize];
  bool is_empty = false;
  for (int count = 0; count < kMaxMessages; ++count) {
    sockaddr_nl sender{};
    socklen_t length = sizeof(sender);
    const ssize_t size = recvfrom(socket_.get(), buffer, sizeof(buffer), 0,
                                  reinterpret_cast<sockaddr*>(&sender), &length);
    if (size < 0 && errno == EINTR) continue;
    is_empty = size < 0 && errno == EAGAIN;
    if (is_empty) break;
    // ENOBUFS: what is still queued is older than what was lost, and until all of it has been read
    // the kernel loses what comes and does not say so again (net/netlink/af_netlink.c,
    // netlink_overrun).
    if (size < 0) {
      has_lost_ = true;
      continue;
    }
    if (sender.nl_pid != 0) continue;  // another program's
    // An event is a datagram of its own.
    const wire::ByteSpan datagram(buffer, static_cast<size_t>(size));
    nlmsghdr header;
    ifinfomsg link;
    if (!wire::ReadStruct(datagram, header)) continue;
    if (!wire::ReadStruct(datagram.From(NLMSG_HDRLEN), link)) continue;
    // When a port leaves a bridge, the bridge sends such a message too, with its own family.
    if (link.ifi_family != AF_UNSPEC) continue;
    if (header.nlmsg_type == RTM_DELLINK) return hooks_.on_maybe_gone();
    const int mtu = MtuOf(datagram.From(NLMSG_HDRLEN + wire::Align(sizeof(link))));
    if (mtu > 0) hooks_.on_mtu(mtu);
  }
  if (has_lost_) {
    has_lost_ = !is_empty;
    const int mtu = LookUpMtu(socket_.get(), index_);
    if (mtu < 0) return hooks_.on_maybe_gone();
    hooks_.on_mtu(mtu);
    hooks_.on_lost();
  }
  reactor_.Arm(socket_.get(), EPOLLIN);
}

TapTimer::TapTimer(Reactor& reactor, std::function<void()> on_tick)
    : reactor_(reactor),
      timer_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)),
      on_tick_(std::move(on_tick)) {}

void TapTimer::Begin() const {
  const itimerspec every{{kPollSeconds, 0}, {kPollSeconds, 0}};
  timerfd_settime(timer_.get(), 0, &every, nullptr);
}

void TapTimer::OnReady(uint32_t) {
  uint64_t ticks = 0;
  if (read(timer_.get(), &ticks, sizeof(ticks)) == sizeof(ticks)) on_tick_();
  reactor_.Arm(timer_.get(), EPOLLIN);
}

}  // namespace macvlan_netlink::io
