#include "command.h"
#include "names.h"
#include "winnow/experiment.h"
#include "winnow/show.h"

typedef struct time_config {
    const char *out, *data_folder;
    int64_t rounds, threads;
} time_config;

static const wn__option time_options[] = {
    WN_OPTION_NUMBER(time_config, rounds, "rounds", "N", "of some steps of every stage (default: 5)"),
    WN_OPTION_CPUS(time_config, threads, "threads", "(default: all CPUs)"),
    WN_OPTION_TEXT(time_config, data_folder, "data-dir", "DIR", "where data sets lie (default: where they lay when it was run)"),
    WN_OPTION_TEXT(time_config, out, "out", "DIR", "store (default: winnow-runs)"),
    {0}};

static void add_milliseconds(wn__columns *table, bool measured, double milliseconds)
{
    if (measured)
        wn__columns_real(table, milliseconds, "%.3f", milliseconds);
    else
        wn__columns_missing(table, "");
}

static void add_stage(void *user, const wn_timed_stage *s)
{
    wn__columns *table = user;
    wn__columns_text(table, s->label);
    wn__columns_count(table, s->steps);
    add_milliseconds(table, true, s->ms_step);
    if (s->changes)
        wn__columns_count(table, s->changes);
    else
        wn__columns_missing(table, "");
    add_milliseconds(table, s->changes > 0, s->ms_change);
    add_milliseconds(table, s->changes > 0, s->ms_after);
    add_milliseconds(table, s->late > 0, s->ms_late);
    wn__columns_seconds(table, s->seconds);
    wn__columns_text(table, s->backend);
    if (s->slower)
        wn__columns_seconds(table, s->slower_seconds);
    else
        wn__columns_missing(table, "");
}

static int run_time(const wn__call *call)
{
    const time_config *config = call->config;
    const wn_time_options options = {.size = sizeof options,
                                     .rounds = (int)config->rounds,
                                     .threads = (int)config->threads,
                                     .data_folder = config->data_folder,
                                     .progress = wn__console_progress,
                                     .user = call->console};
    char folder[WN__PATH];
    wn_status status = wn_store_experiment(config->out, call->arguments[0], folder, sizeof folder);
    if (status != WN_OK) return wn__finish(call, status);
    wn__columns table = WN_COLUMNS({"label", "stage"}, {"steps", ">steps"}, {"ms_step", ">ms"}, {"changes", ">changes"},
                                   {"ms_change", ">ms"}, {"ms_after", ">next ms"}, {"ms_late", ">last ms"}, {"seconds", ">all"},
                                   {"backend", "on"}, {"slower_seconds", ">on the other"});
    status = wn_experiment_time(folder, &options, add_stage, &table);
    wn__console_clear(call->console);
    if (status == WN_OK)
        wn__answer_table(call->answer, "stages", &table);
    else
        wn__columns_release(&table);
    return wn__finish(call, status);
}

const wn__command wn__command_time = {
    .name = "time",
    .arguments = "EXPERIMENT",
    .summary = "Measure the seconds that training takes by each row of a finished experiment",
    .details = WN_EXPERIMENT_NAMES
    "\n"
    "Some steps of each training stage of the first seed are run once more, stages in turns. So all of them meet the same machine. The median step\n"
    "times the number of steps is what the stage takes. Steps that change the topology, and those after one, count by themselves; evaluation does not.\n"
    "A dense network is timed on both backends that `auto` chooses from, and counts as on the faster one: else sparse training would look faster than it is.\n"
    "Where connections move between layers, the last steps are run as well, and the mean lies between first and last as it does in FLOPs.\n"
    "seconds.json in the folder holds the result, and `winnow report` shows it: the headline metric against measured seconds.",
    .options = time_options,
    .config_size = sizeof(time_config),
    .least = 1,
    .most = 1,
    .prints = WN__PRINTS_TABLE,
    .run = run_time,
};
