/* The loop of a sweep: trials are trained rung by rung, and the better ones go on. */
#include <math.h>
#include <time.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/options.h"
#include "base/stop.h"
#include "sweep/sweep.h"

typedef struct rung_state {
    wn__sweep *sweep;
    wn__sweep_trial **alive; /* those that are in, by number */
    int count;
    int rung;
} rung_state;

static bool is_pending(const rung_state *r, const wn__sweep_trial *t) { return t->reached <= r->rung && !t->failure; }

static bool is_mine(const wn__sweep *s, int place)
{
    const int shards = s->options->shards;
    return shards < 2 || place % shards == s->options->shard - 1;
}

static void tell(const rung_state *r, const wn__sweep_trial *t)
{
    wn__text params = {0};
    const wn__sweep *s = r->sweep;
    wn__sweep_params_show(t->params, &params);
    if (t->failure)
        wn__log(WN_LOG_WARNING, "trial %lld failed: %s: %s", (long long)t->number, params.data ? params.data : "", t->failure);
    else
        wn__log(WN_LOG_INFO, "trial %lld, rung %d of %d: %s %.*f: %s", (long long)t->number, r->rung + 1, s->rungs, s->objective,
                wn__sweep_decimals(t->value[r->rung]), t->value[r->rung], params.data ? params.data : "");
    wn__text_release(&params);
}

/* After it ran: it must have a value or a failure now. */
static wn_status look_again(const rung_state *r, wn__sweep_trial *t)
{
    WN_TRY(wn__sweep_trial_look(r->sweep, t));
    if (is_pending(r, t)) return wn__fail(WN_EIO, "trial %lld: ended without a result", (long long)t->number);
    tell(r, t);
    return wn__sweep_write(r->sweep, false, false);
}

static wn_status run_here(rung_state *r)
{
    for (int i = 0; i < r->count; i++) {
        if (!is_mine(r->sweep, i) || !is_pending(r, r->alive[i])) continue;
        WN_TRY(wn__sweep_trial_run(r->sweep, r->alive[i], r->rung));
        WN_TRY(look_again(r, r->alive[i]));
    }
    return WN_OK;
}

static wn__sweep_trial *find_alive(const rung_state *r, int64_t number)
{
    for (int i = 0; i < r->count; i++)
        if (r->alive[i]->number == number) return r->alive[i];
    return NULL;
}

static wn_status one_ended(rung_state *r, wn__sweep_pool *pool)
{
    int64_t number;
    int how;
    if (!wn__sweep_pool_ended(pool, true, &number, &how)) return WN_OK;
    wn__sweep_trial *t = find_alive(r, number);
    WN_TRY(wn__sweep_trial_look(r->sweep, t));
    if (is_pending(r, t)) return wn__sweep_pool_failure(r->sweep, t, how);
    return look_again(r, t);
}

static wn_status run_workers(rung_state *r)
{
    wn__sweep_pool pool = {.sweep = r->sweep};
    wn_status status = WN_OK;
    for (int i = 0; i < r->count && status == WN_OK; i++) {
        if (!is_mine(r->sweep, i) || !is_pending(r, r->alive[i])) continue;
        if (pool.running == r->sweep->jobs) status = one_ended(r, &pool);
        if (status == WN_OK && wn__stop_wanted(r->sweep->options->run->stop))
            status = wn__fail(WN_ESTOPPED, "stopped on request; the same command continues");
        if (status == WN_OK) status = wn__sweep_pool_start(&pool, r->alive[i], r->rung);
    }
    while (status == WN_OK && pool.running > 0)
        status = one_ended(r, &pool);
    wn__sweep_pool_end(&pool);
    return status;
}

/* How many are still without a value, from whatever shard. */
static wn_status count_pending(rung_state *r, int *pending)
{
    *pending = 0;
    for (int i = 0; i < r->count; i++) {
        if (is_pending(r, r->alive[i])) WN_TRY(wn__sweep_trial_look(r->sweep, r->alive[i]));
        *pending += is_pending(r, r->alive[i]);
    }
    return WN_OK;
}

static wn_status wait_for_others(rung_state *r, int *pending)
{
    const struct timespec pause = {1, 0};
    WN_TRY(count_pending(r, pending));
    if (*pending > 0 && r->sweep->options->wait)
        wn__log(WN_LOG_INFO, "rung %d of %d: waiting for %d trials of other shards", r->rung + 1, r->sweep->rungs, *pending);
    while (*pending > 0 && r->sweep->options->wait) {
        if (wn__stop_wanted(r->sweep->options->run->stop)) return wn__fail(WN_ESTOPPED, "stopped while waiting for other shards");
        nanosleep(&pause, NULL);
        WN_TRY(count_pending(r, pending));
    }
    return WN_OK;
}

/* Trials of the rung that are better than the i-th; ties go to the earlier one. */
static int count_better(const rung_state *r, int i)
{
    int better = 0;
    for (int j = 0; j < r->count; j++) {
        const double mine = r->alive[i]->value[r->rung], other = r->alive[j]->value[r->rung];
        better += wn__sweep_better(r->sweep, other, mine) || (j < i && !wn__sweep_better(r->sweep, mine, other));
    }
    return better;
}

static void drop(rung_state *r, bool failed)
{
    int left = 0;
    for (int i = 0; i < r->count; i++)
        if (failed ? r->alive[i]->reached > r->rung : !r->alive[i]->stopped) r->alive[left++] = r->alive[i];
    r->count = left;
}

/* Keeps one in `factor`, at least one. */
static void halve(rung_state *r)
{
    int keep = r->count / (int)r->sweep->section->factor;
    if (keep < 1) keep = 1;
    drop(r, true);
    if (r->rung + 1 == r->sweep->rungs) return;
    for (int i = 0; i < r->count; i++)
        r->alive[i]->stopped = count_better(r, i) >= keep;
    drop(r, false);
}

static wn_status run_rungs(wn__sweep *s, int *pending)
{
    rung_state r = {.sweep = s, .count = s->trials, .alive = WN_NEW_ARRAY(wn__sweep_trial *, s->trials)};
    if (!r.alive) return wn__no_memory((size_t)s->trials * sizeof *r.alive);
    for (int i = 0; i < s->trials; i++)
        r.alive[i] = &s->trial[i];
    wn_status status = WN_OK;
    *pending = 0;
    for (r.rung = 0; r.rung < s->rungs && status == WN_OK && *pending == 0; r.rung++) {
        if (!s->options->dry_run) status = s->jobs > 1 ? run_workers(&r) : run_here(&r);
        if (status == WN_OK) status = s->options->dry_run ? count_pending(&r, pending) : wait_for_others(&r, pending);
        if (status == WN_OK && *pending == 0) halve(&r);
    }
    wn__free(r.alive);
    return status;
}

static wn_status add_trials(wn__sweep *s)
{
    const int64_t trials = wn__sweep_trial_count(s->section);
    for (int64_t i = 0; i < trials; i++) {
        wn__sweep_trial *added;
        json_t *params = wn__sweep_params(s->section, i);
        if (!params) return wn__no_memory(256);
        WN_TRY(wn__sweep_add(s, i, params, &added));
        if (added->failure && added->cells > 0 && s->options->retry && !s->options->dry_run) WN_TRY(wn__sweep_trial_retry(s, added));
        if (added->failure && added->cells == 0) wn__log(WN_LOG_WARNING, "trial %lld is left out: %s", (long long)i, added->failure);
    }
    return WN_OK;
}

static wn_status summarise(const wn__sweep *s, bool complete, wn_sweep_summary *out)
{
    const wn__sweep_trial *best = complete ? wn__sweep_best(s) : NULL;
    double deviation;
    snprintf(out->folder, sizeof out->folder, "%s", s->folder);
    out->trials = s->trials;
    out->done = out->failed = 0;
    for (int i = 0; i < s->trials; i++) {
        out->done += wn__sweep_trial_is_done(s, &s->trial[i]);
        out->failed += s->trial[i].failure != NULL;
    }
    out->best = best ? (int)best->number : -1;
    out->best_value = best ? best->value[s->rungs - 1] : (double)NAN;
    out->test_value = (double)NAN;
    return best ? wn__sweep_trial_test(s, best, &out->test_value, &deviation) : WN_OK;
}

static wn_status run_sweep(wn__sweep *s, wn_sweep_format format, char **text, wn_sweep_summary *summary)
{
    const wn_sweep_options *o = s->options;
    wn_sweep_summary own = {0};
    wn__text shown = {0};
    WN_TRY(add_trials(s));
    if (!o->dry_run) WN_TRY(wn__sweep_prepare_folder(s));
    if (!o->dry_run) WN_TRY(wn__sweep_write(s, false, false));
    WN_TRY(run_rungs(s, &own.waiting));
    const bool complete = own.waiting == 0;
    if (!o->dry_run) WN_TRY(wn__sweep_write(s, complete, false));
    WN_TRY(summarise(s, complete, &own));
    if (complete && own.best < 0)
        return wn__fail(WN_EDIVERGED, "sweep: none of %d trials has a result; the last: %s", s->trials, s->trial[s->trials - 1].failure);
    if (complete && o->write) WN_TRY(wn__sweep_write_winner(s, wn__sweep_best(s)));
    if (summary) *summary = own;
    if (!text) return WN_OK;
    WN_TRY(wn__sweep_show(s, complete, format, &shown));
    *text = shown.data;
    return WN_OK;
}

wn_status wn_sweep_run(const wn_sweep_options *options, wn_sweep_format format, char **text, wn_sweep_summary *summary)
{
    WN__COMPLETE(wn_sweep_options, options);
    WN__COMPLETE_WITHIN(wn_run_options, options, run);
    if ((unsigned)format > WN_SWEEP_CSV) return wn__fail(WN_EINVAL, "sweep: format %d, must be 0 to %d", (int)format, (int)WN_SWEEP_CSV);
    wn__sweep s;
    wn_status status = wn__sweep_open(options, WN__SWEEP_SEARCH, &s);
    if (status == WN_OK) status = run_sweep(&s, format, text, summary);
    wn__sweep_close(&s);
    return status;
}
