#include "io/channel.h"

#include <errno.h>

#include <algorithm>

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

Channel::Channel(Pool& pool, std::shared_ptr<const Namespace> target)
    : pool_(pool), target_(std::move(target)) {}

void Channel::Submit(std::shared_ptr<Exchange> exchange) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    queue_.push_back({std::move(exchange), 0});
    if (std::exchange(scheduled_, true)) return;
  }
  pool_.Schedule(shared_from_this());
}

bool Channel::Withdraw(uint32_t token) {
  std::shared_ptr<Exchange> withdrawn;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = std::find_if(queue_.begin(), queue_.end(), [&](const Entry& entry) {
      return entry.exchange->token == token && entry.next == 0;
    });
    if (found == queue_.end()) return false;
    withdrawn = std::move(found->exchange);
    queue_.erase(found);
  }
  withdrawn->EndRest(-ECANCELED, nullptr);
  withdrawn->OnEnd();
  return true;
}

bool Channel::CloseIdle(std::chrono::steady_clock::duration age) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (scheduled_) return true;
  if (std::chrono::steady_clock::now() - last_use_ >= age) socket_.Close();
  return socket_.is_open();
}

void Channel::Run(PoolThread& thread) {
  const Status status = OpenSocket(thread);
  if (status.ok()) {
    const Window window = Collect();
    if (!window.empty()) Transact(window, thread);
    Settle(window);
  } else {
    FailQueued(status);
  }
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    last_use_ = std::chrono::steady_clock::now();
    if (queue_.empty()) {
      scheduled_ = false;
      return;
    }
  }
  pool_.Schedule(shared_from_this());
}

Status Channel::OpenSocket(PoolThread& thread) {
  if (socket_.is_open()) return {};
  return Within(*target_, thread.at_home, [&] { return socket_.Open(); });
}

// Takes from the queue what may travel in one datagram. A barrier behind a step taken here waits
// for the next round, and everything behind it too, so that the order holds; a dump ends the round,
// because a socket carries one at a time.
Channel::Window Channel::Collect() {
  Window window;
  size_t bytes = 0;
  size_t answers = 0;
  const std::lock_guard<std::mutex> lock(mutex_);
  while (!queue_.empty()) {
    Entry& entry = queue_.front();
    std::vector<Step>& steps = entry.exchange->steps;
    for (const size_t first = entry.next; entry.next < steps.size();) {
      const Step& step = steps[entry.next];
      const bool must_wait = step.barrier && entry.next > first;
      const bool full = !window.empty() &&
                        (window.size() >= kMaxMessages || bytes + step.request.size() > kMaxBytes ||
                         answers + AnswerCost(step) > socket_.receive_capacity() / 2);
      if (must_wait || full) return window;
      bytes += step.request.size();
      answers += AnswerCost(step);
      window.push_back({entry.exchange, entry.next++});
      if (step.expect == Expect::kDump) {
        if (entry.next == steps.size()) queue_.pop_front();
        return window;
      }
    }
    queue_.pop_front();
  }
  return window;
}

void Channel::Transact(const Window& window, PoolThread& thread) {
  int lost = Attempt(window.data(), window.size(), thread);
  if (lost == 0) return;
  // An answer was lost, or a dump was interrupted. A change may have been made or not, and saying
  // either would be a guess; a read is asked again, alone.
  for (const Sent& sent : window) {
    Step& step = sent.step();
    for (int attempt = 1; !step.ended && step.expect != Expect::kAck && attempt < kMaxAttempts;
         ++attempt) {
      sent.exchange->OnRestart(sent.index);
      lost = Attempt(&sent, 1, thread);
    }
    if (!step.ended) step.End(lost, "recvmsg");
  }
}

// Sends a part of the window and reads until each message of it is answered; otherwise tells why
// one was not, as a negative errno.
int Channel::Attempt(const Sent* sent, size_t count, PoolThread& thread) {
  const uint32_t base = Stamp(sent, count);
  std::vector<wire::ByteSpan> messages;
  messages.reserve(count);
  for (size_t i = 0; i < count; ++i) messages.emplace_back(sent[i].step().request);
  const Status status = socket_.Send(messages);
  if (status.ok()) return ReadAnswers(sent, count, base, thread);
  // Nothing of a datagram that is refused is carried out.
  for (size_t i = 0; i < count; ++i) sent[i].step().End(status.error, status.syscall);
  return 0;
}

uint32_t Channel::Stamp(const Sent* sent, size_t count) {
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

int Channel::ReadAnswers(const Sent* sent, size_t count, uint32_t base, PoolThread& thread) {
  size_t waiting = count;
  int lost = 0;
  bool interrupted = false;
  while (waiting > 0) {
    wire::ByteSpan datagram;
    const Status received = socket_.Receive(thread.buffer, datagram);
    if (received.error == -ENOBUFS || received.error == -EMSGSIZE) {
      lost = received.error;
      continue;
    }
    if (received.error == -EAGAIN) return lost != 0 ? lost : -ENOBUFS;
    if (!received.ok()) return received.error;
    wire::MessageReader reader(datagram);
    wire::Message message;
    while (reader.Next(message)) {
      const uint32_t position = message.header.nlmsg_seq - base;
      if (message.header.nlmsg_pid != socket_.port() || position >= count) continue;
      Step& step = sent[position].step();
      if (step.ended) continue;
      interrupted = interrupted || (message.header.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
      wire::Ack ack;
      if (message.header.nlmsg_type >= NLMSG_MIN_TYPE) {
        sent[position].exchange->OnAnswer(sent[position].index, message);
      } else if (wire::ParseEnd(message, ack)) {
        // A dump that an other change ran into may lack something or show it twice.
        if (interrupted && ack.error == 0) return -EINTR;
        step.ack = std::move(ack);
        step.ended = true;
        --waiting;
      }
    }
  }
  return 0;
}

void Channel::Settle(const Window& window) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!queue_.empty() && queue_.front().next != 0) {
      Entry& entry = queue_.front();
      entry.exchange->CancelBehindBarrier(entry.next);
      if (entry.exchange->AllEnded()) queue_.pop_front();
    }
  }
  const Exchange* last = nullptr;
  for (const Sent& sent : window) {
    if (sent.exchange.get() == last) continue;
    last = sent.exchange.get();
    if (sent.exchange->AllEnded()) sent.exchange->OnEnd();
  }
}

void Channel::FailQueued(const Status& status) {
  std::deque<Entry> queued;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    queued.swap(queue_);
  }
  for (Entry& entry : queued) {
    entry.exchange->EndRest(status.error, status.syscall);
    entry.exchange->OnEnd();
  }
}

}  // namespace macvlan_netlink::io
