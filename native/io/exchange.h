// A group of requests that travel together to one namespace, and where their answers go.
#pragma once

#include <vector>

#include "io/namespace.h"
#include "io/pool.h"
#include "wire/message.h"

namespace macvlan_netlink::io {

enum class Expect : uint8_t {
  kAck,   // a change: carried out at most once, so never sent again
  kEcho,  // the same, and what it has made is told beside the ACK, in a message of ordinary size
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
  // A dump that a change ran into is good enough as it is.
  bool approximate = false;
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

// Steps are sent in order. The virtual calls come on a pool thread, one at a time, but for the
// OnEnd of an exchange that is withdrawn or that no thread could be had for, which comes on the
// owner's; OnEnd comes exactly once, after every step has ended, whatever happens.
class Exchange {
 public:
  virtual ~Exchange() = default;

  // Before anything is sent of an exchange that `prepares`: opens what it needs afterwards. When
  // that is refused, nothing is sent.
  virtual Status Prepare(PoolThread&) { return {}; }
  // Before a dump is asked for: waits until there is room for its answers.
  virtual void AwaitRoom() {}
  // An answer to a read or dump step, or what a change echoes. The payload is valid during the call
  // only.
  virtual void OnAnswer(size_t step, const wire::Message& message) = 0;
  // What was answered so far to that step is void: it is asked again.
  virtual void OnRestart(size_t step) = 0;
  virtual void OnEnd() = 0;

  std::vector<Step> steps;
  uint32_t token = 0;  // the owner's name for it
  bool prepares = false;
  bool follows = false;  // it goes on with what another exchange has begun

  // Marks whatever has not ended as failed with `error`.
  void EndRest(int error, const char* syscall);
  bool AllEnded() const;
  bool AllSucceeded() const;
  // When a step has failed and `next` is a barrier, ends the rest with -ECANCELED.
  void CancelBehindBarrier(size_t next);
};

}  // namespace macvlan_netlink::io
