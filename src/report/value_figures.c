#include "report/value_figures.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

enum { MANY_METHODS = 10, MANY_COLUMNS = 4 };

/* ---- over sparsity */

/* What a panel shows of a cell; `baseline` NULL: its value, else the paired difference from it. n = 0: nothing. */
static wn__summary value_of(const wn__figure_plan *p, const wn__cell *cell, const char *baseline)
{
    if (!baseline) return wn__cell_summary(cell, offsetof(wn__result_row, test), p->r->shown.scale);
    const wn__cell *other = wn__results_baseline(p->r, baseline, cell->sparsity);
    return other && other != cell ? wn__cell_difference(&p->r->shown, cell, other) : (wn__summary){0};
}

/* Data of one method: x, value, half-width. Methods are shifted a little, so that their intervals do not hide each other. Returns the block
 * or -1 if the method has no value. */
static int add_series(wn__sheet *s, const wn__figure_plan *p, int method, double shift, const char *baseline)
{
    int points = 0;
    const int block = wn__sheet_data_begin(s);
    for (int i = 0; i < p->sparsity_count; i++) {
        const wn__cell *cell = wn__results_find(p->r, p->r->methods[method], p->sparsities[i]);
        const wn__summary value = cell ? value_of(p, cell, baseline) : (wn__summary){0};
        if (value.n == 0 || isnan(value.mean)) continue;
        wn__text_add(&s->script, "%.6g %.6g %.6g\n", wn__figure_place(cell->sparsity) + shift, value.mean,
                     wn__has_spread(value) ? value.half_width : 0);
        points++;
    }
    wn__sheet_data_end(s);
    return points > 0 ? block : -1;
}

/* A horizontal band over the whole panel. */
static int add_band(wn__sheet *s, const wn__figure_plan *p, double middle, double half_width)
{
    const double low = wn__figure_place(p->sparsities[0]), high = wn__figure_place(p->sparsities[p->sparsity_count - 1]),
                 range = high > low ? high - low : 1;
    const int block = wn__sheet_data_begin(s);
    for (int end = 0; end < 2; end++)
        wn__text_add(&s->script, "%.6g %.6g %.6g %.6g\n", end ? high + 0.06 * range : low - 0.06 * range, middle - half_width,
                     middle + half_width, middle);
    wn__sheet_data_end(s);
    return block;
}

/* How good the mean of a value is; of differences, how large. */
static double goodness(const wn__figure_plan *p, wn__summary value, const char *baseline)
{
    return baseline ? value.mean : wn__shown_gain(&p->r->shown, value.mean);
}

/* Of the panels' means, and of their intervals as far as these are no longer than the means lie apart (those of two seeds can be ten times that, and would
 * flatten all else). */
typedef struct value_range {
    double low, high, low_end, high_end;
} value_range;

/* Of every mean that is at least as good as `least`. */
static value_range range_of_values(const wn__figure_plan *p, const char *baseline, double least)
{
    const double step = wn__shown_step(&p->r->shown);
    value_range range = {INFINITY, -INFINITY, INFINITY, -INFINITY};
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < p->r->cell_count; i++) {
            const wn__cell *cell = &p->r->cells[i];
            const wn__summary value = value_of(p, cell, baseline);
            if ((cell != p->dense && !wn__figure_compares(p->r, cell->method_index)) || value.n == 0) continue;
            if (!(goodness(p, value, baseline) >= least)) continue;
            range.low = fmin(range.low, value.mean);
            range.high = fmax(range.high, value.mean);
            const double half = fmin(wn__has_spread(value) ? value.half_width : 0, fmax(range.high - range.low, 0.5 * step));
            if (pass == 0) continue;
            range.low_end = fmin(range.low_end, value.mean - half);
            range.high_end = fmax(range.high_end, value.mean + half);
        }
    return range;
}

/* Where a panel begins and ends; `low` NaN: it has no value. Values over decades are drawn over their logarithm. */
typedef struct value_axis {
    double low, high;
    bool logarithmic;
} value_axis;

static value_axis axis_of(const wn__figure_plan *p, const char *baseline, double least)
{
    const wn__shown *shown = &p->r->shown;
    value_range r = range_of_values(p, baseline, least);
    if (!isfinite(r.low)) return (value_axis){NAN, NAN, false};
    if (!baseline && wn__shown_spans_decades(shown, r.low, r.high))
        return (value_axis){fmax(r.low_end, r.low / 2) / 1.1, r.high_end * 1.1, true};
    const double room = r.high_end > r.low_end ? 0.05 * (r.high_end - r.low_end) : wn__shown_step(shown);
    if (baseline && !isnan(shown->margin)) {
        r.low_end = fmin(r.low_end, -shown->margin);
        r.high_end = fmax(r.high_end, shown->margin);
    }
    return (value_axis){r.low_end - room, r.high_end + room, false};
}

/* Returns the end where bad values lie. */
static double set_value_axis(wn__sheet *s, const wn__figure_plan *p, char axis, const char *baseline, double least)
{
    const value_axis a = axis_of(p, baseline, least);
    if (isnan(a.low)) return 0;
    if (a.logarithmic)
        wn__sheet_logarithmic(s, axis, a.low, a.high);
    else
        wn__sheet_linear(s, axis, a.low, a.high);
    return p->r->shown.metric->less_is_better ? a.high : a.low;
}

static void set_value_label(wn__sheet *s, const wn__figure_plan *p, bool shown)
{
    char label[96];
    wn__text_add(&s->script, "set ylabel ");
    wn__sheet_quote(s, shown ? wn__shown_words(&p->r->shown, "test {metric}{unit}", label, sizeof label) : "");
    wn__text_add(&s->script, "\n");
}

/* `backdrop`: a data block of lines behind the others; -1: none. */
static void add_sparsity_panel(wn__sheet *s, const wn__figure_plan *p, int row, int column, const wn__figure_group *g, const char *baseline,
                               const char *title, int backdrop)
{
    int *blocks = p->blocks, band = -1;
    const double range = wn__figure_place(p->sparsities[p->sparsity_count - 1]) - wn__figure_place(p->sparsities[0]);
    for (int k = 0; k < g->count; k++)
        blocks[k] = add_series(s, p, g->methods[k], (k - (g->count - 1) / 2.0) * 0.008 * range, baseline);
    if (baseline && !isnan(p->r->shown.margin)) {
        band = add_band(s, p, 0, p->r->shown.margin);
    } else if (!baseline && p->dense) {
        const wn__summary dense = value_of(p, p->dense, NULL);
        band = add_band(s, p, dense.mean, wn__has_spread(dense) ? dense.half_width : 0);
    }
    wn__sheet_panel(s, row, column, title);
    if (baseline) set_value_axis(s, p, 'y', baseline, -INFINITY);
    wn__figure_sparsity_axis(s, p);
    if (baseline)
        wn__text_add(&s->script, "set ylabel '%s'\n", p->r->shown.metric->percent ? "points" : "difference");
    else
        set_value_label(s, p, column == 0);
    wn__text_add(&s->script, "plot ");
    if (band >= 0)
        wn__text_add(&s->script, "$d%d using 1:2:3 with filledcurves lc rgb '#808080' notitle, $d%d using 1:4 with lines ls %d notitle, ",
                     band, band, WN__GREY_STYLE);
    if (backdrop >= 0) wn__text_add(&s->script, "$d%d using 1:2 with lines lc rgb '#b0b0b0' lw 0.6 notitle, ", backdrop);
    for (int k = 0; k < g->count; k++)
        if (blocks[k] >= 0) wn__text_add(&s->script, "$d%d using 1:2:3 with yerrorlines ls %d notitle, ", blocks[k], g->styles[k]);
    wn__text_add(&s->script, "1/0 notitle");
    wn__text_add(&s->script, "\n");
}

/* ---- one sparsity: a line for each method */

/* Four corners around a value and its interval, over the height of the panel. */
static int add_row_band(wn__sheet *s, int rows, double middle, double half_width)
{
    const int block = wn__sheet_data_begin(s);
    for (int corner = 0; corner < 4; corner++)
        wn__text_add(&s->script, "%.6g %g %.6g\n", middle + (corner == 0 || corner == 3 ? -half_width : half_width),
                     corner < 2 ? -0.5 : rows - 0.5, middle);
    wn__sheet_data_end(s);
    return block;
}

/* Value, row and half-width of each method. */
static void add_row_values(wn__sheet *s, const wn__figure_plan *p, const wn__figure_group *g, const char *baseline)
{
    for (int k = 0; k < g->count; k++) {
        const wn__cell *cell = wn__results_find(p->r, p->r->methods[g->methods[k]], p->sparsities[0]);
        const wn__summary value = cell ? value_of(p, cell, baseline) : (wn__summary){0};
        p->blocks[k] = wn__sheet_data_begin(s);
        if (value.n > 0 && !isnan(value.mean))
            wn__text_add(&s->script, "%.6g %d %.6g\n", value.mean, k, wn__has_spread(value) ? value.half_width : 0);
        else
            p->blocks[k] = -1;
        wn__sheet_data_end(s);
    }
}

static void set_row_axes(wn__sheet *s, const wn__figure_plan *p, const wn__figure_group *g, const char *baseline)
{
    char words[96], label[128];
    set_value_axis(s, p, 'x', baseline, -INFINITY);
    wn__shown_words(&p->r->shown, baseline ? "difference of test {metric}{points}" : "test {metric}{unit}", words, sizeof words);
    snprintf(label, sizeof label, "%s, at %s", words, p->percent[0]);
    wn__text_add(&s->script, "set yrange [%g:-0.5]\nset ylabel ''\nset xlabel ", g->count - 0.5);
    wn__sheet_quote(s, label);
    wn__text_add(&s->script, "\nset ytics (");
    for (int k = 0; k < g->count; k++) {
        wn__text_add(&s->script, k > 0 ? ", " : "");
        wn__sheet_quote_tic(s, p->r->methods[g->methods[k]]);
        wn__text_add(&s->script, " %d", k);
    }
    wn__text_add(&s->script, ")\n");
}

static void add_row_panel(wn__sheet *s, const wn__figure_plan *p, int row, int column, const wn__figure_group *g, const char *baseline,
                          const char *title)
{
    int band = -1;
    add_row_values(s, p, g, baseline);
    if (baseline && !isnan(p->r->shown.margin)) {
        band = add_row_band(s, g->count, 0, p->r->shown.margin);
    } else if (!baseline && p->dense) {
        const wn__summary dense = value_of(p, p->dense, NULL);
        band = add_row_band(s, g->count, dense.mean, wn__has_spread(dense) ? dense.half_width : 0);
    }
    wn__sheet_panel(s, row, column, title);
    set_row_axes(s, p, g, baseline);
    wn__text_add(&s->script, "plot 1/0 notitle");
    if (band >= 0)
        wn__text_add(&s->script,
                     ", $d%d using 1:2 with filledcurves closed lc rgb '#808080' notitle, $d%d using 3:2 with lines ls %d notitle", band,
                     band, WN__GREY_STYLE);
    for (int k = 0; k < g->count; k++)
        if (p->blocks[k] >= 0)
            wn__text_add(&s->script, ", $d%d using 1:2:3 with xerrorbars ls %d ps 0.8 notitle", p->blocks[k], g->styles[k]);
    wn__text_add(&s->script, "\n");
}

static bool is_rows(const wn__figure_plan *p) { return p->sparsity_count == 1; }

/* Of panels with a line for each method: as high as the longest, and room for the names. */
static void size_rows(wn__sheet *s, const wn__figure_plan *p)
{
    int most = 0;
    for (int g = 0; g < p->group_count; g++) {
        most = p->groups[g].count > most ? p->groups[g].count : most;
        for (int k = 0; k < p->groups[g].count; k++)
            wn__sheet_widen(s, strlen(p->r->methods[p->groups[g].methods[k]]));
    }
    s->plot_height = 24 * most + 12;
}

/* ---- many methods: a panel for each, the others grey behind it */

static int add_backdrop(wn__sheet *s, const wn__figure_plan *p)
{
    const int block = wn__sheet_data_begin(s);
    for (int g = 0; g < p->group_count; g++)
        for (int k = 0; k < p->groups[g].count; k++) {
            for (int i = 0; i < p->sparsity_count; i++) {
                const wn__cell *cell = wn__results_find(p->r, p->r->methods[p->groups[g].methods[k]], p->sparsities[i]);
                if (cell) wn__text_add(&s->script, "%.6g %.6g\n", wn__figure_place(cell->sparsity), value_of(p, cell, NULL).mean);
            }
            wn__text_add(&s->script, "\n");
        }
    wn__sheet_data_end(s);
    return block;
}

static wn_status many_figure(const wn__figure_plan *p, int count, wn__sheet *s)
{
    int panel = 0;
    *s = (wn__sheet){
        .rows = (count + MANY_COLUMNS - 1) / MANY_COLUMNS, .columns = MANY_COLUMNS, .plot_width = 156, .plot_height = 110, .below = 46};
    wn__sheet_begin(s);
    set_value_axis(s, p, 'y', NULL, -INFINITY);
    const int backdrop = add_backdrop(s, p);
    for (int g = 0; g < p->group_count; g++)
        for (int k = 0; k < p->groups[g].count; k++, panel++) {
            const wn__figure_group one = {.methods = p->groups[g].methods + k, .styles = p->groups[g].styles + k, .count = 1};
            add_sparsity_panel(s, p, panel / MANY_COLUMNS, panel % MANY_COLUMNS, &one, NULL, p->r->methods[one.methods[0]], backdrop);
        }
    wn__text_add(&s->left_out, "Thin grey lines: the other methods.");
    return WN_OK;
}

wn_status wn__headline_figure(const wn__figure_plan *p, wn__sheet *s, bool *drawn)
{
    int methods = 0;
    if (p->sparsity_count == 0) return WN_OK;
    *drawn = true;
    for (int g = 0; g < p->group_count; g++)
        methods += p->groups[g].count;
    if (methods >= MANY_METHODS && !is_rows(p)) return many_figure(p, methods, s);
    *s = (wn__sheet){.rows = 1, .columns = p->group_count, .plot_width = 386, .plot_height = 260, .below = 46};
    const wn__figure_group nobody = {.title = ""};
    for (int g = 0; g < p->group_count; g++)
        wn__figure_legend(s, p, is_rows(p) ? &nobody : &p->groups[g], 0, g, 1, p->dense ? "dense" : NULL);
    if (is_rows(p)) size_rows(s, p);
    wn__sheet_begin(s);
    if (!is_rows(p)) set_value_axis(s, p, 'y', NULL, -INFINITY);
    for (int g = 0; g < p->group_count; g++)
        if (is_rows(p))
            add_row_panel(s, p, 0, g, &p->groups[g], NULL, p->groups[g].title);
        else
            add_sparsity_panel(s, p, 0, g, &p->groups[g], NULL, p->groups[g].title, -1);
    return WN_OK;
}

wn_status wn__difference_figure(const wn__figure_plan *p, wn__sheet *s, bool *drawn)
{
    const char *baselines[2];
    int count = 0;
    for (int b = 0; p->sparsity_count > 0 && b < p->r->baseline_count; b++) {
        if (!wn__results_baseline(p->r, p->r->baselines[b], p->sparsities[p->sparsity_count - 1])) continue;
        if (count < 2) baselines[count] = p->r->baselines[b];
        count++;
    }
    if (count == 0) return WN_OK;
    const int left_out = count > 2 ? count - 2 : 0;
    count -= left_out;
    *s = (wn__sheet){.rows = p->group_count, .columns = count, .plot_width = 386, .plot_height = 200, .below = 46};
    for (int g = 0; g < p->group_count && !is_rows(p); g++)
        wn__figure_legend(s, p, &p->groups[g], g, 0, count, NULL);
    if (is_rows(p)) size_rows(s, p);
    for (int b = 0; b < count && !is_rows(p); b++) {
        const value_axis axis = axis_of(p, baselines[b], -INFINITY);
        if (!isnan(axis.low)) wn__sheet_widen(s, wn__sheet_tic_characters(axis.low, axis.high));
    }
    wn__sheet_begin(s);
    for (int g = 0; g < p->group_count; g++)
        for (int b = 0; b < count; b++) {
            char title[256];
            snprintf(title, sizeof title, "difference from %s%s%s", baselines[b], *p->groups[g].title ? ": " : "", p->groups[g].title);
            if (is_rows(p))
                add_row_panel(s, p, g, b, &p->groups[g], baselines[b], title);
            else
                add_sparsity_panel(s, p, g, b, &p->groups[g], baselines[b], title, -1);
        }
    if (left_out > 0) wn__text_add(&s->left_out, "Not drawn, for want of room: differences from %d more.", left_out);
    *drawn = true;
    return WN_OK;
}

/* ---- over the price of training */

/* What a network cost from its random initialisation on, in all. */
typedef struct price {
    size_t field; /* of wn__result_row */
    double unit;
    const char *axis;
} price;

static double price_of(const wn__cell *cell, const price *x) { return wn__cell_summary(cell, x->field, 1 / x->unit).mean; }

/* Price, value and half-width of a cell as a line of data; false: it has no such numbers. */
static bool add_priced(wn__sheet *s, const wn__figure_plan *p, const wn__cell *cell, const price *x)
{
    const wn__summary value = cell ? value_of(p, cell, NULL) : (wn__summary){0};
    if (value.n == 0 || isnan(value.mean) || !(price_of(cell, x) > 0)) return false;
    wn__text_add(&s->script, "%.6g %.6g %.6g\n", price_of(cell, x), value.mean, wn__has_spread(value) ? value.half_width : 0);
    return true;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Goodness below the lower quartile by more than three times what the quartiles lie apart (a step at least): networks that hardly learnt. */
static double least_shown(const wn__figure_plan *p)
{
    int count = 0;
    double *mean = WN_NEW_ARRAY(double, p->r->cell_count);
    for (int i = 0; mean && i < p->r->cell_count; i++) {
        const wn__cell *cell = &p->r->cells[i];
        const wn__summary value = value_of(p, cell, NULL);
        const bool drawn = cell == p->dense || wn__figure_compares(p->r, cell->method_index);
        if (drawn && value.n > 0 && !isnan(value.mean)) mean[count++] = goodness(p, value, NULL);
    }
    if (count > 1) qsort(mean, (size_t)count, sizeof *mean, by_value);
    const double apart = count > 0 ? mean[count * 3 / 4] - mean[count / 4] : 0;
    const double least = count > 0 ? mean[count / 4] - 3 * fmax(apart, wn__shown_step(&p->r->shown)) : -INFINITY;
    wn__free(mean);
    return least;
}

/* Where a method's cells are beyond the edge of the panel: marks at it. -1: nowhere. */
static int add_marks_beyond(wn__sheet *s, const wn__figure_plan *p, const char *method, const price *x, double edge)
{
    int points = 0;
    const int block = wn__sheet_data_begin(s);
    for (int i = 0; i < p->sparsity_count; i++) {
        const wn__cell *cell = wn__results_find(p->r, method, p->sparsities[i]);
        if (!cell || !(goodness(p, value_of(p, cell, NULL), NULL) < wn__shown_gain(&p->r->shown, edge)) || !(price_of(cell, x) > 0))
            continue;
        wn__text_add(&s->script, "%.6g %.6g\n", price_of(cell, x), edge);
        points++;
    }
    wn__sheet_data_end(s);
    return points > 0 ? block : -1;
}

/* A line over the sparsities of a method; -1: it has no point. */
static int add_price_line(wn__sheet *s, const wn__figure_plan *p, const char *method, const price *x)
{
    int points = 0;
    const int block = wn__sheet_data_begin(s);
    for (int i = 0; i < p->sparsity_count; i++)
        points += add_priced(s, p, wn__results_find(p->r, method, p->sparsities[i]), x);
    wn__sheet_data_end(s);
    return points > 0 ? block : -1;
}

static void add_price_panel(wn__sheet *s, const wn__figure_plan *p, int row, int column, const wn__figure_group *g, const price *x,
                            double edge)
{
    int *blocks = p->blocks, *beyond = p->beyond;
    for (int k = 0; k < g->count; k++) {
        blocks[k] = add_price_line(s, p, p->r->methods[g->methods[k]], x);
        beyond[k] = add_marks_beyond(s, p, p->r->methods[g->methods[k]], x, edge);
    }
    const int dense = wn__sheet_data_begin(s);
    const bool there = add_priced(s, p, p->dense, x);
    wn__sheet_data_end(s);
    wn__sheet_panel(s, row, column, g->title);
    wn__text_add(&s->script, "set logscale x 2\nset xrange [*:*]\nset xtics auto\nset format x '%%g'\nset xlabel '%s'\n", x->axis);
    set_value_label(s, p, column == 0);
    wn__text_add(&s->script, "plot 1/0 notitle");
    if (there) wn__text_add(&s->script, ", $d%d using 1:2:3 with yerrorbars ls %d pt 7 ps 0.7 notitle", dense, WN__GREY_STYLE);
    for (int k = 0; k < g->count; k++) {
        if (blocks[k] >= 0) wn__text_add(&s->script, ", $d%d using 1:2:3 with yerrorlines ls %d notitle", blocks[k], g->styles[k]);
        if (beyond[k] >= 0)
            wn__text_add(&s->script, ", $d%d using 1:2 with points ls %d pt %d ps 1.2 notitle", beyond[k], g->styles[k],
                         p->r->shown.metric->less_is_better ? 9 : 11);
    }
    wn__text_add(&s->script, "\n");
}

wn_status wn__price_figure(const wn__figure_plan *p, wn__sheet *s, bool *drawn)
{
    const double dense_flops = p->dense ? wn__cell_summary(p->dense, offsetof(wn__result_row, total_flops), 1).mean : 0;
    const price prices[] = {{offsetof(wn__result_row, total_flops), dense_flops, "training FLOPs, of dense"},
                            {offsetof(wn__result_row, measured_total), 1, "measured seconds of training"}};
    const int columns = p->r->measured ? 2 : 1;
    if (p->sparsity_count == 0 || !(dense_flops > 0)) return WN_OK;
    *s = (wn__sheet){.rows = p->group_count, .columns = columns, .plot_width = 386, .plot_height = 260, .below = 46};
    for (int g = 0; g < p->group_count; g++)
        wn__figure_legend(s, p, &p->groups[g], g, 0, columns, "dense");
    wn__sheet_begin(s);
    const double edge = set_value_axis(s, p, 'y', NULL, least_shown(p));
    for (int g = 0; g < p->group_count; g++)
        for (int x = 0; x < columns; x++)
            add_price_panel(s, p, g, x, &p->groups[g], &prices[x], edge);
    *drawn = true;
    return WN_OK;
}
