#include "run/timing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arguments.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/options.h"
#include "base/statistics.h"
#include "base/stop.h"
#include "io/json_file.h"
#include "io/jsonl.h"
#include "run/results_writer.h"
#include "run/stage.h"
#include "run/store.h"
#include "run/teachers.h"
#include "train/trainer.h"

enum { COLD = 3, STEPS = 40, AFTER_UPDATE = 10, FURTHEST_UPDATE = 600, TEACHER_RUNS = 10, USUAL_ROUNDS = 5, MOST_ROUNDS = 1000 };

#define LEAST_CHANGE 0.02 /* of a step's FLOPs along a stage */

/* A step that changes the topology, or follows one that did; a usual step at the end of a stage whose cost changes. */
typedef enum step_kind { USUAL, CHANGES, FOLLOWS, LATE, KINDS } step_kind;

typedef struct samples {
    double *value;
    int count, capacity;
} samples;

/* A training stage on a backend, and its steps so far. */
typedef struct timed {
    int stage;
    const wn__backend *backend, *other; /* NULL, or where the stage was timed too, and took longer */
    double other_seconds;
    const wn__train_plan *plan;
    samples seen[KINDS];
    double median[KINDS]; /* seconds; of kinds that were not seen that of usual steps */
    double seconds;       /* of all of its steps */
    double late;          /* weight of LATE beside USUAL in the mean of usual steps */
    int64_t changes;
    int64_t done;
    bool at_end; /* what is run now */
    bool failed; /* no memory for a sample */
} timed;

typedef struct timing {
    wn__experiment experiment;
    const wn_time_options *options;
    int rounds;
    timed *item; /* (count) */
    int count;
    char *folder;   /* of the trainings that are begun */
    double teacher; /* seconds of a forward pass over a batch; 0: no row has soft labels from a cache */
} timing;

/* --- statistics ---------------------------------------------------------------------------------------------------------------- */

static void add_sample(timed *t, step_kind kind, double seconds)
{
    samples *s = &t->seen[kind];
    if (s->count == s->capacity) {
        const int wanted = s->capacity ? 2 * s->capacity : 64;
        double *larger = wn__realloc(s->value, (size_t)wanted * sizeof *larger);
        t->failed = t->failed || !larger;
        if (!larger) return;
        s->value = larger;
        s->capacity = wanted;
    }
    s->value[s->count++] = seconds;
}

/* Below 0 if there are none. */
static double median_of(samples *s) { return s->count > 0 ? wn__median(s->value, s->count) : -1; }

static bool changes_at(const wn__train_plan *t, int64_t step)
{
    return (t->spec.rewires && wn__rewiring_is_due(&t->spec.rewiring, step)) ||
           (t->spec.gradual.last.sparsity > 0 && wn__gradual_is_due(&t->spec.gradual.when, step));
}

static step_kind kind_of(const wn__train_plan *t, int64_t step)
{
    return changes_at(t, step) ? CHANGES : step > t->spec.first && changes_at(t, step - 1) ? FOLLOWS : USUAL;
}

static void summarise(timed *t)
{
    const double usual = median_of(&t->seen[USUAL]), changes = median_of(&t->seen[CHANGES]), follows = median_of(&t->seen[FOLLOWS]);
    const double any = usual >= 0 ? usual : changes; /* a topology that changes at every step has no usual one */
    t->median[USUAL] = any;
    t->median[CHANGES] = changes >= 0 ? changes : any;
    t->median[FOLLOWS] = follows >= 0 ? follows : any;
    t->median[LATE] = t->seen[LATE].count > 0 ? median_of(&t->seen[LATE]) : any;
    const double more = t->late * (t->median[LATE] - any); /* of every step in the mean, whatever its kind */
    t->seconds = 0;
    for (int64_t step = t->plan->spec.first; step < t->plan->spec.last; step++) {
        const step_kind kind = kind_of(t->plan, step);
        t->changes += kind == CHANGES;
        t->seconds += t->median[kind] + more;
    }
}

/* --- costs that change --------------------------------------------------------------------------------------------------------- */

/* FLOPs until the end of an epoch. */
typedef struct mark {
    double step, flops;
} mark;

typedef struct spending {
    mark first, second, before_last, last;
    int lines;
} spending;

static wn_status add_line(void *user, int64_t line, const json_t *object)
{
    spending *s = user;
    const char *split = json_string_value(json_object_get(object, "split"));
    const mark m = {(double)json_integer_value(json_object_get(object, "step")),
                    (double)json_integer_value(json_object_get(object, "flops_total"))};
    (void)line;
    if (!split || strcmp(split, "train") != 0) return WN_OK;
    if (s->lines == 0) s->first = m;
    if (s->lines == 1) s->second = m;
    s->before_last = s->last;
    s->last = m;
    s->lines++;
    return WN_OK;
}

static double slope(mark a, mark b) { return b.step > a.step ? (b.flops - a.flops) / (b.step - a.step) : 0; }

/* Connections that move between layers make steps dearer or cheaper: where the mean step is between the first and the last, by FLOPs, it is in seconds. */
static wn_status find_late(const timing *t, timed *one)
{
    spending s = {0};
    const bool shares = one->plan->spec.rewires && one->plan->spec.rewiring.rule.redistribute != WN__SHARE_NONE;
    if (!shares || one->plan->small.config) return WN_OK;
    char *path = wn__stage_file(&t->experiment.context, one->stage, "metrics.jsonl");
    const wn_status status = path ? wn__jsonl_read(path, add_line, &s) : wn__no_memory(64);
    wn__free(path);
    if (status != WN_OK || s.lines < 3) return status;
    const double first = slope(s.first, s.second), mean = slope(s.first, s.last), last = slope(s.before_last, s.last);
    if (fabs(last - first) < LEAST_CHANGE * first) return WN_OK;
    one->late = fmin(fmax((mean - first) / (last - first), 0), 1);
    return WN_OK;
}

/* --- steps --------------------------------------------------------------------------------------------------------------------- */

static void on_step(void *user, const wn__train_progress *p)
{
    timed *t = user;
    const step_kind kind = kind_of(t->plan, p->step - 1);
    if (t->done++ >= COLD && (!t->at_end || kind == USUAL)) add_sample(t, t->at_end ? LATE : kind, p->seconds);
}

/* Far enough for a change of the topology and some steps more, unless the first one is far away. */
static int64_t steps_of(const wn__train_plan *t)
{
    int64_t count = STEPS, first = t->spec.first + COLD;
    while (first < t->spec.first + FURTHEST_UPDATE && !changes_at(t, first))
        first++;
    if (first < t->spec.first + FURTHEST_UPDATE && first + AFTER_UPDATE > t->spec.first + count)
        count = first + AFTER_UPDATE - t->spec.first;
    return count < t->spec.last - t->spec.first ? count : t->spec.last - t->spec.first;
}

static wn_status run_some(timing *t, timed *one, bool at_end)
{
    wn__stage *stage = &t->experiment.plan->stage[one->stage];
    const wn__train_plan *plan = one->plan;
    const int64_t last_ones = plan->spec.last - plan->spec.first < STEPS ? plan->spec.last - plan->spec.first : STEPS;
    const wn__retraining r = {.folder = t->folder,
                              .identity = stage->identity,
                              .from = at_end ? plan->spec.last - last_ones : plan->spec.first,
                              .last = plan->spec.last,
                              .pause = at_end ? plan->spec.last - 1 : plan->spec.first + steps_of(plan), /* no evaluation */
                              .at_end = at_end,
                              .cached = true,
                              .progress = on_step,
                              .user = one};
    one->done = 0;
    one->at_end = at_end;
    stage->train.backend = one->backend;
    if (wn__folder_exists(t->folder)) WN_TRY(wn__remove_tree(t->folder)); /* of a call that was cut off */
    wn_status status = wn__stage_retrain(&t->experiment.context, one->stage, &r);
    if (status == WN_ESTOPPED && !wn__stop_wanted(t->options->stop)) status = WN_OK;
    if (status == WN_OK && one->failed) status = wn__no_memory(sizeof(double));
    if (status != WN_OK && status != WN_ESTOPPED) wn__fail_within(status, "%s: ", stage->label);
    const wn_status removed = wn__remove_tree(t->folder);
    return status == WN_OK ? removed : status;
}

static wn_status run_rounds(timing *t)
{
    wn_progress p = {
        .stage = "steps in turns", .last_step = (int64_t)t->rounds * t->count, .loss = (double)NAN, .rate = (double)NAN, .stages = 1};
    const double start = wn__seconds();
    for (int i = 0; i < t->count; i++)
        WN_TRY(find_late(t, &t->item[i]));
    for (int round = 0; round < t->rounds; round++)
        for (int i = 0; i < t->count; i++) {
            WN_TRY(run_some(t, &t->item[i], false));
            if (t->item[i].late > 0) WN_TRY(run_some(t, &t->item[i], true));
            p.step++;
            p.seconds_left = (wn__seconds() - start) / (double)p.step * (double)(p.last_step - p.step);
            if (t->options->progress) t->options->progress(t->options->user, &p);
        }
    for (int i = 0; i < t->count; i++)
        summarise(&t->item[i]);
    return WN_OK;
}

/* --- the teacher's forward pass, where a cache keeps it ------------------------------------------------------------------------- */

static wn_status time_passes(const wn__recipe *r, const wn__teacher *teacher, samples *s)
{
    const wn_graph *g = r->graph;
    const int64_t batch = r->train.batch, values = batch * g->c * g->h * g->w;
    float *images = WN_NEW_ARRAY(float, values), *logits = WN_NEW_ARRAY(float, batch *wn__graph_classes(g));
    wn_status status = images && logits ? WN_OK : wn__no_memory((size_t)values * sizeof *images);
    if (status == WN_OK) memset(images, 0, (size_t)values * sizeof *images);
    for (int i = 0; i < COLD + TEACHER_RUNS && status == WN_OK; i++) {
        const double start = wn__seconds();
        status = wn__teacher_infer(teacher, images, batch, logits);
        if (i >= COLD) s->value[s->count++] = wn__seconds() - start;
    }
    wn__free(images);
    wn__free(logits);
    return status;
}

static wn_status time_teacher(timing *t)
{
    const wn__train_plan *taught = NULL;
    double values[TEACHER_RUNS];
    samples s = {.value = values, .capacity = TEACHER_RUNS};
    wn__teachers teachers = {0};
    for (int i = 0; i < t->count && !taught; i++)
        if (t->item[i].plan->spec.loss.soft && t->item[i].plan->cache >= 0) taught = t->item[i].plan;
    if (!taught) return WN_OK;
    WN_TRY(wn__context_load(&t->experiment.context));
    wn_status status = wn__teachers_open(&t->experiment.context, &taught->teacher, &teachers);
    if (status == WN_OK) status = time_passes(t->experiment.recipe, &teachers.teacher, &s);
    wn__teachers_release(&teachers);
    t->teacher = median_of(&s);
    return status;
}

/* --- what is timed --------------------------------------------------------------------------------------------------------------- */

static wn_status check_done(const timing *t)
{
    const wn__experiment *e = &t->experiment;
    for (int i = 0; i < t->count; i++) {
        const wn__stage *s = &e->plan->stage[t->item[i].stage];
        if (!wn__store_is_done(e->root, s->identity))
            return wn__fail(WN_ENOTFOUND,
                            "%s: %s is not done, or was by another version, backend or instruction set; `winnow run` comes first",
                            e->folder, s->label);
    }
    return WN_OK;
}

/* Dense networks train on either of the backends that `auto` chooses from; NULL: this stage on its own one alone. */
static const wn__backend *other_backend(const wn__agenda *plan, const wn__stage *stage)
{
    const wn__train_plan *t = &stage->train;
    const wn__backend *own = wn__stage_backend(plan, stage);
    wn__machine either;
    if (t->mask >= 0 || t->coefficients) return NULL;
    if (wn__machine_choose("auto", (wn__dtype)plan->recipe->top.dtype, 1, &either) != WN_OK || !either.sparse) return NULL;
    return own == either.backend ? either.sparse : own == either.sparse ? either.backend : NULL;
}

static void add_stage(timing *t, int index)
{
    const wn__agenda *plan = t->experiment.plan;
    const wn__stage *stage = &plan->stage[index];
    const wn__backend *other = other_backend(plan, stage);
    t->item[t->count++] = (timed){.stage = index, .backend = wn__stage_backend(plan, stage), .plan = &stage->train};
    if (other) t->item[t->count++] = (timed){.stage = index, .backend = other, .plan = &stage->train};
}

/* The training stages that the rows of the first seed need, on every backend on which they are timed. */
static wn_status choose_stages(timing *t)
{
    const wn__agenda *plan = t->experiment.plan;
    bool *needed = WN_NEW_ARRAY(bool, plan->stages);
    t->item = WN_NEW_ARRAY(timed, 2 * plan->stages);
    if (!needed || !t->item) {
        wn__free(needed);
        return wn__no_memory((size_t)plan->stages * 2 * sizeof *t->item);
    }
    for (int i = 0; i < plan->rows; i++)
        if (plan->row[i].seed == t->experiment.recipe->seed[0]) wn__agenda_mark_needed(plan, plan->row[i].train, needed);
    for (int i = 0; i < plan->stages; i++)
        if (needed[i] && plan->stage[i].kind == WN__STAGE_TRAIN) add_stage(t, i);
    wn__free(needed);
    return check_done(t);
}

/* --- the faster backend ------------------------------------------------------------------------------------------------------------ */

static void forget(timed *one)
{
    for (int k = 0; k < KINDS; k++)
        wn__free(one->seen[k].value);
}

/* A dense network counts as what it takes where it trains faster, whatever the recipe trained it on: else sparse ones would look faster than they are. */
static void keep_faster(timing *t)
{
    int kept = 0;
    for (int i = 0; i < t->count; i++) {
        timed *last = kept > 0 ? &t->item[kept - 1] : NULL, *one = &t->item[i];
        if (!last || last->stage != one->stage) {
            t->item[kept++] = *one;
            continue;
        }
        timed faster = *last, slower = *one;
        if (one->seconds < last->seconds) {
            faster = *one;
            slower = *last;
        }
        forget(&slower);
        faster.other = slower.backend;
        faster.other_seconds = slower.seconds;
        *last = faster;
    }
    t->count = kept;
}

/* --- the answer ------------------------------------------------------------------------------------------------------------------ */

static wn_status stage_json(const timing *t, const timed *one, json_t *list)
{
    const wn__stage *s = &t->experiment.plan->stage[one->stage];
    json_t *o = json_pack("{s:s, s:s, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f}", "label", s->label, "identity", s->identity, "steps",
                          (json_int_t)(one->plan->spec.last - one->plan->spec.first), "changes", (json_int_t)one->changes, "ms_step",
                          1e3 * one->median[USUAL], "ms_change", 1e3 * one->median[CHANGES], "ms_after", 1e3 * one->median[FOLLOWS],
                          "ms_late", 1e3 * one->median[LATE], "late", one->late, "seconds", one->seconds);
    bool whole = o && json_object_set_new(o, "backend", json_string(one->backend->name)) == 0;
    if (whole && one->other) whole = json_object_set_new(o, "slower", json_pack("{s:f}", one->other->name, one->other_seconds)) == 0;
    return json_array_append_new(list, o) == 0 && whole ? WN_OK : wn__no_memory(256);
}

/* Its own steps, and its share of the teacher's passes. */
static double stage_seconds(const timing *t, const timed *one)
{
    const bool cached = one->plan->spec.loss.soft && one->plan->cache >= 0;
    const double batches = cached ? wn__teacher_images(t->experiment.plan, one->plan) / (double)t->experiment.recipe->train.batch : 0;
    return one->seconds + batches * t->teacher;
}

/* Training stages alone: what pruning, scoring and evaluating take is little, and was measured when they ran. */
static wn_status row_json(const timing *t, const wn__agenda_row *row, json_t *list)
{
    const wn__agenda *plan = t->experiment.plan;
    bool *needed = WN_NEW_ARRAY(bool, plan->stages);
    double own = 0, total = 0;
    const char *backend = "";
    if (!needed) return wn__no_memory((size_t)plan->stages);
    wn__agenda_mark_needed(plan, row->train, needed);
    for (int i = 0; i < t->count; i++) {
        if (!needed[t->item[i].stage]) continue;
        total += stage_seconds(t, &t->item[i]);
        if (t->item[i].stage != row->train) continue;
        own = t->item[i].seconds;
        backend = t->item[i].backend->name;
    }
    wn__free(needed);
    json_t *o = json_pack("{s:s, s:f, s:f, s:f, s:s}", "method", t->experiment.recipe->row[row->row].name, "sparsity", row->sparsity,
                          "seconds", own, "seconds_total", total, "backend", backend);
    return json_array_append_new(list, o) == 0 ? WN_OK : wn__no_memory(256);
}

static wn_status answer_json(const timing *t, json_t **out)
{
    const wn__agenda *plan = t->experiment.plan;
    json_t *stages = json_array(), *rows = json_array();
    *out = json_pack("{s:s, s:i, s:o?, s:i, s:f, s:o?, s:o?}", "format", WN__SECONDS_FORMAT, "version", WN__SECONDS_VERSION, "environment",
                     wn__environment(plan, NULL), "rounds", t->rounds, "teacher_ms", 1e3 * t->teacher, "stages", stages, "rows", rows);
    if (!*out || !stages || !rows) return wn__no_memory(1024);
    for (int i = 0; i < t->count; i++)
        WN_TRY(stage_json(t, &t->item[i], stages));
    for (int i = 0; i < plan->rows; i++)
        if (plan->row[i].seed == t->experiment.recipe->seed[0]) WN_TRY(row_json(t, &plan->row[i], rows));
    return WN_OK;
}

static wn_status write_answer(const timing *t)
{
    json_t *json = NULL;
    char *path = wn__path_join(t->experiment.folder, WN__SECONDS_FILE);
    wn_status status = path ? answer_json(t, &json) : wn__no_memory(64);
    if (status == WN_OK) status = wn__json_save(path, json);
    json_decref(json);
    wn__free(path);
    return status;
}

static void visit_all(const timing *t, wn_time_visit visit, void *user)
{
    for (int i = 0; i < t->count && visit; i++) {
        const timed *one = &t->item[i];
        const wn_timed_stage shown = {.label = t->experiment.plan->stage[one->stage].label,
                                      .steps = one->plan->spec.last - one->plan->spec.first,
                                      .changes = one->changes,
                                      .ms_step = 1e3 * one->median[USUAL],
                                      .ms_change = 1e3 * one->median[CHANGES],
                                      .ms_after = 1e3 * one->median[FOLLOWS],
                                      .ms_late = 1e3 * one->median[LATE],
                                      .late = one->late,
                                      .seconds = one->seconds,
                                      .backend = one->backend->name,
                                      .slower = one->other ? one->other->name : NULL,
                                      .slower_seconds = one->other_seconds};
        visit(user, &shown);
    }
}

/* --- the whole ------------------------------------------------------------------------------------------------------------------- */

static wn_status open_timing(timing *t, const char *folder)
{
    const wn_time_options *o = t->options;
    if (o->rounds < 0 || o->rounds > MOST_ROUNDS || o->threads < 0)
        return wn__fail(WN_EUSAGE, "rounds %d, threads %d: 1 to %d rounds, 1 or more threads", o->rounds, o->threads, MOST_ROUNDS);
    t->rounds = o->rounds ? o->rounds : USUAL_ROUNDS;
    WN_TRY(wn__experiment_reopen(folder, &WN_OPTIONS(wn_stage_options, .stop = o->stop), &t->experiment));
    if (o->data_folder) t->experiment.context.data_folder = o->data_folder;
    const int threads = o->threads ? o->threads : wn__cpu_count();
    t->experiment.context.machine.threads = t->experiment.plan->machine.threads = threads;
    t->folder = wn__path_join(t->experiment.folder, "timing");
    if (!t->folder) return wn__no_memory(64);
    return choose_stages(t);
}

wn_status wn_experiment_time(const char *folder, const wn_time_options *options, wn_time_visit visit, void *user)
{
    WN__COMPLETE(wn_time_options, options);
    WN__NEED(folder);
    timing t = {.options = options};
    wn_status status = open_timing(&t, folder);
    if (status == WN_OK) status = time_teacher(&t);
    if (status == WN_OK) status = run_rounds(&t);
    if (status == WN_OK) keep_faster(&t);
    if (status == WN_OK) status = write_answer(&t);
    if (status == WN_OK) visit_all(&t, visit, user);
    for (int i = 0; i < t.count; i++)
        forget(&t.item[i]);
    wn__free(t.item);
    wn__free(t.folder);
    wn__experiment_close(&t.experiment);
    return status;
}
