// LD_PRELOAD: a kernel whose macvlan does not know the attribute with the number $UNKNOWN (IFLA_MACVLAN_*), and so
// ignores it.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <linux/if_link.h>
#include <linux/rtnetlink.h>

static struct rtattr* find(struct rtattr* attribute, int length, int type) {
  for (; RTA_OK(attribute, length); attribute = RTA_NEXT(attribute, length)) {
    if ((attribute->rta_type & NLA_TYPE_MASK) == type) return attribute;
  }
  return NULL;
}

static struct rtattr* find_inside(struct rtattr* nest, int type) {
  return nest == NULL ? NULL : find(RTA_DATA(nest), RTA_PAYLOAD(nest), type);
}

ssize_t sendmsg(int fd, const struct msghdr* header, int flags) {
  ssize_t (*real)(int, const struct msghdr*, int) = dlsym(RTLD_NEXT, "sendmsg");
  const struct sockaddr_nl* to = header->msg_name;
  const int is_netlink = to != NULL && to->nl_family == AF_NETLINK;
  for (size_t i = 0; is_netlink && i < header->msg_iovlen; ++i) {
    struct nlmsghdr* message = header->msg_iov[i].iov_base;
    if (message->nlmsg_type != RTM_NEWLINK) continue;
    struct rtattr* info = find(IFLA_RTA(NLMSG_DATA(message)), IFLA_PAYLOAD(message), IFLA_LINKINFO);
    struct rtattr* unknown = find_inside(find_inside(info, IFLA_INFO_DATA), atoi(getenv("UNKNOWN")));
    if (unknown != NULL) unknown->rta_type = (unsigned short)NLA_TYPE_MASK;
  }
  return real(fd, header, flags);
}
