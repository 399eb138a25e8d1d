// LD_PRELOAD: before the first link that a watch is told of comes a message with its name alone, as wireless drivers send
// them (net/wireless/wext-core.c).
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

static char kept[32 * 1024];
static ssize_t kept_size;
static int is_told;

static int has_groups(int fd) {
  struct sockaddr_nl own;
  socklen_t length = sizeof own;
  return getsockname(fd, (struct sockaddr*)&own, &length) == 0 && own.nl_family == AF_NETLINK && own.nl_groups != 0;
}

ssize_t recvmsg(int fd, struct msghdr* header, int flags) {
  ssize_t (*real)(int, struct msghdr*, int) = dlsym(RTLD_NEXT, "recvmsg");
  if (!has_groups(fd)) return real(fd, header, flags);
  struct nlmsghdr* const message = header->msg_iov[0].iov_base;
  if (kept_size != 0) {
    const ssize_t size = kept_size;
    memcpy(message, kept, size);
    memset(header->msg_name, 0, header->msg_namelen);
    header->msg_flags = 0;
    kept_size = 0;
    return size;
  }
  const ssize_t size = real(fd, header, flags);
  if (is_told || size <= 0 || size > (ssize_t)sizeof kept || message->nlmsg_type != RTM_NEWLINK) return size;
  is_told = 1;
  memcpy(kept, message, size);
  kept_size = size;
  const struct rtattr* const name = IFLA_RTA((struct ifinfomsg*)NLMSG_DATA(message));
  message->nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)) + RTA_ALIGN(name->rta_len);
  return message->nlmsg_len;
}
