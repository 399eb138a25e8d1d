#include "netlink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { kMessageRoom = 256, kReceiveRoom = 64 * 1024 };

void Fail(const char* what) {
  fprintf(stderr, "limit: %s\n", what);
  exit(1);
}

void FailWith(const char* what, int error) {
  fprintf(stderr, "limit: %s: %s\n", what, strerror(error));
  exit(1);
}

Batch NewBatch(size_t messages) {
  Batch batch = {.capacity = messages * kMessageRoom};
  batch.data = calloc(1, batch.capacity);
  batch.offsets = calloc(messages + 1, sizeof(size_t));
  if (batch.data == NULL || batch.offsets == NULL) Fail("out of memory");
  return batch;
}

void FreeBatch(Batch* batch) {
  free(batch->data);
  free(batch->offsets);
}

static void Append(Batch* batch, const void* bytes, size_t size) {
  if (batch->size + NLMSG_ALIGN(size) > batch->capacity) Fail("a message is too long");
  if (size > 0) memcpy(batch->data + batch->size, bytes, size);
  batch->size += NLMSG_ALIGN(size);
}

void BeginMessage(Batch* batch, uint16_t type, uint16_t flags, const void* header, size_t size) {
  const struct nlmsghdr message = {
      .nlmsg_type = type,
      .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags),
      .nlmsg_seq = (uint32_t)batch->count + 1,
  };
  batch->offsets[batch->count] = batch->size;
  Append(batch, &message, sizeof(message));
  Append(batch, header, size);
}

void Put(Batch* batch, uint16_t type, const void* value, size_t size) {
  const struct nlattr attribute = {.nla_len = (uint16_t)(NLA_HDRLEN + size), .nla_type = type};
  Append(batch, &attribute, sizeof(attribute));
  Append(batch, value, size);
}

void PutU32(Batch* batch, uint16_t type, uint32_t value) {
  Put(batch, type, &value, sizeof(value));
}

void PutText(Batch* batch, uint16_t type, const char* text) {
  Put(batch, type, text, strlen(text) + 1);
}

size_t BeginNest(Batch* batch, uint16_t type) {
  const size_t start = batch->size;
  Put(batch, type, NULL, 0);
  return start;
}

void EndNest(Batch* batch, size_t start) {
  const uint16_t length = (uint16_t)(batch->size - start);
  memcpy(batch->data + start, &length, sizeof(length));
}

void EndMessage(Batch* batch) {
  const size_t start = batch->offsets[batch->count];
  const uint32_t length = (uint32_t)(batch->size - start);
  memcpy(batch->data + start, &length, sizeof(length));
  batch->offsets[++batch->count] = batch->size;
}

int OpenSocket(void) {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) FailWith("socket", errno);
  const int on = 1;
  const struct sockaddr_nl own = {.nl_family = AF_NETLINK};
  if (setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on)) != 0 ||
      setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on)) != 0) {
    FailWith("setsockopt", errno);
  }
  if (bind(fd, (const struct sockaddr*)&own, sizeof(own)) != 0) FailWith("bind", errno);
  return fd;
}

// One ACK; gives the sequence number of the message that it is for.
static uint32_t ReadAck(const struct nlmsghdr* message) {
  if (message->nlmsg_type != NLMSG_ERROR) Fail("another answer than an ACK");
  const struct nlmsgerr* ack = (const struct nlmsgerr*)NLMSG_DATA(message);
  if (ack->error != 0) FailWith("the kernel refused", -ack->error);
  return message->nlmsg_seq;
}

void Transact(int fd, const Batch* batch, size_t first, size_t count) {
  static uint8_t answer[kReceiveRoom];
  const size_t start = batch->offsets[first];
  const size_t size = batch->offsets[first + count] - start;
  if (send(fd, batch->data + start, size, 0) != (ssize_t)size) FailWith("send", errno);
  for (size_t done = 0; done < count;) {
    const ssize_t received = recv(fd, answer, sizeof(answer), 0);
    if (received < 0) FailWith("recv", errno);
    int left = (int)received;
    const struct nlmsghdr* message = (const struct nlmsghdr*)answer;
    for (; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
      if (ReadAck(message) != first + done + 1) Fail("an ACK out of order");
      ++done;
    }
  }
}

void TransactAll(int fd, const Batch* batch, size_t window) {
  for (size_t first = 0; first < batch->count; first += window) {
    const size_t left = batch->count - first;
    Transact(fd, batch, first, left < window ? left : window);
  }
}

double Now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}
