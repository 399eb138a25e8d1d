#include "io/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace macvlan_netlink::io {
namespace {

constexpr size_t kUsualSize = 4096;

// Not by if_nametoindex, which says ENOENT where there is no descriptor for its socket.
Status CheckName(const SysctlLink& link) {
  const Descriptor own(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!own.valid()) return Status::FromErrno("socket");
  ifreq request{};
  link.name.copy(request.ifr_name, IFNAMSIZ - 1);
  if (ioctl(own.get(), SIOCGIFINDEX, &request) != 0)
    return Status::FromErrno("ioctl(SIOCGIFINDEX)");
  const bool is_it = request.ifr_ifindex == link.index;
  return is_it ? Status{} : Status{-ENODEV, "ioctl(SIOCGIFINDEX)"};
}

}  // namespace

Status ReadSysctl(const Namespace& target, const std::string& path, bool& returned,
                  std::string& out) {
  return Within(target, returned, [&]() -> Status {
    const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.valid()) return Status::FromErrno("open");
    // A setting is read by one call, whose buffer cuts it short: the next call gives no more of it
    // (kernel/sysctl.c, proc_do_large_bitmap).
    for (out.resize(kUsualSize);; out.resize(2 * out.size())) {
      const ssize_t size = pread(file.get(), out.data(), out.size(), 0);
      if (size < 0) return Status::FromErrno("pread");
      if (static_cast<size_t>(size) == out.size()) continue;
      out.resize(size);
      return {};
    }
  });
}

Status WriteSysctl(const Namespace& target, const std::string& path, const std::string& value,
                   const std::optional<SysctlLink>& link, bool& returned) {
  return Within(target, returned, [&]() -> Status {
    const Descriptor file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file.valid()) return Status::FromErrno("open");
    // Behind the opening: a file of a link that has been renamed since takes nothing any more
    // (fs/proc/proc_sysctl.c, grab_header).
    if (link) {
      const Status named = CheckName(*link);
      if (!named.ok()) return named;
    }
    const ssize_t size = write(file.get(), value.data(), value.size());
    if (size < 0) return Status::FromErrno("write");
    // Something stands behind what the kernel understood, and not only the end of the line: it says
    // that it took one byte where a forwarding has changed (net/ipv6/addrconf.c, Linux 5.10).
    const bool is_all = static_cast<size_t>(size) + 1 >= value.size();
    return is_all ? Status{} : Status{-EINVAL, "write"};
  });
}

}  // namespace macvlan_netlink::io
