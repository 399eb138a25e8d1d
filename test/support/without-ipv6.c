// LD_PRELOAD: a kernel without IPv6, as with ipv6.disable=1. A request about IPv6 names a family in its
// place that no kernel has requests for any more, and so meets what IPv6 meets there
// (net/core/rtnetlink.c, rtnetlink_rcv_msg: the handlers of PF_UNSPEC).
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/rtnetlink.h>

// Of the settings of a link, those of IPv6.
static void rename_settings(struct nlmsghdr* message) {
  struct rtattr* outer = IFLA_RTA(NLMSG_DATA(message));
  int length = IFLA_PAYLOAD(message);
  for (; RTA_OK(outer, length); outer = RTA_NEXT(outer, length)) {
    if ((outer->rta_type & NLA_TYPE_MASK) != IFLA_AF_SPEC) continue;
    struct rtattr* inner = RTA_DATA(outer);
    int rest = RTA_PAYLOAD(outer);
    for (; RTA_OK(inner, rest); inner = RTA_NEXT(inner, rest)) {
      if ((inner->rta_type & NLA_TYPE_MASK) != AF_INET6) continue;
      inner->rta_type += AF_APPLETALK - AF_INET6;
    }
  }
}

ssize_t sendmsg(int fd, const struct msghdr* header, int flags) {
  ssize_t (*real)(int, const struct msghdr*, int) = dlsym(RTLD_NEXT, "sendmsg");
  const struct sockaddr_nl* to = header->msg_name;
  if (to == NULL || to->nl_family != AF_NETLINK) return real(fd, header, flags);
  struct iovec* parts = calloc(header->msg_iovlen, sizeof(*parts));
  for (size_t i = 0; i < header->msg_iovlen; ++i) {
    parts[i] = header->msg_iov[i];
    parts[i].iov_base = memcpy(malloc(parts[i].iov_len), parts[i].iov_base, parts[i].iov_len);
    struct nlmsghdr* message = parts[i].iov_base;
    if (message->nlmsg_type == RTM_NEWLINK) rename_settings(message);
    struct rtgenmsg* body = NLMSG_DATA(message);
    if (body->rtgen_family == AF_INET6) body->rtgen_family = AF_APPLETALK;
  }
  struct msghdr changed = *header;
  changed.msg_iov = parts;
  const ssize_t sent = real(fd, &changed, flags);
  for (size_t i = 0; i < header->msg_iovlen; ++i) free(parts[i].iov_base);
  free(parts);
  return sent;
}
