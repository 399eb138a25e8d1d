// The round trip of one request that changes nothing.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "netlink.h"
#include "workloads.h"

enum { kMostRequests = 100000, kWarmUp = 100 };

static double times[kMostRequests];

static Batch NoChange(unsigned index) {
  Batch batch = NewBatch(1);
  const struct ifinfomsg header = {
      .ifi_index = (int)index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  BeginMessage(&batch, RTM_NEWLINK, 0, &header, sizeof(header));
  EndMessage(&batch);
  return batch;
}

static int CompareDoubles(const void* left, const void* right) {
  const double difference = *(const double*)left - *(const double*)right;
  return difference < 0 ? -1 : difference > 0;
}

static void Print(size_t count) {
  qsort(times, count, sizeof(double), CompareDoubles);
  printf("{\"p50us\":%.3f,\"p99us\":%.3f,\"maxUs\":%.3f,\"requests\":%zu}\n",
         times[count / 2] * 1e3, times[count * 99 / 100] * 1e3, times[count - 1] * 1e3, count);
}

static double RoundTrip(int fd, const Batch* batch) {
  const double start = Now();
  Transact(fd, batch, 0, 1);
  return Now() - start;
}

void Latency(const Task* task) {
  if (task->count > kMostRequests) Fail("too many requests");
  const int fd = OpenSocket();
  const Batch batch = NoChange(task->parent);
  for (size_t i = 0; i < kWarmUp; ++i) RoundTrip(fd, &batch);
  for (size_t i = 0; i < task->count; ++i) times[i] = RoundTrip(fd, &batch);
  Print(task->count);
}

static void DeleteElsewhere(const Task* task) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  EnterNamespace(OpenNamespace(task->target));
  DeleteEach(task);
  _exit(0);
}

// A request each millisecond, for as long as another process deletes links in another namespace.
void LatencyWhileDeleting(const Task* task) {
  const int fd = OpenSocket();
  const Batch batch = NoChange(task->parent);
  for (size_t i = 0; i < kWarmUp; ++i) RoundTrip(fd, &batch);
  const pid_t child = fork();
  if (child < 0) FailWith("fork", errno);
  if (child == 0) DeleteElsewhere(task);
  size_t count = 0;
  int status = 0;
  while (waitpid(child, &status, WNOHANG) == 0 && count < kMostRequests) {
    const struct timespec pause = {.tv_nsec = 1000000};
    nanosleep(&pause, NULL);
    times[count++] = RoundTrip(fd, &batch);
  }
  if (status != 0) Fail("the deletion failed");
  Print(count);
}
