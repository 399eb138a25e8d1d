#include "io/namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <mutex>
#include <set>
#include <string_view>
#include <thread>

#include "io/file_calls.h"

namespace macvlan_netlink::io {
namespace {

constexpr const char kRunDirectory[] = "/run/netns";
// Where a name stands.
std::string PathOf(const std::string& name) { return std::string(kRunDirectory) + "/" + name; }

// Between two attempts. Unlike a wait in the kernel, this one can be given up.
constexpr std::chrono::milliseconds kPause(1);
constexpr int kMostLooks = 100;
constexpr const char kOwnNamespace[] = "/proc/thread-self/ns/net";

Status Identify(Descriptor fd, Namespace& out) {
  struct stat info;
  if (StatAt(fd.get(), "", AT_EMPTY_PATH, info) != 0) return Status::FromErrno("fstat");
  out.id = {info.st_ino, info.st_dev};
  out.fd = std::move(fd);
  return {};
}

// An emulator that does not know the ioctl does not tell the type (ENOSYS, as qemu-user has it, or
// ENOTTY), nor does the kernel where a security module or a filter of system calls refuses it. Then
// any namespace passes, and setns refuses the wrong ones.
Status CheckType(int fd) {
  const int type = ioctl(fd, NS_GET_NSTYPE);
  if (type == CLONE_NEWNET) return {};
  const Status refused = Status::FromErrno("ioctl(NS_GET_NSTYPE)");
  struct statfs info;
  const bool is_namespace = fstatfs(fd, &info) == 0 && info.f_type == NSFS_MAGIC;
  const bool is_untold =
      refused.error == -ENOSYS || refused.error == -ENOTTY || refused.NotPermitted();
  // A descriptor that cannot be used is EBADF (O_PATH).
  return type < 0 && is_namespace && is_untold ? Status{} : Status{-EINVAL, refused.syscall};
}

// Names that threads of this process are making or taking away at this moment. A name that has been
// unmounted is an empty file until umount2 has waited for the readers of every processor
// (fs/namespace.c, namespace_unlock), and one of those may itself be waiting for a processor: more
// than a second was seen.
class AtWork {
 public:
  explicit AtWork(const std::string& path) {
    const std::lock_guard<std::mutex> lock(mutex_);
    entry_ = Paths().insert(path);
  }
  ~AtWork() {
    const std::lock_guard<std::mutex> lock(mutex_);
    Paths().erase(entry_);
  }
  AtWork(const AtWork&) = delete;
  AtWork& operator=(const AtWork&) = delete;

  static bool On(const std::string& path) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return Paths().count(path) > 0;
  }

 private:
  // Never destroyed: at the end of the process a thread may still be at work.
  static std::multiset<std::string>& Paths() {
    static auto* const paths = new std::multiset<std::string>;
    return *paths;
  }

  static inline std::mutex mutex_;
  std::multiset<std::string>::iterator entry_;
};

// While a name is being made or removed it is an empty file for a moment; with `ip netns add`, for
// as long as making the namespace takes. One that stays an empty file is left over from an
// operation that was interrupted. Looks again until `done` says so, or for a tenth of a second
// while nobody in this process is making or removing the name.
template <class Done>
void LookUntil(const std::string& path, const GivenUp& given_up, Done&& done) {
  for (int looks = 1; !done() && looks < kMostLooks && !given_up(); ++looks) {
    if (AtWork::On(path)) looks = 0;
    std::this_thread::sleep_for(kPause);
  }
}

bool IsEmptyFile(const struct stat& info, const struct statfs& system) {
  return S_ISREG(info.st_mode) && info.st_size == 0 && system.f_type != NSFS_MAGIC;
}

bool IsEmptyFile(const char* path) {
  struct stat info;
  struct statfs system;
  return StatAt(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, info) == 0 && statfs(path, &system) == 0 &&
         IsEmptyFile(info, system);
}

// A file of /proc/thread-self. It is also missing where /proc belongs to a PID namespace that the
// process is not in.
Status OpenOfThread(const std::string& name, Namespace& out) {
  Descriptor fd(open(("/proc/thread-self/" + name).c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return Status::FromErrno("open(/proc/thread-self)");
  const Status status = CheckType(fd.get());
  return status.ok() ? Identify(std::move(fd), out) : status;
}

// Looks at the file first (O_PATH) and opens it only when it is on nsfs: a path may lead to a
// device or a FIFO, and opening one of those has an effect. `is_name` becomes true when it is no
// namespace, but may be a name that is being made or removed.
Status OpenChecked(const char* path, Namespace& out, bool& is_name) {
  const Descriptor found(open(path, O_PATH | O_CLOEXEC));
  if (!found.valid()) return Status::FromErrno("open");
  struct stat info;
  struct statfs system;
  if (StatAt(found.get(), "", AT_EMPTY_PATH, info) != 0) return Status::FromErrno("fstat");
  if (fstatfs(found.get(), &system) != 0) return Status::FromErrno("fstatfs");
  if (system.f_type != NSFS_MAGIC) {
    is_name = IsEmptyFile(info, system);
    return {-EINVAL, "fstatfs"};
  }
  return OpenOfThread("fd/" + std::to_string(found.get()), out);
}

// A path may lead to /proc/PID/ns/net of this process, also one of /run/netns.
Status OpenWhileHome(const char* path, const GivenUp& given_up, Namespace& out, bool& is_name) {
  for (;;) {
    const uint64_t departures = Away::Departures();
    if (Away::IsFirstThread()) {
      std::this_thread::sleep_for(kPause);
    } else {
      is_name = false;
      const Status status = OpenChecked(path, out, is_name);
      if (Away::Departures() == departures) return status;
    }
    if (given_up()) return {-ECANCELED, "open"};
  }
}

// /run/netns must be a shared mount point, so that mounting a namespace there and removing it takes
// effect in mount namespaces made later, too. The first process that makes a name makes it one; the
// lock keeps two that do so at once from stacking mounts (iproute2, ip/ipnetns.c, Debian bug
// 949235). Where /run itself is shared, as systemd has it, both stay of one group, and each name is
// mounted below both. iproute2 7.0 and newer part them, and then a service that has a mount
// namespace of its own since before the first name sees no name at all.
Status PrepareRunDirectory(const GivenUp& given_up) {
  if (mkdir(kRunDirectory, 0755) != 0 && errno != EEXIST) return Status::FromErrno("mkdir");
  const Descriptor lock(open(kRunDirectory, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock.valid()) return Status::FromErrno("open");
  while (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return Status::FromErrno("flock");
    if (given_up()) return {-ECANCELED, "flock"};
    std::this_thread::sleep_for(kPause);
  }
  if (mount("", kRunDirectory, "none", MS_SHARED | MS_REC, nullptr) == 0) return {};
  if (errno != EINVAL) return Status::FromErrno("mount");
  if (mount(kRunDirectory, kRunDirectory, "none", MS_BIND | MS_REC, nullptr) != 0 ||
      mount("", kRunDirectory, "none", MS_SHARED | MS_REC, nullptr) != 0) {
    return Status::FromErrno("mount");
  }
  return {};
}

// Makes the mount point of a name with O_EXCL, so that only one of two processes gets the name.
Status ReserveName(const std::string& path, Descriptor& file) {
  file.Reset(open(path.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0));
  return file.valid() ? Status{} : Status::FromErrno("open");
}

// Whether a path still leads to that file.
bool IsAt(const std::string& path, int file) {
  struct stat there;
  struct stat own;
  return StatAt(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, there) == 0 &&
         StatAt(file, "", AT_EMPTY_PATH, own) == 0 && there.st_dev == own.st_dev &&
         there.st_ino == own.st_ino;
}

// Whether the calling thread may write into a folder, with the rights that it has at this moment.
// glibc's faccessat reckoned with the user and the mode alone before 2.33, without capabilities.
bool MayWrite(const char* folder) {
  constexpr long kFaccessat2 = 439;  // everywhere; the machine's headers may be older
  if (syscall(kFaccessat2, AT_FDCWD, folder, W_OK, AT_EACCESS) == 0) return true;
  // Linux before 5.8, or a container's system call filter that does not know it.
  if (errno != ENOSYS && errno != EPERM) return false;
  // A file without a name takes the same right. access asks for the real user.
  const Descriptor file(open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0));
  if (file.valid()) return true;
  return errno != EACCES && errno != EPERM && errno != EROFS && access(folder, W_OK) == 0;
}

// Gives the namespace behind a file a name. Mounts on the name's file itself: another process may
// take it for one that was left over, remove it, and give the name meanwhile. Nothing can be
// mounted on a file that is gone (ENOENT; fs/namespace.c), but by the path it would cover the
// other's namespace.
Status MountName(const std::string& path, const char* source) {
  const AtWork at_work(path);
  Descriptor file;
  Status status = ReserveName(path, file);
  if (!status.ok()) return status;
  const std::string reserved = "/proc/thread-self/fd/" + std::to_string(file.get());
  if (mount(source, reserved.c_str(), "none", MS_BIND, nullptr) == 0) return {};
  status = Status::FromErrno("mount");
  if (IsAt(path, file.get())) unlink(path.c_str());
  return status;
}

Status Name(const std::string& path, const char* source, const GivenUp& given_up) {
  const Status status = MountName(path, source);
  if (status.error != -EEXIST) return status;
  LookUntil(path, given_up, [&] { return !IsEmptyFile(path.c_str()); });
  return given_up() ? Status{-ECANCELED, "open"} : MountName(path, source);
}

// Before anything is made: whether a name may be given, as far as that can be told.
Status PrepareName(const std::string& path, const GivenUp& given_up) {
  const Status status = PrepareRunDirectory(given_up);
  if (!status.ok()) return status;
  LookUntil(path, given_up, [&] { return !IsEmptyFile(path.c_str()); });
  if (given_up()) return {-ECANCELED, "open"};
  return access(path.c_str(), F_OK) == 0 ? Status{-EEXIST, "open"} : Status{};
}

// Unmounts a name and removes its file; EINVAL when nothing is mounted there.
Status Unname(const std::string& path) {
  const AtWork at_work(path);
  if (umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0) return Status::FromErrno("umount2");
  return unlink(path.c_str()) == 0 ? Status{} : Status::FromErrno("unlink");
}

}  // namespace

Status OpenOwn(Namespace& out) { return OpenOfThread("ns/net", out); }

bool IsKernelsFile(const std::string& path) {
  if (path.substr(0, path.rfind('/')) == kRunDirectory) return true;
  constexpr std::string_view kProcesses = "/proc/";
  const size_t end = path.find_first_not_of("0123456789", kProcesses.size());
  return path.compare(0, kProcesses.size(), kProcesses) == 0 && end != std::string::npos &&
         path.compare(end, std::string::npos, "/ns/net") == 0;
}

Status OpenPath(const std::string& path, const GivenUp& given_up, Namespace& out) {
  Status status;
  LookUntil(path, given_up, [&] {
    bool is_name = false;
    status = OpenWhileHome(path.c_str(), given_up, out, is_name);
    return !is_name;
  });
  return status;
}

Status OpenDescriptor(int fd, Namespace& out) {
  Descriptor copy(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy.valid()) return Status::FromErrno("fcntl");
  const Status status = CheckType(copy.get());
  return status.ok() ? Identify(std::move(copy), out) : status;
}

Status Enter(int fd) {
  return setns(fd, CLONE_NEWNET) == 0 ? Status{} : Status::FromErrno("setns");
}

Away::Away(const Namespace& home) : outer_(home_), counts_(syscall(SYS_gettid) == getpid()) {
  if (outer_ == nullptr) home_ = &home;
  if (!counts_) return;
  ++trips_under_way_;
  ++departures_;
}

Away::~Away() {
  home_ = outer_;
  if (counts_) --trips_under_way_;
}

Status CreateNamespace(const std::string& name, const GivenUp& given_up, Namespace& out,
                       bool& returned) {
  Namespace home;
  Status status = OpenOwn(home);
  if (!status.ok()) return status;
  const std::string path = PathOf(name);
  if (!name.empty()) status = PrepareName(path, given_up);
  if (!status.ok()) return status;
  if (unshare(CLONE_NEWNET) != 0) return Status::FromErrno("unshare");
  status = OpenOwn(out);
  // The name comes last, because making the namespace takes some time: a process that is killed
  // meanwhile leaves no name.
  if (status.ok() && !name.empty()) status = Name(path, kOwnNamespace, given_up);
  if (!Enter(home.fd.get()).ok()) returned = false;
  return status;
}

Status AttachNamespace(const Namespace& target, const std::string& name, const GivenUp& given_up,
                       Namespace& out) {
  const std::string path = PathOf(name);
  Status status = PrepareName(path, given_up);
  if (status.ok()) status = OpenDescriptor(target.fd.get(), out);
  if (!status.ok()) return status;
  const std::string source = "/proc/thread-self/fd/" + std::to_string(target.fd.get());
  return Name(path, source.c_str(), given_up);
}

Status RemoveNamespace(const std::string& name, const GivenUp& given_up) {
  const std::string path = PathOf(name);
  struct stat info;
  if (StatAt(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, info) != 0) {
    if (errno == ENOENT) return Status::FromErrno("unlink");
  } else if (S_ISDIR(info.st_mode)) {
    return {-EISDIR, "unlink"};
  }
  // Changes nothing when the name cannot be removed completely, as far as that can be checked
  // first.
  if (!MayWrite(kRunDirectory)) return Status::FromErrno("unlink");
  Status status;
  LookUntil(path, given_up, [&] {
    status = Unname(path);
    return status.error != -EINVAL;
  });
  if (status.error == -ENOENT) return {-ENOENT, "unlink"};
  if (status.error != -EINVAL) return status;
  if (given_up()) return {-ECANCELED, "umount2"};
  // The file is there, but nothing is mounted on it (an interrupted `add`); it goes all the same,
  // as with `ip netns delete`.
  return unlink(path.c_str()) == 0 ? Status{} : Status::FromErrno("unlink");
}

}  // namespace macvlan_netlink::io
