#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "stop.h"
#include "winnow/sweep.h"

typedef struct sweep_config {
    wn__texts set;
    const char *out, *data_folder, *shard, *write;
    int64_t jobs, threads, checkpoint_every;
    bool force, wait, retry, ask_tell, dry_run;
} sweep_config;

static const wn__option sweep_options[] = {
    WN_OPTION_LIST(sweep_config, set, "set", "KEY=VALUE", "change the recipe: sweep.trials=30, train.epochs=10; may be repeated"),
    WN_OPTION_TEXT(sweep_config, out, "out", "DIR", "store (default: winnow-runs)"),
    WN_OPTION_TEXT(sweep_config, data_folder, "data-dir", "DIR", "where data sets lie (default: $WINNOW_DATA, else ~/.local/share/winnow)"),
    WN_OPTION_CPUS(sweep_config, jobs, "jobs", "trials side by side, each in a process of its own (default: 1)"),
    WN_OPTION_CPUS(sweep_config, threads, "threads", "threads per trial (default: the recipe's, else the CPUs divided by the jobs)"),
    WN_OPTION_NUMBER(sweep_config, checkpoint_every, "checkpoint-every", "SECONDS",
                     "time between two checkpoints of a training (default: 60)"),
    WN_OPTION_SWITCH(sweep_config, force, "force", "allow jobs x threads beyond the CPUs, those of the recipe too"),
    WN_OPTION_TEXT(sweep_config, shard, "shard", "I/N",
                   "train every N-th trial of a rung, beginning with the I-th: one such command per machine on a shared store"),
    WN_OPTION_SWITCH(sweep_config, wait, "wait", "wait for trials of other shards where the next rung needs them", .needs = "shard",
                     .excludes = "dry-run"),
    WN_OPTION_SWITCH(sweep_config, retry, "retry", "train trials again that failed; else they stay failed", .excludes = "dry-run"),
    WN_OPTION_SWITCH(sweep_config, ask_tell, "ask-tell",
                     "trials are asked for on standard input, as JSON lines, and answered on standard output",
                     .excludes = "shard retry dry-run json csv"),
    WN_OPTION_TEXT(sweep_config, write, "write", "FILE", "write the recipe of the best trial"),
    WN_OPTION_SWITCH(sweep_config, dry_run, "dry-run", "print the trials and what is known of them; run nothing"),
    {0}};

/* "2/4". What is out of range is for the library to say. */
static bool read_shard(const char *text, int *shard, int *shards)
{
    char *end;
    const long i = strtol(text, &end, 10);
    if (end == text || *end != '/') return false;
    const char *second = end + 1;
    const long n = strtol(second, &end, 10);
    if (end == second || *end || i < 0 || n < 0 || i > 1000000 || n > 1000000) return false;
    *shard = (int)i;
    *shards = n == 0 && i == 0 ? -1 : (int)n; /* 0/0 would mean: no shards */
    return true;
}

static int run_search(const wn__call *call, const wn_sweep_options *options, wn_sweep_format format)
{
    wn_sweep_summary summary = {.waiting = 0};
    char *text = NULL;
    const wn_status status = wn_sweep_run(options, format, &text, &summary);
    wn__console_clear(call->console);
    if (status != WN_OK) return wn__finish(call, status);
    wn__answer_ready(call->answer, text);
    wn_text_free(text);
    if (format == WN_SWEEP_TEXT && !options->dry_run) wn__answer_print(call->answer, "\ntrials: %s/trials.json\n", summary.folder);
    if (summary.waiting == 0 || options->dry_run) return WN__EXIT_OK;
    wn__console_note(call->console, "%d trials of other shards must end first; then the same command goes on", summary.waiting);
    return WN__EXIT_WAITING;
}

static int run_sweep(const wn__call *call)
{
    const sweep_config *config = call->config;
    const wn__console *console = call->console;
    static const wn_sweep_format formats[] = {
        [WN__ANSWER_TEXT] = WN_SWEEP_TEXT, [WN__ANSWER_JSON] = WN_SWEEP_JSON, [WN__ANSWER_CSV] = WN_SWEEP_CSV};
    const char *const worker[] = {"/proc/self/exe", "sweep-worker",
                                  console->quiet     ? "--quiet"
                                  : console->verbose ? "--verbose"
                                                     : "--",
                                  NULL};
    wn_sweep_options options = {
        .size = sizeof options,
        .run = &WN_OPTIONS(wn_run_options, .recipe = call->arguments[0], .set = config->set.items, .sets = config->set.count,
                           .out = config->out, .data_folder = config->data_folder, .threads = (int)config->threads,
                           .jobs = (int)config->jobs, .force = config->force, .checkpoint_seconds = config->checkpoint_every,
                           .worker = worker, .progress = wn__console_progress, .user = call->console),
        .wait = config->wait,
        .retry = config->retry,
        .dry_run = config->dry_run,
        .write = config->write,
    };
    if (config->shard && !read_shard(config->shard, &options.shard, &options.shards))
        return wn__wrong_usage(call, "--shard %s: a part of all, like 2/4, is needed", config->shard);
    wn__stop_on_signals();
    if (!config->ask_tell) return run_search(call, &options, formats[wn__answer_format_of(call->answer)]);
    const wn_status status = wn_sweep_ask_tell(&options, STDIN_FILENO, stdout);
    wn__console_clear(call->console);
    return wn__finish(call, status);
}

const wn__command wn__command_sweep = {
    .name = "sweep",
    .arguments = "RECIPE",
    .summary = "Search over keys of a recipe by its section `sweep`, on validation data; print the table of trials",
    .details =
        "Every trial is an ordinary run in the store: what is done is skipped, what was cut off or stopped early goes on from where\n"
        "it was. The headline on test data is told of the best trial alone. With --shard a process ends with exit code 76 when trials of other\n"
        "shards must end first; the same command later goes on.",
    .options = sweep_options,
    .config_size = sizeof(sweep_config),
    .least = 1,
    .most = 1,
    .prints = WN__PRINTS_TABLE,
    .run = run_sweep,
};
