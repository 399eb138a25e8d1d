// LD_PRELOAD: a kernel that refuses the attribute with the number $REFUSED (IFLA_*) of a link.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <linux/if_link.h>
#include <linux/rtnetlink.h>

ssize_t sendmsg(int fd, const struct msghdr* header, int flags) {
  ssize_t (*real)(int, const struct msghdr*, int) = dlsym(RTLD_NEXT, "sendmsg");
  const int refused = atoi(getenv("REFUSED"));
  struct nlmsghdr* message = header->msg_iov[0].iov_base;
  if (header->msg_iovlen != 1 || message->nlmsg_type != RTM_NEWLINK) return real(fd, header, flags);
  struct rtattr* attribute = IFLA_RTA(NLMSG_DATA(message));
  int length = IFLA_PAYLOAD(message);
  while (RTA_OK(attribute, length) && attribute->rta_type != refused) {
    attribute = RTA_NEXT(attribute, length);
  }
  if (!RTA_OK(attribute, length)) return real(fd, header, flags);
  // One that the kernel only tells (net/core/rtnetlink.c, ifla_policy), for as long as it is sent.
  attribute->rta_type = IFLA_PERM_ADDRESS;
  const ssize_t sent = real(fd, header, flags);
  attribute->rta_type = refused;
  return sent;
}
