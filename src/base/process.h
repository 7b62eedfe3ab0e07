/* Processes of this program's own. */
#ifndef WN_BASE_PROCESS_H
#define WN_BASE_PROCESS_H

#include <sys/types.h>

#include "winnow/core.h"

/* Start a program, found as a shell finds it, with the arguments of both lists (each ends with NULL; `command` begins with the program).
 * It gets SIGTERM when this process ends. One that cannot be started ends with exit code 127. The caller waits for it. */
wn_status wn__process_start(const char *const *command, const char *const *more, pid_t *pid);

/* The same with a channel on which the program tells records of at most 4096 bytes: *channel, a socket that never blocks, is read with wn__process_heard and closed
 * by the caller. The program finds its end with wn__process_channel. */
wn_status wn__process_start_heard(const char *const *command, const char *const *more, pid_t *pid, int *channel);
/* The next record of exactly `size` bytes; false: none came. */
bool wn__process_heard(int channel, void *record, size_t size);
/* This program's end of the channel to the one that started it; -1: there is none. */
int wn__process_channel(void);
/* Tells a record, if the channel has room for it and somebody listens. */
void wn__process_tell(int channel, const void *record, size_t size);

#endif
