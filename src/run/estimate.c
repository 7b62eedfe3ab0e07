/* How long what is left of an experiment will take, and the listing of its stages. */
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/options.h"
#include "data/loader.h"
#include "data/pictures.h"
#include "io/json_file.h"
#include "io/jsonl.h"
#include "plan/advice.h"
#include "run/experiment.h"
#include "run/stage.h"
#include "run/step_trial.h"
#include "run/store.h"

/* Evaluating or labelling a batch is a third of training on it. */
static const double forward_share = 1.0 / 3;
enum { REESTIMATED_BATCHES = 100, BENCHMARK_STEPS = 3 };

/* ---- speed of finished stages */

/* What the time of a step depends on; the rest (labels, schedules, masks) hardly matters. */
static bool same_work(const json_t *a, const json_t *b)
{
    static const char *const keys[] = {"kind", "model", "backend", "dtype", "isa", "optimizer"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!json_equal(json_object_get(a, keys[i]), json_object_get(b, keys[i]))) return false;
    const json_t *x = json_object_get(a, "data"), *y = json_object_get(b, "data");
    return json_equal(json_object_get(x, "set"), json_object_get(y, "set")) &&
           json_equal(json_object_get(x, "batch"), json_object_get(y, "batch"));
}

typedef struct speed {
    double seconds, steps;
} speed;

/* Adds a finished training stage's time if its work is like `inputs`. Folders that cannot be read tell nothing. */
static void add_speed(const char *folder, const json_t *inputs, speed *sum)
{
    char *stage_path = wn__path_join(folder, "stage.json"), *done_path = wn__path_join(folder, "done.json");
    json_t *stage = NULL, *done = NULL;
    if (stage_path && done_path && wn__file_exists(done_path) && wn__json_load(stage_path, &stage) == WN_OK &&
        same_work(json_object_get(stage, "inputs"), inputs) && wn__json_load(done_path, &done) == WN_OK) {
        const json_t *result = json_object_get(done, "result");
        sum->seconds += json_number_value(json_object_get(result, "seconds"));
        sum->steps += json_number_value(json_object_get(result, "steps"));
    }
    json_decref(stage);
    json_decref(done);
    wn__free(stage_path);
    wn__free(done_path);
}

/* Seconds a training step takes on average in the store; negative: nothing tells. */
static double measured_step(const wn__experiment *e, const json_t *inputs)
{
    char *stages = wn__path_join(e->root, "stages");
    char **names;
    int count;
    speed sum = {0};
    if (stages && wn__folder_exists(stages) && wn__list_folder(stages, &names, &count) == WN_OK) {
        for (int i = 0; i < count; i++) {
            char *folder = wn__path_join(stages, names[i]);
            if (folder) add_speed(folder, inputs, &sum);
            wn__free(folder);
        }
        wn__free_names(names, count);
    }
    wn__free(stages);
    return sum.steps > 0 ? sum.seconds / sum.steps : -1;
}

/* ---- benchmark */

/* Of pictures, which are not in memory as a whole: what training on them will take. */
static void tell_memory(const wn__experiment *e)
{
    const wn__recipe *r = e->recipe;
    const wn__sample_spec *sample = &r->data.facts.sample;
    const wn__pictures *pictures = wn__pictures_of(r->data.type, &r->data.facts);
    if (!pictures) return;
    const int threads = wn__context_loader_threads(&e->context);
    wn__log(WN_LOG_INFO,
            "memory: %.2f GiB with the network for batches of %lld; %.2f GiB of pictures read ahead by %d threads; %.2f GiB of cache",
            (double)wn__memory_expected() / 0x1p30, (long long)r->train.batch,
            (double)wn__loader_room(sample, r->train.batch, threads) / 0x1p30, threads, pictures->config.cache);
}

/* The first step does not count. */
static wn_status benchmark_step(wn__experiment *e, double *seconds)
{
    wn__step_trial trial;
    wn__device *device;
    double sum = 0, step = 0;
    WN_TRY(wn__context_device(&e->context, e->plan->machine.backend, (wn__dtype)e->recipe->top.dtype, &device));
    wn_status status = wn__step_trial_open(e->recipe, device, &trial);
    for (int i = 0; i <= BENCHMARK_STEPS && status == WN_OK; i++) {
        status = wn__step_trial_run(&trial, &step);
        sum += i > 0 ? step : 0;
    }
    *seconds = sum / BENCHMARK_STEPS;
    if (status == WN_OK) tell_memory(e);
    wn__step_trial_close(&trial);
    return status;
}

/* ---- what is left */

static wn_status last_step(void *user, int64_t line, const json_t *object)
{
    (void)line;
    const json_t *step = json_object_get(object, "step");
    if (step) *(int64_t *)user = json_integer_value(step);
    return WN_OK;
}

/* Training steps that are left of an interrupted stage, as far as its metrics tell. */
static int64_t steps_left(const wn__experiment *e, int index)
{
    const wn__train_plan *t = &e->plan->stage[index].train;
    int64_t reached = t->spec.first;
    char *path = wn__stage_file(&e->context, index, "metrics.jsonl");
    if (path && wn__file_exists(path) && wn__jsonl_read(path, last_step, &reached) != WN_OK)
        reached = t->spec.first; /* cut off: start over */
    wn__free(path);
    return reached < t->spec.last ? t->spec.last - reached : 0;
}

static double stage_seconds(const wn__experiment *e, int index, double step)
{
    const wn__recipe *r = e->recipe;
    const wn__stage *s = &e->plan->stage[index];
    const double test = (double)r->test_images / (double)r->train.batch * forward_share * step;
    switch (s->kind) {
    case WN__STAGE_TRAIN:
        return (double)steps_left(e, index) * step * (s->train.spec.loss.soft && s->train.cache < 0 ? 1 + forward_share : 1);
    case WN__STAGE_SOFT_LABELS:
        return (double)((s->cache.end_epoch - s->cache.first_epoch) * r->clock.steps_per_epoch) * step * forward_share;
    case WN__STAGE_EVALUATE: return 2 * test + REESTIMATED_BATCHES * step * forward_share;
    case WN__STAGE_MASK: break;
    }
    return 0;
}

static int is_sparse(const wn__experiment *e, const wn__stage *stage)
{
    return e->plan->machine.sparse && wn__stage_backend(e->plan, stage) == e->plan->machine.sparse;
}

static bool is_over(const wn__experiment *e, int stage)
{
    return wn__store_is_done(e->root, e->plan->stage[stage].identity) || wn__experiment_is_idle(e, stage);
}

void wn__experiment_work(const wn__experiment *e, double *work)
{
    for (int i = 0; i < e->plan->stages; i++)
        work[i] = is_over(e, i) ? 0 : stage_seconds(e, i, 1);
}

wn_status wn__experiment_estimate(wn__experiment *e, bool benchmark, double *seconds, bool *measured)
{
    double step[2] = {-1, -1}; /* on the backend of dense networks, on that of masked ones */
    bool left = false;
    for (int i = 0; i < e->plan->stages; i++) {
        const wn__stage *s = &e->plan->stage[i];
        double *of_kind = &step[is_sparse(e, s)];
        left = left || !wn__store_is_done(e->root, s->identity);
        if (*of_kind < 0 && s->kind == WN__STAGE_TRAIN) *of_kind = measured_step(e, s->inputs);
    }
    *measured = step[0] >= 0 || step[1] >= 0;
    if (!*measured && benchmark && left) WN_TRY(benchmark_step(e, &step[0]));
    for (int k = 0; k < 2; k++) /* the other kind is the best guess there is */
        if (step[k] < 0) step[k] = step[1 - k];
    for (int i = 0; i < e->plan->stages; i++) {
        const wn__stage *s = &e->plan->stage[i];
        seconds[i] = is_over(e, i) ? 0 : step[0] < 0 ? -1 : stage_seconds(e, i, step[is_sparse(e, s)]);
    }
    return WN_OK;
}

/* ---- the listing */

typedef struct listing {
    wn__experiment *e;
    const double *seconds;
    bool *listed; /* (stages) */
    double *end;  /* (stages) seconds from now */
    double *busy; /* (jobs) until then */
    wn_stage_visit visit;
    void *user;
    wn_plan_summary *summary;
} listing;

/* A stage begins when its parents have ended and a job is free, in the order of the list. */
static void schedule(listing *l, int index)
{
    const wn__stage *s = &l->e->plan->stage[index];
    int job = 0;
    for (int j = 1; j < l->e->jobs; j++)
        if (l->busy[j] < l->busy[job]) job = j;
    double begin = l->busy[job];
    for (int i = 0; i < s->parents; i++)
        if (l->end[s->parent[i]] > begin) begin = l->end[s->parent[i]];
    l->end[index] = begin + l->seconds[index];
    if (l->seconds[index] > 0) l->busy[job] = l->end[index];
    if (l->end[index] > l->summary->seconds) l->summary->seconds = l->end[index];
}

static void add_up(listing *l, int index, bool done)
{
    l->summary->stages++;
    l->summary->done += done;
    if (l->seconds[index] < 0)
        l->summary->seconds = -1;
    else if (l->summary->seconds >= 0)
        schedule(l, index);
}

/* Parents first. */
static void list_stage(listing *l, int index)
{
    const wn__stage *s = &l->e->plan->stage[index];
    if (l->listed[index]) return;
    l->listed[index] = true;
    const char *parents[WN__MOST_PARENTS];
    for (int i = 0; i < s->parents; i++) {
        list_stage(l, s->parent[i]);
        parents[i] = l->e->plan->stage[s->parent[i]].identity;
    }
    const wn__stage_state state = wn__store_state(l->e->root, s->identity);
    const wn_stage_info info = {
        .identity = s->identity,
        .kind = wn__stage_kind_names[s->kind],
        .label = s->label,
        .state = wn__stage_state_names[state],
        .parents = parents,
        .parent_count = s->parents,
        .steps = s->kind == WN__STAGE_TRAIN ? s->train.spec.last - s->train.spec.first : 0,
        .seconds = l->seconds[index],
    };
    add_up(l, index, state == WN__STATE_DONE);
    if (l->visit) l->visit(l->user, &info);
}

static wn_status list_all(wn__experiment *e, bool benchmark, wn_stage_visit visit, void *user, wn_plan_summary *summary)
{
    const int stages = e->plan->stages;
    double *seconds = WN_NEW_ARRAY(double, stages);
    bool *listed = WN_NEW_ARRAY(bool, stages);
    double *end = WN_NEW_ARRAY(double, stages), *busy = WN_NEW_ARRAY(double, e->jobs);
    wn_status status = seconds && listed && end && busy ? WN_OK : wn__no_memory((size_t)stages * sizeof *seconds);
    if (status == WN_OK) status = wn__experiment_estimate(e, benchmark, seconds, &summary->measured);
    listing l = {e, seconds, listed, end, busy, visit, user, summary};
    for (int i = 0; status == WN_OK && i < stages; i++)
        list_stage(&l, i);
    wn__free(seconds);
    wn__free(listed);
    wn__free(end);
    wn__free(busy);
    return status;
}

wn_status wn_experiment_plan(const wn_run_options *options, bool benchmark, wn_stage_visit visit, void *user, wn_plan_summary *summary)
{
    WN__COMPLETE(wn_run_options, options);
    wn__experiment e;
    wn_plan_summary own = {0};
    WN_TRY(wn__experiment_look(options, &e));
    snprintf(own.folder, sizeof own.folder, "%s", e.folder);
    wn__agenda_advise(e.plan);
    const wn_status status = list_all(&e, benchmark, visit, user, &own);
    if (status == WN_OK && own.done < own.stages && e.recipe->data.lacks_files)
        wn__log(WN_LOG_WARNING, "data set %s: its files are not there; winnow data get %s", e.recipe->data.type->name,
                e.recipe->data.type->name);
    wn__experiment_close(&e);
    if (status == WN_OK && summary) *summary = own;
    return status;
}
