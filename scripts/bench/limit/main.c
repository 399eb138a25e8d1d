// What the kernel itself costs: each workload with messages built beforehand, on one socket.
//
//   limit WORKLOAD COUNT PARENT_INDEX TARGET
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netlink.h"
#include "workloads.h"

static const struct {
  const char* name;
  void (*run)(const Task*);
} kWorkloads[] = {
    {"prepare", Prepare},
    {"count", Count},
    {"create", CreateOneByOne},
    {"create-all", CreateAll},
    {"create-into", CreateInto},
    {"delete", DeleteByGroup},
    {"delete-each", DeleteOneByOne},
    {"list", List},
    {"growth", Growth},
    {"netns", CreateNamespaces},
    {"attach", Attach},
    {"latency", Latency},
    {"latency-busy", LatencyWhileDeleting},
};

int main(int argc, char** argv) {
  if (argc < 4) Fail("usage: limit WORKLOAD COUNT PARENT_INDEX TARGET");
  const Task task = {
      .count = strtoul(argv[2], NULL, 10),
      .parent = (unsigned)strtoul(argv[3], NULL, 10),
      .target = argc > 4 ? argv[4] : "",
  };
  for (size_t i = 0; i < sizeof(kWorkloads) / sizeof(kWorkloads[0]); ++i) {
    if (strcmp(argv[1], kWorkloads[i].name) != 0) continue;
    kWorkloads[i].run(&task);
    return 0;
  }
  Fail("no such workload");
}
