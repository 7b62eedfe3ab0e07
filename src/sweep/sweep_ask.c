/* A sweep whose trials another program chooses: JSON lines in, JSON lines out. docs/sweep.md is the description for those who write that program. */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arguments.h"
#include "base/fail.h"
#include "base/files.h"
#include "base/options.h"
#include "base/stop.h"
#include "io/json_file.h"
#include "run/store.h"
#include "sweep/sweep.h"

enum { PROTOCOL = 1, LONGEST_LINE = 1 << 20, MOST_PENDING = 256 };

typedef struct asking {
    wn__sweep sweep;
    wn__sweep_pool pool;
    int in;
    FILE *out;
    wn__text read; /* not yet taken as lines */
    bool ended;    /* the input */
    int64_t line;  /* number of the last one */
    struct {
        int64_t trial;
        int target; /* rung */
    } pending[MOST_PENDING];
    int pendings;
} asking;

/* ---- saying */

/* The event is taken over. */
static wn_status say(asking *a, json_t *event)
{
    char *text = event ? wn__sweep_dump(event, JSON_COMPACT) : NULL;
    json_decref(event);
    if (!text) return wn__no_memory(256);
    const bool failed = fprintf(a->out, "%s\n", text) < 0 || fflush(a->out) != 0;
    free(text); /* jansson's own allocation */
    return failed ? wn__fail_errno("writing an answer") : WN_OK;
}

/* The fault of a line, and the trial that it is about if it says so. */
static wn_status say_error(asking *a, const json_t *question, const char *message)
{
    json_t *event = json_pack("{s:s, s:I, s:s}", "event", "error", "line", (json_int_t)a->line, "message", message);
    json_t *trial = json_object_get(question, "trial");
    if (event && json_is_integer(trial)) json_object_set(event, "trial", trial);
    return say(a, event);
}

static double epochs_at(const wn__sweep_trial *t, int rung)
{
    return (double)(t->cell[0].rung[rung] - t->cell[0].first) / (double)t->steps_per_epoch;
}

static json_t *rungs_json(const wn__sweep *s)
{
    const wn__agenda *plan = s->base.plan;
    json_t *rungs = json_array();
    for (int r = 0; plan->rows && r < s->rungs; r++) {
        const wn__train_plan *t = &plan->stage[plan->row[0].train].train;
        const int64_t at = r + 1 < s->rungs ? wn__rung_step(s->section, s->base.recipe, t, r) : t->spec.last;
        const double epochs = (double)(at - t->spec.first) / (double)s->base.recipe->clock.steps_per_epoch;
        json_array_append_new(rungs, json_pack("{s:i, s:I, s:f}", "rung", r, "step", (json_int_t)at, "epochs", epochs));
    }
    return rungs;
}

static json_t *key_json(const wn__sweep_key *key)
{
    if (key->items) return json_pack("{s:o}", "list", wn__yaml_json(key->items));
    json_t *o = json_pack("{s:[o, o]}", wn__sweep_range_names[key->range], wn__sweep_key_end(key, false), wn__sweep_key_end(key, true));
    if (key->step > 0) json_object_set_new(o, "step", json_real(key->step));
    if (key->unit[0]) json_object_set_new(o, "unit", json_string(key->unit));
    return o;
}

static wn_status say_hello(asking *a)
{
    const wn__sweep *s = &a->sweep;
    json_t *space = json_object();
    for (int i = 0; i < s->section->keys; i++)
        json_object_set_new(space, s->section->key[i].name, key_json(&s->section->key[i]));
    return say(a, json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:I, s:I, s:i, s:o, s:o}", "event", "hello", "program", "winnow", "protocol",
                            PROTOCOL, "method", s->method, "objective", s->objective, "direction",
                            s->metric->less_is_better ? "minimize" : "maximize", "trials", (json_int_t)s->section->trials, "seed",
                            (json_int_t)s->section->seed, "jobs", s->jobs, "space", space, "rungs", rungs_json(s)));
}

static wn_status say_report(asking *a, const wn__sweep_trial *t, int rung)
{
    return say(a,
               json_pack("{s:s, s:I, s:i, s:I, s:f, s:o}", "event", "report", "trial", (json_int_t)t->number, "rung", rung, "step",
                         (json_int_t)t->cell[0].rung[rung], "epochs", epochs_at(t, rung), "value", wn__json_real_or_null(t->value[rung])));
}

static wn_status say_result(asking *a, const wn__sweep_trial *t, int rung)
{
    const bool failed = t->failure && t->reached <= rung;
    const char *state = failed ? "failed" : rung + 1 == a->sweep.rungs ? "complete" : "paused";
    json_t *event = json_pack("{s:s, s:I, s:s, s:i, s:o}", "event", "result", "trial", (json_int_t)t->number, "state", state, "rung", rung,
                              "value", failed ? json_null() : wn__json_real_or_null(t->value[rung]));
    if (failed && event) json_object_set_new(event, "reason", json_string(t->failure));
    return say(a, event);
}

static wn_status say_end(asking *a)
{
    const wn__sweep *s = &a->sweep;
    json_t *all = wn__sweep_json(s, true), *best = json_object_get(all, "best");
    const wn_status status = say(a, json_pack("{s:s, s:i, s:O}", "event", "end", "trials", s->trials, "best", best));
    json_decref(all);
    return status;
}

/* ---- trials */

static wn__sweep_trial *find_trial(asking *a, int64_t number)
{
    for (int i = 0; i < a->sweep.trials; i++)
        if (a->sweep.trial[i].number == number) return &a->sweep.trial[i];
    return NULL;
}

static wn_status say_news(asking *a, wn__sweep_trial *t, int target)
{
    for (; t->told < t->reached && t->told <= target; t->told++)
        WN_TRY(say_report(a, t, t->told));
    return WN_OK;
}

static bool is_over(const wn__sweep_trial *t, int target) { return t->failure || t->reached > target; }

static wn_status conclude(asking *a, const wn__sweep_trial *t, int target)
{
    WN_TRY(wn__sweep_write(&a->sweep, true, true));
    return say_result(a, t, target);
}

static wn_status train_here(asking *a, wn__sweep_trial *t, int target)
{
    while (!is_over(t, target)) {
        const int before = t->reached;
        WN_TRY(wn__sweep_trial_run(&a->sweep, t, t->reached));
        WN_TRY(wn__sweep_trial_look(&a->sweep, t));
        WN_TRY(say_news(a, t, target));
        if (t->reached == before && !t->failure) return wn__fail(WN_EIO, "trial %lld: ended without a result", (long long)t->number);
    }
    return conclude(a, t, target);
}

/* To the rung that was asked for, or a process that goes there. */
static wn_status advance(asking *a, wn__sweep_trial *t, int target)
{
    WN_TRY(say_news(a, t, target));
    if (is_over(t, target)) return conclude(a, t, target);
    if (a->sweep.jobs == 1) return train_here(a, t, target);
    WN_TRY(wn__sweep_pool_start(&a->pool, t, t->reached));
    a->pending[a->pendings].trial = t->number;
    a->pending[a->pendings++].target = target;
    return WN_OK;
}

static wn_status reap(asking *a)
{
    int64_t number;
    int how;
    if (!wn__sweep_pool_ended(&a->pool, false, &number, &how)) return WN_OK;
    wn__sweep_trial *t = find_trial(a, number);
    int place = 0, target;
    while (a->pending[place].trial != number)
        place++;
    target = a->pending[place].target;
    a->pending[place] = a->pending[--a->pendings];
    const int before = t->reached;
    WN_TRY(wn__sweep_trial_look(&a->sweep, t));
    if (t->reached == before && !t->failure) return wn__sweep_pool_failure(&a->sweep, t, how);
    return advance(a, t, target);
}

/* ---- hearing */

static wn_status check_params(const asking *a, json_t *params)
{
    const wn__sweep_section *section = a->sweep.section;
    const char *name, *names[WN__MOST_SWEEP_KEYS];
    json_t *value;
    for (int i = 0; i < section->keys; i++)
        names[i] = section->key[i].name;
    json_object_foreach(params, name, value)
    {
        wn__text key = {0};
        if (section->keys && !wn__sweep_key_find(section, name)) {
            wn__text_add_valid(&key, name, names, section->keys);
            const wn_status unknown = wn__fail(WN_EUSAGE, "params: \"%s\" is no key of the space%s", name, key.data ? key.data : "");
            wn__text_release(&key);
            return unknown;
        }
        if (json_is_null(value)) return wn__fail(WN_EUSAGE, "params: %s: null is no value", name);
        const wn_status status = wn__sweep_trial_key(a->sweep.method, name, &key);
        wn__text_release(&key);
        WN_TRY(status);
    }
    for (int i = 0; i < section->keys; i++)
        WN_TRY(wn__sweep_key_check(&section->key[i], params));
    return WN_OK;
}

static wn_status check_keys(const json_t *question)
{
    static const char *const names[] = {"trial", "params", "until"};
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)question, name, value)
    {
        bool known = false;
        for (int i = 0; i < 3; i++)
            known = known || strcmp(names[i], name) == 0;
        if (!known) return wn__fail(WN_EUSAGE, "unknown key \"%s\"; valid: trial, params, until", name);
    }
    return WN_OK;
}

static void forget(asking *a, wn__sweep_trial *t)
{
    wn__sweep_trial_release(t);
    *t = a->sweep.trial[--a->sweep.trials];
}

/* Trials of earlier conversations, as trials.json lists them: they stay in the tables. One that fits the recipe no longer does not. */
static wn_status recall(asking *a)
{
    char *path = wn__path_join(a->sweep.folder, "trials.json");
    json_t *file = NULL, *trial;
    size_t index;
    wn_status status = path ? WN_OK : wn__no_memory(64);
    if (status == WN_OK && wn__file_exists(path) && wn__json_load(path, &file) != WN_OK) file = NULL;
    json_array_foreach(json_object_get(file, "trials"), index, trial)
    {
        wn__sweep_trial *t;
        json_t *number = json_object_get(trial, "trial"), *params = json_object_get(trial, "params");
        if (status != WN_OK || !json_is_integer(number) || !json_is_object(params) || check_params(a, params) != WN_OK) continue;
        status = wn__sweep_add(&a->sweep, json_integer_value(number), json_incref(params), &t);
        if (status == WN_OK) t->recalled = true;
    }
    json_decref(file);
    wn__free(path);
    return status;
}

static bool is_pending(const asking *a, int64_t number)
{
    for (int i = 0; i < a->pendings; i++)
        if (a->pending[i].trial == number) return true;
    return false;
}

/* The trial that a question means: a new one, or one that goes on. WN_EUSAGE: the question is at fault. */
static wn_status find_asked(asking *a, const json_t *question, wn__sweep_trial **out, int *target)
{
    const json_t *number = json_object_get(question, "trial"), *until = json_object_get(question, "until");
    json_t *params = json_object_get(question, "params");
    WN_TRY(check_keys(question));
    if (!json_is_integer(number) || json_integer_value(number) < 0)
        return wn__fail(WN_EUSAGE, "\"trial\": a whole number of 0 or more is needed");
    if (until && (!json_is_integer(until) || json_integer_value(until) < 0 || json_integer_value(until) >= a->sweep.rungs))
        return wn__fail(WN_EUSAGE, "\"until\": a rung from 0 to %d is needed", a->sweep.rungs - 1);
    *target = until ? (int)json_integer_value(until) : a->sweep.rungs - 1;
    *out = find_trial(a, json_integer_value(number));
    if (is_pending(a, json_integer_value(number)))
        return wn__fail(WN_EUSAGE, "trial %lld is being trained", (long long)json_integer_value(number));
    if (!params && *out) return WN_OK;
    if (!json_is_object(params)) return wn__fail(WN_EUSAGE, "\"params\": an object from keys to values is needed");
    WN_TRY(check_params(a, params));
    if (*out && json_equal((*out)->params, params)) return WN_OK;
    if (*out && !(*out)->recalled) return wn__fail(WN_EUSAGE, "trial %lld has other params", (long long)json_integer_value(number));
    if (*out) forget(a, *out);
    return wn__sweep_add(&a->sweep, json_integer_value(number), json_incref(params), out);
}

static wn_status take_line(asking *a, const char *line)
{
    json_error_t fault;
    wn__sweep_trial *t;
    int target;
    a->line++;
    if (line[strspn(line, " \t\r")] == 0) return WN_OK;
    json_t *question = json_loads(line, JSON_REJECT_DUPLICATES, &fault);
    wn_status status;
    if (!json_is_object(question))
        status = wn__fail(WN_EUSAGE, "no JSON object%s%s; wanted: {\"trial\":0,\"params\":{...}}", question ? "" : ": ",
                          question ? "" : fault.text);
    else
        status = find_asked(a, question, &t, &target);
    if (status == WN_OK) {
        t->recalled = false;
        status = advance(a, t, target);
    } else if (status == WN_EUSAGE) {
        status = say_error(a, question, wn_error_message());
    }
    json_decref(question);
    return status;
}

/* Waits at most so long for more of the input. */
static wn_status read_more(asking *a, int milliseconds)
{
    char buffer[4096];
    struct pollfd waiting = {.fd = a->in, .events = POLLIN};
    if (poll(&waiting, 1, milliseconds) <= 0) return WN_OK; /* nothing there, or a signal */
    const ssize_t got = read(a->in, buffer, sizeof buffer);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return WN_OK;
    if (got < 0) return wn__fail_errno("reading a question");
    if (got == 0) a->ended = true;
    wn__text_add_bytes(&a->read, buffer, (size_t)got);
    return a->read.failed ? wn__no_memory(LONGEST_LINE) : WN_OK;
}

/* Take the first `length` bytes, and the character behind them, as a line. */
static wn_status take_first(asking *a, size_t length)
{
    char *line = wn__alloc(length + 1);
    if (!line) return wn__no_memory(length);
    memcpy(line, a->read.data, length);
    line[length] = 0;
    const size_t used = length < a->read.size ? length + 1 : length;
    memmove(a->read.data, a->read.data + used, a->read.size - used);
    a->read.size -= used;
    const wn_status status = take_line(a, line);
    wn__free(line);
    return status;
}

static wn_status hear(asking *a)
{
    const char *end = a->read.size ? memchr(a->read.data, '\n', a->read.size) : NULL;
    if (end) return take_first(a, (size_t)(end - a->read.data));
    if (a->ended) return take_first(a, a->read.size);
    if (a->read.size > LONGEST_LINE)
        return wn__fail(WN_EFORMAT, "line %lld: is longer than %d bytes", (long long)a->line + 1, LONGEST_LINE);
    return read_more(a, a->pool.running > 0 ? 20 : 200);
}

static wn_status converse(asking *a)
{
    const struct timespec pause = {0, 20000000};
    WN_TRY(say_hello(a));
    while (!a->ended || a->read.size > 0 || a->pool.running > 0) {
        if (wn__stop_wanted(a->sweep.options->run->stop)) return wn__fail(WN_ESTOPPED, "stopped on request; the same questions continue");
        WN_TRY(reap(a));
        if (a->pool.running < a->sweep.jobs && (!a->ended || a->read.size > 0))
            WN_TRY(hear(a));
        else
            nanosleep(&pause, NULL);
    }
    return say_end(a);
}

wn_status wn_sweep_ask_tell(const wn_sweep_options *options, int in, FILE *out)
{
    WN__COMPLETE(wn_sweep_options, options);
    WN__COMPLETE_WITHIN(wn_run_options, options, run);
    WN__NEED(out);
    asking a = {.in = in, .out = out};
    wn_status status = wn__sweep_open(options, WN__SWEEP_ASKED, &a.sweep);
    a.pool.sweep = &a.sweep;
    if (status == WN_OK) status = wn__sweep_prepare_folder(&a.sweep);
    if (status == WN_OK) status = recall(&a);
    if (status == WN_OK) status = converse(&a);
    wn__sweep_pool_end(&a.pool);
    const wn__sweep_trial *best = status == WN_OK ? wn__sweep_best(&a.sweep) : NULL;
    if (best && options->write) status = wn__sweep_write_winner(&a.sweep, best);
    wn__text_release(&a.read);
    wn__sweep_close(&a.sweep);
    return status;
}
