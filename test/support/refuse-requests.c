// LD_PRELOAD: a kernel that refuses some requests. Once there is a file $PLAN, it is read and removed, and requests are
// counted from then on: a line `FROM TO ERRNO` in it refuses those from the FROM-th to the TO-th, unheard; `FROM TO ERRNO
// done` carries them out before; `FROM TO 0` carries them out, and the answer is lost. While there is a file $PLAN.hold,
// nothing is sent: whoever is to send makes it $PLAN.held, and waits until that is gone.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>

static struct {
  int from, to, error;
  char done[8];
} plan[8];
static int planned, counted;
static struct {
  int fd, error;
  unsigned sequence;
} refused[64];
static int refusals;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void read_plan(void) {
  FILE* file = fopen(getenv("PLAN"), "re");
  if (file == NULL) return;
  char line[64];
  for (planned = counted = refusals = 0; planned < 8 && fgets(line, sizeof line, file) != NULL; ++planned) {
    plan[planned].done[0] = '\0';
    sscanf(line, "%d %d %d %7s", &plan[planned].from, &plan[planned].to, &plan[planned].error, plan[planned].done);
  }
  fclose(file);
  unlink(getenv("PLAN"));
}

static void hold(void) {
  char wanted[256], held[256];
  snprintf(wanted, sizeof wanted, "%s.hold", getenv("PLAN"));
  snprintf(held, sizeof held, "%s.held", getenv("PLAN"));
  if (rename(wanted, held) != 0) return;
  while (access(held, F_OK) == 0) usleep(1000);
}

/** Notes what a request is to be answered; returns whether the kernel is not to hear of it. */
static int refuse(int fd, const struct nlmsghdr* message) {
  ++counted;
  for (int i = 0; i < planned; ++i) {
    if (counted < plan[i].from || counted > plan[i].to || refusals == 64) continue;
    refused[refusals].fd = fd;
    refused[refusals].error = plan[i].error;
    refused[refusals++].sequence = message->nlmsg_seq;
    return plan[i].error != 0 && plan[i].done[0] == '\0';
  }
  return 0;
}

ssize_t sendmsg(int fd, const struct msghdr* header, int flags) {
  ssize_t (*real)(int, const struct msghdr*, int) = dlsym(RTLD_NEXT, "sendmsg");
  char unheard[64] = {0};
  struct nlmsghdr saved[64];
  pthread_mutex_lock(&mutex);
  read_plan();
  for (size_t i = 0; i < header->msg_iovlen && i < 64; ++i) {
    struct nlmsghdr* message = header->msg_iov[i].iov_base;
    if (!refuse(fd, message)) continue;
    unheard[i] = 1;
    saved[i] = *message;
    // The kernel does nothing about it, and acknowledges it (net/netlink/af_netlink.c, netlink_rcv_skb).
    message->nlmsg_type = NLMSG_NOOP;
    message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  }
  pthread_mutex_unlock(&mutex);
  hold();
  const ssize_t sent = real(fd, header, flags);
  for (size_t i = 0; i < 64; ++i) {
    if (unheard[i]) *(struct nlmsghdr*)header->msg_iov[i].iov_base = saved[i];
  }
  return sent;
}

ssize_t recvmsg(int fd, struct msghdr* header, int flags) {
  ssize_t (*real)(int, struct msghdr*, int) = dlsym(RTLD_NEXT, "recvmsg");
  const ssize_t length = real(fd, header, flags);
  struct nlmsghdr* message = header->msg_iov[0].iov_base;
  if (length < (ssize_t)sizeof *message) return length;
  pthread_mutex_lock(&mutex);
  int is_lost = 0;
  for (int i = 0; i < refusals; ++i) {
    if (refused[i].fd != fd || refused[i].sequence != message->nlmsg_seq) continue;
    is_lost = refused[i].error == 0;
    if (message->nlmsg_type == NLMSG_ERROR) ((struct nlmsgerr*)NLMSG_DATA(message))->error = -refused[i].error;
    refused[i].fd = -1;
    break;
  }
  pthread_mutex_unlock(&mutex);
  if (!is_lost) return length;
  errno = ENOBUFS;
  return -1;
}
