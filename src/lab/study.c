/* winnow lab study: the analyses that a recipe asks for, of all its seeds. Each one is done by the analysis itself, as a result of its own in the store. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/compare.h"
#include "analysis/eigen.h"
#include "base/alloc.h"
#include "base/arguments.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/options.h"
#include "io/json_file.h"
#include "lab/lab.h"
#include "lab/lab_curve.h"
#include "recipe/study.h"
#include "report/study_tables.h"
#include "run/experiment.h"
#include "run/results_writer.h"
#include "run/store.h"

enum { NAME = WN__SHA256_TEXT + 32, MOST_SETS = 1, STEPS_TEXT = 24 * WN__MOST_LAB_STEPS };

/* One call of one analysis at one sparsity: of rows of one seed, or of one row's networks of all seeds. */
typedef struct job {
    wn__measure_kind kind;
    double sparsity;
    int seed;                           /* index into the recipe's; of all seeds: the first */
    const char *row[WN__MOST_COMPARED]; /* (rows) as the section names them */
    int stage[WN__MOST_COMPARED];       /* of the plan */
    int rows;
} job;

typedef struct study {
    const wn_lab_study_options *options;
    wn__experiment e;
    double *sparsity; /* (sparsities) */
    int sparsities;
    job *job; /* (jobs) */
    int jobs, now;
    json_t *json, *measurements; /* the second is part of the first, as the next two */
    json_t *lines, *maps;
    char stage[256]; /* of the progress */
} study;

/* --- what is to be done ------------------------------------------------------------------------------------------------------ */

static bool is_row(const wn__recipe *r, int row, const char *name)
{
    const char *own = r->row[row].name, *at = strchr(name, '@');
    const size_t length = at ? (size_t)(at - name) : strlen(name);
    return strlen(own) == length && strncmp(own, name, length) == 0;
}

static bool is_kept(const wn__recipe *r, const char *name)
{
    if (wn__recipe_compares(r, name)) return true;
    wn__log(WN_LOG_WARNING, "lab: %s is not among compare.methods: left out", name);
    return false;
}

static int keep_compared(const wn__recipe *r, const char **rows, int count)
{
    int kept = 0;
    for (int i = 0; i < count; i++)
        if (is_kept(r, rows[i])) rows[kept++] = rows[i];
    return kept;
}

/* The section without rows that are not compared this time. */
static void leave_out_others(wn__recipe *r)
{
    wn__lab_section *l = &r->lab;
    int kept = 0;
    l->flows = keep_compared(r, l->flow, l->flows);
    l->compares = keep_compared(r, l->compare, l->compares);
    l->hessians = keep_compared(r, l->hessian, l->hessians);
    l->ensembles = keep_compared(r, l->ensemble, l->ensembles);
    for (int i = 0; i < l->lines; i++) {
        if (!is_kept(r, l->line[i][0]) || !is_kept(r, l->line[i][1])) continue;
        memmove(l->line[kept++], l->line[i], sizeof l->line[i]);
    }
    l->lines = kept;
}

/* The row's stage at this sparsity, or the only one that the seed has. -1: none. */
static int stage_of(const study *s, const char *name, double sparsity, int seed)
{
    const wn__agenda *plan = s->e.plan;
    int only = -1, count = 0;
    for (int i = 0; i < plan->rows; i++) {
        const wn__agenda_row *row = &plan->row[i];
        if (row->seed != s->e.recipe->seed[seed] || !is_row(s->e.recipe, row->row, name)) continue;
        if (row->sparsity == sparsity) return row->train;
        only = row->train;
        count++;
    }
    return count == 1 ? only : -1;
}

static bool is_named(const wn__recipe *r, int row)
{
    const wn__lab_section *l = &r->lab;
    bool named = false;
    for (int i = 0; i < l->flows; i++)
        named = named || is_row(r, row, l->flow[i]);
    for (int i = 0; i < l->compares; i++)
        named = named || is_row(r, row, l->compare[i]);
    for (int i = 0; i < l->hessians; i++)
        named = named || is_row(r, row, l->hessian[i]);
    for (int i = 0; i < l->ensembles; i++)
        named = named || is_row(r, row, l->ensemble[i]);
    for (int i = 0; i < 2 * l->lines; i++)
        named = named || is_row(r, row, l->line[i / 2][i % 2]);
    return named;
}

/* Those of the rows that are looked at; 0 only if there is no other. */
static wn_status find_sparsities(study *s)
{
    const wn__agenda *plan = s->e.plan;
    bool zero = false;
    for (int i = 0; i < plan->rows; i++) {
        const double sparsity = plan->row[i].sparsity;
        bool known = sparsity == 0;
        for (int k = 0; k < s->sparsities; k++)
            known = known || s->sparsity[k] == sparsity;
        if (!is_named(s->e.recipe, plan->row[i].row)) continue;
        zero = zero || sparsity == 0;
        if (known) continue;
        WN_TRY(wn__make_room(&s->sparsity, s->sparsities, sizeof *s->sparsity));
        s->sparsity[s->sparsities++] = sparsity;
    }
    if (s->sparsities > 0 || !zero) return WN_OK;
    WN_TRY(wn__make_room(&s->sparsity, 0, sizeof *s->sparsity));
    s->sparsity[s->sparsities++] = 0;
    return WN_OK;
}

static wn_status check_done(const study *s, int stage)
{
    const wn__stage *t = &s->e.plan->stage[stage];
    if (wn__store_is_done(s->e.root, t->identity)) return WN_OK;
    return wn__fail(WN_ENOTFOUND, "%s: is %s, not done; \"winnow run\" with the same recipe trains it", t->label,
                    wn__stage_state_names[wn__store_state(s->e.root, t->identity)]);
}

/* A row without such a stage is left out. */
static wn_status add_network(const study *s, const char *row, int seed, job *j)
{
    const int stage = stage_of(s, row, j->sparsity, seed);
    if (stage < 0) return WN_OK;
    j->row[j->rows] = row;
    j->stage[j->rows++] = stage;
    return check_done(s, stage);
}

static wn_status append_job(study *s, const job *j)
{
    WN_TRY(wn__make_room(&s->job, s->jobs, sizeof *s->job));
    s->job[s->jobs++] = *j;
    return WN_OK;
}

/* Rows that are not compared, or not at this sparsity, are left out; so is the job if too few are left. */
static wn_status add_job(study *s, wn__measure_kind kind, double sparsity, int seed, const char *const *rows, int count, int least)
{
    job j = {.kind = kind, .sparsity = sparsity, .seed = seed};
    for (int i = 0; i < count; i++)
        WN_TRY(add_network(s, rows[i], seed, &j));
    return j.rows >= least ? append_job(s, &j) : WN_OK;
}

/* Without one of its members an ensemble has two or more. */
static wn_status add_ensemble(study *s, double sparsity, const char *row)
{
    job j = {.kind = WN__MEASURE_SEEDS, .sparsity = sparsity};
    for (int seed = 0; seed < s->e.recipe->seeds; seed++)
        WN_TRY(add_network(s, row, seed, &j));
    if (j.rows == s->e.recipe->seeds && j.rows >= 3) return append_job(s, &j);
    wn__log(WN_LOG_WARNING, "lab: ensembles want three seeds or more: %s is left out", row);
    return WN_OK;
}

static wn_status plan_cell(study *s, double sparsity, int seed)
{
    const wn__lab_section *l = &s->e.recipe->lab;
    for (int i = 0; i < l->flows; i++)
        WN_TRY(add_job(s, WN__MEASURE_FLOW, sparsity, seed, &l->flow[i], 1, 1));
    for (int i = 0; i < l->lines; i++)
        WN_TRY(add_job(s, WN__MEASURE_LINE, sparsity, seed, l->line[i], 2, 2));
    WN_TRY(add_job(s, WN__MEASURE_PAIR, sparsity, seed, l->compare, l->compares, 2));
    for (int i = 0; i < l->hessians; i++)
        WN_TRY(add_job(s, WN__MEASURE_HESSIAN, sparsity, seed, &l->hessian[i], 1, 1));
    return WN_OK;
}

static wn_status plan_jobs(study *s)
{
    WN_TRY(find_sparsities(s));
    for (int seed = 0; seed < s->e.recipe->seeds; seed++)
        for (int k = 0; k < s->sparsities; k++)
            WN_TRY(plan_cell(s, s->sparsity[k], seed));
    const wn__lab_section *l = &s->e.recipe->lab;
    if (l->ensembles && s->e.recipe->seeds > WN__MOST_COMPARED)
        return wn__fail(WN_EUNSUPPORTED, "lab.ensembles: at most %d seeds", WN__MOST_COMPARED);
    for (int k = 0; k < s->sparsities; k++)
        for (int i = 0; i < l->ensembles; i++)
            WN_TRY(add_ensemble(s, s->sparsity[k], l->ensemble[i]));
    return WN_OK;
}

/* --- measurements ------------------------------------------------------------------------------------------------------------ */

static json_t *nulls(int count)
{
    json_t *list = json_array();
    for (int i = 0; list && i < count; i++)
        json_array_append_new(list, json_null());
    return list;
}

/* Of the seed with this index; step < 0: none. */
static wn_status add_seed_value(study *s, const wn__measure *m, const job *j, int seed, const char *first, const char *second, int64_t step,
                                double value)
{
    json_t *one = (json_t *)wn__study_find(s->json, m, first, second, j->sparsity, step);
    if (!one) {
        one = json_pack("{s:s, s:[s], s:f}", "measure", m->name, "of", first, "sparsity", j->sparsity);
        if (second && one) json_array_append_new(json_object_get(one, "of"), json_string(second));
        if (step >= 0 && one) json_object_set_new(one, "step", json_integer(step));
        if (one) json_object_set_new(one, "values", nulls(s->e.recipe->seeds));
        if (!one || json_array_append_new(s->measurements, one) != 0) return wn__no_memory(256);
    }
    if (json_array_set_new(json_object_get(one, "values"), (size_t)seed, wn__json_real_or_null(value)) != 0) return wn__no_memory(64);
    return WN_OK;
}

static wn_status add_value(study *s, const wn__measure *m, const job *j, const char *first, const char *second, int64_t step, double value)
{
    return add_seed_value(s, m, j, j->seed, first, second, step, value);
}

static wn_status take_flow(study *s, const job *j, const json_t *result)
{
    const json_t *states = json_object_get(json_array_get(json_object_get(result, "networks"), 0), "states"), *state;
    size_t index;
    json_array_foreach(states, index, state)
    {
        const int64_t step = json_integer_value(json_object_get(state, "step"));
        for (const wn__measure *m = wn__measures; m->name; m++) {
            const bool after = strcmp(m->of, "after_update") == 0;
            const json_t *in = after ? json_object_get(state, m->of) : state;
            if (m->kind == WN__MEASURE_FLOW && in)
                WN_TRY(add_value(s, m, j, j->row[0], NULL, step, wn__json_number(in, after ? "gradient_active" : m->of)));
        }
    }
    return WN_OK;
}

/* The curve as lists over its positions. */
static wn_status take_curve(study *s, const job *j, const json_t *result)
{
    json_t *point, *positions = json_array(), *curve;
    size_t index;
    curve = json_pack("{s:[s,s], s:f, s:I, s:o}", "of", j->row[0], j->row[1], "sparsity", j->sparsity, "seed",
                      (json_int_t)s->e.recipe->seed[j->seed], "position", positions);
    if (!curve || json_array_append_new(s->lines, curve) != 0) return wn__no_memory(256);
    json_array_foreach(json_object_get(result, "points"), index, point)
        json_array_append_new(positions, wn__json_real_or_null(wn__json_number(point, "position")));
    for (int k = 0; k < 4; k++) {
        json_t *values = json_array();
        json_array_foreach(json_object_get(result, "points"), index, point)
            json_array_append_new(values, wn__json_real_or_null(wn__json_number(point, wn__probe_names[k])));
        WN_TRY(wn__slice_set(curve, wn__probe_names[k], values));
    }
    return WN_OK;
}

static wn_status take_line(study *s, const job *j, const json_t *result)
{
    const json_t *barriers = json_object_get(result, "barriers");
    for (const wn__measure *m = wn__measures; m->name; m++)
        if (m->kind == WN__MEASURE_LINE)
            WN_TRY(add_value(s, m, j, j->row[0], j->row[1], -1, wn__json_number(json_object_get(barriers, m->of), "barrier")));
    return take_curve(s, j, result);
}

static wn_status take_pairs(study *s, const job *j, const json_t *result)
{
    json_t *pair;
    size_t index;
    json_array_foreach(json_object_get(result, "pairs"), index, pair)
    {
        const int first = (int)json_integer_value(json_object_get(pair, "first")),
                  second = (int)json_integer_value(json_object_get(pair, "second"));
        if (first < 0 || second < 0 || first >= j->rows || second >= j->rows) return wn__fail(WN_EFORMAT, "pairs of other networks");
        for (const wn__measure *m = wn__measures; m->name; m++)
            if (m->kind == WN__MEASURE_PAIR) WN_TRY(add_value(s, m, j, j->row[first], j->row[second], -1, wn__json_number(pair, m->of)));
    }
    return WN_OK;
}

static wn_status take_hessian(study *s, const job *j, const json_t *result)
{
    const json_t *network = json_array_get(json_object_get(result, "networks"), 0);
    for (const wn__measure *m = wn__measures; m->name; m++)
        if (m->kind == WN__MEASURE_HESSIAN) WN_TRY(add_value(s, m, j, j->row[0], NULL, -1, wn__json_number(network, m->of)));
    return WN_OK;
}

/* Mean disagreement of the pairs that network `left_out` is not in; -1: of all. */
static double mean_disagreement(const json_t *pairs, int left_out)
{
    json_t *pair;
    size_t index;
    double sum = 0;
    int count = 0;
    json_array_foreach(pairs, index, pair)
    {
        if (json_integer_value(json_object_get(pair, "first")) == left_out ||
            json_integer_value(json_object_get(pair, "second")) == left_out)
            continue;
        sum += wn__json_number(pair, "disagreement");
        count++;
    }
    return sum / count;
}

/* What a measure is of all members, or of all but one. */
static double of_members(const wn__measure *m, const json_t *result, int members, int left_out)
{
    const json_t *ensemble = json_object_get(result, "ensemble"), *pairs = json_object_get(result, "pairs");
    const bool all = left_out < 0;
    double mean = wn__json_number(ensemble, "mean"), accuracy = wn__json_number(ensemble, "accuracy");
    if (strcmp(m->of, "disagreement") == 0) return mean_disagreement(pairs, left_out);
    if (!all) {
        const json_t *network = json_array_get(json_object_get(result, "networks"), (size_t)left_out);
        mean = (members * mean - wn__json_number(network, "accuracy")) / (members - 1);
        accuracy = json_number_value(json_array_get(json_object_get(ensemble, "without"), (size_t)left_out));
    }
    return strcmp(m->of, "gain") == 0 ? accuracy - mean : accuracy;
}

static wn_status take_members(study *s, const job *j, const json_t *result)
{
    double without[WN__MOST_COMPARED], values[WN__MOST_COMPARED];
    for (const wn__measure *m = wn__measures; m->name; m++) {
        if (m->kind != WN__MEASURE_SEEDS) continue;
        for (int i = 0; i < j->rows; i++)
            without[i] = of_members(m, result, j->rows, i);
        wn__jackknife(of_members(m, result, j->rows, -1), without, j->rows, values);
        for (int i = 0; i < j->rows; i++)
            WN_TRY(add_seed_value(s, m, j, i, j->row[0], NULL, -1, values[i]));
    }
    return WN_OK;
}

static wn_status take(study *s, const job *j, const wn_lab_result *r)
{
    json_t *json = NULL;
    char *path = wn__path_join(r->folder, "result.json");
    wn_status status = path ? wn__json_load(path, &json) : wn__no_memory(64);
    const json_t *result = json_object_get(json, "result");
    if (status == WN_OK && j->kind == WN__MEASURE_FLOW) status = take_flow(s, j, result);
    if (status == WN_OK && j->kind == WN__MEASURE_LINE) status = take_line(s, j, result);
    if (status == WN_OK && j->kind == WN__MEASURE_PAIR) status = take_pairs(s, j, result);
    if (status == WN_OK && j->kind == WN__MEASURE_HESSIAN) status = take_hessian(s, j, result);
    if (status == WN_OK && j->kind == WN__MEASURE_SEEDS) status = take_members(s, j, result);
    json_decref(json);
    wn__free(path);
    return status;
}

/* --- doing it ---------------------------------------------------------------------------------------------------------------- */

/* The analyses tell of themselves; which of how many is the study's. */
static void on_progress(void *user, const wn_progress *p)
{
    study *s = user;
    wn_progress shown = *p;
    shown.stage = s->stage;
    shown.stages_done = s->now;
    shown.stages = s->jobs;
    s->options->run->progress(s->options->run->user, &shown);
}

/* The network of row i: its stage, at a point if the row names one. */
static const char *network_of(const study *s, const job *j, int i, char name[NAME])
{
    const char *at = strchr(j->row[i], '@');
    snprintf(name, NAME, "%s%.24s", s->e.plan->stage[j->stage[i]].identity, at ? at : "");
    return name;
}

/* Steps of the section that lie inside of the stage. */
static void steps_of(const study *s, const job *j, char *text, size_t size)
{
    const wn__recipe *r = s->e.recipe;
    const wn__train_plan *t = &s->e.plan->stage[j->stage[0]].train;
    size_t length = 0;
    text[0] = 0;
    for (int k = 0; k < r->lab.ats && length < size; k++) {
        const int64_t step = wn__steps_resolve(r->lab.at[k], r->clock.steps_per_epoch, r->clock.total);
        if (step >= t->spec.first && step <= t->spec.last)
            length += (size_t)snprintf(text + length, size - length, "%s%lld", length ? "," : "", (long long)step);
    }
}

static wn_status analyse(const study *s, const job *j, const wn_lab_options *o, wn_lab_result *result)
{
    const wn__lab_section *l = &s->e.recipe->lab;
    char steps[STEPS_TEXT];
    switch (j->kind) {
    case WN__MEASURE_FLOW: {
        steps_of(s, j, steps, sizeof steps);
        if (!steps[0]) return wn__fail(WN_EUSAGE, "%s: none of lab.at lies inside of its training", s->e.plan->stage[j->stage[0]].label);
        const wn_lab_flow_options flow = {.size = sizeof flow, .lab = o, .steps = steps, .images = l->images, .exact_steps = true};
        return wn_lab_flow(&flow, result);
    }
    case WN__MEASURE_LINE: {
        const wn_lab_interpolate_options line = {.size = sizeof line, .lab = o, .points = l->points, .train_images = l->train_images};
        return wn_lab_interpolate(&line, result);
    }
    case WN__MEASURE_PAIR:
    case WN__MEASURE_SEEDS: {
        const wn_lab_compare_options compare = {.size = sizeof compare, .lab = o};
        return wn_lab_compare(&compare, result);
    }
    case WN__MEASURE_WORLD: /* lab_bootstrap_answers.c */
    case WN__MEASURE_HESSIAN: break;
    }
    const wn_lab_hessian_options hessian = {
        .size = sizeof hessian, .lab = o, .lanczos = true, .steps = l->lanczos_steps, .probes = 1, .images = l->hessian_images};
    return wn_lab_hessian(&hessian, result);
}

static wn_status do_job(study *s, const job *j)
{
    static const char *const what[] = {"flow", "line", "compare", "hessian", "ensemble"};
    const wn_run_options *run = s->options->run;
    char names[WN__MOST_COMPARED][NAME], backend[64];
    const char *networks[WN__MOST_COMPARED], *set[MOST_SETS] = {backend};
    snprintf(backend, sizeof backend, "backend=%s", s->e.recipe->top.backend);
    for (int i = 0; i < j->rows; i++)
        networks[i] = network_of(s, j, i, names[i]);
    snprintf(s->stage, sizeof s->stage, "%s of %.60s%s%.60s seed %llu", what[j->kind], j->row[0], j->rows == 2 ? ", " : "",
             j->rows == 2 ? j->row[1] : "", (unsigned long long)s->e.recipe->seed[j->seed]);
    const wn_lab_options o = {.size = sizeof o,
                              .networks = networks,
                              .count = j->rows,
                              .out = s->e.root,
                              .set = set,
                              .sets = MOST_SETS,
                              .data_folder = s->e.context.data_folder,
                              .threads = (int)s->e.recipe->top.threads,
                              .again = s->options->again,
                              .part = true,
                              .progress = run->progress ? on_progress : NULL,
                              .user = s,
                              .stop = run->stop};
    wn_lab_result result = {0};
    wn_status status = analyse(s, j, &o, &result);
    if (status == WN_OK) status = take(s, j, &result);
    wn_lab_result_release(&result);
    return status;
}

/* --- the map of mean distances ----------------------------------------------------------------------------------------------- */

static bool fill_distances(const study *s, double sparsity, double *distance)
{
    const wn__lab_section *l = &s->e.recipe->lab;
    const wn__measure *m = wn__measure_find("distance");
    const int n = l->compares;
    for (int a = 0; a < n; a++)
        for (int b = 0; b < n; b++) {
            const json_t *one = a == b ? NULL : wn__study_find(s->json, m, l->compare[a], l->compare[b], sparsity, -1);
            distance[a * n + b] = a == b ? 0 : one ? wn__study_summary(s->json, m, one, false).mean : (double)NAN;
            if (!isfinite(distance[a * n + b])) return false;
        }
    return true;
}

static wn_status add_map(study *s, double sparsity)
{
    const wn__lab_section *l = &s->e.recipe->lab;
    const int n = l->compares;
    double distance[WN__MOST_LAB_ROWS * WN__MOST_LAB_ROWS], position[2 * WN__MOST_LAB_ROWS], held;
    if (n < 3 || !wn__eigen_available() || !fill_distances(s, sparsity, distance)) return WN_OK;
    WN_TRY(wn__mds(distance, n, position, &held));
    json_t *list = json_array(), *map = json_pack("{s:f, s:f, s:o}", "sparsity", sparsity, "holds", held, "position", list);
    for (int i = 0; map && i < n; i++)
        json_array_append_new(list, json_pack("[f, f]", position[2 * i], position[2 * i + 1]));
    return map && json_array_append_new(s->maps, map) == 0 ? WN_OK : wn__no_memory(256);
}

/* --- the file ---------------------------------------------------------------------------------------------------------------- */

static wn_status begin_json(study *s)
{
    const wn__recipe *r = s->e.recipe;
    const wn__lab_section *l = &r->lab;
    json_t *seeds = json_array(), *sparsity = json_array();
    for (int i = 0; i < r->seeds; i++)
        json_array_append_new(seeds, json_integer((json_int_t)r->seed[i]));
    for (int i = 0; i < s->sparsities; i++)
        json_array_append_new(sparsity, json_real(s->sparsity[i]));
    s->json =
        json_pack("{s:s, s:i, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I}", "format", WN__STUDY_FORMAT, "version", WN__STUDY_VERSION,
                  "name", r->top.name, "seeds", seeds, "sparsity", sparsity, "flow", wn__json_texts(l->flow, l->flows), "compare",
                  wn__json_texts(l->compare, l->compares), "hessian", wn__json_texts(l->hessian, l->hessians), "ensembles",
                  wn__json_texts(l->ensemble, l->ensembles), "images", (json_int_t)l->images, "train_images", (json_int_t)l->train_images,
                  "hessian_images", (json_int_t)l->hessian_images);
    if (!s->json) return wn__no_memory(1024);
    s->measurements = json_array();
    s->lines = json_array();
    s->maps = json_array();
    WN_TRY(wn__slice_set(s->json, "measurements", s->measurements));
    WN_TRY(wn__slice_set(s->json, "lines", s->lines));
    return wn__slice_set(s->json, "maps", s->maps);
}

static wn_status save(const study *s, const char *name, const wn__text *text)
{
    char *path = wn__path_join(s->e.folder, name);
    wn_status status = path ? WN_OK : wn__no_memory(64);
    if (status == WN_OK) status = text ? wn__file_write(path, text->data ? text->data : "", text->size) : wn__json_save(path, s->json);
    wn__free(path);
    return status;
}

/* results.json is written anew too: its claims are those of the recipe as it is now. */
static wn_status write_results(study *s)
{
    wn__results_writer *results;
    WN_TRY(wn__results_writer_new(s->e.plan, s->e.root, &results));
    const wn_status status = wn__results_writer_write(results, s->e.folder);
    wn__results_writer_free(results);
    return status;
}

static wn_status finish(study *s, wn_lab_result *out)
{
    wn__results *r;
    wn__text csv = {0}, text = {0};
    WN_TRY(save(s, WN__STUDY_FILE, NULL));
    WN_TRY(write_results(s));
    WN_TRY(wn__results_read(s->e.folder, NULL, &r));
    wn_status status = wn__study_csv(s->json, &csv);
    if (status == WN_OK) status = save(s, "study.csv", &csv);
    if (status == WN_OK) status = wn__study_text(r, &text);
    wn__results_free(r);
    wn__text_release(&csv);
    if (status == WN_OK && snprintf(out->folder, sizeof out->folder, "%s", s->e.folder) >= (int)sizeof out->folder)
        status = wn__fail(WN_EINVAL, "%s: the path is too long", s->e.folder);
    if (status == WN_OK)
        out->text = text.data;
    else
        wn__text_release(&text);
    return status;
}

static wn_status run(study *s, wn_lab_result *result)
{
    const wn__recipe *r = s->e.recipe;
    if (wn__lab_section_is_empty(r))
        return wn__fail(WN_EUSAGE,
                        "%s: the recipe has no section \"lab\" that says what to measure: lab: {compare: [dense, lottery-ticket]}",
                        s->options->run->recipe);
    if (r->seeds > WN__MAX_STUDY_SEEDS) return wn__fail(WN_EUNSUPPORTED, "a study has at most %d seeds", WN__MAX_STUDY_SEEDS);
    leave_out_others(s->e.recipe);
    WN_TRY(plan_jobs(s));
    WN_TRY(wn__experiment_write_folder(&s->e, s->options->run->recipe));
    WN_TRY(begin_json(s));
    for (s->now = 0; s->now < s->jobs; s->now++)
        WN_TRY(do_job(s, &s->job[s->now]));
    for (int k = 0; k < s->sparsities; k++)
        WN_TRY(add_map(s, s->sparsity[k]));
    return finish(s, result);
}

wn_status wn_lab_study(const wn_lab_study_options *options, wn_lab_result *result)
{
    WN__COMPLETE(wn_lab_study_options, options);
    WN__COMPLETE_WITHIN(wn_run_options, options, run);
    WN__NEED(result);
    study s = {.options = options};
    WN_TRY(wn__experiment_open(options->run, &s.e));
    const wn_status status = run(&s, result);
    json_decref(s.json);
    wn__free(s.job);
    wn__free(s.sparsity);
    wn__experiment_close(&s.e);
    return status;
}
