#include "report/study_tables.h"

#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "base/locale.h"
#include "io/json_file.h"
#include "report/claim_table.h"

static void number_cell(wn__table *t, const char *format, double value)
{
    char text[32];
    wn__snprintf(text, sizeof text, format, value); /* NOLINT: formats are literals below */
    wn__table_cell(t, "%s", isfinite(value) ? text : "–");
}

static void add_sparsity(wn__table *t, double sparsity)
{
    char text[32];
    wn__table_cell(t, "%s", wn__show_sparsity(sparsity, text, sizeof text));
}

/* --- one line per measurement ------------------------------------------------------------------------------------------------- */

static void summary_cells(wn__table *t, wn__summary s)
{
    wn__table_cell(t, "%d", s.n);
    number_cell(t, "%.4g", s.mean);
    number_cell(t, "%.3g", s.sd);
    number_cell(t, "±%.3g", s.half_width);
}

static void lead_cells(wn__table *t, const wn__measure *m, const char *of, double sparsity)
{
    wn__table_cell(t, "%s", m->name);
    wn__table_cell(t, "%s", of);
    add_sparsity(t, sparsity);
}

static const char *of_text(const json_t *measurement, char *text, size_t size)
{
    const json_t *of = json_object_get(measurement, "of");
    const char *first = json_string_value(json_array_get(of, 0)), *second = json_string_value(json_array_get(of, 1));
    snprintf(text, size, "%s%s%s", first ? first : "", second ? ", " : "", second ? second : "");
    return text;
}

/* Mean over the states of a row, by seed: of logarithms where ratios count. */
static wn__summary over_steps(const json_t *study, const wn__measure *m, const char *row, double sparsity)
{
    int64_t steps[WN__MOST_LAB_STEPS], seeds[WN__MAX_STUDY_SEEDS];
    double values[WN__MAX_STUDY_SEEDS];
    const int count = wn__study_steps(study, row, sparsity, steps, WN__MOST_LAB_STEPS),
              n = wn__study_seeds(study, seeds, WN__MAX_STUDY_SEEDS);
    for (int i = 0; i < n; i++) {
        double sum = 0;
        int found = 0;
        for (int k = 0; k < count; k++) {
            const double v = wn__study_scaled(study, m, wn__study_find(study, m, row, NULL, sparsity, steps[k]), seeds[i]);
            if (isnan(v)) continue;
            sum += v;
            found++;
        }
        values[i] = found == 0 ? (double)NAN : m->ratio ? exp(sum / found) : sum / found;
    }
    return wn__summarise(values, n);
}

static void flow_lines(const json_t *study, const wn__measure *m, double sparsity, wn__table *t)
{
    const json_t *rows = wn__study_rows(study, "flow"), *row;
    size_t index;
    json_array_foreach(rows, index, row)
    {
        const wn__summary s = over_steps(study, m, json_string_value(row), sparsity);
        if (s.n == 0) continue;
        if (index == 0) wn__table_rule(t);
        lead_cells(t, m, json_string_value(row), sparsity);
        summary_cells(t, s);
    }
}

static void other_lines(const json_t *study, const wn__measure *m, double sparsity, wn__table *t)
{
    char text[128];
    size_t index;
    json_t *one;
    bool first = true;
    json_array_foreach(json_object_get(study, "measurements"), index, one)
    {
        const char *name = json_string_value(json_object_get(one, "measure"));
        if (!name || strcmp(name, m->name) != 0 || wn__json_number(one, "sparsity") != sparsity) continue;
        if (first) wn__table_rule(t);
        first = false;
        lead_cells(t, m, of_text(one, text, sizeof text), sparsity);
        summary_cells(t, wn__study_summary(study, m, one, false));
    }
}

wn_status wn__study_table(const wn__results *r, wn__table *t)
{
    const json_t *sparsity;
    size_t index;
    wn__table_name(t, "study", "Measurements of the lab");
    wn__table_column_add(t, false, "measurement");
    wn__table_column_add(t, false, "of");
    wn__table_column_add(t, true, "sparsity");
    wn__table_column_add(t, true, "n");
    wn__table_column_add(t, true, "mean");
    wn__table_column_add(t, true, "sd");
    wn__table_column_add(t, true, "±95 %%");
    for (const wn__measure *m = wn__measures; r->study && m->name; m++)
        json_array_foreach(wn__study_sparsities(r->study), index, sparsity)
        {
            if (m->kind == WN__MEASURE_FLOW) flow_lines(r->study, m, json_number_value(sparsity), t);
            if (m->kind == WN__MEASURE_LINE || m->kind == WN__MEASURE_HESSIAN) other_lines(r->study, m, json_number_value(sparsity), t);
        }
    wn__text_add(
        &t->note,
        "Over seeds, with 95 %% t-intervals. Of the flow of gradients: means over the states of a run, geometric but for the decrease "
        "(what one step of 0.01 along the gradient takes off the loss); updated: at the same weights behind the mask update, where there is one. Barrier: of the "
        "training loss, error barrier: of the test error in points, largest value between two networks less the mean of both ends.");
    return wn__table_status(t);
}

/* --- by step ----------------------------------------------------------------------------------------------------------------- */

static void flow_row(const json_t *study, const wn__measure *m, const char *row, double sparsity, const int64_t *steps, int count,
                     wn__table *t)
{
    wn__table_cell(t, "%s", row);
    add_sparsity(t, sparsity);
    for (int k = 0; k < count; k++) {
        const json_t *one = wn__study_find(study, m, row, NULL, sparsity, steps[k]);
        number_cell(t, "%.3g", one ? exp(wn__study_summary(study, m, one, true).mean) : (double)NAN);
    }
}

/* Steps of any row, ascending. */
static int all_steps(const json_t *study, int64_t steps[WN__MOST_LAB_STEPS])
{
    int64_t own[WN__MOST_LAB_STEPS];
    int count = 0;
    const json_t *row, *sparsity;
    size_t i, k;
    json_array_foreach(wn__study_rows(study, "flow"), i, row) json_array_foreach(wn__study_sparsities(study), k, sparsity)
    {
        const int n = wn__study_steps(study, json_string_value(row), json_number_value(sparsity), own, WN__MOST_LAB_STEPS);
        if (n > count) {
            memcpy(steps, own, (size_t)n * sizeof *steps);
            count = n;
        }
    }
    return count;
}

wn_status wn__study_flow_table(const wn__results *r, wn__table *t)
{
    int64_t steps[WN__MOST_LAB_STEPS];
    const int count = r->study ? all_steps(r->study, steps) : 0;
    const json_t *row, *sparsity;
    size_t i, k;
    wn__table_name(t, "study-flow", "Norm of the gradient by step");
    wn__table_column_add(t, false, "row");
    wn__table_column_add(t, true, "sparsity");
    for (int s = 0; s < count; s++)
        wn__table_column_add(t, true, "%lld", (long long)steps[s]);
    json_array_foreach(r->study && count > 0 ? wn__study_sparsities(r->study) : NULL, k, sparsity)
    {
        if (k > 0) wn__table_rule(t);
        json_array_foreach(wn__study_rows(r->study, "flow"), i, row)
            flow_row(r->study, &wn__measures[0], json_string_value(row), json_number_value(sparsity), steps, count, t);
    }
    wn__text_add(
        &t->note,
        "L2 norm over active weights, geometric mean over seeds, before these steps; %lld images that training has not seen, where there are "
        "validation images. ",
        (long long)json_integer_value(json_object_get(r->study, "images")));
    return wn__table_status(t);
}

/* --- every pair -------------------------------------------------------------------------------------------------------------- */

static void pair_rows(const json_t *study, const wn__measure *m, double sparsity, const char *format, wn__table *t)
{
    const json_t *rows = wn__study_rows(study, "compare"), *a, *b;
    size_t i, k;
    json_array_foreach(rows, i, a)
    {
        wn__table_cell(t, "%s", json_string_value(a));
        add_sparsity(t, sparsity);
        json_array_foreach(rows, k, b)
        {
            const json_t *one = i == k ? NULL : wn__study_find(study, m, json_string_value(a), json_string_value(b), sparsity, -1);
            number_cell(t, format, one ? wn__study_summary(study, m, one, false).mean : (double)NAN);
        }
    }
}

static bool is_measured(const json_t *study, const wn__measure *m)
{
    size_t index;
    json_t *one;
    json_array_foreach(json_object_get(study, "measurements"), index, one)
    {
        const char *name = json_string_value(json_object_get(one, "measure"));
        if (name && strcmp(name, m->name) == 0) return true;
    }
    return false;
}

static wn_status pair_table(const wn__results *r, const char *measure, const char *format, wn__table *t)
{
    const wn__measure *m = wn__measure_find(measure);
    const json_t *row, *sparsity;
    size_t index;
    wn__table_column_add(t, false, "row");
    wn__table_column_add(t, true, "sparsity");
    json_array_foreach(r->study ? wn__study_rows(r->study, "compare") : NULL, index, row)
        wn__table_column_add(t, true, "%s", json_string_value(row));
    if (!r->study || !is_measured(r->study, m)) return wn__table_status(t);
    json_array_foreach(wn__study_sparsities(r->study), index, sparsity)
    {
        if (index > 0) wn__table_rule(t);
        pair_rows(r->study, m, json_number_value(sparsity), format, t);
    }
    return wn__table_status(t);
}

wn_status wn__study_disagreement_table(const wn__results *r, wn__table *t)
{
    wn__table_name(t, "disagreement", "Disagreement on test images");
    wn__text_add(&t->note, "Percent of test images that two networks of one seed put into different classes, mean over seeds.");
    return pair_table(r, "disagreement", "%.2f", t);
}

static void ensemble_row(const json_t *study, const char *row, double sparsity, wn__table *t)
{
    wn__summary s[3];
    static const char *const names[] = {"ensemble", "ensemble-gain", "seed-disagreement"};
    for (int i = 0; i < 3; i++) {
        const wn__measure *m = wn__measure_find(names[i]);
        const json_t *one = wn__study_find(study, m, row, NULL, sparsity, -1);
        if (!one) return;
        s[i] = wn__study_summary(study, m, one, false);
    }
    wn__table_cell(t, "%s", row);
    add_sparsity(t, sparsity);
    wn__table_cell(t, "%d", s[0].n);
    number_cell(t, "%.2f", s[0].mean - s[1].mean);
    number_cell(t, "%.2f", s[0].mean);
    for (int i = 1; i < 3; i++) {
        number_cell(t, "%.2f", s[i].mean);
        number_cell(t, "±%.2f", s[i].half_width);
    }
}

wn_status wn__study_ensemble_table(const wn__results *r, wn__table *t)
{
    static const char *const heads[] = {"networks", "their mean, %", "together, %", "gain", "±95 %", "disagree, %", "±95 %"};
    const json_t *row, *sparsity;
    size_t i, k;
    wn__table_name(t, "ensembles", "Ensembles over seeds");
    wn__table_column_add(t, false, "row");
    wn__table_column_add(t, true, "sparsity");
    wn__table_columns_add(t, heads, sizeof heads / sizeof *heads);
    json_array_foreach(r->study ? wn__study_rows(r->study, "ensembles") : NULL, i, row)
        json_array_foreach(wn__study_sparsities(r->study), k, sparsity)
            ensemble_row(r->study, json_string_value(row), json_number_value(sparsity), t);
    wn__text_add(
        &t->note,
        "Test accuracy of a row's networks of all seeds, and of the mean of their probabilities; percent of test images that two of them put "
        "into different classes, mean over pairs. Intervals: jackknife over seeds.");
    return wn__table_status(t);
}

wn_status wn__study_together_table(const wn__results *r, wn__table *t)
{
    wn__table_name(t, "together", "What two networks gain together");
    wn__text_add(
        &t->note,
        "Test accuracy of the mean of two networks' probabilities less the mean of their accuracies, in points; networks of one seed, mean over seeds.");
    return pair_table(r, "pair-gain", "%+.2f", t);
}

wn_status wn__study_distance_table(const wn__results *r, wn__table *t)
{
    wn__table_name(t, "distance", "Distances of weights");
    wn__text_add(&t->note, "L2, over all trained parameters (masked ones are zero), of two networks of one seed, mean over seeds.");
    return pair_table(r, "distance", "%.3f", t);
}

/* --- all of it --------------------------------------------------------------------------------------------------------------- */

wn_status wn__study_csv(const json_t *study, wn__text *out)
{
    wn__table t = {0};
    json_t *one;
    size_t index;
    int64_t seeds[WN__MAX_STUDY_SEEDS];
    const int count = wn__study_seeds(study, seeds, WN__MAX_STUDY_SEEDS);
    static const char *const heads[] = {"measurement", "first", "second", "sparsity", "step", "seed", "value"};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        wn__table_column_add(&t, i > 2, "%s", heads[i]);
    json_array_foreach(json_object_get(study, "measurements"), index, one)
    {
        const json_t *of = json_object_get(one, "of"), *step = json_object_get(one, "step");
        const char *name = json_string_value(json_object_get(one, "measure")), *second = json_string_value(json_array_get(of, 1));
        const wn__measure *m = name ? wn__measure_find(name) : NULL;
        for (int i = 0; m && i < count; i++) {
            const double value = wn__study_value(study, m, one, seeds[i]);
            if (isnan(value)) continue;
            wn__table_cell(&t, "%s", name);
            wn__table_cell(&t, "%s", json_string_value(json_array_get(of, 0)));
            wn__table_cell(&t, "%s", second ? second : "");
            wn__table_number(&t, "%.12g", wn__json_number(one, "sparsity"));
            if (step)
                wn__table_cell(&t, "%lld", (long long)json_integer_value(step));
            else
                wn__table_cell(&t, "%s", "");
            wn__table_cell(&t, "%lld", (long long)seeds[i]);
            wn__table_number(&t, "%.9g", value);
        }
    }
    const wn_status status = wn__table_status(&t);
    if (status == WN_OK) wn__table_csv(&t, out);
    wn__table_release(&t);
    return status != WN_OK ? status : out->failed ? wn__no_memory(out->size) : WN_OK;
}

wn_status wn__study_text(const wn__results *r, wn__text *out)
{
    static const wn__table_builder tables[] = {wn__study_table,          wn__study_flow_table,     wn__study_disagreement_table,
                                               wn__study_together_table, wn__study_ensemble_table, wn__study_distance_table,
                                               wn__claim_table};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        wn__table t = {0};
        const wn_status status = tables[i](r, &t);
        if (status == WN_OK && wn__table_rows(&t) > 0) {
            if (out->size > 0) wn__text_add(out, "\n");
            wn__table_text(&t, out);
        }
        wn__table_release(&t);
        WN_TRY(status);
    }
    return out->failed ? wn__no_memory(out->size) : WN_OK;
}
