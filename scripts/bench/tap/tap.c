// The limit of the tap benchmark: frames by read and write, on descriptors that it is handed open.
//
//   tap send SIZE COUNT DESTINATION      writes to descriptor 3
//   tap receive SIZE COUNT               reads from descriptor 3
//
// Prints the seconds as JSON, from the first frame to the last.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { kTap = 3, kMaxFrame = 65536, kPatience = 10000 };

static unsigned char frame[kMaxFrame];
static unsigned char buffer[kMaxFrame];

static double Now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void Fail(const char* what) {
  fprintf(stderr, "tap: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void Wait(short events) {
  struct pollfd wanted = {kTap, events, 0};
  const int ready = poll(&wanted, 1, kPatience);
  if (ready == 0) errno = ETIMEDOUT;
  if (ready <= 0) Fail("poll");
}

// One frame; 0 when the kernel has as much under way as it allows.
static int Send(size_t size) {
  if (write(kTap, frame, size) == (ssize_t)size) return 1;
  if (errno != EAGAIN) Fail("write");
  return 0;
}

// One of the benchmark's frames, which are told by their length and type; 0 when none is there.
static int Receive(size_t size) {
  while (1) {
    const ssize_t length = read(kTap, buffer, sizeof(buffer));
    if (length < 0 && errno == EAGAIN) return 0;
    if (length < 0) Fail("read");
    if ((size_t)length == size && buffer[12] == 0x88 && buffer[13] == 0xb5) return 1;
  }
}

static double SendAll(size_t size, size_t count) {
  const double start = Now();
  for (size_t sent = 0; sent < count;) {
    if (Send(size)) {
      ++sent;
    } else {
      Wait(POLLOUT);
    }
  }
  return Now() - start;
}

static double ReceiveAll(size_t size, size_t count) {
  double start = 0;
  for (size_t received = 0; received < count;) {
    if (!Receive(size)) {
      Wait(POLLIN);
    } else if (received++ == 0) {
      start = Now();
    }
  }
  return Now() - start;
}

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const size_t size = strtoul(argv[2], NULL, 10);
  const size_t count = strtoul(argv[3], NULL, 10);
  if (size > kMaxFrame) return 2;
  const int flags = fcntl(kTap, F_GETFL);
  if (flags < 0 || fcntl(kTap, F_SETFL, flags | O_NONBLOCK) != 0) Fail("fcntl");
  if (argc > 4) {
    unsigned char* mac = frame;
    if (sscanf(argv[4], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", mac, mac + 1, mac + 2, mac + 3, mac + 4,
               mac + 5) != 6) {
      return 2;
    }
  }
  frame[6] = 2;
  frame[12] = 0x88;
  frame[13] = 0xb5;
  const int sends = strcmp(argv[1], "send") == 0;
  printf("{\"seconds\":%.9f}\n", sends ? SendAll(size, count) : ReceiveAll(size, count));
  return 0;
}
