/* Claims about the gap between the worlds: claims about measurements (recipe/study_claims.h), of rows NETWORK/METHOD@N. */
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "base/locale.h"
#include "io/json_file.h"
#include "lab/lab.h"
#include "lab/lab_bootstrap.h"
#include "recipe/study_claims.h"
#include "report/claim_table.h"
#include "run/store.h"

/* ---- the worlds as a study */

/* "rigl 90%" is a method and its sparsity; -1: it has none, and is there at every one. */
static double split_method(const char *method, char name[WN__CLAIM_NAME])
{
    double sparsity;
    snprintf(name, WN__CLAIM_NAME, "%s", method);
    char *last = strrchr(name, ' ');
    if (!last || !strchr(last, '%') || wn__sparsity_parse(last + 1, &sparsity) != WN_OK) return -1;
    *last = 0;
    return sparsity;
}

/* What claims call a cell: without blanks, brackets and commas. */
static void row_of(const wn__world_cell *c, char row[WN__CLAIM_NAME])
{
    char name[WN__CLAIM_NAME];
    split_method(c->method, name);
    snprintf(row, WN__CLAIM_NAME, "%.*s/%.*s@%lld", WN__LONGEST_ROW_NAME, c->network, WN__LONGEST_ROW_NAME, name, (long long)c->n);
    for (char *at = row; *at; at++)
        if (strchr(" (),", *at)) *at = '_';
}

static double measure_pair(const wn__measure *m, const wn__world_pair *p)
{
    const int64_t end = wn__world_end(p);
    if (strcmp(m->of, "t0") == 0) return wn__world_statistic(p) / 100;
    if (strcmp(m->of, "end") == 0) return wn__world_gap(p, end, WN__SOFT_ERROR);
    return wn__world_value(strcmp(m->of, "real") == 0 ? p->real : p->ideal, end, WN__SOFT_ERROR, false);
}

/* By seed: null where a cell does not have one. */
static json_t *values_of(const wn__measure *m, const wn__world_cell *c, const json_t *seeds)
{
    json_t *values = json_array(), *seed;
    size_t index;
    json_array_foreach(seeds, index, seed)
    {
        double value = NAN;
        for (int k = 0; k < c->pairs; k++)
            if ((json_int_t)c->pair[k].real->seed == json_integer_value(seed)) value = measure_pair(m, &c->pair[k]);
        json_array_append_new(values, wn__json_real_or_null(value));
    }
    return values;
}

static bool has_number(const json_t *list, double number)
{
    size_t index;
    json_t *one;
    json_array_foreach(list, index, one) if (json_number_value(one) == number) return true;
    return false;
}

static void find_axes(const wn__worlds *w, json_t *seeds, json_t *sparsities)
{
    char name[WN__CLAIM_NAME];
    for (int i = 0; i < w->cells; i++) {
        const double sparsity = split_method(w->cell[i].method, name);
        if (sparsity >= 0 && !has_number(sparsities, sparsity)) json_array_append_new(sparsities, json_real(sparsity));
        for (int k = 0; k < w->cell[i].pairs; k++) {
            const json_int_t seed = (json_int_t)w->cell[i].pair[k].real->seed;
            if (!has_number(seeds, (double)seed)) json_array_append_new(seeds, json_integer(seed));
        }
    }
    if (json_array_size(sparsities) == 0) json_array_append_new(sparsities, json_real(0));
}

json_t *wn__worlds_study(const wn__worlds *w)
{
    json_t *seeds = json_array(), *sparsities = json_array(), *measurements = json_array(), *sparsity;
    char name[WN__CLAIM_NAME], row[WN__CLAIM_NAME];
    size_t index;
    find_axes(w, seeds, sparsities);
    for (const wn__measure *m = wn__measures; m->name; m++)
        for (int i = 0; m->kind == WN__MEASURE_WORLD && i < w->cells; i++) {
            const double own = split_method(w->cell[i].method, name);
            row_of(&w->cell[i], row);
            json_array_foreach(sparsities, index, sparsity) if (own < 0 || json_number_value(sparsity) == own)
                json_array_append_new(measurements, json_pack("{s:s, s:[s], s:O, s:o}", "measure", m->name, "of", row, "sparsity", sparsity,
                                                              "values", values_of(m, &w->cell[i], seeds)));
        }
    return json_pack("{s:o, s:o, s:o}", "seeds", seeds, "sparsity", sparsities, "measurements", measurements);
}

/* ---- verdicts */

typedef struct answers {
    const wn__worlds *w;
    const json_t *study;
    wn__table *table;
    json_t *list;
    int counts[4][3]; /* by axis: undecided, supported, contradicted; of the largest n, and all for the axis n */
} answers;

enum { AXIS_SIZE, AXIS_N, AXIS_ARCHITECTURE, AXIS_SPARSITY, AXIS_RECIPE };
static const char *const axis_names[] = {"size", "n", "architecture", "sparsity", "recipe"};

/* Of a claim as it is written, at a sparsity; `cell`: what it is about, NULL for the recipe's own. */
static void add_answer(answers *a, int axis, bool counts, const wn__world_cell *cell, const char *claim, double sparsity)
{
    wn__table *t = a->table;
    wn__study_claim c;
    wn__summary d = {.mean = NAN, .sd = NAN, .half_width = NAN};
    if (wn__study_claim_parse(claim, &c) == WN_OK) d = wn__study_claim_difference(a->study, &c, sparsity);
    const wn__verdict verdict = wn__judge(c.same ? WN__CLAIM_EQUIVALENT : WN__CLAIM_BETTER, d, c.margin);
    const double mean = c.below ? -d.mean : d.mean;
    char shown[32], name[WN__CLAIM_NAME];
    wn__table_cell(t, "%s", axis_names[axis]);
    wn__table_cell(t, "%s", claim);
    wn__table_cell(
        t, "%s", sparsity > 0 && (!cell || split_method(cell->method, name) >= 0) ? wn__show_sparsity(sparsity, shown, sizeof shown) : "");
    wn__table_cell(t, "%d", d.n);
    wn__table_number(t, "%.2f", mean);
    wn__table_number(t, "%.2f", mean - d.half_width);
    wn__table_number(t, "%.2f", mean + d.half_width);
    wn__table_number(t, "%.2f", c.margin);
    wn__table_cell(t, "%s", d.n > 0 ? wn__verdict_name(verdict) : "not measured");
    if (counts) a->counts[axis][verdict]++;
    json_t *one = json_pack("{s:s, s:s, s:f, s:i, s:o, s:o, s:f, s:s}", "axis", axis_names[axis], "claim", claim, "sparsity", sparsity,
                            "seeds", d.n, "mean", wn__json_real_or_null(mean), "half_width", wn__json_real_or_null(d.half_width), "margin",
                            c.margin, "verdict", d.n > 0 ? wn__verdict_name(verdict) : "not measured");
    if (one && cell) {
        json_object_set_new(one, "network", json_string(cell->network));
        json_object_set_new(one, "method", json_string(cell->method));
        json_object_set_new(one, "n", json_integer((json_int_t)cell->n));
    }
    json_array_append_new(a->list, one);
}

static int64_t largest_n(const wn__worlds *w)
{
    int64_t n = 0;
    for (int i = 0; i < w->cells; i++)
        n = w->cell[i].n > n ? w->cell[i].n : n;
    return n;
}

/* The network of the next larger n. */
static const wn__world_cell *larger_of(const wn__worlds *w, const wn__world_cell *c)
{
    const wn__world_cell *best = NULL;
    for (int i = 0; i < w->cells; i++) {
        const wn__world_cell *o = &w->cell[i];
        const bool same = strcmp(o->network, c->network) == 0 && strcmp(o->method, c->method) == 0;
        if (same && o->n > c->n && (!best || o->n < best->n)) best = o;
    }
    return best;
}

/* The gap of a cell against that of another: above it, or the same within the margin. */
static void compare(answers *a, int axis, bool counts, const wn__world_cell *cell, const wn__world_cell *other)
{
    char row[WN__CLAIM_NAME], than[WN__CLAIM_NAME], name[WN__CLAIM_NAME], claim[3 * WN__CLAIM_NAME];
    const double own = split_method(cell->method, name);
    row_of(cell, row);
    row_of(other, than);
    if (axis == AXIS_N)
        snprintf(claim, sizeof claim, "gap(%s) above gap(%s)", row, than);
    else
        wn__snprintf(claim, sizeof claim, "gap(%s) same as gap(%s) within %g", row, than, a->w->margin);
    add_answer(a, axis, counts, cell, claim, own >= 0 ? own : json_number_value(json_array_get(wn__study_sparsities(a->study), 0)));
}

static void answer_cell(answers *a, const wn__world_cell *c)
{
    const wn__worlds *w = a->w;
    const bool large = c->n == largest_n(w);
    char row[WN__CLAIM_NAME], name[WN__CLAIM_NAME], claim[2 * WN__CLAIM_NAME];
    const double own = split_method(c->method, name);
    const wn__world_cell *more = larger_of(w, c), *first = wn__world_find(w, w->cell[0].network, c->method, c->n),
                         *dense = wn__world_find(w, c->network, "dense", c->n);
    row_of(c, row);
    wn__snprintf(claim, sizeof claim, "gap(%s) same as 0 within %g", row, w->margin);
    add_answer(a, AXIS_SIZE, large, c, claim, own >= 0 ? own : json_number_value(json_array_get(wn__study_sparsities(a->study), 0)));
    if (more) compare(a, AXIS_N, true, c, more);
    if (first && strcmp(first->network, c->network) != 0) compare(a, AXIS_ARCHITECTURE, large, c, first);
    if (dense && !wn__world_is_dense(c)) compare(a, AXIS_SPARSITY, large, c, dense);
}

/* Where it is measured; without a sparsity at each one. */
static void answer_recipe(answers *a, const char *claim)
{
    const json_t *sparsities = wn__study_sparsities(a->study), *sparsity;
    wn__study_claim c;
    size_t index;
    int rows = 0;
    if (!wn__claim_is_of_study(claim) || wn__study_claim_parse(claim, &c) != WN_OK || c.measure->kind != WN__MEASURE_WORLD) return;
    json_array_foreach(c.sparsity < 0 ? sparsities : NULL, index, sparsity)
    {
        if (wn__study_claim_difference(a->study, &c, json_number_value(sparsity)).n == 0) continue;
        add_answer(a, AXIS_RECIPE, false, NULL, claim, json_number_value(sparsity));
        rows++;
    }
    if (rows == 0) add_answer(a, AXIS_RECIPE, false, NULL, claim, c.sparsity);
}

/* ---- the table */

static wn__verdict overall(const int counts[3])
{
    if (counts[WN__CONTRADICTED] > 0) return WN__CONTRADICTED;
    return counts[WN__UNDECIDED] == 0 && counts[WN__SUPPORTED] > 0 ? WN__SUPPORTED : WN__UNDECIDED;
}

static void add_overall(answers *a, wn__text *note)
{
    static const char *const questions[] = {"is the gap small at the largest n?", "does the gap fall with n?",
                                            "do networks have the same gap at the largest n?",
                                            "do sparse networks have the gap of dense ones at the largest n?"};
    for (int axis = 0; axis < 4; axis++) {
        const int *c = a->counts[axis];
        if (c[0] + c[1] + c[2] == 0) continue;
        wn__text_add(note, " %s: %s %s (%d supported, %d contradicted, %d undecided).", axis_names[axis], questions[axis],
                     wn__verdict_name(overall(c)), c[WN__SUPPORTED], c[WN__CONTRADICTED], c[WN__UNDECIDED]);
    }
}

void wn__worlds_answers(const wn__worlds *w, wn__table *t, json_t *list)
{
    json_t *study = wn__worlds_study(w);
    answers a = {.w = w, .study = study, .table = t, .list = list};
    *t = (wn__table){.id = "answers", .title = "The bootstrap gap against n, architecture and sparsity"};
    wn__table_column_add(t, false, "axis");
    wn__table_column_add(t, false, "claim");
    wn__table_column_add(t, true, "sparsity");
    wn__table_column_add(t, true, "seeds");
    wn__table_column_add(t, true, "mean");
    wn__table_column_add(t, true, "from");
    wn__table_column_add(t, true, "to");
    wn__table_column_add(t, true, "margin");
    wn__table_column_add(t, false, "verdict");
    for (int i = 0; i < w->cells; i++)
        answer_cell(&a, &w->cell[i]);
    for (int i = 0; i < w->claims; i++)
        answer_recipe(&a, w->claim[i]);
    wn__text_add(
        &t->note,
        "Gap: in points of soft error at T0, or at the end where T0 is not reached; differences are paired by seed; 95 %% t-intervals; "
        "same: inside the margin, with %d seeds or more.",
        WN__EQUIVALENCE_SEEDS);
    add_overall(&a, &t->note);
    json_decref(study);
}
