#include "base/process.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"

static int length(const char *const *list)
{
    int count = 0;
    while (list[count])
        count++;
    return count;
}

wn_status wn__process_start(const char *const *command, const char *const *more, pid_t *pid)
{
    const int first = length(command), rest = length(more);
    const char **argv = WN_NEW_ARRAY(const char *, first + rest + 1);
    if (!argv) return wn__no_memory((size_t)(first + rest + 1) * sizeof *argv);
    for (int i = 0; i < first + rest; i++)
        argv[i] = i < first ? command[i] : more[i - first];
    const pid_t parent = getpid(), child = fork();
    if (child == 0) { /* only calls that are safe after a fork */
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent) _exit(1); /* it ended before */
        execvp(argv[0], (char *const *)argv);
        _exit(127);
    }
    wn__free(argv);
    if (child < 0) return wn__fail_errno("starting %s", command[0]);
    *pid = child;
    return WN_OK;
}
