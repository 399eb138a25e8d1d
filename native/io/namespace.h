// Network namespaces: opening, making, removing and entering them. The functions that take a path
// or a name block and belong on a pool thread; the others never wait.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "io/descriptor.h"
#include "io/status.h"

namespace macvlan_netlink::io {

// What identifies a namespace: the inode of its nsfs file, on the device of that file system.
struct NamespaceId {
  uint64_t inode = 0;
  uint64_t device = 0;
  bool operator==(const NamespaceId& other) const {
    return inode == other.inode && device == other.device;
  }
};

// Whether to stop waiting.
using GivenUp = std::function<bool()>;

// An open namespace; it lives at least as long as this.
struct Namespace {
  Descriptor fd;
  NamespaceId id;
};

// The namespace that the calling thread is in. /proc/self would be the main thread's.
Status OpenOwn(Namespace& out);
// Whether a path is one of /run/netns or /proc, of a name or a process's namespace. The kernel
// resolves such a path without waiting for anybody.
bool IsKernelsFile(const std::string& path);
// Opens a file that is a network namespace: /run/netns/NAME, /proc/PID/ns/net. Anything else is
// EINVAL and is not opened. An empty file may be a name that is being made, so EINVAL comes only
// after a tenth of a second, or when `given_up` becomes true. Not while the first thread is away:
// ECANCELED when `given_up` becomes true meanwhile.
Status OpenPath(const std::string& path, const GivenUp& given_up, Namespace& out);
// Another descriptor of one that is open.
Status OpenDescriptor(int fd, Namespace& out);

// A new namespace. Named, it is mounted at /run/netns/NAME the way `ip netns add` does it, under
// the same lock and with the same mount propagation; unnamed, it lives while something holds it.
// The calling thread enters the new namespace and returns; `returned` becomes false when it could
// not: then it must end. `returned` is never set to true, because a thread that failed to return
// before would return to a namespace that is not its own.
// Another process may hold that lock, or be at work on the name: ECANCELED when `given_up` becomes
// true meanwhile.
Status CreateNamespace(const std::string& name, const GivenUp& given_up, Namespace& out,
                       bool& returned);
// Gives a namespace a name, the same as `ip netns attach`, and opens it once more. Waits as above.
Status AttachNamespace(const Namespace& target, const std::string& name, const GivenUp& given_up,
                       Namespace& out);
// The same as `ip netns delete`: unmounts /run/netns/NAME and removes the file. A symbolic link
// there is not followed, because what it leads to belongs to somebody else. Waits for a name that
// is being made, as OpenPath does.
Status RemoveNamespace(const std::string& name, const GivenUp& given_up);

// Puts the calling thread into a namespace.
Status Enter(int fd);

// Lives while the calling thread is in another namespace than its own, `home`. Where that is the
// process's first thread, /proc/PID/ns/net shows that namespace as the process's, and OpenPath
// waits.
class Away {
 public:
  explicit Away(const Namespace& home);
  ~Away();
  Away(const Away&) = delete;
  Away& operator=(const Away&) = delete;

  static bool IsFirstThread() { return trips_under_way_ > 0; }
  // How often the first thread has left.
  static uint64_t Departures() { return departures_; }
  // Where the calling thread comes from, by however many trips; null when it is not away.
  static const Namespace* Home() { return home_; }

 private:
  static inline thread_local const Namespace* home_ = nullptr;
  static inline std::atomic<int> trips_under_way_{0};
  static inline std::atomic<uint64_t> departures_{0};
  const Namespace* const outer_;
  const bool counts_;
};

// Runs `body` with the calling thread in the namespace. `returned` as above.
template <class Body>
Status Within(const Namespace& target, bool& returned, Body&& body) {
  Namespace home;
  Status status = OpenOwn(home);
  if (!status.ok()) return status;
  if (home.id == target.id) return body();
  status = Enter(target.fd.get());
  if (!status.ok()) return status;
  status = body();
  if (!Enter(home.fd.get()).ok()) returned = false;
  return status;
}

}  // namespace macvlan_netlink::io
