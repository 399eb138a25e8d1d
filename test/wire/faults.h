// A socket of the library's own on the real kernel, in a namespace that nobody else has, and what
// can go wrong between the two: this program's recvmsg and sendmsg stand before the C library's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/session.h"
#include "rtnl/link.h"

namespace macvlan_netlink::test {

// What `ip` prints; the test fails when it does.
std::string RunIp(const std::string& arguments);
// Whether there is a link of that name, and in which group, as `ip -j link` tells.
bool Exists(const std::string& link);
std::string GroupOf(const std::string& link);
int32_t IndexOf(const std::string& link);
void AddBridge(const std::string& name);

enum class Fate : uint8_t {
  kArrives,
  kLost,         // as when the receive buffer is full: the next thing read is ENOBUFS
  kLate,         // nothing is there at first, and this before whatever is read next
  kInterrupted,  // a signal comes before it
  kChanged,      // a change has run into the listing that it is a part of
};

// Decides about each message that comes from the kernel; the datagram shares the fate of its worst.
using Arrival = std::function<Fate(const wire::Message&)>;
// Sees each datagram before it goes to the kernel; an errno other than 0 is what sendmsg answers
// instead of sending it.
using Departure = std::function<int(const std::vector<wire::Message>&)>;

// For as long as it lives.
class Faults {
 public:
  Faults(Arrival arrival, Departure departure = nullptr);
  ~Faults();
  Faults(const Faults&) = delete;
  Faults& operator=(const Faults&) = delete;
};

// The type of the request that a message acknowledges; 0 when it acknowledges none.
uint16_t Acknowledged(const wire::Message& message);

// Requests, how each ended, and what was answered to them. Outlives its window.
class Requests : public io::Exchange {
 public:
  void OnAnswer(size_t step, const wire::Message& message) override;
  void OnRestart(size_t step) override;
  void OnEnd() override {}

  void Add(const char* operation, const rtnl::LinkRecord& record,
           io::Expect expect = io::Expect::kAck);
  io::Window All();
  // How each step ended: a negative errno, 0, or nothing.
  std::vector<std::optional<int>> Ends() const;

  std::vector<std::string> names;  // of the links that were answered
  int restarts = 0;
};

// A socket and the session on it. The first one moves this program into a network namespace of its
// own, or skips the rest of the program where that is not allowed.
class Client {
 public:
  Client();
  io::Session& session() { return session_; }

 private:
  io::Socket socket_;
  wire::Bytes buffer_;
  io::Session session_;
};

}  // namespace macvlan_netlink::test
