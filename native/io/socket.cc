#include "io/socket.h"

#include <errno.h>
#include <linux/netlink.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>

namespace macvlan_netlink::io {
namespace {

constexpr int kWantedReceiveBuffer = 1 << 20;
constexpr int kWantedSendBuffer = 1 << 19;

bool SetOption(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

// The FORCE form goes past net.core.[rw]mem_max but needs CAP_NET_ADMIN in the first user
// namespace; without it the plain form gives what the limit allows.
void SetBuffer(int fd, int force, int plain, int bytes) {
  if (!SetOption(fd, SOL_SOCKET, force, bytes)) SetOption(fd, SOL_SOCKET, plain, bytes);
}

}  // namespace

Status Socket::Open() {
  Descriptor fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!fd.valid()) return Status::FromErrno("socket");
  SetBuffer(fd.get(), SO_RCVBUFFORCE, SO_RCVBUF, kWantedReceiveBuffer);
  SetBuffer(fd.get(), SO_SNDBUFFORCE, SO_SNDBUF, kWantedSendBuffer);
  if (!SetOption(fd.get(), SOL_NETLINK, NETLINK_CAP_ACK, 1) ||
      !SetOption(fd.get(), SOL_NETLINK, NETLINK_EXT_ACK, 1)) {
    return Status::FromErrno("setsockopt");
  }
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  socklen_t length = sizeof(address);
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length) != 0) {
    return Status::FromErrno("bind");
  }
  if (getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return Status::FromErrno("getsockname");
  }
  // Only the kernel may send to its port then (net/netlink/af_netlink.c, netlink_getsockbyportid).
  // Otherwise a program with CAP_NET_ADMIN in that namespace could fill the receive buffer, and the
  // ACKs would be lost.
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&kernel), sizeof(kernel)) != 0) {
    return Status::FromErrno("connect");
  }
  // A random start: an answer meant for another socket that had this port id before cannot match.
  // While the machine starts it may have to wait for the kernel's randomness, and a signal ends
  // that.
  while (getrandom(&sequence_, sizeof(sequence_), 0) != sizeof(sequence_)) {
    if (errno != EINTR) return Status::FromErrno("getrandom");
  }
  port_ = address.nl_pid;
  fd_ = std::move(fd);
  return ReadCapacity();
}

Status Socket::Subscribe(const std::vector<uint32_t>& groups, int receive_buffer) {
  SetBuffer(fd_.get(), SO_RCVBUFFORCE, SO_RCVBUF, receive_buffer);
  for (const uint32_t group : groups) {
    if (!SetOption(fd_.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, static_cast<int>(group))) {
      return Status::FromErrno("setsockopt");
    }
  }
  return ReadCapacity();
}

Status Socket::ReadCapacity() {
  int buffer = 0;
  socklen_t length = sizeof(buffer);
  if (getsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &buffer, &length) != 0) {
    return Status::FromErrno("getsockopt");
  }
  receive_capacity_ = static_cast<size_t>(buffer);
  return {};
}

Status Socket::Send(const std::vector<wire::ByteSpan>& messages) {
  std::vector<iovec> parts;
  parts.reserve(messages.size());
  for (const wire::ByteSpan& message : messages) {
    parts.push_back({const_cast<uint8_t*>(message.data), message.size});
  }
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  msghdr header{};
  header.msg_name = &kernel;
  header.msg_namelen = sizeof(kernel);
  header.msg_iov = parts.data();
  header.msg_iovlen = parts.size();
  while (sendmsg(fd_.get(), &header, 0) < 0) {
    if (errno != EINTR) return Status::FromErrno("sendmsg");
  }
  return {};
}

Status Socket::Receive(wire::Bytes& buffer, wire::ByteSpan& datagram) {
  while (true) {
    sockaddr_nl sender{};
    iovec part{buffer.data(), buffer.size()};
    msghdr header{};
    header.msg_name = &sender;
    header.msg_namelen = sizeof(sender);
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    const ssize_t size = recvmsg(fd_.get(), &header, MSG_DONTWAIT | MSG_TRUNC);
    if (size < 0) {
      if (errno == EINTR) continue;
      return Status::FromErrno("recvmsg");
    }
    if (sender.nl_pid != 0) {
      datagram = {};
      return {};
    }
    if ((header.msg_flags & MSG_TRUNC) != 0) {
      // A little more than that: source addresses may be added all the time.
      buffer.resize(static_cast<size_t>(size) + buffer.size());
      return {-EMSGSIZE, "recvmsg"};
    }
    datagram = {buffer.data(), static_cast<size_t>(size)};
    return {};
  }
}

}  // namespace macvlan_netlink::io
