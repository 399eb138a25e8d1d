// A group of requests that are sent to one namespace together, and where their answers go.
#pragma once

#include <vector>

#include "io/pool.h"
#include "io/status.h"
#include "wire/message.h"

namespace macvlan_netlink::io {

enum class Expect : uint8_t {
  kAck,   // a change: carried out at most once, so never sent again
  kEcho,  // the same, and beside the ACK a message, of ordinary size, with what it has made
  kRead,  // one answer; may be asked again
  kDump,  // many answers and NLMSG_DONE; may be asked again
};

struct Step {
  wire::Bytes request;
  Expect expect = Expect::kAck;
  // This step and all behind it are sent only when every step before it has succeeded; otherwise
  // they end with -ECANCELED. Without a barrier a step may share a datagram with the one before,
  // whose failure does not stop it.
  bool barrier = false;
  // A dump that a change has interrupted is good enough as it is.
  bool approximate = false;
  // A read of a link that ends with -ENETDOWN when the link is not up, so that a barrier behind it
  // stops.
  bool must_be_up = false;
  // Is about the link that a read before it in the exchange has found; behind a barrier.
  bool takes_link = false;
  // Deletes one link: many of these in a row may be carried out together.
  bool deletion = false;

  bool is_change() const { return expect == Expect::kAck || expect == Expect::kEcho; }

  wire::Ack ack;  // how it ended
  bool ended = false;
  const char* syscall = nullptr;  // set when a system call failed, not the request

  void End(int error, const char* failed_syscall) {
    ended = true;
    ack.error = error;
    syscall = failed_syscall;
  }
};

// Steps are sent in order. The virtual functions are called on a pool thread, one at a time, except
// OnEnd of an exchange that is withdrawn or that no thread could be started for, which is called on
// the owner's. OnEnd is called exactly once, after every step has ended, whatever happens; but of
// what is left when the pool stops, nobody hears.
class Exchange {
 public:
  virtual ~Exchange() = default;

  // Called before anything is sent, if `prepares`: opens what the exchange needs afterwards. When
  // that fails, nothing is sent.
  virtual Status Prepare(PoolThread&) { return {}; }
  // Called before a dump is sent: waits until the reader of answers has caught up.
  virtual void AwaitReader() {}
  // Called before each further part of a dump, which is made only then: waits while the reader is
  // very far behind. Not sooner, because a dump that takes longer is more often interrupted.
  virtual void AwaitSlowReader() {}
  // An answer to a read or dump step, or what a change echoes. The payload is valid during the call
  // only.
  virtual void OnAnswer(size_t step, const wire::Message& message) = 0;
  // The answers to that step so far are void: it is sent again.
  virtual void OnRestart(size_t step) = 0;
  virtual void OnEnd() = 0;

  std::vector<Step> steps;
  uint32_t token = 0;  // the owner's name for it
  bool prepares = false;
  bool follows = false;  // it continues what another exchange has begun

  // Marks whatever has not ended as failed with `error`.
  void EndRest(int error, const char* syscall);
  bool AllEnded() const;
  bool AllSucceeded() const;
  // When a step has failed and `next` is a barrier, ends the rest with -ECANCELED.
  void CancelBehindBarrier(size_t next);
};

}  // namespace macvlan_netlink::io
