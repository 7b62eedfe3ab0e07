/* Processes of this program's own. */
#ifndef WN_BASE_PROCESS_H
#define WN_BASE_PROCESS_H

#include <sys/types.h>

#include "winnow/core.h"

/* Start a program, found as a shell finds it, with the arguments of both lists (each ends with NULL; `command` begins with the program).
 * It gets SIGTERM when this process ends. One that cannot be started ends with exit code 127. The caller waits for it. */
wn_status wn__process_start(const char *const *command, const char *const *more, pid_t *pid);

#endif
