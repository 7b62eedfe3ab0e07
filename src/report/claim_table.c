#include "report/claim_table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

/* At this sparsity, or the only cell that the method has. */
static const wn__cell *cell_at(const wn__results *r, const char *method, double sparsity)
{
    const wn__cell *found = wn__results_find(r, method, sparsity), *only = NULL;
    int cells = 0;
    for (int i = 0; i < r->cell_count; i++)
        if (strcmp(r->cells[i].method, method) == 0) {
            only = &r->cells[i];
            cells++;
        }
    return found ? found : cells == 1 ? only : NULL;
}

static double margin_of(const wn__shown *s, const wn__claim *c)
{
    return c->margin >= 0 ? c->margin : c->kind == WN__CLAIM_BETTER ? 0 : s->margin;
}

static void add_verdict(const wn__shown *s, const char *text, bool first, const wn__claim *c, const wn__cell *a, const wn__cell *b,
                        wn__table *t)
{
    const wn__summary d = a && b && a != b ? wn__cell_difference(s, a, b) : (wn__summary){0, (double)NAN, (double)NAN, (double)NAN};
    const double margin = margin_of(s, c);
    wn__claim_cell(text, first, a ? a->sparsity : (double)NAN, t);
    wn__table_cell(t, "%d", d.n);
    wn__table_cell(t, d.n > 0 ? "%+.*f" : "–", s->decimals, d.mean);
    wn__table_exact_number(t, d.n > 0 ? d.mean : (double)NAN);
    wn__table_cell(t, wn__has_spread(d) ? "±%.*f" : "–", s->decimals, d.half_width);
    wn__table_exact_number(t, wn__has_spread(d) ? d.half_width : (double)NAN);
    wn__table_cell(t, "%s",
                   d.n == 0        ? "no results"
                   : isnan(margin) ? "no margin"
                                   : wn__verdict_name(wn__shown_judge(s, c->kind, d, margin)));
}

static void add_claim(const wn__results *r, const char *text, const wn__claim *c, wn__table *t)
{
    const wn__shown shown = wn__results_shown(r, c->metric ? c->metric : r->headline);
    const int before = wn__table_rows(t);
    if (before > 0) wn__table_rule(t);
    for (int i = 0; i < r->cell_count && c->sparsity < 0; i++) {
        const wn__cell *a = &r->cells[i];
        if (strcmp(a->method, c->method) == 0)
            add_verdict(&shown, text, wn__table_rows(t) == before, c, a, cell_at(r, c->than, a->sparsity), t);
    }
    if (wn__table_rows(t) > before) return;
    add_verdict(&shown, text, true, c, cell_at(r, c->method, c->sparsity), cell_at(r, c->than, c->sparsity), t);
}

static void note_claims(const wn__results *r, wn__text *note)
{
    const wn__shown s = wn__results_shown(r, r->headline);
    const bool less = s.metric->less_is_better;
    char margin[64] = "", amount[64];
    if (!isnan(s.margin)) snprintf(margin, sizeof margin, "the margin of %s (or ", wn__shown_amount(&s, s.margin, amount, sizeof amount));
    wn__text_add(note, "Fixed in the recipe. Difference: test %s of the last epoch, paired by seed%s. ", s.metric->title,
                 s.metric->percent ? ", in points" : "");
    wn__text_add(note, "better: the whole 95 %% interval lies %s 0 (or the %s said); ", less ? "below" : "above",
                 s.metric->percent ? "points" : "margin");
    wn__text_add(note, "same: within %s%s, with %d seeds or more; not worse: %s. ", margin, *margin ? "those said)" : "the margin said",
                 WN__EQUIVALENCE_SEEDS, less ? "below the margin" : "above minus the margin");
    wn__text_add(note, "Contradicted: none of the interval agrees; undecided otherwise.%s", r->short_budget ? " Short budget." : "");
}

wn_status wn__claim_table(const wn__results *r, wn__table *t)
{
    wn__table_name(t, "claims", "Claims");
    wn__table_column_add(t, false, "claim");
    wn__table_column_add(t, true, "sparsity");
    wn__table_column_add(t, true, "n");
    wn__table_column_add(t, true, "difference");
    wn__table_column_add(t, true, "±95 %%");
    wn__table_key(t, "ci95");
    wn__table_column_add(t, false, "verdict");
    bool studied = false;
    for (int i = 0; i < r->claim_count; i++) {
        wn__claim claim;
        if (wn__claim_is_of_study(r->claims[i])) {
            if (i > 0) wn__table_rule(t);
            WN_TRY(wn__study_claim_rows(r, r->claims[i], t));
            studied = true;
            continue;
        }
        WN_TRY(wn__claim_parse(r->claims[i], &claim));
        add_claim(r, r->claims[i], &claim, t);
    }
    note_claims(r, &t->note);
    if (studied)
        wn__text_add(
            &t->note,
            " Of measurements: first less second, or (×) their ratio with its interval as a factor, from differences of logarithms, where values are "
            "positive and span decades; without a step the mean over the states of a run.");
    return wn__table_status(t);
}
