/* Trials side by side, each in a process of its own that trains one trial up to one rung. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "base/arguments.h"
#include "base/fail.h"
#include "base/process.h"
#include "base/stop.h"
#include "run/store.h"
#include "sweep/sweep.h"

enum { SLOTS = sizeof((wn__sweep_pool){0}).slot / sizeof *((wn__sweep_pool){0}).slot };

static char *describe_job(const wn__sweep *s, const wn__sweep_trial *trial, int rung)
{
    const wn_run_options *run = s->options->run;
    json_t *job = json_pack("{s:s, s:s, s:s*, s:i, s:I, s:I, s:i, s:O}", "recipe", s->recipe_copy, "out", s->base.root, "data_folder",
                            run->data_folder, "threads", s->threads, "checkpoint_seconds", (json_int_t)run->checkpoint_seconds, "trial",
                            (json_int_t)trial->number, "rung", rung, "params", trial->params);
    char *text = job ? wn__sweep_dump(job, JSON_COMPACT) : NULL;
    json_decref(job);
    return text;
}

wn_status wn__sweep_pool_start(wn__sweep_pool *pool, const wn__sweep_trial *trial, int rung)
{
    int slot = 0;
    while (slot < SLOTS && pool->slot[slot].pid)
        slot++;
    if (slot == SLOTS) return wn__fail(WN_EUSAGE, "more than %d jobs", SLOTS);
    char *job = describe_job(pool->sweep, trial, rung);
    if (!job) return wn__fail(WN_ENOMEM, "out of memory");
    pid_t pid;
    const wn_status status = wn__process_start(pool->sweep->options->run->worker, (const char *const[]){job, NULL}, &pid);
    free(job); /* jansson's own allocation */
    if (status != WN_OK) return status;
    pool->slot[slot].pid = pid;
    pool->slot[slot].trial = trial->number;
    pool->running++;
    return WN_OK;
}

static bool take_ended(wn__sweep_pool *pool, int64_t *trial, int *how)
{
    for (int i = 0; i < SLOTS; i++) {
        if (!pool->slot[i].pid || waitpid(pool->slot[i].pid, how, WNOHANG) != pool->slot[i].pid) continue;
        *trial = pool->slot[i].trial;
        pool->slot[i].pid = 0;
        pool->running--;
        return true;
    }
    return false;
}

static void ask_to_stop(const wn__sweep_pool *pool)
{
    for (int i = 0; i < SLOTS; i++)
        if (pool->slot[i].pid) kill(pool->slot[i].pid, SIGTERM);
}

bool wn__sweep_pool_ended(wn__sweep_pool *pool, bool wait, int64_t *trial, int *how)
{
    const struct timespec pause = {0, 10000000};
    const wn_stop *stop = pool->sweep->options->run->stop;
    for (bool asked = false; pool->running > 0;) {
        if (take_ended(pool, trial, how)) return true;
        if (!wait) return false;
        if (wn__stop_wanted(stop) && !asked) ask_to_stop(pool);
        asked = wn__stop_wanted(stop);
        nanosleep(&pause, NULL);
    }
    return false;
}

/* The reason that a stage of it noted. */
static wn_status noted_failure(const wn__sweep *s, const wn__sweep_trial *trial)
{
    char message[2048];
    wn_status status;
    for (int i = 0; i < trial->stages; i++) {
        wn__stage stage;
        memcpy(stage.identity, trial->stage[i], WN__SHA256_TEXT);
        if (wn__store_failure(s->base.root, &stage, &status, message, sizeof message) == WN_OK) return wn__fail(status, "%s", message);
    }
    return WN_OK;
}

wn_status wn__sweep_pool_failure(const wn__sweep *s, const wn__sweep_trial *trial, int how)
{
    const long long number = (long long)trial->number;
    WN_TRY(noted_failure(s, trial));
    if (WIFEXITED(how) && WEXITSTATUS(how) == 127)
        return wn__fail(WN_EIO, "trial %lld: the program \"%s\" cannot be started", number, s->options->run->worker[0]);
    if (wn__stop_wanted(s->options->run->stop) || (WIFSIGNALED(how) && WTERMSIG(how) == SIGTERM))
        return wn__fail(WN_ESTOPPED, "stopped on request; the same command continues");
    if (WIFSIGNALED(how)) return wn__fail(WN_EIO, "trial %lld: its process was ended by signal %d", number, WTERMSIG(how));
    return wn__fail(WN_EIO, "trial %lld: its process ended with exit code %d and without a result", number, WEXITSTATUS(how));
}

void wn__sweep_pool_end(wn__sweep_pool *pool)
{
    ask_to_stop(pool);
    for (int i = 0; i < SLOTS; i++)
        if (pool->slot[i].pid) waitpid(pool->slot[i].pid, NULL, 0);
    *pool = (wn__sweep_pool){.sweep = pool->sweep};
}

/* ---- the other side */

static wn_status run_job(const json_t *job)
{
    const wn_sweep_options options = {
        .size = sizeof options,
        .run = &WN_OPTIONS(wn_run_options, .recipe = json_string_value(json_object_get(job, "recipe")),
                           .out = json_string_value(json_object_get(job, "out")),
                           .data_folder = json_string_value(json_object_get(job, "data_folder")),
                           .threads = (int)json_integer_value(json_object_get(job, "threads")),
                           .checkpoint_seconds = json_integer_value(json_object_get(job, "checkpoint_seconds"))),
    };
    const int rung = (int)json_integer_value(json_object_get(job, "rung"));
    json_t *params = json_object_get(job, "params");
    wn__sweep s;
    wn__sweep_trial *trial = NULL;
    wn_status status = wn__sweep_open(&options, WN__SWEEP_WORKER, &s);
    if (status == WN_OK && (rung < 0 || rung >= s.rungs)) status = wn__fail(WN_EINVAL, "sweep: there is no rung %d", rung);
    if (status == WN_OK) status = wn__sweep_add(&s, json_integer_value(json_object_get(job, "trial")), json_incref(params), &trial);
    if (status == WN_OK && trial && !trial->failure) status = wn__sweep_trial_run(&s, trial, rung);
    wn__sweep_close(&s);
    return status;
}

wn_status wn_sweep_worker(const char *job)
{
    WN__NEED(job);
    json_t *json = json_loads(job, JSON_REJECT_DUPLICATES, NULL);
    const bool whole = json_is_string(json_object_get(json, "recipe")) && json_is_object(json_object_get(json, "params"));
    const wn_status status = whole ? run_job(json) : wn__fail(WN_EINVAL, "sweep: \"%s\" is no job of a sweep", job);
    json_decref(json);
    return status;
}
