"""A wall clock for the processes of a test that can be put forward and back while they run; steady clocks go on."""

import mmap
import shutil
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

# What every program asks, Python and libpq among them.
CODE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

static long shift(void) {
    static volatile long *place;
    if (!place) {
        const char *name = getenv("SHIFTED_CLOCK");
        int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
        void *found = file < 0 ? MAP_FAILED : mmap(0, sizeof(long), PROT_READ, MAP_SHARED, file, 0);
        if (found == MAP_FAILED) abort();
        place = found;
    }
    return *place;
}

int clock_gettime(clockid_t which, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(which, now);
    if (!result && which == CLOCK_REALTIME) now->tv_sec += shift();
    return result;
}

int gettimeofday(struct timeval *now, void *zone) {
    struct timespec found;
    int result = clock_gettime(CLOCK_REALTIME, &found);
    now->tv_sec = found.tv_sec;
    now->tv_usec = found.tv_nsec / 1000;
    return result;
}

time_t time(time_t *where) {
    struct timespec found;
    clock_gettime(CLOCK_REALTIME, &found);
    if (where) *where = found.tv_sec;
    return found.tv_sec;
}
"""


class ShiftedClock:
    """Made in `folder`. `environment` gives it to a process and its children. Skips the test where there is no C
    compiler, or no way to put a library before the others."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None or not Path("/proc/self/maps").exists():
            pytest.skip("there is no C compiler to make another clock with")
        source, self._library, self._place = folder / "clock.c", folder / "clock.so", folder / "clock.shift"
        source.write_text(CODE)
        command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(self._library), str(source), "-ldl"]
        subprocess.run(command, check=True, capture_output=True)
        self._place.write_bytes(struct.pack("l", 0))
        with self._place.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), struct.calcsize("l"))

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables of a process that is to have this clock."""
        return {"LD_PRELOAD": str(self._library), "SHIFTED_CLOCK": str(self._place)}

    def put(self, seconds: int) -> None:
        """So far ahead of the machine's clock, at once, for all who have it."""
        self._memory[:] = struct.pack("l", seconds)
