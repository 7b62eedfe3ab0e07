#include "command.h"
#include "stop.h"
#include "winnow/experiment.h"

static int run_worker(const wn__call *call)
{
    wn__stop_on_signals();
    const wn_status status = wn_stage_run(call->arguments[0], call->arguments[1], NULL);
    return status == WN_ESTOPPED ? WN__EXIT_STOPPED : wn__finish(call, status); /* that it stopped is told by who started it */
}

const wn__command wn__command_worker = {
    .name = "worker",
    .arguments = "FOLDER IDENTITY",
    .summary = "Run one stage of an experiment: what run --jobs starts",
    .least = 2,
    .most = 2,
    .hidden = true,
    .run = run_worker,
};
