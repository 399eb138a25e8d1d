#include "io/session.h"

#include <errno.h>

#include <algorithm>

#include "io/spin.h"

namespace macvlan_netlink::io {
namespace {

// The default receive buffer holds 256 capped ACKs (Linux 6.18, measured); half of that leaves room
// for kernels that count more for each.
constexpr size_t kMaxMessages = 128;
// Well below the default send buffer (212,992); a single message may be larger.
constexpr size_t kMaxBytes = 64 * 1024;
// What an answer takes of the receive buffer, as the kernel counts it, rounded up.
constexpr size_t kAckCost = 1024;
constexpr size_t kReadCost = 8 * 1024;
// How often a dump is asked again when the table changed under it, or a read when its answer was
// lost.
constexpr int kMaxAttempts = 16;

size_t AnswerCost(const Step& step) {
  return step.expect == Expect::kAck ? kAckCost : kAckCost + kReadCost;
}

}  // namespace

void Session::Transact(const Window& window) {
  for (size_t done = 0; done < window.size();) {
    const size_t count = Fit(window.data() + done, window.size() - done);
    TransactDatagram(window.data() + done, count);
    done += count;
  }
}

// How many of the steps may share a datagram: as many as the receive buffer can answer. A dump is
// sent alone: a socket has one at a time, and it may have to wait for its reader (AwaitReader). No
// change comes behind a read: only the kernel knows how large the read's answer is, and if that
// left no room for the change's ACK, nobody could tell whether the change was made.
size_t Session::Fit(const Sent* sent, size_t count) const {
  if (sent->step().expect == Expect::kDump) return 1;
  size_t bytes = 0;
  size_t answers = 0;
  bool reads = false;
  for (size_t i = 0; i < std::min(count, kMaxMessages); ++i) {
    const Step& step = sent[i].step();
    if (step.expect == Expect::kDump || (reads && step.is_change())) return i;
    reads = !step.is_change();
    bytes += step.request.size();
    answers += AnswerCost(step);
    if (i > 0 && (bytes > kMaxBytes || answers > socket_.receive_capacity() / 2)) return i;
  }
  return std::min(count, kMaxMessages);
}

void Session::TransactDatagram(const Sent* sent, size_t count) {
  if (sent->step().expect == Expect::kDump) sent->exchange->AwaitReader();
  const int lost = Attempt(sent, count);
  if (lost == 0) return;
  // An answer was lost, or a dump was interrupted. A change may or may not have been made, so it
  // ends with ENOBUFS; a read is sent again, alone.
  for (size_t i = 0; i < count; ++i) {
    Step& step = sent[i].step();
    int error = lost;
    for (int attempt = 1; !step.ended && !step.is_change() && attempt < kMaxAttempts; ++attempt) {
      sent[i].exchange->OnRestart(sent[i].index);
      error = Attempt(sent + i, 1);
    }
    if (!step.ended) step.End(step.is_change() ? -ENOBUFS : error, "recvmsg");
  }
}

// Sends one datagram and reads until each message of it is answered; otherwise tells why
// one was not, as a negative errno.
int Session::Attempt(const Sent* sent, size_t count) {
  const uint32_t base = Stamp(sent, count);
  std::vector<wire::ByteSpan> messages;
  messages.reserve(count);
  for (size_t i = 0; i < count; ++i) messages.emplace_back(sent[i].step().request);
  const Status status = socket_.Send(messages);
  if (status.ok()) return ReadAnswers(sent, count, base);
  // Nothing of a datagram that is refused is carried out. A security module refuses all of it for
  // one message (security/selinux/hooks.c, selinux_netlink_send, Linux 6.18).
  if (count == 1) {
    sent->step().End(status.error, status.syscall);
  } else {
    for (size_t i = 0; i < count; ++i) TransactDatagram(sent + i, 1);
  }
  return 0;
}

uint32_t Session::Stamp(const Sent* sent, size_t count) {
  uint32_t base = 0;
  for (size_t i = 0; i < count; ++i) {
    nlmsghdr header;
    wire::Bytes& request = sent[i].step().request;
    std::memcpy(&header, request.data(), sizeof(header));
    header.nlmsg_seq = socket_.NextSequence();
    header.nlmsg_pid = socket_.port();
    std::memcpy(request.data(), &header, sizeof(header));
    if (i == 0) base = header.nlmsg_seq;
  }
  return base;
}

int Session::ReadAnswers(const Sent* sent, size_t count, uint32_t base) {
  const bool lists = sent->step().expect == Expect::kDump;
  Awaited awaited{sent, count, base};
  while (awaited.left > 0) {
    if (lists) sent->exchange->AwaitSlowReader();
    wire::ByteSpan datagram;
    const Status received = socket_.Receive(buffer_, datagram);
    if (received.error == -ENOBUFS || received.error == -EMSGSIZE) {
      awaited.lost = received.error;
      continue;
    }
    if (received.error == -EAGAIN) return awaited.lost != 0 ? awaited.lost : -ENOBUFS;
    if (!received.ok()) return received.error;
    // The next part of a listing is made inside recvmsg, which a kernel without preemption does not
    // leave for anybody: V8's helper threads, say, which the event loop waits for.
    if (lists) YieldProcessor();
    wire::MessageReader reader(datagram);
    wire::Message message;
    while (reader.Next(message)) {
      const int error = TakeAnswer(message, awaited);
      if (error != 0) return error;
    }
  }
  return 0;
}

// Takes in an answer, which may end its step. A negative errno when the datagram has to be sent
// again, else 0.
int Session::TakeAnswer(const wire::Message& message, Awaited& awaited) {
  const uint32_t position = message.header.nlmsg_seq - awaited.base;
  if (message.header.nlmsg_pid != socket_.port() || position >= awaited.count) return 0;
  const Sent& asked = awaited.sent[position];
  Step& step = asked.step();
  if (step.ended) return 0;
  if ((message.header.nlmsg_flags & NLM_F_DUMP_INTR) != 0) awaited.interrupted = true;
  wire::Ack ack;
  if (message.header.nlmsg_type >= NLMSG_MIN_TYPE) {
    asked.exchange->OnAnswer(asked.index, message);
    if (step.expect != Expect::kRead) return 0;
  } else if (wire::ParseEnd(message, ack)) {
    // A dump that a change ran into may lack something or show it twice.
    if (awaited.interrupted && ack.error == 0 && !step.approximate) return -EINTR;
    if (step.expect == Expect::kDump) {
      // Its end does not tell which of its parts were lost.
      if (awaited.lost != 0 && ack.error == 0) return awaited.lost;
      // An earlier dump is not over, because the kernel had run out of memory for it: what is left
      // of that one is read, then this one is sent again.
      if (ack.error == -EBUSY) {
        awaited.lost = -EBUSY;
        return 0;
      }
    }
    step.ack = std::move(ack);
  } else {
    return 0;
  }
  step.ended = true;
  --awaited.left;
  return 0;
}

}  // namespace macvlan_netlink::io
