// Requests and their answers on one socket: sends as many in a datagram as the receive buffer can
// answer, and ends each step exactly once.
#pragma once

#include <memory>

#include "io/exchange.h"
#include "io/socket.h"

namespace macvlan_netlink::io {

// A step on its way.
struct Sent {
  std::shared_ptr<Exchange> exchange;
  size_t index = 0;
  Step& step() const { return exchange->steps[index]; }
};
using Window = std::vector<Sent>;

// Belongs to the pool thread that it is made on.
class Session {
 public:
  // `buffer` receives the answers.
  Session(Socket& socket, wire::Bytes& buffer) : socket_(socket), buffer_(buffer) {}

  // Ends every step of the window. The steps are carried out in order, and a failure stops none of
  // those behind it.
  void Transact(const Window& window);

 private:
  // The answers to a datagram.
  struct Awaited {
    const Sent* sent;
    size_t count;
    uint32_t base;             // the sequence number of the first message
    size_t left = count;       // of how many messages the answer has not ended
    int lost = 0;              // the error by which something was lost, if anything was
    bool interrupted = false;  // whether a change has come between the parts of a dump
  };

  size_t Fit(const Sent* sent, size_t count) const;
  void TransactDatagram(const Sent* sent, size_t count);
  int Attempt(const Sent* sent, size_t count);
  uint32_t Stamp(const Sent* sent, size_t count);
  int ReadAnswers(const Sent* sent, size_t count, uint32_t base);
  int TakeAnswer(const wire::Message& message, Awaited& awaited);

  Socket& socket_;
  wire::Bytes& buffer_;
};

}  // namespace macvlan_netlink::io
