#include "base/process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"

#define CHANNEL_VARIABLE "WINNOW_PROGRESS"

static int length(const char *const *list)
{
    int count = 0;
    while (list[count])
        count++;
    return count;
}

/* The environment with one variable more, in front of one of that name; NULL: out of memory. Its texts stay those of the environment. */
static const char **environment_with(const char *variable)
{
    const int count = length((const char *const *)environ);
    const char **all = WN_NEW_ARRAY(const char *, count + 2);
    for (int i = 0; all && i < count; i++)
        all[i + 1] = environ[i];
    if (all) all[0] = variable;
    return all;
}

static wn_status start(const char *const *command, const char *const *more, const char *const *environment, int inherited, pid_t *pid)
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
        if (inherited >= 0) fcntl(inherited, F_SETFD, 0);
        execvpe(argv[0], (char *const *)argv, (char *const *)environment);
        _exit(127);
    }
    wn__free(argv);
    if (child < 0) return wn__fail_errno("starting %s", command[0]);
    *pid = child;
    return WN_OK;
}

wn_status wn__process_start(const char *const *command, const char *const *more, pid_t *pid)
{
    return start(command, more, (const char *const *)environ, -1, pid);
}

wn_status wn__process_start_heard(const char *const *command, const char *const *more, pid_t *pid, int *channel)
{
    int ends[2];
    char variable[48];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) return wn__fail_errno("starting %s", command[0]);
    snprintf(variable, sizeof variable, CHANNEL_VARIABLE "=%d", ends[1]);
    const char **environment = environment_with(variable);
    const wn_status status = environment ? start(command, more, environment, ends[1], pid) : wn__no_memory(1024);
    wn__free(environment);
    close(ends[1]);
    if (status == WN_OK)
        *channel = ends[0];
    else
        close(ends[0]);
    return status;
}

bool wn__process_heard(int channel, void *record, size_t size)
{
    return channel >= 0 && recv(channel, record, size, MSG_DONTWAIT) == (ssize_t)size;
}

/* What was set for another process, or is no such socket, is none. */
int wn__process_channel(void)
{
    const char *text = getenv(CHANNEL_VARIABLE);
    int type = 0;
    socklen_t size = sizeof type;
    const int channel = text ? atoi(text) : -1;
    const bool is_one = channel > STDERR_FILENO && getsockopt(channel, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
    if (!is_one) return -1;
    fcntl(channel, F_SETFD, FD_CLOEXEC);
    return channel;
}

void wn__process_tell(int channel, const void *record, size_t size)
{
    const ssize_t sent = send(channel, record, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)sent; /* the next record says more */
}
