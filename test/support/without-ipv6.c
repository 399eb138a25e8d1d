// LD_PRELOAD: a kernel without IPv6, as with ipv6.disable=1. A request about IPv6 names a family in its
// place that no kernel has requests for any more, and so meets what IPv6 meets there
// (net/core/rtnetlink.c, rtnetlink_rcv_msg: the handlers of PF_UNSPEC).
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/rtnetlink.h>

ssize_t sendmsg(int fd, const struct msghdr* header, int flags) {
  ssize_t (*real)(int, const struct msghdr*, int) = dlsym(RTLD_NEXT, "sendmsg");
  const struct sockaddr_nl* to = header->msg_name;
  if (to == NULL || to->nl_family != AF_NETLINK) return real(fd, header, flags);
  struct iovec* parts = calloc(header->msg_iovlen, sizeof(*parts));
  for (size_t i = 0; i < header->msg_iovlen; ++i) {
    parts[i] = header->msg_iov[i];
    parts[i].iov_base = memcpy(malloc(parts[i].iov_len), parts[i].iov_base, parts[i].iov_len);
    struct rtgenmsg* body = NLMSG_DATA(parts[i].iov_base);
    if (body->rtgen_family == AF_INET6) body->rtgen_family = AF_APPLETALK;
  }
  struct msghdr changed = *header;
  changed.msg_iov = parts;
  const ssize_t sent = real(fd, &changed, flags);
  for (size_t i = 0; i < header->msg_iovlen; ++i) free(parts[i].iov_base);
  free(parts);
  return sent;
}
