#include "faults.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "check.h"
#include "golden.h"
#include "json.h"

namespace macvlan_netlink::test {
namespace {

Arrival arrival;
Departure departure;

std::vector<wire::Message> Split(wire::ByteSpan datagram) {
  std::vector<wire::Message> messages;
  wire::MessageReader reader(datagram);
  wire::Message message;
  while (reader.Next(message)) messages.push_back(message);
  return messages;
}

Fate FateOf(wire::ByteSpan datagram) {
  Fate worst = Fate::kArrives;
  for (const wire::Message& message : Split(datagram)) {
    worst = std::max(worst, arrival(message));
  }
  return worst;
}

void Flag(wire::ByteSpan datagram, uint8_t* bytes, uint16_t flag) {
  for (const wire::Message& message : Split(datagram)) {
    nlmsghdr header = message.header;
    header.nlmsg_flags |= flag;
    std::memcpy(bytes + (message.payload.data - datagram.data) - NLMSG_HDRLEN, &header,
                sizeof(header));
  }
}

// What is read before anything else that the kernel has.
wire::Bytes kept;

ssize_t Receive(int fd, msghdr* header, int flags) {
  auto* bytes = static_cast<uint8_t*>(header->msg_iov[0].iov_base);
  if (!kept.empty()) {
    const size_t size = kept.size();
    std::memcpy(bytes, kept.data(), size);
    kept.clear();
    return static_cast<ssize_t>(size);
  }
  const ssize_t size = syscall(SYS_recvmsg, fd, header, flags);
  if (size < 0 || !arrival) return size;
  const wire::ByteSpan datagram(bytes, static_cast<size_t>(size));
  const Fate fate = FateOf(datagram);
  if (fate == Fate::kChanged) Flag(datagram, bytes, NLM_F_DUMP_INTR);
  if (fate == Fate::kArrives || fate == Fate::kChanged) return size;
  if (fate != Fate::kLost) kept.assign(bytes, bytes + size);
  errno = fate == Fate::kLost ? ENOBUFS : fate == Fate::kLate ? EAGAIN : EINTR;
  return -1;
}

ssize_t Send(int fd, const msghdr* header, int flags) {
  if (departure) {
    wire::Bytes datagram;
    for (size_t i = 0; i < header->msg_iovlen; ++i) {
      const auto* part = static_cast<const uint8_t*>(header->msg_iov[i].iov_base);
      datagram.insert(datagram.end(), part, part + header->msg_iov[i].iov_len);
    }
    errno = departure(Split(datagram));
    if (errno != 0) return -1;
  }
  return syscall(SYS_sendmsg, fd, header, flags);
}

std::string Run(const std::string& command) {
  std::string output;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return output;
  char part[4096];
  while (const size_t size = std::fread(part, 1, sizeof(part), pipe)) output.append(part, size);
  if (pclose(pipe) != 0) Fail(__FILE__, __LINE__, command);
  return output;
}

bool Write(const char* path, const std::string& text) {
  FILE* file = std::fopen(path, "w");
  if (file == nullptr) return false;
  const bool written = std::fputs(text.c_str(), file) >= 0;
  return std::fclose(file) == 0 && written;
}

// As an ordinary user: root of a user namespace, or `ip` would have no rights in it.
bool BecomeRoot() {
  const std::string map = "0 " + std::to_string(geteuid()) + " 1";
  return unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 && Write("/proc/self/uid_map", map);
}

bool EnterOwnNamespace() {
  if (unshare(CLONE_NEWNET) == 0 || BecomeRoot()) return true;
  std::printf("skipped: no network namespace can be made: %s\n", std::strerror(errno));
  std::exit(kSkipped);
}

}  // namespace

extern "C" ssize_t recvmsg(int fd, msghdr* header, int flags) { return Receive(fd, header, flags); }
extern "C" ssize_t sendmsg(int fd, const msghdr* header, int flags) {
  return Send(fd, header, flags);
}

std::string RunIp(const std::string& arguments) { return Run("ip " + arguments); }

bool Exists(const std::string& link) { return if_nametoindex(link.c_str()) != 0; }

int32_t IndexOf(const std::string& link) {
  return static_cast<int32_t>(if_nametoindex(link.c_str()));
}

std::string GroupOf(const std::string& link) {
  const Json links = Json::Parse(RunIp("-j link show dev " + link));
  return links.Items().at(0)["group"].Text();
}

void AddBridge(const std::string& name) { RunIp("link add " + name + " type bridge"); }

Faults::Faults(Arrival on_arrival, Departure on_departure) {
  arrival = std::move(on_arrival);
  departure = std::move(on_departure);
}

Faults::~Faults() {
  arrival = nullptr;
  departure = nullptr;
}

uint16_t Acknowledged(const wire::Message& message) {
  nlmsgerr error;
  if (message.header.nlmsg_type != NLMSG_ERROR || message.payload.size < sizeof(error)) return 0;
  std::memcpy(&error, message.payload.data, sizeof(error));
  return error.msg.nlmsg_type;
}

void Requests::OnAnswer(size_t, const wire::Message& message) {
  rtnl::LinkRecord link;
  CHECK(wire::DecodeBody(message.payload, link));
  names.push_back(link.name.value_or(""));
}

void Requests::OnRestart(size_t) {
  names.clear();
  ++restarts;
}

void Requests::Add(const char* operation, const rtnl::LinkRecord& record, io::Expect expect) {
  io::Step& step = steps.emplace_back();
  step.expect = expect;
  step.request = Encode(FindOperation(operation), record);
}

io::Window Requests::All() {
  const std::shared_ptr<io::Exchange> self(std::shared_ptr<void>(), this);
  io::Window window;
  for (size_t i = 0; i < steps.size(); ++i) window.push_back({self, i});
  return window;
}

std::vector<std::optional<int>> Requests::Ends() const {
  std::vector<std::optional<int>> ends;
  for (const io::Step& step : steps) {
    ends.push_back(step.ended ? std::optional(step.ack.error) : std::nullopt);
  }
  return ends;
}

Client::Client() : buffer_(256 * 1024), session_(socket_, buffer_) {
  static const bool entered = EnterOwnNamespace();
  CHECK(entered && socket_.Open().ok());
}

}  // namespace macvlan_netlink::test
