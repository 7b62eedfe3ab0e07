#include "command.h"
#include "stop.h"
#include "winnow/sweep.h"

static int run_sweep_worker(const wn__call *call)
{
    wn__stop_on_signals();
    const wn_status status = wn_sweep_worker(call->arguments[0]);
    return status == WN_ESTOPPED ? WN__EXIT_STOPPED : wn__finish(call, status); /* that it stopped is told by who started it */
}

const wn__command wn__command_sweep_worker = {
    .name = "sweep-worker",
    .arguments = "JOB",
    .summary = "Train one trial up to one rung: what sweep --jobs starts",
    .least = 1,
    .most = 1,
    .hidden = true,
    .run = run_sweep_worker,
};
