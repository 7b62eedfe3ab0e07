#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "claims.h"
#include "command.h"
#include "stop.h"
#include "winnow/experiment.h"
#include "winnow/report.h"
#include "winnow/show.h"
#include "written.h"

typedef struct run_config {
    wn__texts set, redo;
    const char *seeds, *out, *data_folder;
    int64_t jobs, threads, checkpoint_every;
    bool force, dry_run, resolve;
} run_config;

static const wn__option run_options[] = {
    WN_OPTION_LIST(run_config, set, "set", "KEY=VALUE",
                   "change the recipe: train.epochs=10, compare.methods=[dense, kd-ticket]; may be repeated"),
    WN_OPTION_TEXT(run_config, seeds, "seeds", "LIST", "0-4 or 0,2 instead of the recipe's"),
    WN_OPTION_LIST(
        run_config, redo, "redo", "STAGE",
        "throw away these stages and all that depends on them first: a cache key, a kind (train, mask, ...) or a pattern for labels "
        "(\"kd-* 95%*\"); may be repeated"),
    WN_OPTION_TEXT(run_config, out, "out", "DIR", "store (default: winnow-runs)"),
    WN_OPTION_TEXT(run_config, data_folder, "data-dir", "DIR", "where data sets lie (default: $WINNOW_DATA, else ~/.local/share/winnow)"),
    WN_OPTION_CPUS(run_config, jobs, "jobs", "stages side by side, each in a process of its own (default: 1)"),
    WN_OPTION_CPUS(run_config, threads, "threads", "threads per stage (default: the recipe's, else the CPUs divided by the jobs)"),
    WN_OPTION_NUMBER(run_config, checkpoint_every, "checkpoint-every", "SECONDS",
                     "time between two checkpoints of a training (default: 60)"),
    WN_OPTION_SWITCH(run_config, force, "force", "allow jobs x threads beyond the CPUs, those of the recipe too"),
    WN_OPTION_SWITCH(run_config, dry_run, "dry-run", "print the stages, which are done, and an estimate of the hours; run nothing",
                     .excludes = "redo resolve"),
    WN_OPTION_SWITCH(run_config, resolve, "resolve", "print the recipe with all defaults and every time in steps; run nothing",
                     .excludes = "redo json csv"),
    {0}};

static void print_state(void *user, const wn_stage_info *stage)
{
    wn__columns *table = user;
    const bool done = strcmp(stage->state, "done") == 0;
    wn__columns_shown(table, stage->identity, "%.12s", stage->identity);
    wn__columns_text(table, stage->state);
    wn__columns_text(table, stage->kind);
    if (stage->steps > 0)
        wn__columns_count(table, stage->steps);
    else
        wn__columns_missing(table, "");
    wn__columns_seconds(table, done ? -1 : stage->seconds);
    wn__columns_text(table, stage->label);
}

static void put_plan(wn__answer *answer, const wn_plan_summary *plan)
{
    wn__answer_whole(answer, "done", plan->done);
    wn__answer_real(answer, "seconds_left", plan->seconds < 0 ? NAN : plan->seconds);
    wn__answer_text(answer, "seconds_from", plan->measured ? "finished stages" : "a few steps");
    wn__answer_text(answer, "folder", plan->folder);
}

static wn_status print_plan(wn__answer *answer, const wn_run_options *options)
{
    wn__columns table = WN_COLUMNS({"identity", "identity"}, {"state", "state"}, {"kind", "kind"}, {"steps", ">steps"},
                                   {"seconds_left", ">left"}, {"label", "stage"});
    wn_plan_summary plan;
    const wn_status status = wn_experiment_plan(options, true, print_state, &table, &plan);
    if (status != WN_OK) {
        wn__columns_release(&table);
        return status;
    }
    wn__answer_table(answer, "stages", &table);
    put_plan(answer, &plan);
    char left[32];
    wn__answer_print(answer, "\n%d stages, %d done", plan.stages, plan.done);
    if (plan.done < plan.stages && plan.seconds >= 0)
        wn__answer_print(answer, "; about %s (%.2f hours) left, %s, %s", wn_show_seconds(plan.seconds, left, sizeof left),
                         plan.seconds / 3600, options->jobs > 1 ? "with jobs side by side" : "one after the other",
                         plan.measured ? "measured from finished stages" : "guessed from a few steps");
    wn__answer_print(answer, "\nresults: %s\n", plan.folder);
    return WN_OK;
}

static wn_status print_resolved(wn__answer *answer, const wn_run_options *options)
{
    char *yaml;
    const wn_status status = wn_recipe_resolve(options, &yaml);
    if (status != WN_OK) return status;
    wn__answer_ready(answer, yaml);
    wn_text_free(yaml);
    return WN_OK;
}

static wn_status print_results(const wn__call *call, const char *folder)
{
    static const wn_report_format formats[] = {
        [WN__ANSWER_TEXT] = WN_REPORT_SUMMARY, [WN__ANSWER_JSON] = WN_REPORT_JSON, [WN__ANSWER_CSV] = WN_REPORT_CSV};
    const wn__answer_format format = wn__answer_format_of(call->answer);
    const run_config *config = call->config;
    char *text, weights[4096];
    wn_report_files files;
    wn_status status = wn_report_text(folder, formats[format], NULL, &text);
    if (status != WN_OK) return status;
    if (format == WN__ANSWER_JSON)
        wn__answer_json(call->answer, "results", text);
    else
        wn__answer_ready(call->answer, text);
    wn_text_free(text);
    if (format == WN__ANSWER_JSON) status = wn__put_claims(call->answer, folder, NULL);
    if (status != WN_OK) return status;
    wn__answer_text(call->answer, "folder", folder);
    status = wn_report_write(folder, NULL, &files);
    if (status != WN_OK) return status;
    if (files.note[0]) wn__console_note(call->console, "%s", files.note);
    wn__answer_text(call->answer, "report", files.page);
    wn__answer_print(call->answer, "\nreport: %s\n", files.page);
    snprintf(weights, sizeof weights, "%s/stages/KEY/final.safetensors", config->out ? config->out : "winnow-runs");
    wn__print_dense_command(call, 8, "dense:", weights);
    return WN_OK;
}

static int run_experiment(const wn__call *call, const wn_run_options *options)
{
    wn_run_summary summary = {0};
    wn__stop_on_signals();
    const wn_status ran = wn_experiment_run(options, &summary);
    wn__console_clear(call->console);
    /* Stages that failed do not hide the results of the others. */
    wn_status shown = WN_OK;
    if (ran != WN_ESTOPPED && summary.folder[0]) {
        const int code = wn__finish(call, ran);
        shown = print_results(call, summary.folder);
        if (ran != WN_OK) return code;
    }
    return wn__finish(call, ran != WN_OK ? ran : shown);
}

static int run_run(const wn__call *call)
{
    const run_config *config = call->config;
    const wn__console *console = call->console;
    char every[64];
    snprintf(every, sizeof every, "--checkpoint-every=%lld", (long long)(config->checkpoint_every ? config->checkpoint_every : 60));
    const char *const worker[] = {"/proc/self/exe", "worker", every,
                                  console->quiet     ? "--quiet"
                                  : console->verbose ? "--verbose"
                                                     : "--",
                                  NULL};
    const wn_run_options options = {
        .size = sizeof options,
        .recipe = call->arguments[0],
        .set = config->set.items,
        .sets = config->set.count,
        .seeds = config->seeds,
        .redo = config->redo.items,
        .redos = config->redo.count,
        .out = config->out,
        .data_folder = config->data_folder,
        .threads = (int)config->threads,
        .jobs = (int)config->jobs,
        .force = config->force,
        .checkpoint_seconds = config->checkpoint_every,
        .worker = worker,
        .progress = wn__console_progress,
        .user = call->console,
    };
    if (config->resolve) return wn__finish(call, print_resolved(call->answer, &options));
    if (config->dry_run) return wn__finish(call, print_plan(call->answer, &options));
    return run_experiment(call, &options);
}

const wn__command wn__command_run = {
    .name = "run",
    .arguments = "RECIPE",
    .summary = "Run all that a recipe compares and is not done yet; print the table of results",
    .details = "Stages that are done are skipped and those that were cut off are continued: after a stop, a crash or a power\n"
               "failure the same command goes on, to the same bytes. SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2\n"
               "and SIGXCPU save and stop (exit code 75); one ignored at the start (nohup) stays ignored;\n"
               "a second SIGINT ends at once.",
    .options = run_options,
    .config_size = sizeof(run_config),
    .least = 1,
    .most = 1,
    .prints = WN__PRINTS_TABLE,
    .run = run_run,
};
