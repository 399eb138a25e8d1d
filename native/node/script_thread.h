// Entering a namespace with the JavaScript thread itself, for the few things that cannot be done
// elsewhere: a Worker is born where its creator is, and a watcher must listen before its caller
// goes on. Neither waits for a lock of the kernel's networking.
#pragma once

#include <napi.h>

#include "io/namespace.h"

namespace macvlan_netlink::node {

// Making a Worker calls hooks of the program (diagnostics_channel, async_hooks, getters of
// workerData), which may ask for the thread's own namespace (io::Away::Home), and for what needs
// another thread.
template <class Body>
io::Status WithinOnScriptThread(const io::Namespace& target, Body&& body) {
  io::Namespace home;
  io::Status status = io::OpenOwn(home);
  if (!status.ok()) return status;
  if (home.id == target.id) return body();
  const io::Away away(home);
  // Entering where it is already changes nothing, and shows whether the way back will be allowed.
  status = io::Enter(home.fd.get());
  if (status.ok()) status = io::Enter(target.fd.get());
  if (!status.ok()) return status;
  status = body();
  if (!io::Enter(home.fd.get()).ok()) {
    // A program that went on would work in a namespace it knows nothing of.
    Napi::Error::Fatal("macvlan-netlink", "the thread cannot return to its network namespace");
  }
  return status;
}

}  // namespace macvlan_netlink::node
