#include "command.h"
#include "stop.h"
#include "winnow/experiment.h"

typedef struct worker_config {
    int64_t checkpoint_every;
} worker_config;

static const wn__option worker_options[] = {WN_OPTION_NUMBER(worker_config, checkpoint_every, "checkpoint-every", "SECONDS",
                                                             "time between two checkpoints of a training (default: 60)"),
                                            {0}};

static int run_worker(const wn__call *call)
{
    const worker_config *config = call->config;
    const wn_stage_options options = {.size = sizeof options, .checkpoint_seconds = config->checkpoint_every};
    wn__stop_on_signals();
    const wn_status status = wn_stage_run(call->arguments[0], call->arguments[1], &options);
    return status == WN_ESTOPPED ? WN__EXIT_STOPPED : wn__finish(call, status); /* that it stopped is told by who started it */
}

const wn__command wn__command_worker = {
    .name = "worker",
    .arguments = "FOLDER IDENTITY",
    .summary = "Run one stage of an experiment: what run --jobs starts",
    .options = worker_options,
    .config_size = sizeof(worker_config),
    .least = 2,
    .most = 2,
    .hidden = true,
    .run = run_worker,
};
