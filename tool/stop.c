#include "stop.h"

#include <signal.h>
#include <stddef.h>

#include "winnow/core.h"

static void ask_to_stop(int number)
{
    (void)number;
    wn_request_stop();
}

void wn__stop_on_signals(void)
{
    /* What a user, a terminal that is closed, a batch system, a limit of processor time and a failing power supply send. */
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU, SIGALRM, SIGPWR};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct sigaction before, action = {.sa_handler = ask_to_stop, .sa_flags = SA_RESTART};
        sigemptyset(&action.sa_mask);
        if (signals[i] == SIGINT) action.sa_flags |= (int)SA_RESETHAND;
        if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) sigaction(signals[i], &action, NULL);
    }
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is a failed write, which is told */
}
