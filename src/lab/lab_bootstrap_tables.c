/* Tables, answers and figures of both worlds. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "lab/lab.h"
#include "lab/lab_bootstrap.h"
#include "run/store.h"

enum { MOST_CURVES = 7, MOST_ROWS = 4, MOST_COLUMNS = 3 };

/* ---- over seeds */

typedef double (*pair_value)(const wn__world_pair *pair);

static double real_soft(const wn__world_pair *p) { return 100 * wn__world_value(p->real, wn__world_end(p), WN__SOFT_ERROR, false); }
static double ideal_soft(const wn__world_pair *p) { return 100 * wn__world_value(p->ideal, wn__world_end(p), WN__SOFT_ERROR, false); }
static double real_error(const wn__world_pair *p) { return 100 * wn__world_value(p->real, wn__world_end(p), WN__HARD_ERROR, false); }
static double ideal_error(const wn__world_pair *p) { return 100 * wn__world_value(p->ideal, wn__world_end(p), WN__HARD_ERROR, false); }
static double train_soft(const wn__world_pair *p) { return 100 * wn__world_value(p->real, wn__world_end(p), WN__SOFT_ERROR, true); }
static double end_gap(const wn__world_pair *p) { return 100 * wn__world_gap(p, wn__world_end(p), WN__SOFT_ERROR); }
static double t0_gap(const wn__world_pair *p) { return p->t0 >= 0 ? 100 * wn__world_gap(p, p->t0, WN__SOFT_ERROR) : (double)NAN; }

static wn__summary over_seeds(const wn__world_cell *c, pair_value value)
{
    for (int k = 0; k < c->pairs; k++)
        c->value[k] = value(&c->pair[k]);
    return wn__summarise(c->value, c->pairs);
}

/* "1325", "1200-1500", "not reached", "1200 (3 of 5)" */
static void t0_cell(wn__table *t, const wn__world_cell *c)
{
    int64_t low = INT64_MAX, high = -1;
    int reached = 0;
    char some[32] = "";
    for (int i = 0; i < c->pairs; i++) {
        const int64_t t0 = c->pair[i].t0;
        if (t0 < 0) continue;
        reached++;
        if (t0 < low) low = t0;
        if (t0 > high) high = t0;
    }
    if (reached < c->pairs) snprintf(some, sizeof some, " (%d of %d)", reached, c->pairs);
    if (reached == 0)
        wn__table_cell(t, "not reached");
    else if (low == high)
        wn__table_cell(t, "%lld%s", (long long)low, some);
    else
        wn__table_cell(t, "%lld-%lld%s", (long long)low, (long long)high, some);
}

/* Which cell a row is of. */
static void lead_columns(wn__table *t)
{
    wn__table_column_add(t, true, "n");
    wn__table_column_add(t, false, "network");
    wn__table_column_add(t, false, "method");
}

static void lead_cells(wn__table *t, const wn__world_cell *c)
{
    wn__table_cell(t, "%lld", (long long)c->n);
    wn__table_cell(t, "%s", c->network);
    wn__table_cell(t, "%s", c->method);
}

static void gap_table(const wn__worlds *w, wn__table *t)
{
    static const char *const heads[] = {"seeds", "real soft", "ideal soft", "gap",        "+-",         "train soft",
                                        "T0",    "gap at T0", "+-",         "real error", "ideal error"};
    *t = (wn__table){.id = "gaps", .title = "Real and ideal world: errors on test samples, percent"};
    lead_columns(t);
    wn__table_columns_add(t, heads, sizeof heads / sizeof *heads);
    for (int i = 0; i < w->cells; i++) {
        const wn__world_cell *c = &w->cell[i];
        const wn__summary gap = over_seeds(c, end_gap), at_t0 = over_seeds(c, t0_gap);
        lead_cells(t, c);
        wn__table_cell(t, "%d", c->pairs);
        wn__table_number(t, "%.2f", over_seeds(c, real_soft).mean);
        wn__table_number(t, "%.2f", over_seeds(c, ideal_soft).mean);
        wn__table_number(t, "%.2f", gap.mean);
        wn__table_number(t, "%.2f", gap.half_width);
        wn__table_number(t, "%.2f", over_seeds(c, train_soft).mean);
        t0_cell(t, c);
        wn__table_number(t, "%.2f", at_t0.mean);
        wn__table_number(t, "%.2f", at_t0.half_width);
        wn__table_number(t, "%.2f", over_seeds(c, real_error).mean);
        wn__table_number(t, "%.2f", over_seeds(c, ideal_error).mean);
    }
    wn__text_add(
        &t->note,
        "Soft error: mean of 1 - p(correct class). Gap: real less ideal, at the last step; +-: half of the 95 %% t-interval over seeds. T0: first evaluated step with a soft "
        "error of %g %% or less on the real world's training images.",
        100 * w->converged);
}

/* ---- single runs and curves */

static void run_table(const wn__worlds *w, wn__table *t)
{
    static const char *const heads[] = {"seed",       "T0",         "gap at T0",   "gap",       "real soft",
                                        "ideal soft", "real error", "ideal error", "train soft"};
    static const pair_value values[] = {t0_gap, end_gap, real_soft, ideal_soft, real_error, ideal_error, train_soft};
    *t = (wn__table){.id = "runs", .title = "By seed"};
    lead_columns(t);
    wn__table_columns_add(t, heads, sizeof heads / sizeof *heads);
    for (int i = 0; i < w->cells; i++)
        for (int k = 0; k < w->cell[i].pairs; k++) {
            const wn__world_pair *p = &w->cell[i].pair[k];
            lead_cells(t, &w->cell[i]);
            wn__table_cell(t, "%llu", (unsigned long long)p->real->seed);
            if (p->t0 >= 0)
                wn__table_cell(t, "%lld", (long long)p->t0);
            else
                wn__table_cell(t, "not reached");
            for (size_t v = 0; v < sizeof values / sizeof *values; v++)
                wn__table_number(t, "%.2f", values[v](p));
        }
}

static void curve_row(wn__table *t, const wn__world_cell *c, const wn__world_pair *p, const wn__world_point *real)
{
    lead_cells(t, c);
    wn__table_cell(t, "%llu", (unsigned long long)p->real->seed);
    wn__table_cell(t, "%lld", (long long)real->step);
    for (int k = 0; k < WN__WORLD_KINDS; k++)
        wn__table_number(t, "%.7g", real->test[k]);
    for (int k = 0; k < WN__WORLD_KINDS; k++)
        wn__table_number(t, "%.7g", wn__world_value(p->ideal, real->step, k, false));
    for (int k = 0; k < WN__WORLD_KINDS; k++)
        wn__table_number(t, "%.7g", real->train[k]);
    wn__table_number(t, "%.7g", wn__world_gap(p, real->step, WN__SOFT_ERROR));
}

static void curve_table(const wn__worlds *w, wn__table *t)
{
    static const char *const heads[] = {"seed",        "step",       "real soft",  "real error",  "real loss",  "ideal soft",
                                        "ideal error", "ideal loss", "train soft", "train error", "train loss", "gap"};
    *t = (wn__table){.id = "curves", .title = "Curves"};
    lead_columns(t);
    wn__table_columns_add(t, heads, sizeof heads / sizeof *heads);
    for (int i = 0; i < w->cells; i++)
        for (int k = 0; k < w->cell[i].pairs; k++)
            for (int p = 0; p < w->cell[i].pair[k].real->points; p++)
                curve_row(t, &w->cell[i], &w->cell[i].pair[k], &w->cell[i].pair[k].real->point[p]);
}

void wn__worlds_tables(const wn__worlds *w, wn__table tables[WN__WORLD_TABLES])
{
    json_t *list = json_array();
    gap_table(w, &tables[0]);
    wn__worlds_answers(w, &tables[1], list);
    run_table(w, &tables[2]);
    curve_table(w, &tables[3]);
    json_decref(list);
}

/* ---- JSON */

static json_t *pair_json(const wn__world_pair *p)
{
    return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "seed", (json_int_t)p->real->seed, "t0",
                     p->t0 >= 0 ? json_integer(p->t0) : json_null(), "t0_gap", wn__json_real_or_null(t0_gap(p)), "gap",
                     wn__json_real_or_null(end_gap(p)), "real_soft", wn__json_real_or_null(real_soft(p)), "ideal_soft",
                     wn__json_real_or_null(ideal_soft(p)), "real_error", wn__json_real_or_null(real_error(p)), "ideal_error",
                     wn__json_real_or_null(ideal_error(p)));
}

json_t *wn__worlds_json(const wn__worlds *w)
{
    json_t *cells = json_array(), *list = json_array();
    wn__table unused = {0};
    for (int i = 0; i < w->cells; i++) {
        const wn__world_cell *c = &w->cell[i];
        json_t *pairs = json_array();
        for (int k = 0; k < c->pairs; k++)
            json_array_append_new(pairs, pair_json(&c->pair[k]));
        json_array_append_new(
            cells, json_pack("{s:I, s:s, s:s, s:o}", "n", (json_int_t)c->n, "network", c->network, "method", c->method, "runs", pairs));
    }
    wn__worlds_answers(w, &unused, list);
    wn__table_release(&unused);
    return json_pack("{s:f, s:f, s:o, s:o}", "converged", w->converged, "margin", w->margin, "cells", cells, "answers", list);
}

/* ---- figures */

/* Names and sizes in the order in which they come; as many as fit into the picture, and how many are left out. */
typedef struct axes {
    const char *network[MOST_ROWS], *method[MOST_CURVES];
    int64_t n[MOST_COLUMNS];
    int networks, methods, sizes, left_out;
    double first, last, low, high; /* steps, and soft errors in percent, of all panels */
} axes;

static bool add_name(const char **names, int *count, int most, const char *name)
{
    for (int i = 0; i < *count; i++)
        if (strcmp(names[i], name) == 0) return true;
    if (*count < most) names[(*count)++] = name;
    return strcmp(names[*count - 1], name) == 0;
}

static void find_axes(const wn__worlds *w, axes *a)
{
    *a = (axes){.first = INFINITY, .last = 0, .low = 100, .high = 0};
    for (int i = 0; i < w->cells; i++) {
        const wn__world_cell *c = &w->cell[i];
        bool known = false;
        for (int k = 0; k < a->sizes; k++)
            known = known || a->n[k] == c->n;
        if (!known && a->sizes < MOST_COLUMNS) a->n[a->sizes++] = c->n;
        known = a->n[a->sizes - 1] == c->n || known;
        known = add_name(a->network, &a->networks, MOST_ROWS, c->network) && known;
        known = add_name(a->method, &a->methods, MOST_CURVES, c->method) && known;
        a->left_out += !known;
    }
    if (a->left_out > 0)
        wn__log(WN_LOG_WARNING, "figure worlds: %d of %d curves are left out; there is room for %d networks, %d methods and %d sizes",
                a->left_out, w->cells, MOST_ROWS, MOST_CURVES, MOST_COLUMNS);
}

/* All panels have the same axes. */
static void widen(axes *a, double step, double value)
{
    if (!isfinite(value)) return;
    a->first = fmin(a->first, step);
    a->last = fmax(a->last, step);
    a->low = fmin(a->low, value);
    a->high = fmax(a->high, value);
}

static double mean_at(const wn__world_cell *c, int64_t step, bool ideal)
{
    double sum = 0;
    for (int k = 0; k < c->pairs; k++)
        sum += 100 * wn__world_value(ideal ? c->pair[k].ideal : c->pair[k].real, step, WN__SOFT_ERROR, false);
    return sum / c->pairs;
}

static int curve_data(wn__sheet *s, axes *a, const wn__world_cell *c)
{
    const int block = wn__sheet_data_begin(s);
    for (int i = 0; i < c->pair[0].real->points; i++) {
        const int64_t step = c->pair[0].real->point[i].step;
        const double row[] = {(double)step, mean_at(c, step, false), mean_at(c, step, true)};
        wn__sheet_numbers(s, row, 3);
        widen(a, row[0], row[1]);
        widen(a, row[0], row[2]);
    }
    wn__sheet_data_end(s);
    return block;
}

static void curve_panel(const wn__worlds *w, const axes *a, int row, int column, int data[MOST_CURVES], wn__sheet *s)
{
    char title[160];
    snprintf(title, sizeof title, "%s, n = %lld", a->network[row], (long long)a->n[column]);
    wn__sheet_panel(s, row, column, title);
    wn__text_add(
        &s->script,
        "set logscale x\nset xlabel 'step'\nset ylabel '%s'\nset format x '%%g'\nset format y '%%g'\nset xrange [%g:%g]\nset yrange [%g:%g]\nset xtics autofreq\nplot ",
        column == 0 ? "soft error on test samples, %" : "", a->first, a->last, 5 * floor(a->low / 5), 5 * ceil(a->high / 5));
    int drawn = 0;
    for (int m = 0; m < a->methods; m++) {
        if (!wn__world_find(w, a->network[row], a->method[m], a->n[column])) continue;
        wn__text_add(&s->script, "%s$d%d using 1:2 with lines ls %d, $d%d using 1:3 with lines ls %d", drawn++ ? ", " : "", data[m],
                     wn__sheet_style(m), data[m], wn__sheet_style(m + MOST_CURVES));
    }
    if (drawn == 0) wn__text_add(&s->script, "NaN notitle");
    wn__text_add(&s->script, "\n");
}

/* Real worlds are drawn through, ideal ones in dashes of the same colour. */
static void curve_sheet(const wn__worlds *w, axes *a, wn__sheet *s)
{
    int data[MOST_ROWS][MOST_COLUMNS][MOST_CURVES];
    *s = (wn__sheet){.rows = a->networks, .columns = a->sizes, .plot_width = a->sizes > 1 ? 300 : 386, .plot_height = 200, .below = 46};
    wn__legend *legend = wn__sheet_legend(s, a->networks - 1, 0, a->sizes);
    for (int m = 0; m < a->methods; m++)
        for (int ideal = 0; ideal < 2; ideal++)
            wn__legend_add(legend, wn__sheet_style(m + ideal * MOST_CURVES), "%s, %s", a->method[m], ideal ? "ideal" : "real");
    wn__sheet_begin(s);
    for (int row = 0; row < a->networks; row++)
        for (int column = 0; column < a->sizes; column++)
            for (int m = 0; m < a->methods; m++) {
                const wn__world_cell *c = wn__world_find(w, a->network[row], a->method[m], a->n[column]);
                if (c) data[row][column][m] = curve_data(s, a, c);
            }
    for (int row = 0; row < a->networks; row++)
        for (int column = 0; column < a->sizes; column++)
            curve_panel(w, a, row, column, data[row][column], s);
}

static bool is_series(const wn__world_cell *a, const wn__world_cell *b)
{
    return strcmp(a->network, b->network) == 0 && strcmp(a->method, b->method) == 0;
}

/* Is the cell the first one of its network and method? */
static bool begins_series(const wn__worlds *w, int cell)
{
    for (int k = 0; k < cell; k++)
        if (is_series(&w->cell[k], &w->cell[cell])) return false;
    return true;
}

/* One series for each network and method, a point for each n. */
static int final_data(const wn__worlds *w, const wn__world_cell *of, double range[2], wn__sheet *s)
{
    int block = -1;
    for (int k = 0; k < w->cells; k++) {
        const wn__world_cell *c = &w->cell[k];
        if (!is_series(c, of)) continue;
        const double row[] = {over_seeds(c, ideal_soft).mean, over_seeds(c, real_soft).mean, (double)c->n};
        if (block < 0) block = wn__sheet_data_begin(s);
        wn__sheet_numbers(s, row, 3);
        for (int i = 0; i < 2; i++) {
            range[0] = fmin(range[0], row[i]);
            range[1] = fmax(range[1], row[i]);
        }
    }
    if (block >= 0) wn__sheet_data_end(s);
    return block;
}

/* data (cells): room for the number of each series' block. */
static void final_sheet(const wn__worlds *w, int *data, wn__sheet *s)
{
    int series = 0;
    double range[2] = {100, 0};
    *s = (wn__sheet){.rows = 1, .columns = 1, .plot_width = 386, .plot_height = 340, .below = 46};
    wn__legend *legend = wn__sheet_legend(s, 0, 0, 1);
    for (int i = 0; i < w->cells; i++)
        if (begins_series(w, i)) wn__legend_add(legend, wn__sheet_style(series++), "%s %s", w->cell[i].network, w->cell[i].method);
    wn__sheet_begin(s);
    series = 0;
    for (int i = 0; i < w->cells; i++)
        if (begins_series(w, i)) data[series++] = final_data(w, &w->cell[i], range, s);
    const double low = floor(fmax(range[0] - 3, 0)), high = ceil(range[1] + 3);
    wn__sheet_panel(s, 0, 0, "after the last step");
    wn__text_add(
        &s->script,
        "set xrange [%g:%g]\nset yrange [%g:%g]\nset xlabel 'ideal world: soft error on test samples, %%'\nset ylabel 'real world: soft error on test samples, %%'\n",
        low, high, low, high);
    wn__text_add(&s->script, "set format y '%%g'\nplot x with lines ls %d", WN__GREY_STYLE);
    for (int k = 0; k < series; k++)
        wn__text_add(&s->script,
                     ", $d%d using 1:2 with linespoints ls %d ps 1, $d%d using 1:2:3 with labels offset char 0.8,0.6 left font small_font",
                     data[k], wn__sheet_style(k), data[k]);
    wn__text_add(&s->script, "\n");
}

wn_status wn__worlds_figures(const wn__worlds *w, wn__figure_files *figures)
{
    axes *a = WN_NEW(axes);
    int *data = WN_NEW_ARRAY(int, w->cells);
    wn__sheet sheet = {0};
    wn_status status = a && data ? WN_OK : wn__no_memory(sizeof *a + (size_t)w->cells * sizeof *data);
    if (status == WN_OK) {
        find_axes(w, a);
        curve_sheet(w, a, &sheet);
        status = wn__figure_files_add(figures, &sheet, "worlds");
        wn__sheet_release(&sheet);
    }
    if (status == WN_OK) {
        final_sheet(w, data, &sheet);
        status = wn__figure_files_add(figures, &sheet, "final");
        wn__sheet_release(&sheet);
    }
    wn__free(data);
    wn__free(a);
    return status;
}
