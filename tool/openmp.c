#include "openmp.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void wn__openmp_set_waiting(char **argv)
{
    if (getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT")) return; /* also ends the second start */
    /* Some microseconds of spinning catch the next region of the same step, and leave the CPU to the threads of our own pool before long. */
    if (setenv("OMP_WAIT_POLICY", "passive", 0) != 0 || setenv("GOMP_SPINCOUNT", "300", 0) != 0) return;
    char path[4096];
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length > 0) {
        path[length] = 0;
        execv(path, argv); /* the path keeps the process's name; it fails if the file was replaced meanwhile */
    }
    execv("/proc/self/exe", argv);
}
