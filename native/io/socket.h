// An rtnetlink socket in one namespace. Blocks; belongs to one pool thread at a time.
#pragma once

#include <sys/uio.h>

#include <vector>

#include "io/descriptor.h"
#include "io/status.h"
#include "wire/bytes.h"

namespace macvlan_netlink::io {

class Socket {
 public:
  // Opens it in the calling thread's namespace, which it keeps for good.
  Status Open();
  // Receives what the kernel tells these groups (RTNLGRP_*) too. `receive_buffer` in bytes.
  Status Subscribe(const std::vector<uint32_t>& groups, int receive_buffer);
  void Close() { fd_.Reset(); }
  int fd() const { return fd_.get(); }
  bool is_open() const { return fd_.valid(); }

  // Hands the messages to the kernel in one datagram. The kernel carries them out before this
  // returns, in order, and their answers are then in the receive buffer (net/netlink/af_netlink.c).
  Status Send(const std::vector<wire::ByteSpan>& messages);

  // The next datagram from the kernel, without waiting; that of another sender counts as an empty
  // one, so that a loop around this can end: others may send to the groups for ever.
  // -EAGAIN when there is none; -EMSGSIZE when it was larger than the buffer and is lost, after
  // which the buffer has room for its like. The span is valid until the next call with the same
  // buffer.
  Status Receive(wire::Bytes& buffer, wire::ByteSpan& datagram);

  uint32_t port() const { return port_; }
  uint32_t NextSequence() { return sequence_++; }
  // Bytes that answers may take, counted as the kernel counts them.
  size_t receive_capacity() const { return receive_capacity_; }

 private:
  Status ReadCapacity();

  Descriptor fd_;
  uint32_t port_ = 0;
  uint32_t sequence_ = 0;
  size_t receive_capacity_ = 0;
};

}  // namespace macvlan_netlink::io
