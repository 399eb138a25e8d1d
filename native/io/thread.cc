#include "io/thread.h"

#include <errno.h>
#include <fcntl.h>

#include <memory>
#include <utility>

#include "io/namespace.h"

namespace macvlan_netlink::io {

int Thread::Start(const char* name, std::function<void()> body) {
  body_ = std::move(body);
  // A thread is born where its creator is, and would keep that namespace alive. Its work it can do
  // from anywhere (Within).
  if (const Namespace* const home = Away::Home()) {
    const auto way = std::make_shared<Descriptor>(fcntl(home->fd.get(), F_DUPFD_CLOEXEC, 0));
    if (!way->valid()) return -errno;
    body_ = [way, body = std::move(body_)] {
      Enter(way->get());
      way->Reset();
      body();
    };
  }
  const int error = pthread_create(&handle_, nullptr, &Thread::Main, this);
  if (error != 0) {
    body_ = nullptr;
    return -error;
  }
  started_ = true;
  pthread_setname_np(handle_, name);
  return 0;
}

void* Thread::Main(void* self) {
  static_cast<Thread*>(self)->body_();
  return nullptr;
}

void Thread::Join() {
  if (std::exchange(started_, false)) pthread_join(handle_, nullptr);
}

}  // namespace macvlan_netlink::io
