// LD_PRELOAD: the first message of the type $TYPE is sent only when there is a file $UNTIL.before, and its sender goes on
// only when there is one $UNTIL.after. It makes $UNTIL.waiting before it waits, and $UNTIL.sent once it has sent. What is
// about no link, and only asks whether the kernel knows an attribute (lib/links/moveIndex.ts), does not count.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

static atomic_flag seen = ATOMIC_FLAG_INIT;

static void say_and_wait(const char* say, const char* wait) {
  char path[256];
  snprintf(path, sizeof path, "%s.%s", getenv("UNTIL"), say);
  close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  snprintf(path, sizeof path, "%s.%s", getenv("UNTIL"), wait);
  while (access(path, F_OK) != 0) usleep(1000);
}

static int is_question(const struct nlmsghdr* message) {
  const struct ifinfomsg* link = NLMSG_DATA(message);
  return message->nlmsg_type == RTM_NEWLINK && link->ifi_index == INT_MAX;
}

ssize_t sendmsg(int fd, const struct msghdr* header, int flags) {
  ssize_t (*real)(int, const struct msghdr*, int) = dlsym(RTLD_NEXT, "sendmsg");
  const struct nlmsghdr* message = header->msg_iov[0].iov_base;
  if (header->msg_iov[0].iov_len < sizeof *message || message->nlmsg_type != atoi(getenv("TYPE")) ||
      is_question(message) || atomic_flag_test_and_set(&seen))
    return real(fd, header, flags);
  say_and_wait("waiting", "before");
  const ssize_t sent = real(fd, header, flags);
  say_and_wait("sent", "after");
  return sent;
}
