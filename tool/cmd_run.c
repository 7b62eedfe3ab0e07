#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "columns.h"
#include "command.h"
#include "stop.h"
#include "winnow/experiment.h"
#include "winnow/report.h"
#include "winnow/show.h"

typedef struct run_config {
    wn__texts set, redo;
    const char *seeds, *out, *data_folder;
    int64_t jobs, threads;
    bool force, dry_run, resolve;
} run_config;

static const wn__option run_options[] = {
    WN_OPTION_LIST(run_config, set, "set", "KEY=VALUE",
                   "change the recipe: train.epochs=10, compare.methods=[dense, kd-ticket]; may be repeated"),
    WN_OPTION_TEXT(run_config, seeds, "seeds", "LIST", "0-4 or 0,2 instead of the recipe's"),
    WN_OPTION_LIST(
        run_config, redo, "redo", "STAGE",
        "throw away these stages and all that depends on them first: an identity, a kind (train, mask, ...) or a pattern for labels "
        "(\"kd-* 95%*\"); may be repeated"),
    WN_OPTION_TEXT(run_config, out, "out", "DIR", "store (default: winnow-runs)"),
    WN_OPTION_TEXT(run_config, data_folder, "data-dir", "DIR", "where data sets lie (default: $WINNOW_DATA, else ~/.local/share/winnow)"),
    WN_OPTION_CPUS(run_config, jobs, "jobs", "stages side by side, each in a process of its own (default: 1)"),
    WN_OPTION_CPUS(run_config, threads, "threads", "threads per stage (default: the recipe's, else the CPUs divided by the jobs)"),
    WN_OPTION_SWITCH(run_config, force, "force", "allow jobs x threads beyond the CPUs, those of the recipe too"),
    WN_OPTION_SWITCH(run_config, dry_run, "dry-run", "print the stages, which are done, and an estimate of the hours; run nothing",
                     .excludes = "redo resolve"),
    WN_OPTION_SWITCH(run_config, resolve, "resolve", "print the recipe with all defaults and every time in steps; run nothing",
                     .excludes = "redo"),
    {0}};

static void print_state(void *user, const wn_stage_info *stage)
{
    wn__columns *table = user;
    char count[32] = "", left[32] = "";
    const bool done = strcmp(stage->state, "done") == 0;
    if (stage->steps > 0) wn_show_count(stage->steps, count, sizeof count);
    if (!done && stage->seconds >= 0) wn_show_seconds(stage->seconds, left, sizeof left);
    wn__columns_add(table, "%.12s", stage->identity);
    wn__columns_add(table, "%s", stage->state);
    wn__columns_add(table, "%s", stage->kind);
    wn__columns_add(table, "%s", count);
    wn__columns_add(table, "%s", left);
    wn__columns_add(table, "%s", stage->label);
}

static wn_status print_plan(const wn_run_options *options)
{
    wn__columns table = WN_COLUMNS("identity", "state", "kind", ">steps", ">left", "stage");
    wn_plan_summary plan;
    const wn_status status = wn_experiment_plan(options, true, print_state, &table, &plan);
    if (status != WN_OK) table.count = 0;
    if (table.count > 0) wn__columns_print(&table);
    if (status != WN_OK) return status;
    char left[32];
    printf("\n%d stages, %d done", plan.stages, plan.done);
    if (plan.done < plan.stages && plan.seconds >= 0)
        printf("; about %s (%.2f hours) left, one after the other, %s", wn_show_seconds(plan.seconds, left, sizeof left),
               plan.seconds / 3600, plan.measured ? "measured from finished stages" : "guessed from a few steps");
    printf("\nresults: %s\n", plan.folder);
    return WN_OK;
}

static wn_status print_resolved(const wn_run_options *options)
{
    char *yaml;
    const wn_status status = wn_recipe_resolve(options, &yaml);
    if (status != WN_OK) return status;
    fputs(yaml, stdout);
    wn_text_free(yaml);
    return WN_OK;
}

static wn_status print_results(const wn__call *call, const char *folder)
{
    char *text;
    wn_report_files files;
    wn_status status = wn_report_text(folder, WN_REPORT_SUMMARY, NULL, &text);
    if (status != WN_OK) return status;
    fputs(text, stdout);
    wn_text_free(text);
    status = wn_report_write(folder, NULL, &files);
    if (status != WN_OK) return status;
    if (files.note[0]) wn__console_note(call->console, "%s", files.note);
    printf("\nreport: %s\n", files.page);
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
    const char *const worker[] = {"/proc/self/exe", "worker", console->quiet ? "--quiet" : console->verbose ? "--verbose" : "--", NULL};
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
        .worker = worker,
        .progress = wn__console_progress,
        .user = call->console,
    };
    if (config->resolve) return wn__finish(call, print_resolved(&options));
    if (config->dry_run) return wn__finish(call, print_plan(&options));
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
    .run = run_run,
};
