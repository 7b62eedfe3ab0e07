#include "report/claim_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

static double side(const json_t *study, const wn__quantity *q, const wn__measure *m, double sparsity, int64_t step, int64_t seed)
{
    if (!q->measure) return !m->ratio ? q->number : q->number > 0 ? log(q->number) : (double)NAN;
    return wn__study_scaled(study, q->measure,
                            wn__study_find(study, q->measure, q->row[0], q->row[1][0] ? q->row[1] : NULL, sparsity, step), seed);
}

/* Of a row where its loss first crosses `loss` between two states, both linear between them; NaN if it never does. */
static double side_at_loss(const json_t *study, const wn__quantity *q, double sparsity, int64_t seed, double loss)
{
    const wn__measure *losses = wn__measure_find("loss");
    int64_t steps[WN__MOST_LAB_STEPS];
    const int count = wn__study_steps(study, q->row[0], sparsity, steps, WN__MOST_LAB_STEPS);
    double before = NAN, value_before = NAN;
    for (int k = 0; k < count; k++) {
        const double here = wn__study_value(study, losses, wn__study_find(study, losses, q->row[0], NULL, sparsity, steps[k]), seed);
        const double value =
            wn__study_value(study, q->measure, wn__study_find(study, q->measure, q->row[0], NULL, sparsity, steps[k]), seed);
        if ((before - loss) * (here - loss) <= 0 && before != here) {
            const double t = (loss - before) / (here - before), found = (1 - t) * value_before + t * value;
            return !q->measure->ratio ? found : found > 0 ? log(found) : (double)NAN;
        }
        before = here;
        value_before = value;
    }
    return NAN;
}

static double difference_at(const json_t *study, const wn__study_claim *c, double sparsity, int64_t step, int64_t seed)
{
    const double first = side(study, &c->a, c->measure, sparsity, step, seed);
    if (!c->equal_loss) return first - side(study, &c->b, c->measure, sparsity, step, seed);
    const wn__measure *losses = wn__measure_find("loss");
    const double loss = wn__study_value(study, losses, wn__study_find(study, losses, c->a.row[0], NULL, sparsity, step), seed);
    return first - side_at_loss(study, &c->b, sparsity, seed, loss);
}

static int steps_of(const json_t *study, const wn__study_claim *c, double sparsity, int64_t *steps)
{
    const wn__quantity *q = c->a.measure ? &c->a : &c->b;
    steps[0] = c->step;
    if (c->step >= 0 || c->measure->kind != WN__MEASURE_FLOW) return 1;
    return wn__study_steps(study, q->row[0], sparsity, steps, WN__MOST_LAB_STEPS);
}

wn__summary wn__study_claim_difference(const json_t *study, const wn__study_claim *c, double sparsity)
{
    int64_t steps[WN__MOST_LAB_STEPS], seeds[WN__MAX_STUDY_SEEDS];
    double values[WN__MAX_STUDY_SEEDS];
    const int count = steps_of(study, c, sparsity, steps), n = wn__study_seeds(study, seeds, WN__MAX_STUDY_SEEDS);
    for (int i = 0; i < n; i++) {
        double sum = 0;
        int found = 0;
        for (int k = 0; k < count; k++) {
            const double d = difference_at(study, c, sparsity, steps[k], seeds[i]);
            if (isnan(d)) continue;
            sum += d;
            found++;
        }
        values[i] = found ? (c->below ? -sum : sum) / found : (double)NAN;
    }
    return wn__summarise(values, n);
}

void wn__claim_cell(const char *text, bool first, double sparsity, wn__table *t)
{
    char shown[32];
    wn__table_cell(t, "%s", first ? text : "");
    wn__table_exact_text(t, text);
    wn__table_cell(t, "%s", isnan(sparsity) ? "–" : wn__show_sparsity(sparsity, shown, sizeof shown));
    wn__table_exact_number(t, sparsity);
}

/* Differences are shown as first less second, whatever is claimed. */
static void add_verdict(const json_t *study, const char *text, bool first, const wn__study_claim *c, double sparsity, wn__table *t)
{
    const wn__summary d = wn__study_claim_difference(study, c, sparsity);
    const double mean = c->below ? -d.mean : d.mean;
    const double shown = c->measure->ratio ? exp(mean) : mean, width = c->measure->ratio ? exp(d.half_width) : d.half_width;
    wn__claim_cell(text, first, sparsity, t);
    wn__table_cell(t, "%d", d.n);
    wn__table_cell(t, d.n == 0 ? "–" : c->measure->ratio ? "×%.3g" : "%+.3g", shown);
    wn__table_exact_number(t, d.n == 0 ? (double)NAN : shown);
    wn__table_cell(t, !wn__has_spread(d) ? "–" : c->measure->ratio ? "×/÷%.3g" : "±%.3g", width);
    wn__table_exact_number(t, wn__has_spread(d) ? width : (double)NAN);
    const wn__claim_kind kind = c->same ? WN__CLAIM_EQUIVALENT : WN__CLAIM_BETTER;
    wn__table_cell(t, "%s", d.n > 0 ? wn__verdict_name(wn__judge(kind, d, c->margin)) : "not measured");
}

wn_status wn__study_claim_rows(const wn__results *r, const char *text, wn__table *t)
{
    wn__study_claim c;
    const json_t *sparsity;
    size_t index;
    int rows = 0;
    WN_TRY(wn__study_claim_parse(text, &c));
    json_array_foreach(r->study && c.sparsity < 0 ? wn__study_sparsities(r->study) : NULL, index, sparsity)
        add_verdict(r->study, text, rows++ == 0, &c, json_number_value(sparsity), t);
    if (rows > 0) return WN_OK;
    if (r->study && c.sparsity >= 0) {
        add_verdict(r->study, text, true, &c, c.sparsity, t);
        return WN_OK;
    }
    wn__claim_cell(text, true, (double)NAN, t);
    for (int i = 0; i < 3; i++) {
        wn__table_cell(t, "–");
        wn__table_exact_number(t, (double)NAN);
    }
    wn__table_cell(t, "not measured");
    return WN_OK;
}
