/* Running an experiment: in this process one stage after the other, or each stage in a process of its own. */
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arguments.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/options.h"
#include "base/process.h"
#include "base/stop.h"
#include "plan/advice.h"
#include "run/experiment.h"
#include "run/remaining.h"
#include "run/results_writer.h"
#include "run/stage.h"
#include "run/store.h"
#include "run/store_names.h"
#include "winnow/experiment.h"
#include "winnow/show.h"

typedef enum fate { PENDING, RUNNING, DONE, FAILED } fate;

typedef struct runner {
    wn__experiment *e;
    const wn_run_options *options;
    wn__results_writer *results;
    fate *fate;        /* (stages) */
    pid_t *pid;        /* (stages) of running ones */
    int *channel;      /* (stages) on which running ones tell */
    wn_progress *told; /* (stages) what they told last; texts are not theirs */
    wn__remaining remaining;
    int stage; /* that runs in this process */
    int done, ran, running;
    wn_status status; /* first failure */
    char message[2048];
} runner;

/* Keeps the first failure for the end and logs each. Messages of training begin with the stage's label, others get it here. */
static void keep_failure(runner *r, int stage, wn_status status, const char *message)
{
    const char *label = r->e->plan->stage[stage].label;
    const bool named = strncmp(message, label, strlen(label)) == 0;
    if (status != WN_ESTOPPED) wn__log(WN_LOG_ERROR, "%s%s%s", named ? "" : label, named ? "" : ": ", message);
    if (r->status != WN_OK) return;
    r->status = status;
    snprintf(r->message, sizeof r->message, "%s", message);
}

static void stage_ended(runner *r, int stage)
{
    wn__remaining_ended(&r->remaining, stage);
    r->fate[stage] = DONE;
    r->done++;
    r->e->context.stages_done = r->done;
}

/* A stage cannot run any more if one that it needs has failed. */
static bool is_blocked(const runner *r, int stage)
{
    const wn__stage *s = &r->e->plan->stage[stage];
    for (int i = 0; i < s->parents; i++)
        if (r->fate[s->parent[i]] == FAILED) return true;
    return false;
}

static bool is_ready(const runner *r, int stage)
{
    const wn__stage *s = &r->e->plan->stage[stage];
    if (r->fate[stage] != PENDING) return false;
    for (int i = 0; i < s->parents; i++)
        if (r->fate[s->parent[i]] != DONE) return false;
    return true;
}

/* The next stage that can run, or -1; stages behind a failed one fail with it. */
static int next_stage(runner *r)
{
    bool changed = true;
    while (changed) {
        changed = false;
        for (int i = 0; i < r->e->plan->stages; i++)
            if (r->fate[i] == PENDING && is_blocked(r, i)) {
                r->fate[i] = FAILED;
                changed = true;
            }
    }
    for (int i = 0; i < r->e->plan->stages; i++) {
        if (!is_ready(r, i)) continue;
        if (!wn__experiment_is_idle(r->e, i)) return i;
        stage_ended(r, i);
        i = -1; /* others may be ready now */
    }
    return -1;
}

static wn_status after_stage(runner *r, int stage)
{
    char took[64] = "";
    json_t *result;
    stage_ended(r, stage);
    r->ran++;
    if (wn__store_result(r->e->root, r->e->plan->stage[stage].identity, &result) == WN_OK) {
        wn_show_seconds(json_number_value(json_object_get(result, "seconds")), took, sizeof took);
        json_decref(result);
    }
    wn__log(WN_LOG_INFO, "%s: done in %s (%d of %d stages)", r->e->plan->stage[stage].label, took, r->done, r->e->plan->stages);
    return wn__results_writer_write(r->results, r->e->folder);
}

/* ---- in this process */

static void tell_here(void *user, const wn_progress *progress)
{
    runner *r = user;
    wn_progress p = *progress;
    wn__remaining_tell(&r->remaining, r->stage, progress);
    p.all_seconds_left = wn__remaining_seconds(&r->remaining);
    r->options->progress(r->options->user, &p);
}

static wn_status run_here(runner *r)
{
    if (r->options->progress) {
        r->e->context.progress = tell_here;
        r->e->context.user = r;
    }
    for (int stage = next_stage(r); stage >= 0; stage = next_stage(r)) {
        if (wn__stop_wanted(r->options->stop)) return wn__fail(WN_ESTOPPED, "stopped on request; the same command continues");
        r->stage = stage;
        const wn_status status = wn__stage_execute(&r->e->context, stage, NULL);
        if (status == WN_ESTOPPED) return status;
        if (status == WN_OK) {
            WN_TRY(after_stage(r, stage));
            continue;
        }
        keep_failure(r, stage, status, wn_error_message());
        r->fate[stage] = FAILED;
        wn__remaining_ended(&r->remaining, stage);
        WN_TRY(wn__results_writer_write(r->results, r->e->folder));
    }
    return WN_OK;
}

/* ---- in processes of their own */

static wn_status start_worker(runner *r, int stage)
{
    WN_TRY(wn__process_start_heard(r->options->worker, (const char *const[]){r->e->folder, r->e->plan->stage[stage].identity, NULL},
                                   &r->pid[stage], &r->channel[stage]));
    r->told[stage] = (wn_progress){.last_step = 1, .loss = NAN, .rate = NAN, .seconds_left = -1};
    r->fate[stage] = RUNNING;
    r->running++;
    return WN_OK;
}

/* What became of a worker that ended without finishing its stage. */
static wn_status worker_failure(const runner *r, int stage, int how)
{
    const wn__stage *s = &r->e->plan->stage[stage];
    char message[2048];
    wn_status status;
    if (wn__store_failure(r->e->root, s, &status, message, sizeof message) == WN_OK) return wn__fail(status, "%s", message);
    if (WIFEXITED(how) && WEXITSTATUS(how) == 127)
        return wn__fail(WN_EIO, "%s: the program \"%s\" cannot be started", s->label, r->options->worker[0]);
    if (WIFSIGNALED(how)) return wn__fail(WN_EIO, "%s: its process was ended by signal %d", s->label, WTERMSIG(how));
    if (!wn__stop_wanted(r->options->stop) && WIFEXITED(how))
        return wn__fail(WN_EIO, "%s: its process ended with exit code %d and without a result", s->label, WEXITSTATUS(how));
    return wn__fail(WN_ESTOPPED, "%s: stopped on request; the same command continues", s->label);
}

static wn_status worker_ended(runner *r, int stage, int how)
{
    r->running--;
    close(r->channel[stage]);
    wn__remaining_ended(&r->remaining, stage);
    if (wn__store_is_done(r->e->root, r->e->plan->stage[stage].identity)) return after_stage(r, stage);
    const wn_status status = worker_failure(r, stage, how);
    r->fate[stage] = FAILED;
    keep_failure(r, stage, status, wn_error_message());
    return wn__results_writer_write(r->results, r->e->folder);
}

static wn_status reap(runner *r)
{
    for (int i = 0; i < r->e->plan->stages; i++) {
        int how;
        if (r->fate[i] == RUNNING && waitpid(r->pid[i], &how, WNOHANG) == r->pid[i]) WN_TRY(worker_ended(r, i, how));
    }
    return WN_OK;
}

static void signal_workers(const runner *r, int signal_number)
{
    for (int i = 0; i < r->e->plan->stages; i++)
        if (r->fate[i] == RUNNING) kill(r->pid[i], signal_number);
}

/* What a worker tells of its stage comes without texts. */
static void hear(runner *r, int stage)
{
    wn_progress p;
    while (wn__process_heard(r->channel[stage], &p, sizeof p)) {
        r->told[stage] = p;
        wn__remaining_tell(&r->remaining, stage, &p);
    }
}

static void show_progress(runner *r)
{
    int job = 0;
    if (!r->options->progress) return;
    for (int i = 0; i < r->e->plan->stages; i++)
        if (r->fate[i] == RUNNING) hear(r, i);
    const double left = wn__remaining_seconds(&r->remaining);
    for (int i = 0; i < r->e->plan->stages; i++) {
        if (r->fate[i] != RUNNING) continue;
        wn_progress p = r->told[i];
        p.stage = r->e->plan->stage[i].label;
        p.stages_done = r->done;
        p.stages = r->e->plan->stages;
        p.all_seconds_left = left;
        p.job = job++;
        p.jobs = r->running;
        r->options->progress(r->options->user, &p);
    }
}

static wn_status run_workers(runner *r)
{
    const struct timespec pause = {0, 50000000};
    bool told = false;
    for (;;) {
        const bool stop = wn__stop_wanted(r->options->stop) || r->status == WN_ESTOPPED;
        if (stop && !told) signal_workers(r, SIGTERM);
        told = told || stop;
        int stage = -1;
        while (!stop && r->running < r->e->jobs && (stage = next_stage(r)) >= 0)
            WN_TRY(start_worker(r, stage));
        if (r->running == 0) break;
        show_progress(r);
        nanosleep(&pause, NULL);
        WN_TRY(reap(r));
    }
    return wn__stop_wanted(r->options->stop) ? wn__fail(WN_ESTOPPED, "stopped on request; the same command continues") : WN_OK;
}

/* After a failure of our own: no worker outlives the run. */
static void end_workers(runner *r)
{
    signal_workers(r, SIGTERM);
    for (int i = 0; i < r->e->plan->stages; i++)
        if (r->fate[i] == RUNNING) waitpid(r->pid[i], NULL, 0);
}

/* ---- redo */

static wn_status is_meant(const wn__stage *s, const char *what, bool *meant)
{
    *meant = wn__store_names_stage(what, s->identity, s->label) || strcmp(wn__stage_kind_names[s->kind], what) == 0;
    return *meant ? WN_OK : wn__name_matches(what, s->label, meant);
}

static wn_status no_such_stage(const wn__agenda *plan, const char *what)
{
    const char **labels = WN_NEW_ARRAY(const char *, plan->stages + 1);
    for (int i = 0; labels && i < plan->stages; i++)
        labels[i] = plan->stage[i].label;
    const char *nearest = labels ? wn_nearest_name(what, labels, plan->stages) : NULL;
    const wn_status status = wn__fail(
        WN_EUSAGE,
        "redo: no stage \"%s\"%s%s%s valid: a label as dry-run shows it, or a pattern, a cache key or its folder, a kind (train, soft-labels, mask, evaluate)",
        what, nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : ";");
    wn__free(labels);
    return status;
}

/* Throw away the stages that are meant and all that depends on them. */
static wn_status redo(const wn__experiment *e, const char *what, bool *needed)
{
    const wn__agenda *plan = e->plan;
    int found = 0;
    for (int i = 0; i < plan->stages; i++) {
        bool meant;
        WN_TRY(is_meant(&plan->stage[i], what, &meant));
        if (!meant) continue;
        found++;
        for (int j = 0; j < plan->stages; j++) {
            memset(needed, 0, (size_t)plan->stages * sizeof *needed);
            wn__agenda_mark_needed(plan, j, needed);
            if (needed[i]) WN_TRY(wn__store_remove(e->root, plan->stage[j].identity));
        }
    }
    if (found) return WN_OK;
    return no_such_stage(plan, what);
}

static wn_status redo_all(const wn__experiment *e, const wn_run_options *options)
{
    bool *needed = WN_NEW_ARRAY(bool, e->plan->stages);
    if (!needed) return wn__no_memory((size_t)e->plan->stages);
    wn_status status = WN_OK;
    for (int i = 0; i < options->redos && status == WN_OK; i++)
        status = redo(e, options->redo[i], needed);
    wn__free(needed);
    return status;
}

/* ---- the whole */

static wn_status tell_what_was_kept(const runner *r)
{
    int done = 0;
    for (int i = 0; i < r->e->plan->stages; i++)
        done += wn__store_is_done(r->e->root, r->e->plan->stage[i].identity);
    return wn__fail(WN_ESTOPPED, "%s. Kept in %s: %d of %d stages, and how far others had come", wn_error_message(), r->e->root, done,
                    r->e->plan->stages);
}

static wn_status run_all(runner *r)
{
    const wn__agenda *plan = r->e->plan;
    for (int i = 0; i < plan->stages; i++)
        if (wn__store_is_done(r->e->root, plan->stage[i].identity)) stage_ended(r, i);
    WN_TRY(wn__results_writer_new(plan, r->e->root, &r->results));
    WN_TRY(wn__results_writer_write(r->results, r->e->folder));
    const bool workers = r->e->jobs > 1;
    const wn_status status = workers ? run_workers(r) : run_here(r);
    if (workers && status != WN_OK) end_workers(r);
    if (status == WN_ESTOPPED) return tell_what_was_kept(r);
    if (status != WN_OK) return status;
    return r->status == WN_OK ? WN_OK : wn__fail(r->status, "%s", r->message);
}

static wn_status run_experiment(wn__experiment *e, const wn_run_options *options, wn_run_summary *summary)
{
    runner r = {.e = e, .options = options};
    if (e->jobs > 1 && !options->worker) return wn__fail(WN_EINVAL, "jobs %d: needs the command line of a worker", e->jobs);
    WN_TRY(redo_all(e, options));
    WN_TRY(wn__experiment_write_folder(e, options->recipe));
    wn__agenda_advise(e->plan);
    r.fate = WN_NEW_ARRAY(fate, e->plan->stages);
    r.pid = WN_NEW_ARRAY(pid_t, e->plan->stages);
    r.channel = WN_NEW_ARRAY(int, e->plan->stages);
    r.told = WN_NEW_ARRAY(wn_progress, e->plan->stages);
    wn_status status = r.fate && r.pid && r.channel && r.told ? WN_OK : wn__no_memory(1024);
    if (status == WN_OK) status = wn__remaining_start(e, &r.remaining);
    int before = 0;
    for (int i = 0; i < e->plan->stages; i++)
        before += wn__store_is_done(e->root, e->plan->stage[i].identity);
    if (status == WN_OK) status = run_all(&r);
    if (summary) {
        *summary = (wn_run_summary){.stages = e->plan->stages, .done_before = before, .run = r.ran};
        snprintf(summary->folder, sizeof summary->folder, "%s", e->folder);
    }
    wn__results_writer_free(r.results);
    wn__remaining_release(&r.remaining);
    wn__free(r.told);
    wn__free(r.channel);
    wn__free(r.fate);
    wn__free(r.pid);
    return status;
}

wn_status wn_experiment_run(const wn_run_options *options, wn_run_summary *summary)
{
    WN__COMPLETE(wn_run_options, options);
    WN__NEED_TEXTS(options->redos, options->redo);
    wn__experiment e;
    WN_TRY(wn__experiment_open(options, &e));
    const wn_status status = run_experiment(&e, options, summary);
    wn__experiment_close(&e);
    return status;
}

/* How a worker tells the process that started it. */
typedef struct teller {
    int channel;
    double last;
} teller;

static void tell_starter(void *user, const wn_progress *progress)
{
    static const double interval = 0.05;
    teller *t = user;
    wn_progress record = *progress;
    const double now = wn__seconds();
    if (now - t->last < interval) return;
    t->last = now;
    record.stage = NULL; /* it knows */
    wn__process_tell(t->channel, &record, sizeof record);
}

wn_status wn_stage_run(const char *experiment_folder, const char *identity, const wn_stage_options *options)
{
    WN__COMPLETE(wn_stage_options, options);
    WN__NEED(experiment_folder);
    WN__NEED(identity);
    wn__experiment e;
    teller starter = {.channel = wn__process_channel()};
    WN_TRY(wn__experiment_reopen(experiment_folder, options, &e));
    if (!e.context.progress && starter.channel >= 0) {
        e.context.progress = tell_starter;
        e.context.user = &starter;
    }
    const int stage = wn__agenda_find(e.plan, identity);
    wn_status status = WN_OK;
    if (stage < 0) status = wn__fail(WN_ENOTFOUND, "%s: has no stage %s", experiment_folder, identity);
    for (int i = 0; status == WN_OK && i < e.plan->stage[stage].parents; i++) {
        const wn__stage *parent = &e.plan->stage[e.plan->stage[stage].parent[i]];
        if (!wn__store_is_done(e.root, parent->identity))
            status = wn__fail(WN_EINVAL, "%s: needs \"%s\", which is not done", e.plan->stage[stage].label, parent->label);
    }
    if (status == WN_OK) status = wn__stage_execute(&e.context, stage, NULL);
    wn__experiment_close(&e);
    return status;
}

wn_status wn_recipe_resolve(const wn_run_options *options, char **yaml)
{
    WN__COMPLETE(wn_run_options, options);
    WN__NEED(yaml);
    wn__experiment e;
    wn__text text = {0};
    WN_TRY(wn__experiment_look(options, &e));
    const wn_status status = wn__recipe_write(e.recipe, &text);
    wn__experiment_close(&e);
    if (status == WN_OK) *yaml = text.data;
    return status;
}

void wn_text_free(char *text) { wn__free(text); }
