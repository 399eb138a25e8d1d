// LD_PRELOAD: a kernel that does not know an attribute, and so ignores it: the one with the number $UNKNOWN of a link
// (IFLA_*), or the one with the number $UNKNOWN_OF_MACVLAN of a macvlan (IFLA_MACVLAN_*).
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

static struct rtattr* find_unknown(struct nlmsghdr* message) {
  struct rtattr* attributes = IFLA_RTA(NLMSG_DATA(message));
  const char* of_link = getenv("UNKNOWN");
  if (of_link != NULL) return find(attributes, IFLA_PAYLOAD(message), atoi(of_link));
  struct rtattr* info = find(attributes, IFLA_PAYLOAD(message), IFLA_LINKINFO);
  return find_inside(find_inside(info, IFLA_INFO_DATA), atoi(getenv("UNKNOWN_OF_MACVLAN")));
}

ssize_t sendmsg(int fd, const struct msghdr* header, int flags) {
  ssize_t (*real)(int, const struct msghdr*, int) = dlsym(RTLD_NEXT, "sendmsg");
  const struct sockaddr_nl* to = header->msg_name;
  const int is_netlink = to != NULL && to->nl_family == AF_NETLINK;
  for (size_t i = 0; is_netlink && i < header->msg_iovlen; ++i) {
    struct nlmsghdr* message = header->msg_iov[i].iov_base;
    if (message->nlmsg_type != RTM_NEWLINK) continue;
    struct rtattr* unknown = find_unknown(message);
    if (unknown != NULL) unknown->rta_type = (unsigned short)NLA_TYPE_MASK;
  }
  return real(fd, header, flags);
}
