// Creating, deleting and listing links.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "netlink.h"
#include "workloads.h"

enum { kListRoom = 64 * 1024, kListRounds = 7, kGrowthBlock = 500 };

static Batch Creates(size_t from, size_t to, unsigned parent, int netns) {
  Batch batch = NewBatch(to - from);
  for (size_t number = from; number < to; ++number) {
    char name[16];
    snprintf(name, sizeof(name), "mv%u", (unsigned)number);
    const NewLink link = {.name = name, .parent = parent, .netns = netns};
    PutCreate(&batch, &link);
  }
  return batch;
}

void PutCreate(Batch* batch, const NewLink* link) {
  const unsigned flags = link->up ? IFF_UP : 0;
  const struct ifinfomsg header = {
      .ifi_index = (int)link->index, .ifi_flags = flags, .ifi_change = flags};
  BeginMessage(batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
  PutText(batch, IFLA_IFNAME, link->name);
  PutU32(batch, IFLA_LINK, link->parent);
  if (link->netns >= 0) PutU32(batch, IFLA_NET_NS_FD, (uint32_t)link->netns);
  const size_t info = BeginNest(batch, IFLA_LINKINFO);
  PutText(batch, IFLA_INFO_KIND, "macvlan");
  const size_t data = BeginNest(batch, IFLA_INFO_DATA);
  PutU32(batch, IFLA_MACVLAN_MODE, MACVLAN_MODE_BRIDGE);
  EndNest(batch, data);
  EndNest(batch, info);
  EndMessage(batch);
}

static void TimeCreates(const Task* task, int netns, size_t window) {
  const int fd = OpenSocket();
  Batch batch = Creates(0, task->count, task->parent, netns);
  const double start = Now();
  TransactAll(fd, &batch, window);
  printf("{\"ms\":%.4f}\n", Now() - start);
  FreeBatch(&batch);
}

void Prepare(const Task* task) {
  Batch batch = Creates(0, task->count, task->parent, -1);
  TransactAll(OpenSocket(), &batch, kWindow);
  FreeBatch(&batch);
}

void CreateOneByOne(const Task* task) { TimeCreates(task, -1, 1); }

void CreateAll(const Task* task) { TimeCreates(task, -1, kWindow); }

void CreateInto(const Task* task) { TimeCreates(task, OpenNamespace(task->target), 1); }

typedef struct {
  unsigned* indexes;  // of the links that Prepare made
  size_t found;
  size_t room;
  size_t links;  // all that were listed
  size_t ours;   // those that Prepare or a contestant made
} Listing;

static void Remember(const struct nlmsghdr* message, Listing* listing) {
  const struct ifinfomsg* header = (const struct ifinfomsg*)NLMSG_DATA(message);
  const struct rtattr* attribute = IFLA_RTA(header);
  int left = (int)IFLA_PAYLOAD(message);
  for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
    if (attribute->rta_type != IFLA_IFNAME) continue;
    if (strncmp((const char*)RTA_DATA(attribute), "mv", 2) != 0) return;
    ++listing->ours;
    if (listing->found < listing->room) {
      listing->indexes[listing->found++] = (unsigned)header->ifi_index;
    }
    return;
  }
}

// Asks for every link and walks the answer; looks into it only when indexes are wanted.
static void Dump(int fd, Listing* listing) {
  static uint8_t answer[kListRoom];
  Batch batch = NewBatch(1);
  const struct ifinfomsg header = {.ifi_family = AF_UNSPEC};
  BeginMessage(&batch, RTM_GETLINK, NLM_F_DUMP, &header, sizeof(header));
  PutU32(&batch, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  EndMessage(&batch);
  if (send(fd, batch.data, batch.size, 0) != (ssize_t)batch.size) FailWith("send", errno);
  FreeBatch(&batch);
  listing->links = 0;
  for (;;) {
    const ssize_t received = recv(fd, answer, sizeof(answer), MSG_TRUNC);
    if (received < 0) FailWith("recv", errno);
    if ((size_t)received > sizeof(answer)) Fail("a part of the listing did not fit");
    int left = (int)received;
    const struct nlmsghdr* message = (const struct nlmsghdr*)answer;
    for (; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
      if (message->nlmsg_type == NLMSG_DONE) return;
      if (message->nlmsg_type != RTM_NEWLINK) Fail("another answer than a link");
      ++listing->links;
      if (listing->indexes != NULL) Remember(message, listing);
    }
  }
}

static Listing Prepared(int fd, const Task* task) {
  Listing listing = {.room = task->count};
  listing.indexes = calloc(task->count, sizeof(unsigned));
  if (listing.indexes == NULL) Fail("out of memory");
  Dump(fd, &listing);
  if (listing.found != task->count) Fail("another number of links than expected");
  return listing;
}

void Count(const Task* task) {
  unsigned none = 0;
  Listing listing = {.indexes = &none, .room = 0};
  (void)task;
  Dump(OpenSocket(), &listing);
  printf("{\"links\":%zu}\n", listing.ours);
}

// Gives every link to a group of their own, then deletes the group with one message.
void DeleteByGroup(const Task* task) {
  const int fd = OpenSocket();
  Listing links = Prepared(fd, task);
  uint32_t group = 0;
  while (group == 0) {
    if (getrandom(&group, sizeof(group), 0) != sizeof(group)) FailWith("getrandom", errno);
  }
  Batch tags = NewBatch(links.found);
  for (size_t i = 0; i < links.found; ++i) {
    const struct ifinfomsg header = {.ifi_index = (int)links.indexes[i]};
    BeginMessage(&tags, RTM_NEWLINK, 0, &header, sizeof(header));
    PutU32(&tags, IFLA_GROUP, group);
    EndMessage(&tags);
  }
  Batch delete = NewBatch(1);
  const struct ifinfomsg header = {.ifi_family = AF_UNSPEC};
  BeginMessage(&delete, RTM_DELLINK, 0, &header, sizeof(header));
  PutU32(&delete, IFLA_GROUP, group);
  EndMessage(&delete);
  const double start = Now();
  TransactAll(fd, &tags, kWindow);
  const double tagged = Now();
  TransactAll(fd, &delete, 1);
  const double end = Now();
  printf("{\"ms\":%.4f,\"tagMs\":%.4f}\n", end - start, tagged - start);
}

static Batch Deletes(const Listing* listing) {
  Batch batch = NewBatch(listing->found);
  for (size_t i = 0; i < listing->found; ++i) {
    const struct ifinfomsg header = {.ifi_index = (int)listing->indexes[i]};
    BeginMessage(&batch, RTM_DELLINK, 0, &header, sizeof(header));
    EndMessage(&batch);
  }
  return batch;
}

void DeleteEach(const Task* task) {
  const int fd = OpenSocket();
  const Listing links = Prepared(fd, task);
  Batch batch = Deletes(&links);
  TransactAll(fd, &batch, 1);
}

void DeleteOneByOne(const Task* task) {
  const int fd = OpenSocket();
  const Listing links = Prepared(fd, task);
  Batch batch = Deletes(&links);
  const double start = Now();
  TransactAll(fd, &batch, 1);
  printf("{\"ms\":%.4f}\n", Now() - start);
}

static int CompareDoubles(const void* left, const void* right) {
  const double difference = *(const double*)left - *(const double*)right;
  return difference < 0 ? -1 : difference > 0;
}

static double MedianListing(int fd, size_t count, size_t rounds, double* first) {
  double times[kListRounds];
  Listing listing = {0};
  for (size_t round = 0; round < rounds; ++round) {
    const double start = Now();
    Dump(fd, &listing);
    times[round] = Now() - start;
    if (listing.links < count) Fail("fewer links listed than there are");
  }
  if (first != NULL) *first = times[0];
  qsort(times, rounds, sizeof(double), CompareDoubles);
  return times[rounds / 2];
}

void List(const Task* task) {
  double first = 0;
  const double median = MedianListing(OpenSocket(), task->count, kListRounds, &first);
  printf("{\"ms\":%.4f,\"firstMs\":%.4f}\n", median, first);
}

static double CreateRange(int fd, size_t from, size_t to, unsigned parent) {
  if (from == to) return 0;
  Batch batch = Creates(from, to, parent, -1);
  const double start = Now();
  TransactAll(fd, &batch, 1);
  const double end = Now();
  FreeBatch(&batch);
  return end - start;
}

// The last links before each point are timed one by one, then a listing of all.
void Growth(const Task* task) {
  static const size_t points[] = {500, 1000, 2000, 3500, 5000, 7500, 10000};
  const int fd = OpenSocket();
  size_t made = 0;
  printf("{\"points\":[");
  for (size_t i = 0; i < sizeof(points) / sizeof(points[0]) && points[i] <= task->count; ++i) {
    CreateRange(fd, made, points[i] - kGrowthBlock, task->parent);
    const double create = CreateRange(fd, points[i] - kGrowthBlock, points[i], task->parent);
    made = points[i];
    const double list = MedianListing(fd, made, 3, NULL);
    printf("%s{\"links\":%zu,\"createUs\":%.3f,\"listUs\":%.3f}", i == 0 ? "" : ",", made,
           create * 1e3 / kGrowthBlock, list * 1e3 / (double)made);
  }
  printf("]}\n");
}
