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
    struct sigaction action = {.sa_handler = ask_to_stop, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    action.sa_flags |= (int)SA_RESETHAND;
    sigaction(SIGINT, &action, NULL);
}
