// Runs a command in a network namespace and tells, on descriptor 3, what it used: peak memory of it
// or of a process it waited for, and processor time of all of them.
//
//   enter NAMESPACE_PATH COMMAND [ARGUMENT...]
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int Report(const char* what) {
  fprintf(stderr, "enter: %s: %s\n", what, strerror(errno));
  return 125;
}

static double Milliseconds(struct timeval time) {
  return (double)time.tv_sec * 1e3 + (double)time.tv_usec / 1e3;
}

int main(int argc, char** argv) {
  if (argc < 3) return 125;
  // So that nothing is left running when the benchmark is ended.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int netns = open(argv[1], O_RDONLY | O_CLOEXEC);
  if (netns < 0 || setns(netns, CLONE_NEWNET) != 0) return Report(argv[1]);
  const pid_t child = fork();
  if (child < 0) return Report("fork");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(3);
    execvp(argv[2], argv + 2);
    _exit(Report(argv[2]));
  }
  signal(SIGINT, SIG_IGN);
  int status = 0;
  struct rusage usage;
  while (wait4(child, &status, 0, &usage) < 0) {
    if (errno != EINTR) return Report("wait4");
  }
  dprintf(3, "{\"peakKiB\":%ld,\"userMs\":%.1f,\"systemMs\":%.1f}\n", usage.ru_maxrss,
          Milliseconds(usage.ru_utime), Milliseconds(usage.ru_stime));
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
