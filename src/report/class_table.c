#include "report/class_table.h"

#include <inttypes.h>
#include <math.h>

#include "base/fail.h"
#include "io/jsonl.h"
#include "report/table_cells.h"

static void class_cell(wn__table *t, const wn__class_results *c, int64_t k)
{
    char number[32];
    wn__table_cell(t, "%s", k < 0 ? "–" : wn__class_name(c, k, number, sizeof number));
}

/* The class of the lowest accuracy, or of the lowest less that of `dense` (NULL: none); -1: there is none. */
static int64_t lowest_class(const wn__class_results *c, const int64_t *counts, const int64_t *dense, double *lowest)
{
    int64_t found = -1;
    *lowest = NAN;
    for (int64_t k = 0; k < c->classes; k++) {
        const double value = wn__class_accuracy(c, counts, k) - (dense ? wn__class_accuracy(c, dense, k) : 0);
        if (isnan(value) || (found >= 0 && value >= *lowest)) continue;
        found = k;
        *lowest = value;
    }
    return found;
}

/* The most frequent mistake: class k taken for p, in part of its samples; false: there is none. */
static bool worst_mistake(const wn__class_results *c, const int64_t *counts, int64_t *k, int64_t *p, double *part)
{
    *part = 0;
    for (int64_t i = 0; i < c->classes * c->classes; i++) {
        const int64_t row = i / c->classes, column = i % c->classes;
        if (row == column || counts[i] == 0) continue;
        const double share = (double)counts[i] / (double)wn__class_samples(c, counts, row);
        if (share <= *part) continue;
        *part = share;
        *k = row;
        *p = column;
    }
    return *part > 0;
}

static void mistake_cells(wn__table *t, const wn__class_results *c, const int64_t *counts)
{
    char one[32], other[32];
    int64_t k = 0, p = 0;
    double part;
    if (worst_mistake(c, counts, &k, &p, &part))
        wn__table_cell(t, "%s taken for %s", wn__class_name(c, k, one, sizeof one), wn__class_name(c, p, other, sizeof other));
    else
        wn__table_cell(t, "–");
    wn__real_cell(t, "%.1f", part > 0 ? 100 * part : (double)NAN);
}

static void add_row(const wn__results *r, const wn__class_results *c, int i, const wn__cell *dense, const char **last, wn__table *t)
{
    const int64_t *base = dense && dense != &r->cells[i] ? c->counts[dense - r->cells] : NULL;
    double worst, lost;
    wn__lead_cells(t, &r->cells[i], last);
    class_cell(t, c, lowest_class(c, c->counts[i], NULL, &worst));
    wn__real_cell(t, "%.1f", 100 * worst);
    if (base) {
        class_cell(t, c, lowest_class(c, c->counts[i], base, &lost));
        wn__real_cell(t, "%+.1f", 100 * lost);
    } else {
        wn__table_cell(t, "–");
        wn__table_cell(t, "–");
    }
    mistake_cells(t, c, c->counts[i]);
}

wn_status wn__class_table(const wn__results *r, wn__table *t)
{
    wn__class_results c;
    const wn__cell *dense = wn__results_baseline(r, "dense", 0);
    const char *last = NULL;
    WN_TRY(wn__class_results_read(r, &c));
    wn__table_name(t, "classes", "Classes");
    wn__lead_columns(t);
    wn__table_column_add(t, false, "worst class");
    wn__table_column_add(t, true, "right, %%");
    wn__table_column_add(t, false, "furthest below dense");
    wn__table_column_add(t, true, "points");
    wn__table_column_add(t, false, "most frequent mistake");
    wn__table_column_add(t, true, "of its class, %%");
    for (int i = 0; i < r->cell_count; i++)
        if (c.counts[i]) add_row(r, &c, i, dense, &last, t);
    wn__text_add(&t->note, "Of test samples at the last epoch, those of all seeds together.");
    wn__class_results_release(&c);
    return wn__table_status(t);
}

/* ---- JSON */

void wn__class_columns(const wn__class_results *c, wn__table *t)
{
    if (c->classes == 0) return;
    wn__table_columns_add(t, (const char *const[]){"class_names", "class_accuracy", "confusion"}, 3);
}

static void add_accuracies(const wn__class_results *c, const int64_t *counts, wn__text *out)
{
    char text[WN__REAL_TEXT];
    for (int64_t k = 0; k < c->classes; k++)
        wn__text_add(out, "%s%s", k ? ", " : "[", wn__show_real(wn__class_accuracy(c, counts, k), text));
    wn__text_add(out, "]");
}

static void add_counts(const wn__class_results *c, const int64_t *counts, wn__text *out)
{
    for (int64_t k = 0; k < c->classes * c->classes; k++)
        wn__text_add(out, "%s%" PRId64, k == 0 ? "[[" : k % c->classes == 0 ? "], [" : ", ", counts[k]);
    wn__text_add(out, "]]");
}

static void take_cell(wn__table *t, wn__text *text)
{
    wn__table_cell(t, "%s", text->data ? text->data : "");
    t->failed = t->failed || text->failed;
    wn__text_release(text);
}

void wn__class_cells(const wn__class_results *c, int cell, wn__table *t)
{
    const int64_t *counts = c->counts[cell];
    wn__text names = {0}, accuracies = {0}, confusion = {0};
    if (c->classes == 0) return;
    if (c->names) wn__json_text_array(&names, (const char *const *)c->names, c->classes);
    if (counts) add_accuracies(c, counts, &accuracies);
    if (counts) add_counts(c, counts, &confusion);
    take_cell(t, &names);
    take_cell(t, &accuracies);
    take_cell(t, &confusion);
}
