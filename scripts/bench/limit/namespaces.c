// Making namespaces, and attaching containers to the parent.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netlink.h"
#include "workloads.h"

enum { kPathRoom = 256, kLoopback = 1, kFirstIndex = 100000 };

int OpenNamespace(const char* path) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) FailWith(path, errno);
  return fd;
}

void EnterNamespace(int fd) {
  if (setns(fd, CLONE_NEWNET) != 0) FailWith("setns", errno);
}

static const char* PathOf(const Task* task, size_t number) {
  static char path[kPathRoom];
  snprintf(path, sizeof(path), "%s%zu", task->target, number);
  return path;
}

// What `ip netns add` makes: a namespace mounted on a file.
static void MakeNamespace(const char* path, int home) {
  const int file = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
  if (file < 0) FailWith(path, errno);
  close(file);
  if (unshare(CLONE_NEWNET) != 0) FailWith("unshare", errno);
  if (mount("/proc/thread-self/ns/net", path, "none", MS_BIND, NULL) != 0) FailWith("mount", errno);
  EnterNamespace(home);
}

void CreateNamespaces(const Task* task) {
  const int home = OpenNamespace("/proc/thread-self/ns/net");
  const double start = Now();
  for (size_t i = 0; i < task->count; ++i) MakeNamespace(PathOf(task, i), home);
  printf("{\"ms\":%.4f}\n", Now() - start);
}

static void PutAddress(Batch* batch, unsigned index, size_t number) {
  const uint8_t address[4] = {10, (uint8_t)(number / 250), (uint8_t)(number % 250), 2};
  const struct ifaddrmsg header = {.ifa_family = AF_INET, .ifa_prefixlen = 24, .ifa_index = index};
  BeginMessage(batch, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
  Put(batch, IFA_LOCAL, address, sizeof(address));
  Put(batch, IFA_ADDRESS, address, sizeof(address));
  EndMessage(batch);
}

static void PutUp(Batch* batch, unsigned index) {
  const struct ifinfomsg header = {
      .ifi_index = (int)index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  BeginMessage(batch, RTM_NEWLINK, 0, &header, sizeof(header));
  EndMessage(batch);
}

// Link and address and loopback: one message here, and one datagram of two in the namespace.
static void AttachOne(int fd, int home, const Task* task, size_t number) {
  const int netns = OpenNamespace(PathOf(task, number));
  const unsigned index = kFirstIndex + (unsigned)number;
  Batch create = NewBatch(1);
  const NewLink link = {
      .name = "eth0", .parent = task->parent, .netns = netns, .index = index, .up = 1};
  PutCreate(&create, &link);
  Transact(fd, &create, 0, 1);
  EnterNamespace(netns);
  const int inside = OpenSocket();
  EnterNamespace(home);
  Batch rest = NewBatch(2);
  PutAddress(&rest, index, number);
  PutUp(&rest, kLoopback);
  Transact(inside, &rest, 0, 2);
  FreeBatch(&create);
  FreeBatch(&rest);
  close(inside);
  close(netns);
}

void Attach(const Task* task) {
  const int home = OpenNamespace("/proc/thread-self/ns/net");
  const int fd = OpenSocket();
  const double start = Now();
  for (size_t i = 0; i < task->count; ++i) AttachOne(fd, home, task, i);
  printf("{\"ms\":%.4f}\n", Now() - start);
}
