// Prebuilt rtnetlink messages, and a socket that sends them and checks the ACKs.
#pragma once

#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stddef.h>
#include <stdint.h>

// Messages one after another, as one sendmsg takes them.
typedef struct {
  uint8_t* data;
  size_t size;
  size_t capacity;
  size_t* offsets;  // where each message begins
  size_t count;
} Batch;

void Fail(const char* what) __attribute__((noreturn));
void FailWith(const char* what, int error) __attribute__((noreturn));

Batch NewBatch(size_t messages);
void FreeBatch(Batch* batch);
void BeginMessage(Batch* batch, uint16_t type, uint16_t flags, const void* header, size_t size);
void Put(Batch* batch, uint16_t type, const void* value, size_t size);
void PutU32(Batch* batch, uint16_t type, uint32_t value);
void PutText(Batch* batch, uint16_t type, const char* text);
size_t BeginNest(Batch* batch, uint16_t type);
void EndNest(Batch* batch, size_t start);
void EndMessage(Batch* batch);

// A socket of the namespace that the calling thread is in.
int OpenSocket(void);
// Sends the messages from `first` on in one sendmsg and reads an ACK for each; ends the program
// when one is refused.
void Transact(int fd, const Batch* batch, size_t first, size_t count);
// The whole batch, `window` messages a sendmsg.
void TransactAll(int fd, const Batch* batch, size_t window);

// The window that the library uses: half of what the default receive buffer holds in ACKs.
enum { kWindow = 128 };

// Milliseconds of the monotonic clock.
double Now(void);
