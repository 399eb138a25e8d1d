#include "node/watcher.h"

#include <errno.h>

#include <atomic>
#include <iterator>

#include "node/script_thread.h"
#include "rtnl/repeated_links.h"

namespace macvlan_netlink::node {
namespace {

// How many messages one reading passes on at most, unless it drains the socket: enough to be worth
// a call into JavaScript.
constexpr size_t kBatch = 512;
constexpr size_t kReceiveBuffer = 256 * 1024;
// Less than any datagram takes of the receive buffer, as the kernel counts it (SKB_TRUESIZE).
constexpr size_t kLeastTruesize = 512;

// READINGS in lib/namespace/native.ts. All but the first are over at once.
enum class Reading : uint32_t {
  kWait,     // for the first event; one batch
  kDrain,    // takes all there is
  kDiscard,  // the same, and throws it away
};

uint32_t EventsFor(Reading mode) { return mode == Reading::kWait ? EPOLLIN : EPOLLIN | EPOLLOUT; }

// In the order of KINDS in lib/records/news.ts.
enum class Kind : uint8_t { kLink, kAddress, kRoute, kNexthopObject };

struct Event {
  Kind kind;
  bool removed;
  bool by_index;        // of a removed link, whose record is not passed on
  uint16_t flags;       // of the message: NLM_F_REPLACE, NLM_F_APPEND
  rtnl::Record record;  // empty for a next hop
};

bool Classify(uint16_t type, Event& event) {
  switch (type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      event.kind = Kind::kLink;
      break;
    case RTM_NEWADDR:
    case RTM_DELADDR:
      event.kind = Kind::kAddress;
      break;
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      event.kind = Kind::kRoute;
      break;
    case RTM_NEWNEXTHOP:
    case RTM_DELNEXTHOP:
      event.kind = Kind::kNexthopObject;
      break;
    default:
      return false;
  }
  event.removed = type == RTM_DELLINK || type == RTM_DELADDR || type == RTM_DELROUTE;
  return true;
}

// Whether the message describes a whole link. A bridge sends messages of its own family about its
// ports, where RTM_DELLINK means that a port has left, not that a link is gone
// (net/bridge/br_netlink.c). Wireless drivers send an RTM_NEWLINK with only the name and an
// attribute of their own (net/wireless/wext-core.c); every other one contains the MTU.
bool IsWhole(const rtnl::LinkRecord& link, bool removed) {
  return link.family == AF_UNSPEC && (removed || link.mtu);
}

bool Decode(wire::ByteSpan body, Event& event) {
  switch (event.kind) {
    case Kind::kLink:
      return rtnl::DecodeRecord(rtnl::RecordKind::kLink, body, event.record) &&
             IsWhole(std::get<rtnl::LinkRecord>(event.record), event.removed);
    case Kind::kAddress:
      return rtnl::DecodeRecord(rtnl::RecordKind::kAddress, body, event.record);
    case Kind::kRoute:
      return rtnl::DecodeRecord(rtnl::RecordKind::kRoute, body, event.record);
    case Kind::kNexthopObject:
      return true;
  }
  return false;
}

}  // namespace

class EventStream : public io::Source,
                    public Delivery,
                    public std::enable_shared_from_this<EventStream> {
 public:
  EventStream(Environment& environment, double netns) : environment_(environment), netns_(netns) {}

  // JavaScript thread, before anything else.
  io::Status Open(const std::vector<uint32_t>& groups, int receive_buffer) {
    const io::Status status = socket_.Open();
    return status.ok() ? socket_.Subscribe(groups, receive_buffer) : status;
  }
  io::Status Register() { return environment_.reactor().Add(socket_.fd(), shared_from_this()); }

  // JavaScript thread.
  void Read(uint32_t id, Reading mode) {
    environment_.BeginPending();
    bool closed = false;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      reading_ = id;
      mode_ = mode;
      closed = closed_;
    }
    // A socket is always writable, so a reading that does not wait begins at once.
    if (closed) {
      environment_.Enqueue(shared_from_this());
    } else {
      environment_.reactor().Arm(socket_.fd(), EventsFor(mode));
    }
  }

  // JavaScript thread. A reading that is under way ends with what there is.
  void EndWait() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (closed_ || enqueued_ || !reading_.has_value()) return;
    if (mode_ == Reading::kWait) mode_ = Reading::kDrain;
    environment_.reactor().Arm(socket_.fd(), EventsFor(mode_));
  }

  // JavaScript thread. A reading that is under way ends with nothing.
  void Close() {
    bool waiting = false;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (closed_.exchange(true)) return;
      waiting = reading_.has_value() && !std::exchange(enqueued_, true);
      // The object in JavaScript stays until it is collected.
      std::vector<Event>().swap(events_);
    }
    {
      // A thread that is reading the socket stops after the current message.
      const std::lock_guard<std::mutex> io(io_mutex_);
      environment_.reactor().Remove(socket_.fd());
      socket_.Close();
    }
    if (waiting) environment_.Enqueue(shared_from_this());
  }

  void OnReady(uint32_t) override {
    const std::lock_guard<std::mutex> io(io_mutex_);
    Reading mode = Reading::kWait;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (closed_ || enqueued_ || !reading_.has_value()) return;
      mode = mode_;
    }
    Taken taken = Take(mode);
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (closed_) return;
      Keep(std::move(taken));
      // Its wait was ended meanwhile, and OnReady is called once more.
      if (mode_ != mode) return;
      if (events_.empty() && !overflow_ && mode == Reading::kWait) {
        environment_.reactor().Arm(socket_.fd(), EPOLLIN);
        return;
      }
      enqueued_ = true;
    }
    environment_.Enqueue(shared_from_this());
  }

  bool Deliver(Environment& environment, std::chrono::steady_clock::time_point deadline) override {
    const Napi::Env env = environment.env();
    Napi::Array results = Napi::Array::New(env);
    uint32_t id = 0;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!reading_.has_value()) return true;
      if (!closed_) {
        if (values_.IsEmpty()) values_ = Napi::Persistent(Napi::Array::New(env, events_.size()));
        if (!Convert(deadline)) return false;
        results.Set(0U, Napi::Boolean::New(env, overflow_));
        results.Set(1U, values_.Value());
      }
      values_.Reset();
      std::vector<Event>().swap(events_);
      converted_ = 0;
      overflow_ = false;
      enqueued_ = false;
      id = *std::exchange(reading_, std::nullopt);
    }
    environment.EndPending();
    // Not under the mutex: a promise hook of the program (async_hooks) may close the watch.
    environment.Settle(id, results);
    return true;
  }

 private:
  struct Taken {
    std::vector<Event> events;
    bool overflow = false;
  };

  // Not under the mutex, which the JavaScript thread would wait for: it may be thousands of
  // messages.
  Taken Take(Reading mode) {
    // The reactor's thread reads one stream at a time.
    thread_local wire::Bytes buffer(kReceiveBuffer);
    Taken taken;
    // A listing may follow, which is newer than the messages before it.
    if (mode != Reading::kWait) repeated_.Clear();
    // All that there can be at this moment: what comes meanwhile may come without end.
    const size_t all = socket_.receive_capacity() / kLeastTruesize;
    const size_t most = mode == Reading::kWait ? kBatch : all;
    for (size_t count = 0; count < most && !closed_; ++count) {
      wire::ByteSpan datagram;
      const io::Status received = socket_.Receive(buffer, datagram);
      if (received.error == -ENOBUFS || received.error == -EMSGSIZE) {
        taken.overflow = true;
        repeated_.Clear();
        continue;
      }
      if (!received.ok()) {
        // After a loss the kernel drops what comes, and does not say so again, until all has been
        // read (net/netlink/af_netlink.c, netlink_overrun). Only then can a listing follow.
        if (mode == Reading::kDiscard) taken.overflow = false;
        break;
      }
      if (taken.overflow || mode == Reading::kDiscard) continue;
      wire::MessageReader reader(datagram);
      wire::Message message;
      while (reader.Next(message)) Append(message, mode, taken.events);
    }
    return taken;
  }

  // Messages beside a loss are of no use.
  void Keep(Taken taken) {
    overflow_ = overflow_ || taken.overflow;
    if (overflow_) {
      events_.clear();
    } else if (events_.empty()) {
      events_ = std::move(taken.events);
    } else {
      std::move(taken.events.begin(), taken.events.end(), std::back_inserter(events_));
    }
  }

  void Append(const wire::Message& message, Reading mode, std::vector<Event>& events) {
    Event event{};
    if (!Classify(message.header.nlmsg_type, event)) return;
    const bool waits = mode == Reading::kWait;
    const bool may_repeat = waits && event.kind == Kind::kLink && !event.removed;
    if (may_repeat && repeated_.Repeats(message.payload)) return;
    event.flags = message.header.nlmsg_flags;
    if (!Decode(message.payload, event)) return;
    if (may_repeat) repeated_.Remember(message.payload);
    if (event.kind == Kind::kLink && event.removed) {
      repeated_.Forget(std::get<rtnl::LinkRecord>(event.record).index);
      event.by_index = waits;
    }
    events.push_back(std::move(event));
  }

  bool Convert(std::chrono::steady_clock::time_point deadline) {
    Napi::Array values = values_.Value();
    return ConvertInTime(environment_.env(), converted_, events_.size(), deadline, [&](size_t at) {
      values.Set(static_cast<uint32_t>(at), News(events_[at]));
    });
  }

  Napi::Value News(const Event& event) {
    const Napi::Env env = environment_.env();
    const auto number = [&](double value) { return Napi::Number::New(env, value); };
    const auto maybe = [&](const std::optional<int32_t>& value) {
      return value ? number(*value) : env.Undefined();
    };
    const bool whole = event.kind != Kind::kNexthopObject && !event.by_index;
    const Napi::Value item = whole ? environment_.ToScript(event.record, netns_) : env.Undefined();
    if (item.IsEmpty()) return item;  // the Worker is being ended
    const Napi::FunctionReference& news = environment_.hooks.news;
    const Napi::Number kind = number(static_cast<int>(event.kind));
    const Napi::Boolean removed = Napi::Boolean::New(env, event.removed);
    const auto* link = std::get_if<rtnl::LinkRecord>(&event.record);
    if (link == nullptr || event.kind != Kind::kLink) {
      return news.Call({kind, removed, item, number(event.flags)});
    }
    return news.Call({kind, removed, item, number(event.flags), number(link->index),
                      number(link->change), maybe(link->new_netnsid), maybe(link->new_ifindex)});
  }

  Environment& environment_;
  const double netns_;
  io::Socket socket_;

  // Held while the socket is read, and taken before the other.
  std::mutex io_mutex_;
  rtnl::RepeatedLinks repeated_;
  std::atomic<bool> closed_{false};

  std::mutex mutex_;                 // guards everything below
  std::optional<uint32_t> reading_;  // the id of the reading under way
  Reading mode_ = Reading::kWait;
  bool enqueued_ = false;
  bool overflow_ = false;
  std::vector<Event> events_;

  // JavaScript thread only.
  Napi::Reference<Napi::Array> values_;
  size_t converted_ = 0;
};

Napi::Function Watcher::Define(Napi::Env env) {
  return DefineClass(
      env, "Watcher",
      {InstanceMethod<&Watcher::Read>("read"), InstanceMethod<&Watcher::EndWait>("endWait"),
       InstanceMethod<&Watcher::Close>("close")});
}

Napi::Value Watcher::Open(Environment& environment, const io::Namespace& target,
                          const std::vector<uint32_t>& groups, int receive_buffer) {
  std::shared_ptr<EventStream> stream;
  const io::Status status = environment.WithDescriptors([&] {
    stream = std::make_shared<EventStream>(environment, static_cast<double>(target.id.inode));
    const io::Status opened =
        WithinOnScriptThread(target, [&] { return stream->Open(groups, receive_buffer); });
    return opened.ok() ? stream->Register() : opened;
  });
  if (!status.ok()) return environment.ToFailure(status);
  const Napi::Object object = environment.hooks.watcher.New({});
  // A Worker that is being ended makes no more objects.
  Watcher* watcher = object.IsEmpty() ? nullptr : Unwrap(object);
  if (watcher == nullptr) {
    stream->Close();
    return object;
  }
  watcher->stream_ = std::move(stream);
  return object;
}

Watcher::Watcher(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Watcher>(info) {}

Watcher::~Watcher() {
  if (stream_) stream_->Close();
}

void Watcher::Read(const Napi::CallbackInfo& info) {
  stream_->Read(info[0].As<Napi::Number>().Uint32Value(),
                static_cast<Reading>(info[1].As<Napi::Number>().Uint32Value()));
}

void Watcher::EndWait(const Napi::CallbackInfo&) { stream_->EndWait(); }

void Watcher::Close(const Napi::CallbackInfo&) { stream_->Close(); }

}  // namespace macvlan_netlink::node
