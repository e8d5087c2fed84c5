/* LD_PRELOAD: the time of day, moved by the seconds (a 64-bit integer) in the file that CLOCK_SHIFT names. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *shift;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("CLOCK_SHIFT");
  int file = path ? open(path, O_RDONLY) : -1;
  if (file >= 0) {
    void *place = mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, file, 0);
    shift = place == MAP_FAILED ? NULL : place;
    close(file);
  }
}

int clock_gettime(clockid_t clock, struct timespec *when) {
  int failed = (int)syscall(SYS_clock_gettime, clock, when);
  if (!failed && shift && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) when->tv_sec += *shift;
  return failed;
}
