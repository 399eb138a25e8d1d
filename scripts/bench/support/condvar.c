// Condition variables that are signalled without waiting for anybody, to be preloaded.
//
// glibc's own, from 2.25 to 2.40, let whoever signals wait for threads that were signalled before and
// have not got a processor since (nptl/pthread_cond_common.c, __condvar_quiesce_and_switch_g1; gone
// with the mending of its bug 25847). Node wakes V8's helper threads by them, from the event loop.
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

typedef struct {
  atomic_uint signals;
  clockid_t clock;
} Condition;

_Static_assert(sizeof(Condition) <= sizeof(pthread_cond_t), "it lives in a pthread_cond_t");

static Condition* Of(pthread_cond_t* condition) { return (Condition*)condition; }

static int Wake(pthread_cond_t* condition, int count) {
  atomic_fetch_add(&Of(condition)->signals, 1);
  syscall(SYS_futex, &Of(condition)->signals, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
  return 0;
}

static int Wait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock,
                const struct timespec* until) {
  const unsigned seen = atomic_load(&Of(condition)->signals);
  const int flags = clock == CLOCK_REALTIME ? FUTEX_CLOCK_REALTIME : 0;
  pthread_mutex_unlock(mutex);
  const long result = syscall(SYS_futex, &Of(condition)->signals, FUTEX_WAIT_BITSET_PRIVATE | flags,
                              seen, until, NULL, FUTEX_BITSET_MATCH_ANY);
  const int error = result < 0 ? errno : 0;
  pthread_mutex_lock(mutex);
  return error == ETIMEDOUT ? ETIMEDOUT : 0;
}

int pthread_cond_init(pthread_cond_t* condition, const pthread_condattr_t* attributes) {
  Condition* made = Of(condition);
  atomic_init(&made->signals, 0);
  made->clock = CLOCK_REALTIME;
  return attributes == NULL ? 0 : pthread_condattr_getclock(attributes, &made->clock);
}

int pthread_cond_destroy(pthread_cond_t* condition) {
  (void)condition;
  return 0;
}

int pthread_cond_signal(pthread_cond_t* condition) { return Wake(condition, 1); }

int pthread_cond_broadcast(pthread_cond_t* condition) { return Wake(condition, INT_MAX); }

int pthread_cond_wait(pthread_cond_t* condition, pthread_mutex_t* mutex) {
  return Wait(condition, mutex, CLOCK_MONOTONIC, NULL);
}

int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex,
                           const struct timespec* until) {
  return Wait(condition, mutex, Of(condition)->clock, until);
}

int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock,
                           const struct timespec* until) {
  return Wait(condition, mutex, clock, until);
}
