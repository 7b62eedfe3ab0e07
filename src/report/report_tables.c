#include "report/report_tables.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "io/jsonl.h"
#include "report/claim_table.h"
#include "report/class_table.h"
#include "report/reached.h"
#include "report/study_tables.h"
#include "report/table_cells.h"

#define FIELD(member) offsetof(wn__result_row, member)

const wn__table_builder wn__report_tables[] = {wn__headline_table,
                                               wn__claim_table,
                                               wn__study_table,
                                               wn__study_flow_table,
                                               wn__study_disagreement_table,
                                               wn__study_together_table,
                                               wn__study_ensemble_table,
                                               wn__study_distance_table,
                                               wn__difference_table,
                                               wn__matching_table,
                                               wn__class_table,
                                               wn__mask_table,
                                               wn__cost_table,
                                               wn__price_table,
                                               wn__label_table,
                                               wn__method_table,
                                               wn__fact_table,
                                               NULL};

static double mean_of(const wn__cell *cell, size_t field) { return wn__cell_summary(cell, field, 1).mean; }

/* Whether sizes are those of files: where one is not known, all are estimates. */
static bool sizes_are_of_files(const wn__results *r)
{
    for (int i = 0; i < r->cell_count; i++)
        if (isnan(mean_of(&r->cells[i], FIELD(file_bytes))) && !isnan(mean_of(&r->cells[i], FIELD(bytes)))) return false;
    return true;
}

static void size_column(wn__table *t, const wn__results *r)
{
    wn__table_column_add(t, true, sizes_are_of_files(r) ? "bytes" : "bytes (est.)");
}

static void size_cell(wn__table *t, const wn__results *r, const wn__cell *cell)
{
    wn__bytes_cell(t, mean_of(cell, sizes_are_of_files(r) ? FIELD(file_bytes) : FIELD(bytes)));
}

static void note_seeds(const wn__results *r, wn__text *note)
{
    int single = 0;
    for (int i = 0; i < r->cell_count; i++)
        single += r->cells[i].n == 1;
    if (single == r->cell_count)
        wn__text_add(note, "One seed each: no spread can be given. ");
    else if (single > 0)
        wn__text_add(note, "Rows with n = 1 have no spread. ");
    if (single < r->cell_count)
        wn__text_add(note, "± is the half-width of the 95 %% t-interval over seeds; sd the sample standard deviation. ");
}

/* Cells that the run left out. */
static void note_skipped(const wn__results *r, wn__text *note)
{
    const json_t *skipped = json_object_get(r->root, "skipped"), *cell;
    size_t i;
    char text[32];
    json_array_foreach(skipped, i, cell)
    {
        const char *method = json_string_value(json_object_get(cell, "method")),
                   *reason = json_string_value(json_object_get(cell, "reason"));
        wn__show_sparsity(json_number_value(json_object_get(cell, "sparsity")), text, sizeof text);
        wn__text_add(note, "Left out: %s %s (%s). ", method ? method : "?", text, reason ? reason : "?");
    }
}

/* How near networks of other widths come to what they are compared with; told once for all seeds. */
static void note_widths(const wn__results *r, wn__text *note)
{
    const json_t *rows = json_object_get(r->root, "rows"), *row;
    const char *told = "";
    double told_at = -1;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        const json_t *wide = json_object_get(row, "wide"), *own = wide ? wide : json_object_get(row, "small");
        const char *method = json_string_value(json_object_get(row, "method")), *match = json_string_value(json_object_get(own, "match"));
        const double sparsity = json_number_value(json_object_get(row, "sparsity"));
        if (!method || !match || (strcmp(told, method) == 0 && told_at == sparsity)) continue;
        char text[32];
        wn__text_add(note, "%s at %s: a %s network of %.4g times the widths, with %.4g times the %s one's %s. ", method,
                     wn__show_sparsity(sparsity, text, sizeof text), wide ? "sparse" : "dense",
                     json_number_value(json_object_get(own, "width")), json_number_value(json_object_get(own, "reached")),
                     wide ? "dense" : "sparse", strcmp(match, "flops") == 0 ? "FLOPs" : match);
        told = method;
        told_at = sparsity;
    }
}

static void note_state(const wn__results *r, wn__text *note)
{
    if (r->unfinished > 0) wn__text_add(note, "Not finished yet: %d of %d runs. ", r->unfinished, r->unfinished + r->row_count);
    if (r->short_budget) wn__text_add(note, "Short budget: the runs are too short for general conclusions. ");
    note_skipped(r, note);
    note_widths(r, note);
    wn__note_reached(r, note);
}

/* "80% = density 0.2 = 5x; ...": each sparsity of the table in the three ways it may be written. */
static void note_sparsities(const wn__results *r, wn__text *note)
{
    int told = 0;
    for (int i = 0; i < r->cell_count; i++) {
        const double sparsity = r->cells[i].sparsity;
        bool seen = sparsity <= 0;
        for (int j = 0; j < i && !seen; j++)
            seen = r->cells[j].sparsity == sparsity;
        if (seen) continue;
        char text[32];
        wn__text_add(note, "%s%s = density %.4g = %.4gx", told++ ? "; " : "", wn__show_sparsity(sparsity, text, sizeof text), 1 - sparsity,
                     1 / (1 - sparsity));
    }
    if (told) wn__text_add(note, ". ");
}

static void note_metric(const wn__results *r, wn__text *note)
{
    const wn__metric *m = r->shown.metric;
    wn__text_add(note, "%s: test %s of the last epoch%s", m == r->headline ? "Headline" : "Shown", m->title,
                 m->less_is_better ? ", less is better" : "");
    if (m != r->headline) wn__text_add(note, " (the headline is %s)", r->headline->title);
    wn__text_add(note, "; ");
}

/* What soft labels weigh in the loss. */
static void note_labels(const wn__results *r, wn__text *note)
{
    for (int m = 0; m < r->method_count; m++) {
        int c = r->first_cell[m];
        while (c >= 0 && isnan(r->cells[c].rows[0]->kl_weight))
            c = r->cells[c].next;
        if (c < 0) continue;
        const wn__result_row *row = r->cells[c].rows[0];
        wn__text_add(note, "Soft labels of %s weigh %.4g, hard ones %.4g. ", row->method, row->kl_weight, 1 - row->alpha);
    }
}

wn_status wn__headline_table(const wn__results *r, wn__table *t)
{
    const bool spread = wn__results_seeds(r) > 1;
    const wn__shown *shown = &r->shown;
    wn__table_name(t, shown->metric->key, "Test %s%s and its price", shown->metric->title, shown->metric->percent ? " in %" : "");
    wn__lead_columns(t);
    wn__table_column_add(t, true, "last epoch");
    if (spread) wn__table_column_add(t, true, "±95 %%");
    if (spread) wn__table_column_add(t, true, "sd");
    wn__table_column_add(t, true, "best val.");
    if (r->averaged) wn__table_column_add(t, true, "EMA");
    wn__table_column_add(t, true, "parameters");
    size_column(t, r);
    wn__table_column_add(t, true, "FLOPs stage");
    wn__table_column_add(t, true, "FLOPs total");
    wn__table_column_add(t, true, "seconds");
    const char *last = NULL;
    for (int i = 0; i < r->cell_count; i++) {
        const wn__cell *cell = &r->cells[i];
        const wn__summary test = wn__cell_summary(cell, FIELD(test), shown->scale);
        wn__lead_cells(t, cell, &last);
        wn__shown_cell(t, shown, test.mean, false);
        if (spread) wn__interval_cell(t, shown, test);
        if (spread) wn__shown_cell(t, shown, test.sd, false);
        wn__shown_cell(t, shown, wn__cell_summary(cell, FIELD(test_at_best), shown->scale).mean, false);
        if (r->averaged) wn__shown_cell(t, shown, wn__cell_summary(cell, FIELD(average), shown->scale).mean, false);
        wn__count_cell(t, mean_of(cell, FIELD(parameters)));
        size_cell(t, r, cell);
        wn__amount_cell(t, mean_of(cell, FIELD(stage_flops)));
        wn__amount_cell(t, mean_of(cell, FIELD(total_flops)));
        wn__seconds_cell(t, mean_of(cell, FIELD(seconds)));
    }
    note_state(r, &t->note);
    note_seeds(r, &t->note);
    note_sparsities(r, &t->note);
    note_labels(r, &t->note);
    note_metric(r, &t->note);
    wn__text_add(
        &t->note,
        "best val.: at the epoch with the best validation %s. "
        "FLOPs of training, 2 per multiply-add: of the stage alone, and with everything it needed, the dense run among it. Seconds: of the stage alone.",
        r->headline->title);
    if (r->averaged)
        wn__text_add(&t->note,
                     " EMA: of the moving average of the weights (train.ema), at the last epoch; all else is of the weights themselves.");
    return wn__table_status(t);
}

static void difference_cells(const wn__results *r, const wn__cell *cell, const char *baseline, bool spread, wn__table *t)
{
    const wn__cell *other = wn__results_baseline(r, baseline, cell->sparsity);
    const bool shown = other && other != cell;
    const wn__shown *s = &r->shown;
    const wn__summary d = shown ? wn__cell_difference(s, cell, other) : (wn__summary){0, NAN, NAN, NAN};
    wn__shown_cell(t, s, d.mean, true);
    if (!spread) return;
    wn__interval_cell(t, s, d);
    const bool judged = shown && wn__has_spread(d);
    wn__table_cell(t, "%s", judged ? wn__verdict_name(wn__shown_judge(s, WN__CLAIM_BETTER, d, 0)) : "–");
    wn__table_cell(t, "%s", judged && !isnan(s->margin) ? wn__verdict_name(wn__shown_judge(s, WN__CLAIM_EQUIVALENT, d, s->margin)) : "–");
}

static bool has_difference(const wn__results *r, const wn__cell *cell)
{
    for (int i = 0; i < r->baseline_count; i++) {
        const wn__cell *other = wn__results_baseline(r, r->baselines[i], cell->sparsity);
        if (other && other != cell) return true;
    }
    return false;
}

static void note_verdicts(const wn__shown *s, wn__text *note)
{
    char amount[64];
    const bool less = s->metric->less_is_better;
    wn__text_add(note, "better: the whole 95 %% interval lies %s 0 (supported), at or %s 0 (contradicted), or neither (undecided). ",
                 less ? "below" : "above", less ? "above" : "below");
    if (isnan(s->margin))
        wn__text_add(note, "same: needs a margin, and the recipe says none for %s.", s->metric->title);
    else
        wn__text_add(note, "same: it lies within ±%s, with %d seeds or more.", wn__shown_amount(s, s->margin, amount, sizeof amount),
                     WN__EQUIVALENCE_SEEDS);
}

wn_status wn__difference_table(const wn__results *r, wn__table *t)
{
    const bool spread = wn__results_seeds(r) > 1;
    const wn__metric *m = r->shown.metric;
    wn__table_name(t, "differences", "Paired differences of test %s by seed%s", m->title, m->percent ? ", in points" : "");
    wn__lead_columns(t);
    for (int b = 0; b < r->baseline_count; b++) {
        wn__table_column_add(t, true, "from %s", r->baselines[b]);
        if (!spread) continue;
        wn__table_column_add(t, true, "±95 %%");
        wn__table_column_add(t, false, "better");
        wn__table_column_add(t, false, "same");
    }
    const char *last = NULL;
    for (int i = 0; i < r->cell_count; i++) {
        if (!has_difference(r, &r->cells[i])) continue;
        wn__lead_cells(t, &r->cells[i], &last);
        for (int b = 0; b < r->baseline_count; b++)
            difference_cells(r, &r->cells[i], r->baselines[b], spread, t);
    }
    if (spread)
        note_verdicts(&r->shown, &t->note);
    else
        wn__text_add(&t->note, "One seed each: differences without a spread decide nothing.");
    return wn__table_status(t);
}

/* Whether the cell is not worse than dense by more than the margin: by its interval, or by its mean alone. */
static bool matches(const wn__results *r, const wn__cell *cell, const wn__cell *dense, bool by_interval)
{
    const wn__shown *s = &r->shown;
    const wn__summary d = wn__cell_difference(s, cell, dense);
    if (!by_interval) return wn__shown_gain(s, d.mean) > -s->margin;
    return d.n >= WN__EQUIVALENCE_SEEDS && wn__shown_judge(s, WN__CLAIM_NOT_WORSE, d, s->margin) == WN__SUPPORTED;
}

/* The largest sparsity of the method that matches dense together with all smaller ones above 0; -1 if none does. */
static double largest_matching(const wn__results *r, const char *method, bool by_interval)
{
    double largest = -1, first_failing = INFINITY;
    for (int i = 0; i < r->cell_count; i++) {
        const wn__cell *cell = &r->cells[i];
        const wn__cell *dense = wn__results_baseline(r, "dense", cell->sparsity);
        if (strcmp(cell->method, method) != 0 || cell->sparsity == 0 || matches(r, cell, dense, by_interval)) continue;
        first_failing = cell->sparsity < first_failing ? cell->sparsity : first_failing;
    }
    for (int i = 0; i < r->cell_count; i++) {
        const wn__cell *cell = &r->cells[i];
        if (strcmp(cell->method, method) != 0 || cell->sparsity == 0 || cell->sparsity >= first_failing) continue;
        largest = cell->sparsity > largest ? cell->sparsity : largest;
    }
    return largest;
}

static bool has_sparse_cell(const wn__results *r, const char *method)
{
    for (int i = 0; i < r->cell_count; i++)
        if (r->cells[i].sparsity > 0 && strcmp(r->cells[i].method, method) == 0) return true;
    return false;
}

bool wn__best_matching(const wn__results *r, const char **method, double *sparsity, bool *by_interval)
{
    *sparsity = -1;
    for (int sure = 1; sure >= 0 && *sparsity < 0 && wn__results_baseline(r, "dense", 0); sure--)
        for (int m = 0; m < r->method_count; m++) {
            const double largest = largest_matching(r, r->methods[m], sure);
            if (largest <= *sparsity) continue;
            *sparsity = largest;
            *method = r->methods[m];
            *by_interval = sure;
        }
    return *sparsity >= 0;
}

wn_status wn__matching_table(const wn__results *r, wn__table *t)
{
    char text[64];
    const bool possible = wn__results_baseline(r, "dense", 0) && !isnan(r->shown.margin);
    wn__table_name(t, "matching", "Largest sparsity that still matches dense");
    wn__table_column_add(t, false, "method");
    wn__table_column_add(t, true, "by interval");
    wn__table_column_add(t, true, "by mean alone");
    for (int m = 0; m < r->method_count && possible; m++) {
        if (!has_sparse_cell(r, r->methods[m])) continue;
        const double sure = largest_matching(r, r->methods[m], true), likely = largest_matching(r, r->methods[m], false);
        wn__table_cell(t, "%s", r->methods[m]);
        wn__table_cell(t, "%s", sure < 0 ? "none" : wn__show_sparsity(sure, text, sizeof text));
        wn__table_cell(t, "%s", likely < 0 ? "none" : wn__show_sparsity(likely, text, sizeof text));
    }
    wn__text_add(&t->note,
                 "Matches: not %s dense by more than %s, here and at every smaller sparsity tried. "
                 "By interval: the whole 95 %% interval of the "
                 "paired difference says so, with %d seeds or more; by mean alone is no evidence of it.",
                 r->shown.metric->less_is_better ? "above" : "below", wn__shown_amount(&r->shown, r->shown.margin, text, sizeof text),
                 WN__EQUIVALENCE_SEEDS);
    return wn__table_status(t);
}

wn_status wn__mask_table(const wn__results *r, wn__table *t)
{
    const wn__shown *shown = &r->shown;
    wn__table_name(t, "masks", "Masks");
    wn__lead_columns(t);
    wn__table_column_add(t, true, "density");
    wn__table_column_add(t, true, "compression");
    wn__table_column_add(t, true, "reached, selected");
    wn__table_column_add(t, true, "reached, network");
    wn__table_column_add(t, true, "rounds");
    wn__table_column_add(t, true, "pruned");
    wn__table_column_add(t, true, "pruned, new BN");
    const char *last = NULL;
    for (int i = 0; i < r->cell_count; i++) {
        const wn__cell *cell = &r->cells[i];
        if (cell->sparsity == 0) continue;
        wn__lead_cells(t, cell, &last);
        wn__table_cell(t, "%.4g", 1 - cell->sparsity);
        wn__table_cell(t, "%.4gx", 1 / (1 - cell->sparsity));
        wn__real_cell(t, "%.3f%%", 100 * mean_of(cell, FIELD(sparsity_selected)));
        wn__real_cell(t, "%.3f%%", 100 * mean_of(cell, FIELD(sparsity_network)));
        wn__count_cell(t, mean_of(cell, FIELD(rounds)));
        wn__shown_cell(t, shown, wn__cell_summary(cell, FIELD(pruned), shown->scale).mean, false);
        wn__shown_cell(t, shown, wn__cell_summary(cell, FIELD(pruned_bn), shown->scale).mean, false);
    }
    wn__text_add(&t->note,
                 "Reached: over the selected tensors and over the whole network. "
                 "Pruned: %s%s straight after pruning, before any retraining, of the weights that were pruned (of masks from files: "
                 "of those that the row starts from, if they are trained); "
                 "new BN: with batch-norm statistics measured anew.",
                 shown->metric->title, shown->metric->percent ? " in %" : "");
    return wn__table_status(t);
}

wn_status wn__cost_table(const wn__results *r, wn__table *t)
{
    wn__table_name(t, "costs", "Costs");
    wn__lead_columns(t);
    wn__table_column_add(t, true, "parameters");
    size_column(t, r);
    wn__table_column_add(t, true, "FLOPs an image");
    wn__table_column_add(t, true, "of dense");
    wn__table_column_add(t, true, "epochs");
    wn__table_column_add(t, true, "steps");
    wn__table_column_add(t, true, "FLOPs stage");
    wn__table_column_add(t, true, "of dense training");
    wn__table_column_add(t, true, "FLOPs total");
    wn__table_column_add(t, true, "teacher images");
    wn__table_column_add(t, true, "seconds");
    wn__table_column_add(t, true, "seconds total");
    if (r->measured) {
        wn__table_column_add(t, true, "measured");
        wn__table_column_add(t, true, "measured total");
        wn__table_column_add(t, false, "measured on");
    }
    const char *last = NULL;
    const wn__cell *dense = wn__results_baseline(r, "dense", 0);
    const double dense_flops = dense ? mean_of(dense, FIELD(inference_flops)) : NAN;
    for (int i = 0; i < r->cell_count; i++) {
        const wn__cell *cell = &r->cells[i];
        wn__lead_cells(t, cell, &last);
        wn__count_cell(t, mean_of(cell, FIELD(parameters)));
        size_cell(t, r, cell);
        wn__amount_cell(t, mean_of(cell, FIELD(inference_flops)));
        wn__real_cell(t, "%.1f%%", 100 * mean_of(cell, FIELD(inference_flops)) / dense_flops);
        wn__real_cell(t, "%.4g", mean_of(cell, FIELD(epochs)));
        wn__count_cell(t, mean_of(cell, FIELD(steps)));
        wn__amount_cell(t, mean_of(cell, FIELD(stage_flops)));
        wn__real_cell(t, "%.1f%%", 100 * mean_of(cell, FIELD(train_ratio)));
        wn__amount_cell(t, mean_of(cell, FIELD(total_flops)));
        wn__amount_cell(t, mean_of(cell, FIELD(teacher_images)));
        wn__seconds_cell(t, mean_of(cell, FIELD(seconds)));
        wn__seconds_cell(t, mean_of(cell, FIELD(seconds_total)));
        if (!r->measured) continue;
        wn__seconds_cell(t, mean_of(cell, FIELD(measured)));
        wn__seconds_cell(t, mean_of(cell, FIELD(measured_total)));
        wn__table_cell(t, "%s", cell->rows[0]->measured_on ? cell->rows[0]->measured_on : "–");
    }
    wn__text_add(&t->note, "FLOPs: 2 per multiply-add of convolutions and linear layers, backward = 2 x forward. "
                           "Total: with the dense run, all pruning rounds, the "
                           "teacher's training and its share of the teacher's forward passes. Bytes: stored values and pattern.");
    if (r->measured)
        wn__text_add(
            &t->note,
            " Measured: steps of all rows timed in turns with %d thread%s, without evaluation; dense networks on the backend that trains "
            "them faster.",
            r->measured_threads, r->measured_threads == 1 ? "" : "s");
    return wn__table_status(t);
}

/* What `points` are near dense: those of shares, else percent of dense's own value. */
static double nearness(const wn__results *r, const wn__cell *dense, double points)
{
    return r->shown.metric->percent ? points : points / 100 * fabs(mean_of(dense, FIELD(test)));
}

/* The least of a price over the cells of a method whose mean is at most `nearness` worse than dense; NaN: none is. */
static double least_price(const wn__results *r, const char *method, double points, size_t price, double *sparsity)
{
    double least = NAN;
    for (int i = 0; i < r->cell_count; i++) {
        const wn__cell *cell = &r->cells[i], *dense = wn__results_baseline(r, "dense", cell->sparsity);
        if (strcmp(cell->method, method) != 0 || cell->sparsity == 0) continue;
        const double asked = mean_of(cell, price), worse = -wn__shown_gain(&r->shown, wn__cell_difference(&r->shown, cell, dense).mean);
        if (!(worse <= nearness(r, dense, points)) || isnan(asked) || asked >= least) continue;
        least = asked;
        if (sparsity) *sparsity = cell->sparsity;
    }
    return least;
}

/* "mean squared error": its mean needs no second one. */
static bool starts_with_mean(const wn__metric *m) { return strncmp(m->title, "mean ", 5) == 0; }

wn_status wn__price_table(const wn__results *r, wn__table *t)
{
    enum { MOST_POINTS = 3 };
    const wn__cell *dense = wn__results_baseline(r, "dense", 0);
    const wn__metric *m = r->shown.metric;
    wn__table_name(t, "price", "Least training to come near dense");
    wn__table_column_add(t, false, "method");
    for (int points = 1; points <= MOST_POINTS; points++) {
        wn__table_column_add(t, true, "within %d%s: at", points, m->percent ? "" : "%");
        wn__table_column_add(t, true, "FLOPs");
        if (r->measured) wn__table_column_add(t, true, "seconds");
    }
    for (int i = 0; i < r->method_count && dense; i++) {
        if (!has_sparse_cell(r, r->methods[i])) continue;
        wn__table_cell(t, "%s", r->methods[i]);
        for (int points = 1; points <= MOST_POINTS; points++) {
            char text[32];
            double sparsity = NAN;
            const double flops = least_price(r, r->methods[i], points, FIELD(total_flops), &sparsity);
            wn__table_cell(t, "%s", isnan(flops) ? "–" : wn__show_sparsity(sparsity, text, sizeof text));
            wn__real_cell(t, "%.3fx", flops / mean_of(dense, FIELD(total_flops)));
            if (!r->measured) continue;
            const double seconds = least_price(r, r->methods[i], points, FIELD(measured_total), NULL);
            wn__real_cell(t, "%.3fx", seconds / mean_of(dense, FIELD(measured_total)));
        }
    }
    wn__text_add(&t->note,
                 "Of all sparsities of a method whose %s%s is at most so %s that of dense, the one that took the "
                 "fewest FLOPs in all (shown: its sparsity)%s: over those of the dense run. A dash: none comes so near.",
                 starts_with_mean(m) ? "" : "mean ", m->title,
                 m->percent          ? m->less_is_better ? "many points above" : "many points below"
                 : m->less_is_better ? "many percent above"
                                     : "many percent below",
                 r->measured ? ", and the one that took the fewest measured seconds" : "");
    return wn__table_status(t);
}

wn_status wn__run_table(const wn__results *r, wn__table *t)
{
    const wn__shown *s = &r->shown;
    char text[32];
    wn__table_name(t, "runs", "Runs");
    wn__table_column_add(t, false, "method");
    wn__table_columns_add(t, (const char *const[]){"sparsity", "seed", "last epoch", "best val.", "validation", "epochs", "seconds"}, 7);
    wn__table_column_add(t, false, "stage");
    for (int i = 0; i < r->row_count; i++) {
        const wn__result_row *row = &r->rows[i];
        const char *stage = wn__json_text(row->object, "stage");
        if (i == 0 || strcmp(row->method, r->rows[i - 1].method) != 0) wn__table_rule(t);
        wn__table_cell(t, "%s", row->method);
        wn__table_cell(t, "%s", wn__show_sparsity(row->sparsity, text, sizeof text));
        wn__table_cell(t, "%lld", (long long)row->seed);
        wn__shown_cell(t, s, s->scale * row->test, false);
        wn__shown_cell(t, s, s->scale * row->test_at_best, false);
        wn__shown_cell(t, s, s->scale * row->validation, false);
        wn__real_cell(t, "%.4g", row->epochs);
        wn__seconds_cell(t, row->seconds);
        wn__table_cell(t, "%.12s", stage ? stage : "");
    }
    return wn__table_status(t);
}

/* The first finished row of a method; NULL if it has none. */
static const wn__result_row *first_row(const wn__results *r, const char *method)
{
    for (int i = 0; i < r->row_count; i++)
        if (strcmp(r->rows[i].method, method) == 0) return &r->rows[i];
    return NULL;
}

wn_status wn__label_table(const wn__results *r, wn__table *t)
{
    wn__table_name(t, "labels", "Soft labels");
    wn__table_column_add(t, false, "method");
    wn__table_column_add(t, false, "labels");
    wn__table_column_add(t, true, "T");
    wn__table_column_add(t, true, "α");
    wn__table_column_add(t, false, "KL averaged over");
    wn__table_column_add(t, true, "KL weight a sample");
    wn__table_column_add(t, true, "gradient scale");
    wn__table_column_add(t, true, "smoothing");
    for (int m = 0; m < r->method_count; m++) {
        const wn__result_row *row = first_row(r, r->methods[m]);
        if (!row || !row->labels || strcmp(row->labels, "hard") == 0) continue;
        const bool mean = row->kl && strcmp(row->kl, "mean") == 0, batch = row->kl && strcmp(row->kl, "batchmean") == 0;
        wn__table_cell(t, "%s", r->methods[m]);
        wn__table_cell(t, "%s", row->labels);
        wn__real_cell(t, "%.4g", row->temperature);
        wn__real_cell(t, "%.4g", row->alpha);
        wn__table_cell(t, "%s", mean ? "batch and classes" : batch ? "batch" : row->kl ? row->kl : "–");
        wn__real_cell(t, "%.4g", row->kl_weight);
        wn__real_cell(t, "%.4g", row->gradient_scale);
        wn__real_cell(t, "%.4g", row->smoothing);
    }
    wn__text_add(&t->note, "KL weight: what the divergence of one sample is multiplied by, α T² and the averaging over classes included. "
                           "Gradient scale: α T times "
                           "that averaging, the size of its gradient at the logits.");
    return wn__table_status(t);
}

wn_status wn__method_table(const wn__results *r, wn__table *t)
{
    static const char *const keys[] = {"name", "summary", "start", "schedule", "labels", "paper"};
    size_t index;
    json_t *method;
    wn__table_name(t, "methods", "Methods");
    for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++)
        wn__table_column_add(t, false, "%s", k == 0 ? "method" : keys[k]);
    json_array_foreach(json_object_get(r->root, "methods"), index, method) for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++)
    {
        const char *text = wn__json_text(method, keys[k]);
        wn__table_cell(t, "%s", text ? text : "");
    }
    return wn__table_status(t);
}

/* A value of results.json as a cell: texts as they are, of long lists the number and the ends. */
static void fact_cell(wn__table *t, const json_t *value)
{
    const size_t count = json_array_size(value);
    const char *first = json_string_value(json_array_get(value, 0));
    if (json_is_string(value)) {
        wn__table_cell(t, "%s", json_string_value(value));
        return;
    }
    if (count > 3 && first) {
        wn__table_cell(t, "%zu: %s ... %s", count, first, json_string_value(json_array_get(value, count - 1)));
        return;
    }
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(12));
    wn__table_cell(t, "%s", text ? text : "");
    free(text);
}

static void add_facts(const wn__results *r, const char *group, wn__table *t)
{
    const char *key;
    json_t *value;
    bool first = true;
    json_object_foreach(json_object_get(r->root, group), key, value)
    {
        if (first) wn__table_rule(t);
        wn__table_cell(t, "%s", first ? group : "");
        wn__table_cell(t, "%s", key);
        fact_cell(t, value);
        first = false;
    }
}

wn_status wn__fact_table(const wn__results *r, wn__table *t)
{
    static const char *const groups[] = {"data", "model", "train", "mask", "environment"};
    wn__table_name(t, "facts", "Data, model, training and environment");
    wn__table_column_add(t, false, "of");
    wn__table_column_add(t, false, "what");
    wn__table_column_add(t, false, "value");
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        add_facts(r, groups[i], t);
    return wn__table_status(t);
}

/* CSV: names say the unit; absent numbers are empty. */
static const struct {
    const char *name;
    size_t field;
} number_columns[] = {
    {"test_{key}", FIELD(test)},
    {"test_{key}_at_best_validation", FIELD(test_at_best)},
    {"validation_{key}", FIELD(validation)},
    {"average_test_{key}", FIELD(average)},
    {"average_validation_{key}", FIELD(average_validation)},
    {"pruned_{key}", FIELD(pruned)},
    {"pruned_{key}_reestimated_bn", FIELD(pruned_bn)},
    {"sparsity_selected", FIELD(sparsity_selected)},
    {"sparsity_network", FIELD(sparsity_network)},
    {"parameters", FIELD(parameters)},
    {"bytes", FIELD(bytes)},
    {"file_bytes", FIELD(file_bytes)},
    {"inference_flops", FIELD(inference_flops)},
    {"train_flops_stage", FIELD(stage_flops)},
    {"train_flops_total", FIELD(total_flops)},
    {"seconds", FIELD(seconds)},
    {"seconds_total", FIELD(seconds_total)},
    {"measured_seconds", FIELD(measured)},
    {"measured_seconds_total", FIELD(measured_total)},
    {"kl_weight", FIELD(kl_weight)},
    {"gradient_scale", FIELD(gradient_scale)},
};
enum { NUMBER_COLUMNS = sizeof number_columns / sizeof number_columns[0], SPREAD_COLUMNS = 2 };

/* Columns of what few experiments have stand only where there is some. */
static bool has_column(const wn__results *r, int column)
{
    const size_t field = number_columns[column].field;
    return r->averaged || (field != FIELD(average) && field != FIELD(average_validation));
}

static void plain_cell(wn__table *t, double value)
{
    char text[WN__REAL_TEXT];
    wn__table_cell(t, "%s", isnan(value) ? "" : wn__show_real(value, text));
}

static void plain_summary_cells(wn__table *t, wn__summary s, bool with_spread)
{
    plain_cell(t, s.mean);
    if (!with_spread) return;
    plain_cell(t, s.sd);
    plain_cell(t, s.half_width);
}

/* `classes`: NULL in CSV, whose cells are single values. */
static wn_status number_table(const wn__results *r, const wn__class_results *classes, wn__table *t)
{
    const char *difference = r->shown.metric->percent ? "points" : "difference";
    wn__table_name(t, "numbers", "Numbers");
    wn__table_column_add(t, false, "method");
    wn__table_column_add(t, true, "sparsity");
    wn__table_column_add(t, true, "n");
    for (int c = 0; c < NUMBER_COLUMNS; c++) {
        char name[128];
        if (!has_column(r, c)) continue;
        wn__shown_words(&r->shown, number_columns[c].name, name, sizeof name);
        wn__table_column_add(t, true, "%s", name);
        if (c < SPREAD_COLUMNS) wn__table_column_add(t, true, "%s_sd", name);
        if (c < SPREAD_COLUMNS) wn__table_column_add(t, true, "%s_ci95", name);
    }
    for (int b = 0; b < r->baseline_count; b++) {
        wn__table_column_add(t, true, "%s_from_%s", difference, r->baselines[b]);
        wn__table_column_add(t, true, "%s_from_%s_sd", difference, r->baselines[b]);
        wn__table_column_add(t, true, "%s_from_%s_ci95", difference, r->baselines[b]);
    }
    if (classes) wn__class_columns(classes, t);
    for (int i = 0; i < r->cell_count; i++) {
        const wn__cell *cell = &r->cells[i];
        wn__table_cell(t, "%s", cell->method);
        plain_cell(t, cell->sparsity);
        wn__table_cell(t, "%d", cell->n);
        for (int c = 0; c < NUMBER_COLUMNS; c++)
            if (has_column(r, c)) plain_summary_cells(t, wn__cell_summary(cell, number_columns[c].field, 1), c < SPREAD_COLUMNS);
        for (int b = 0; b < r->baseline_count; b++) {
            const wn__cell *other = wn__results_baseline(r, r->baselines[b], cell->sparsity);
            plain_summary_cells(t, other && other != cell ? wn__cell_difference(&r->shown, cell, other) : (wn__summary){0, NAN, NAN, NAN},
                                true);
        }
        if (classes) wn__class_cells(classes, i, t);
    }
    return wn__table_status(t);
}

wn_status wn__number_table(const wn__results *r, wn__table *t) { return number_table(r, NULL, t); }

wn_status wn__json_table(const wn__results *r, wn__table *t)
{
    wn__class_results classes;
    WN_TRY(wn__class_results_read(r, &classes));
    const wn_status status = number_table(r, &classes, t);
    wn__class_results_release(&classes);
    return status;
}
