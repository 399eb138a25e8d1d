// Reading and writing without waiting, of files that the kernel takes RWF_NOWAIT for and of others.
#include "io/nowait.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cstddef>
#include <iterator>
#include <string>

#include "check.h"
#include "io/descriptor.h"

namespace macvlan_netlink::test {
namespace {

struct Ends {
  io::Descriptor here;
  io::Descriptor there;
};

Ends MakeSockets() {
  int ends[2];
  CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  return {io::Descriptor(ends[0]), io::Descriptor(ends[1])};
}

// Terminals know no RWF_NOWAIT.
Ends MakeTerminal() {
  io::Descriptor there(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  CHECK_EQ(grantpt(there.get()), 0);
  CHECK_EQ(unlockpt(there.get()), 0);
  io::Descriptor here(open(ptsname(there.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
  termios raw;
  CHECK_EQ(tcgetattr(here.get(), &raw), 0);
  cfmakeraw(&raw);
  CHECK_EQ(tcsetattr(here.get(), TCSANOW, &raw), 0);
  return {std::move(here), std::move(there)};
}

std::string ReadHere(const Ends& ends) {
  char bytes[16];
  const ssize_t size = io::ReadNow(ends.here.get(), bytes, sizeof(bytes));
  return size < 0 ? "errno " + std::to_string(errno)
                  : std::string(bytes, static_cast<size_t>(size));
}

const std::string kWouldWait = "errno " + std::to_string(EAGAIN);

// Ends the program when a call waits.
class Watchdog {
 public:
  Watchdog() { alarm(10); }
  ~Watchdog() { alarm(0); }
};

void CheckReading(const Ends& ends) {
  const Watchdog watchdog;
  errno = 0;
  CHECK_EQ(ReadHere(ends), kWouldWait);
  CHECK_EQ(write(ends.there.get(), "abc", 3), 3);
  CHECK_EQ(ReadHere(ends), "abc");
  errno = 0;
  CHECK_EQ(ReadHere(ends), kWouldWait);
}

// How much there is room for.
size_t Fill(const Ends& ends) {
  const std::string part(512, 'a');
  size_t all = 0;
  ssize_t size = 0;
  do {
    all += static_cast<size_t>(size);
    errno = 0;
    size = io::WriteNow(ends.here.get(), part.data(), part.size());
  } while (size > 0);
  CHECK_EQ(errno, EAGAIN);
  return all;
}

void CheckWriting(const Ends& ends) {
  const Watchdog watchdog;
  CHECK_EQ(io::WriteNow(ends.here.get(), "abc", 3), 3);
  char bytes[16];
  CHECK_EQ(read(ends.there.get(), bytes, sizeof(bytes)), 3);
  CHECK_EQ(std::string(bytes, 3), "abc");
  CHECK(Fill(ends) >= 1024);
}

// From here on the system calls are refused, as by a container's filter.
void RefuseCalls(int error) {
  sock_filter steps[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_preadv2, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pwritev2, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<uint32_t>(error)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{std::size(steps), steps};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

bool ReadsAndWrites() {
  const Watchdog watchdog;
  const Ends ends = MakeSockets();
  return io::WriteNow(ends.here.get(), "abc", 3) == 3 && write(ends.there.get(), "d", 1) == 1 &&
         ReadHere(ends) == "d" && ReadHere(ends) == kWouldWait;
}

}  // namespace

// In processes of their own, and first, because a process finds out once.
TEST(without_the_system_calls_it_is_the_same) {
  for (const int error : {ENOSYS, EPERM}) {
    const Note note("errno: " + std::to_string(error));
    const pid_t child = fork();
    if (child == 0) {
      RefuseCalls(error);
      _exit(ReadsAndWrites() ? 0 : 1);
    }
    int status = -1;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
  }
}

TEST(what_is_there_is_read_and_nothing_waited_for) { CheckReading(MakeSockets()); }

TEST(what_there_is_room_for_is_written) { CheckWriting(MakeSockets()); }

TEST(an_errno_of_before_does_not_hide_what_was_read_and_written) {
  const Ends ends = MakeSockets();
  CHECK_EQ(write(ends.there.get(), "abc", 3), 3);
  errno = EPERM;
  CHECK_EQ(ReadHere(ends), "abc");
  errno = EPERM;
  CHECK_EQ(io::WriteNow(ends.here.get(), "d", 1), 1);
  char bytes[16];
  CHECK_EQ(read(ends.there.get(), bytes, sizeof(bytes)), 1);
}

TEST(an_error_that_says_nothing_of_the_system_call_is_handed_on) {
  char byte = 0;
  CHECK_EQ(io::ReadNow(-1, &byte, 1), -1);
  CHECK_EQ(errno, EBADF);
  CHECK_EQ(io::WriteNow(-1, &byte, 1), -1);
  CHECK_EQ(errno, EBADF);
  CHECK_EQ(io::WriteNow(-1, &byte, 0), -1);
  CHECK_EQ(errno, EBADF);
}

TEST(a_file_that_knows_no_rwf_nowait_is_read) { CheckReading(MakeTerminal()); }

TEST(a_file_that_knows_no_rwf_nowait_is_written) { CheckWriting(MakeTerminal()); }

}  // namespace macvlan_netlink::test
