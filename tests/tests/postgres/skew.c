/* Shifts the clock of a process by the seconds in SKEW_SECONDS. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t id, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(id, now);
    const char *seconds = getenv("SKEW_SECONDS");
    if (!failed && seconds && id == CLOCK_REALTIME) now->tv_sec += atol(seconds);
    return failed;
}
