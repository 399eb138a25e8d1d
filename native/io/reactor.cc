#include "io/reactor.h"

#include <errno.h>
#include <sys/eventfd.h>

namespace macvlan_netlink::io {
namespace {

constexpr int kMaxReady = 64;

}  // namespace

Reactor::~Reactor() { Stop(); }

Status Reactor::Add(int fd, std::shared_ptr<Source> source) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (stopping_) return {-ECANCELED, "epoll_ctl"};
  if (!epoll_.valid()) {
    Descriptor epoll(epoll_create1(EPOLL_CLOEXEC));
    if (!epoll.valid()) return Status::FromErrno("epoll_create1");
    Descriptor wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake.valid()) return Status::FromErrno("eventfd");
    epoll_event event{EPOLLIN, {.fd = wake.get()}};
    if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake.get(), &event) != 0) {
      return Status::FromErrno("epoll_ctl");
    }
    epoll_ = std::move(epoll);
    wake_ = std::move(wake);
    const int error = thread_.Start("macvlan-events", [this] { Loop(); });
    if (error != 0) {
      epoll_.Reset();
      wake_.Reset();
      return {error, "pthread_create"};
    }
  }
  // EPOLLERR and EPOLLHUP come unasked, so a source that is not armed must be disabled whole, which
  // EPOLLONESHOT does after its first event.
  epoll_event event{EPOLLONESHOT, {.fd = fd}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return Status::FromErrno("epoll_ctl");
  }
  sources_[fd] = std::move(source);
  return {};
}

void Reactor::Arm(int fd, uint32_t events) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (sources_.count(fd) == 0) return;
  epoll_event event{events | EPOLLONESHOT, {.fd = fd}};
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void Reactor::Remove(int fd) {
  std::shared_ptr<Source> removed;
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = sources_.find(fd);
  if (found == sources_.end()) return;
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  removed = std::move(found->second);
  sources_.erase(found);
}

void Reactor::Stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    if (wake_.valid()) eventfd_write(wake_.get(), 1);
  }
  thread_.Join();
  sources_.clear();
}

void Reactor::Loop() {
  epoll_event ready[kMaxReady];
  while (true) {
    const int count = epoll_wait(epoll_.get(), ready, kMaxReady, -1);
    for (int i = 0; i < count; ++i) {
      std::shared_ptr<Source> source;
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (stopping_) return;
        // The source may have been removed since, or another source may have got the descriptor's
        // number: that one then finds nothing to read.
        const auto found = sources_.find(ready[i].data.fd);
        if (found == sources_.end()) continue;
        source = found->second;
      }
      source->OnReady(ready[i].events);
    }
  }
}

}  // namespace macvlan_netlink::io
