#include "io/thread.h"

#include <utility>

namespace macvlan_netlink::io {

int Thread::Start(const char* name, std::function<void()> body) {
  body_ = std::move(body);
  const int error = pthread_create(&handle_, nullptr, &Thread::Main, this);
  if (error != 0) return -error;
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
