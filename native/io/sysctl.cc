#include "io/sysctl.h"

#include <fcntl.h>
#include <unistd.h>

namespace macvlan_netlink::io {

Status ReadSysctl(const Namespace& target, const std::string& path, bool& returned,
                  std::string& out) {
  return Within(target, returned, [&]() -> Status {
    const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.valid()) return Status::FromErrno("open");
    char part[4096];
    ssize_t size;
    while ((size = read(file.get(), part, sizeof(part))) > 0) out.append(part, size);
    return size == 0 ? Status{} : Status::FromErrno("read");
  });
}

Status WriteSysctl(const Namespace& target, const std::string& path, const std::string& value,
                   bool& returned) {
  return Within(target, returned, [&]() -> Status {
    const Descriptor file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file.valid()) return Status::FromErrno("open");
    const ssize_t size = write(file.get(), value.data(), value.size());
    if (size < 0) return Status::FromErrno("write");
    // Something stands behind what the kernel understood.
    return static_cast<size_t>(size) == value.size() ? Status{} : Status{-EINVAL, "write"};
  });
}

}  // namespace macvlan_netlink::io
