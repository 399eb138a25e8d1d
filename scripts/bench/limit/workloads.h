// What the program can be asked to do. Each prints its measurement as one line of JSON.
#pragma once

#include <stddef.h>

#include "netlink.h"

typedef struct {
  size_t count;        // links, namespaces or requests
  unsigned parent;     // interface index
  const char* target;  // a namespace's path, or what the paths of several begin with
} Task;

// links.c
void Prepare(const Task* task);  // makes links mv0, mv1 …; prints no measurement
void Count(const Task* task);    // tells how many of them there are
void CreateOneByOne(const Task* task);
void CreateAll(const Task* task);
void CreateInto(const Task* task);
void DeleteByGroup(const Task* task);
void DeleteOneByOne(const Task* task);
void List(const Task* task);
void Growth(const Task* task);

// namespaces.c
void CreateNamespaces(const Task* task);
void Attach(const Task* task);
int OpenNamespace(const char* path);
void EnterNamespace(int fd);

// latency.c
void Latency(const Task* task);
void LatencyWhileDeleting(const Task* task);

// links.c, used by the others
typedef struct {
  const char* name;
  unsigned parent;
  int netns;       // a descriptor, or -1
  unsigned index;  // 0: the kernel chooses
  int up;
} NewLink;

void PutCreate(Batch* batch, const NewLink* link);
void DeleteEach(const Task* task);
