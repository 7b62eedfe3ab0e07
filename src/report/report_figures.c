#include "report/report_figures.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "report/figure_files.h"
#include "report/report_curves.h"
#include "report/report_tables.h"
#include "report/study_figures.h"

enum { ONE_PANEL_METHODS = 7, CURVE_PANELS = 3, MASK_PANELS = 3, NAMED_LAYERS = 24, CURVE_POINTS = 300 };

/* Methods drawn into one panel. Many methods are split by their labels, so that a method and its soft-label twin have the same colour. */
typedef struct group {
    const char *title;
    int *methods, *styles; /* (count); room for all methods */
    int count;
} group;

typedef struct plan {
    const wn__results *r;
    const wn__cell *dense; /* NULL if it is not there */
    group groups[2];
    int group_count;
    double *sparsities;  /* ascending, of the groups' cells */
    char (*percent)[16]; /* the same as text */
    int sparsity_count;
    int *numbers;        /* owned: the memory of all groups, and of the next two */
    int *blocks, *below; /* data blocks of the panel that is being drawn: (methods or sparsities, whichever are more) */
} plan;

/* ---- what is drawn where */

static bool is_soft(const wn__results *r, const char *method)
{
    for (int i = 0; i < r->row_count; i++)
        if (strcmp(r->rows[i].method, method) == 0) return r->rows[i].labels && strcmp(r->rows[i].labels, "hard") != 0;
    return false;
}

static bool is_compared(const wn__results *r, int method)
{
    for (int i = 0; i < r->cell_count; i++)
        if (r->cells[i].method_index == method && r->cells[i].sparsity > 0) return true;
    return false;
}

static void add_to_group(group *g, int method)
{
    g->styles[g->count] = wn__sheet_style(g->count);
    g->methods[g->count++] = method;
}

/* "kd-reinit" is the twin of "reinit". */
static bool is_twin(const char *name, const char *of)
{
    const size_t length = strlen(name), tail = strlen(of);
    return length > tail + 1 && name[length - tail - 1] == '-' && strcmp(name + length - tail, of) == 0;
}

/* Twins get the style of their counterpart, the others what is free. */
static void pair_styles(const wn__results *r, const group *of, group *g, int *twin, int *taken)
{
    int next = 0;
    for (int k = 0; k < g->count; k++) {
        twin[k] = -1;
        for (int j = 0; j < of->count && twin[k] < 0; j++)
            if (!taken[j] && is_twin(r->methods[g->methods[k]], r->methods[of->methods[j]])) twin[k] = j;
        if (twin[k] >= 0) taken[twin[k]] = 1;
    }
    for (int k = 0; k < g->count; k++) {
        while (twin[k] < 0 && taken[next])
            next++;
        g->styles[k] = wn__sheet_style(twin[k] >= 0 ? twin[k] : next);
        if (twin[k] < 0) taken[next] = 1;
    }
}

static void make_groups(plan *p)
{
    const int room = p->r->method_count;
    group all = {.title = ""}, hard = {.title = "hard labels"},
          soft = {.title = "soft or smoothed labels"}, *const made[] = {&all, &hard, &soft};
    for (int i = 0; i < 3; i++) {
        made[i]->methods = p->numbers + 2 * i * room;
        made[i]->styles = made[i]->methods + room;
    }
    for (int m = 0; m < p->r->method_count; m++) {
        if (!is_compared(p->r, m)) continue;
        add_to_group(&all, m);
        add_to_group(is_soft(p->r, p->r->methods[m]) ? &soft : &hard, m);
    }
    const bool split = all.count > ONE_PANEL_METHODS && hard.count > 0 && soft.count > 0;
    if (split) pair_styles(p->r, &hard, &soft, p->blocks, p->below);
    p->groups[0] = split ? hard : all;
    p->groups[1] = soft;
    p->group_count = split ? 2 : 1;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool is_known_sparsity(const plan *p, double sparsity)
{
    for (int i = 0; i < p->sparsity_count; i++)
        if (p->sparsities[i] == sparsity) return true;
    return false;
}

static void add_sparsities(plan *p)
{
    for (int i = 0; i < p->r->cell_count; i++) {
        const wn__cell *cell = &p->r->cells[i];
        if (!is_compared(p->r, cell->method_index) || is_known_sparsity(p, cell->sparsity)) continue;
        p->sparsities[p->sparsity_count++] = cell->sparsity;
    }
    qsort(p->sparsities, (size_t)p->sparsity_count, sizeof p->sparsities[0], compare_doubles);
    for (int i = 0; i < p->sparsity_count; i++)
        wn__show_sparsity(p->sparsities[i], p->percent[i], sizeof p->percent[i]);
}

static void release_plan(plan *p)
{
    wn__free(p->sparsities);
    wn__free(p->percent);
    wn__free(p->numbers);
}

static wn_status make_plan(const wn__results *r, plan *p)
{
    const int methods = r->method_count, cells = r->cell_count, most = methods > cells ? methods : cells;
    *p = (plan){.r = r,
                .dense = wn__results_baseline(r, "dense", 0),
                .sparsities = WN_NEW_ARRAY(double, cells),
                .percent = wn__alloc_array(cells, sizeof *p->percent),
                .numbers = WN_NEW_ARRAY(int, 6 * methods + 2 * most)};
    if (!p->sparsities || !p->percent || !p->numbers) {
        release_plan(p);
        return wn__no_memory((size_t)most * sizeof *p->percent);
    }
    p->blocks = p->numbers + 6 * methods;
    p->below = p->blocks + most;
    make_groups(p);
    add_sparsities(p);
    return WN_OK;
}

/* Sparsities are drawn over the logarithm of what is left, as the literature does: 80, 90, 95 % lie one step apart. */
static double axis_of(double sparsity) { return -log2(1 - sparsity); }

static void add_sparsity_axis(wn__sheet *s, const plan *p)
{
    const double low = axis_of(p->sparsities[0]), high = axis_of(p->sparsities[p->sparsity_count - 1]);
    const double range = high > low ? high - low : 1, room = 42 / s->plot_width * range; /* a label's width */
    double last = -INFINITY;
    wn__text_add(&s->script, "set xlabel 'sparsity'\nset xrange [%.6g:%.6g]\nset xtics (", low - 0.06 * range, high + 0.06 * range);
    for (int i = 0; i < p->sparsity_count; i++) {
        const double at = axis_of(p->sparsities[i]);
        const bool fits = at - last >= room;
        if (fits) last = at;
        wn__text_add(&s->script, i > 0 ? ", " : "");
        wn__sheet_quote_tic(s, fits ? p->percent[i] : "");
        wn__text_add(&s->script, " %.6g", at);
    }
    wn__text_add(&s->script, ")\n");
}

/* A legend of the group's methods; `grey` names the grey line, NULL for none. */
static void add_methods_legend(wn__sheet *s, const plan *p, const group *g, int row, int column, int span, const char *grey)
{
    wn__legend *l = wn__sheet_legend(s, row, column, span);
    for (int k = 0; k < g->count; k++)
        wn__legend_add(l, g->styles[k], "%s", p->r->methods[g->methods[k]]);
    if (grey) wn__legend_add(l, WN__GREY_STYLE, "%s", grey);
}

/* ---- accuracy and differences over sparsity */

/* What a panel shows of a cell; `baseline` NULL: accuracy in %, else the paired difference from it. n = 0: nothing. */
static wn__summary value_of(const plan *p, const wn__cell *cell, const char *baseline)
{
    if (!baseline) return wn__cell_summary(cell, offsetof(wn__result_row, test_accuracy), 100);
    const wn__cell *other = wn__results_baseline(p->r, baseline, cell->sparsity);
    return other && other != cell ? wn__cell_difference(cell, other) : (wn__summary){0};
}

/* Data of one method: x, value, half-width. Methods are shifted a little, so that their intervals do not hide each other. Returns the block
 * or -1 if the method has no value. */
static int add_series(wn__sheet *s, const plan *p, int method, double shift, const char *baseline)
{
    int points = 0;
    const int block = wn__sheet_data_begin(s);
    for (int i = 0; i < p->sparsity_count; i++) {
        const wn__cell *cell = wn__results_find(p->r, p->r->methods[method], p->sparsities[i]);
        const wn__summary value = cell ? value_of(p, cell, baseline) : (wn__summary){0};
        if (value.n == 0 || isnan(value.mean)) continue;
        wn__text_add(&s->script, "%.6g %.6g %.6g\n", axis_of(cell->sparsity) + shift, value.mean,
                     wn__has_spread(value) ? value.half_width : 0);
        points++;
    }
    wn__sheet_data_end(s);
    return points > 0 ? block : -1;
}

/* A horizontal band over the whole panel. */
static int add_band(wn__sheet *s, const plan *p, double middle, double half_width)
{
    const double low = axis_of(p->sparsities[0]), high = axis_of(p->sparsities[p->sparsity_count - 1]), range = high > low ? high - low : 1;
    const int block = wn__sheet_data_begin(s);
    for (int end = 0; end < 2; end++)
        wn__text_add(&s->script, "%.6g %.6g %.6g %.6g\n", end ? high + 0.06 * range : low - 0.06 * range, middle - half_width,
                     middle + half_width, middle);
    wn__sheet_data_end(s);
    return block;
}

/* The vertical range of panels that show one thing: every mean that is not below `least`, and intervals as far as they are no longer than the means
 * lie apart (those of two seeds can be ten times that, and would flatten all else). Returns its lower end. */
static double add_value_range(wn__sheet *s, const plan *p, const char *baseline, double least)
{
    double low = INFINITY, high = -INFINITY, low_end = INFINITY, high_end = -INFINITY;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < p->r->cell_count; i++) {
            const wn__cell *cell = &p->r->cells[i];
            const wn__summary value = value_of(p, cell, baseline);
            if ((cell != p->dense && !is_compared(p->r, cell->method_index)) || value.n == 0 || !(value.mean >= least)) continue;
            low = fmin(low, value.mean);
            high = fmax(high, value.mean);
            const double half = fmin(wn__has_spread(value) ? value.half_width : 0, fmax(high - low, 0.5));
            if (pass == 0) continue;
            low_end = fmin(low_end, value.mean - half);
            high_end = fmax(high_end, value.mean + half);
        }
    if (!isfinite(low)) return 0;
    const double room = high_end > low_end ? 0.05 * (high_end - low_end) : 1, margin = baseline ? 100 * p->r->margin : 0;
    if (baseline) low_end = fmin(low_end, -margin);
    if (baseline) high_end = fmax(high_end, margin);
    wn__text_add(&s->script, "set yrange [%.6g:%.6g]\n", low_end - room, high_end + room);
    return low_end - room;
}

static void add_sparsity_panel(wn__sheet *s, const plan *p, int row, int column, const group *g, const char *baseline, const char *title)
{
    int *blocks = p->blocks, band = -1;
    const double range = axis_of(p->sparsities[p->sparsity_count - 1]) - axis_of(p->sparsities[0]);
    for (int k = 0; k < g->count; k++)
        blocks[k] = add_series(s, p, g->methods[k], (k - (g->count - 1) / 2.0) * 0.008 * range, baseline);
    if (baseline) {
        band = add_band(s, p, 0, 100 * p->r->margin);
    } else if (p->dense) {
        const wn__summary dense = value_of(p, p->dense, NULL);
        band = add_band(s, p, dense.mean, wn__has_spread(dense) ? dense.half_width : 0);
    }
    wn__sheet_panel(s, row, column, title);
    if (baseline) add_value_range(s, p, baseline, -INFINITY);
    add_sparsity_axis(s, p);
    wn__text_add(&s->script, "set ylabel '%s'\n", column > 0 && !baseline ? "" : baseline ? "points" : "test accuracy (%)");
    wn__text_add(&s->script, "plot ");
    if (band >= 0)
        wn__text_add(&s->script, "$d%d using 1:2:3 with filledcurves lc rgb '#808080' notitle, $d%d using 1:4 with lines ls %d notitle, ",
                     band, band, WN__GREY_STYLE);
    for (int k = 0; k < g->count; k++)
        if (blocks[k] >= 0) wn__text_add(&s->script, "$d%d using 1:2:3 with yerrorlines ls %d notitle, ", blocks[k], g->styles[k]);
    wn__text_add(&s->script, "1/0 notitle");
    wn__text_add(&s->script, "\n");
}

static wn_status accuracy_figure(const plan *p, wn__sheet *s, bool *drawn)
{
    if (p->sparsity_count == 0) return WN_OK;
    *s = (wn__sheet){.rows = 1, .columns = p->group_count, .plot_width = 386, .plot_height = 260, .below = 46};
    for (int g = 0; g < p->group_count; g++)
        add_methods_legend(s, p, &p->groups[g], 0, g, 1, p->dense ? "dense" : NULL);
    wn__sheet_begin(s);
    add_value_range(s, p, NULL, -INFINITY);
    for (int g = 0; g < p->group_count; g++)
        add_sparsity_panel(s, p, 0, g, &p->groups[g], NULL, p->groups[g].title);
    *drawn = true;
    return WN_OK;
}

static wn_status difference_figure(const plan *p, wn__sheet *s, bool *drawn)
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
    for (int g = 0; g < p->group_count; g++)
        add_methods_legend(s, p, &p->groups[g], g, 0, count, NULL);
    wn__sheet_begin(s);
    for (int g = 0; g < p->group_count; g++)
        for (int b = 0; b < count; b++) {
            char title[256];
            snprintf(title, sizeof title, "difference from %s%s%s", baselines[b], *p->groups[g].title ? ": " : "", p->groups[g].title);
            add_sparsity_panel(s, p, g, b, &p->groups[g], baselines[b], title);
        }
    if (left_out > 0) wn__text_add(&s->left_out, "Not drawn, for want of room: differences from %d more.", left_out);
    *drawn = true;
    return WN_OK;
}

/* ---- accuracy over the price of training */

/* What a network cost from its random initialisation on, in all. */
typedef struct price {
    size_t field; /* of wn__result_row */
    double unit;
    const char *axis;
} price;

static double price_of(const wn__cell *cell, const price *x) { return wn__cell_summary(cell, x->field, 1 / x->unit).mean; }

/* Price, accuracy and half-width of a cell as a line of data; false: it has no such numbers. */
static bool add_priced(wn__sheet *s, const plan *p, const wn__cell *cell, const price *x)
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

/* Means further below the lower quartile than three times the quartiles lie apart (a point at least): networks that hardly learnt. */
static double least_shown(const plan *p)
{
    int count = 0;
    double *mean = WN_NEW_ARRAY(double, p->r->cell_count);
    for (int i = 0; mean && i < p->r->cell_count; i++) {
        const wn__cell *cell = &p->r->cells[i];
        const wn__summary value = value_of(p, cell, NULL);
        if ((cell == p->dense || is_compared(p->r, cell->method_index)) && value.n > 0 && !isnan(value.mean)) mean[count++] = value.mean;
    }
    if (count > 1) qsort(mean, (size_t)count, sizeof *mean, by_value);
    const double least = count > 0 ? mean[count / 4] - 3 * fmax(mean[count * 3 / 4] - mean[count / 4], 1) : -INFINITY;
    wn__free(mean);
    return least;
}

/* Where a method's cells are below the panel: marks at its lower edge. -1: nowhere. */
static int add_marks_below(wn__sheet *s, const plan *p, const char *method, const price *x, double bottom)
{
    int points = 0;
    const int block = wn__sheet_data_begin(s);
    for (int i = 0; i < p->sparsity_count; i++) {
        const wn__cell *cell = wn__results_find(p->r, method, p->sparsities[i]);
        if (!cell || !(value_of(p, cell, NULL).mean < bottom) || !(price_of(cell, x) > 0)) continue;
        wn__text_add(&s->script, "%.6g %.6g\n", price_of(cell, x), bottom);
        points++;
    }
    wn__sheet_data_end(s);
    return points > 0 ? block : -1;
}

/* A line over the sparsities of a method; -1: it has no point. */
static int add_price_line(wn__sheet *s, const plan *p, const char *method, const price *x)
{
    int points = 0;
    const int block = wn__sheet_data_begin(s);
    for (int i = 0; i < p->sparsity_count; i++)
        points += add_priced(s, p, wn__results_find(p->r, method, p->sparsities[i]), x);
    wn__sheet_data_end(s);
    return points > 0 ? block : -1;
}

static void add_price_panel(wn__sheet *s, const plan *p, int row, int column, const group *g, const price *x, double bottom)
{
    int *blocks = p->blocks, *below = p->below;
    for (int k = 0; k < g->count; k++) {
        blocks[k] = add_price_line(s, p, p->r->methods[g->methods[k]], x);
        below[k] = add_marks_below(s, p, p->r->methods[g->methods[k]], x, bottom);
    }
    const int dense = wn__sheet_data_begin(s);
    const bool there = add_priced(s, p, p->dense, x);
    wn__sheet_data_end(s);
    wn__sheet_panel(s, row, column, g->title);
    wn__text_add(&s->script, "set logscale x 2\nset xrange [*:*]\nset xtics auto\nset format x '%%g'\nset xlabel '%s'\nset ylabel '%s'\n",
                 x->axis, column > 0 ? "" : "test accuracy (%)");
    wn__text_add(&s->script, "plot 1/0 notitle");
    if (there) wn__text_add(&s->script, ", $d%d using 1:2:3 with yerrorbars ls %d pt 7 ps 0.7 notitle", dense, WN__GREY_STYLE);
    for (int k = 0; k < g->count; k++) {
        if (blocks[k] >= 0) wn__text_add(&s->script, ", $d%d using 1:2:3 with yerrorlines ls %d notitle", blocks[k], g->styles[k]);
        if (below[k] >= 0) wn__text_add(&s->script, ", $d%d using 1:2 with points ls %d pt 11 ps 1.2 notitle", below[k], g->styles[k]);
    }
    wn__text_add(&s->script, "\n");
}

static wn_status price_figure(const plan *p, wn__sheet *s, bool *drawn)
{
    const double dense_flops = p->dense ? wn__cell_summary(p->dense, offsetof(wn__result_row, total_flops), 1).mean : 0;
    const price prices[] = {{offsetof(wn__result_row, total_flops), dense_flops, "training FLOPs, of dense"},
                            {offsetof(wn__result_row, measured_total), 1, "measured seconds of training"}};
    const int columns = p->r->measured ? 2 : 1;
    if (p->sparsity_count == 0 || !(dense_flops > 0)) return WN_OK;
    *s = (wn__sheet){.rows = p->group_count, .columns = columns, .plot_width = 386, .plot_height = 260, .below = 46};
    for (int g = 0; g < p->group_count; g++)
        add_methods_legend(s, p, &p->groups[g], g, 0, columns, "dense");
    wn__sheet_begin(s);
    const double bottom = add_value_range(s, p, NULL, least_shown(p));
    for (int g = 0; g < p->group_count; g++)
        for (int x = 0; x < columns; x++)
            add_price_panel(s, p, g, x, &p->groups[g], &prices[x], bottom);
    *drawn = true;
    return WN_OK;
}

/* ---- learning curves */

static const char *curve_split(const wn__results *r)
{
    for (int i = 0; i < r->row_count; i++)
        if (!isnan(r->rows[i].validation_accuracy)) return "validation";
    return "test";
}

/* At most CURVE_PANELS of the sparsities above 0, spread evenly, the largest included. */
static int curve_sparsities(const plan *p, double chosen[CURVE_PANELS], int *left_out)
{
    int dense = 0; /* sparsities of 0 stand first */
    while (dense < p->sparsity_count && p->sparsities[dense] == 0)
        dense++;
    const double *positive = p->sparsities + dense;
    const int count = p->sparsity_count - dense, panels = count < CURVE_PANELS ? count : CURVE_PANELS;
    *left_out = count - panels;
    for (int i = 0; i < panels; i++)
        chosen[i] = positive[panels == 1 ? count - 1 : i * (count - 1) / (panels - 1)];
    return panels;
}

/* What all panels of learning curves share. */
typedef struct curve_range {
    double first_epoch, last_epoch, low, high;
} curve_range;

/* The first tenth of a curve may leave the picture below: the rest is what is compared. */
static void widen(curve_range *range, const wn__curve *curve)
{
    for (int i = 0; i < curve->count; i++) {
        range->first_epoch = fmin(range->first_epoch, curve->epochs[i]);
        range->last_epoch = fmax(range->last_epoch, curve->epochs[i]);
        range->high = fmax(range->high, curve->values[i]);
        if (i >= curve->count / 10) range->low = fmin(range->low, curve->values[i]);
    }
}

/* The curve of a cell as a data block, thinned to CURVE_POINTS; *block is -1 if it is empty. */
static wn_status add_curve(wn__sheet *s, const plan *p, const wn__cell *cell, curve_range *range, int *block)
{
    wn__curve curve = {0};
    *block = -1;
    if (cell) WN_TRY(wn__curve_read(p->r, cell, curve_split(p->r), &curve));
    if (curve.count > 1) {
        const int step = 1 + (curve.count - 1) / CURVE_POINTS;
        *block = wn__sheet_data_begin(s);
        for (int i = (curve.count - 1) % step; i < curve.count; i += step) /* the last epoch is kept */
            wn__text_add(&s->script, "%.6g %.6g\n", curve.epochs[i], curve.values[i]);
        wn__sheet_data_end(s);
        widen(range, &curve);
    }
    wn__curve_release(&curve);
    return WN_OK;
}

typedef struct curve_blocks {
    int dense, *of; /* (groups, panels, methods) */
    int panels, methods;
} curve_blocks;

static int *blocks_of(const curve_blocks *b, int g, int panel) { return b->of + (g * b->panels + panel) * b->methods; }

static wn_status add_curves(wn__sheet *s, const plan *p, const double *sparsities, curve_range *range, curve_blocks *blocks)
{
    WN_TRY(add_curve(s, p, p->dense, range, &blocks->dense));
    for (int g = 0; g < p->group_count; g++)
        for (int c = 0; c < blocks->panels; c++)
            for (int k = 0; k < p->groups[g].count; k++)
                WN_TRY(add_curve(s, p, wn__results_find(p->r, p->r->methods[p->groups[g].methods[k]], sparsities[c]), range,
                                 &blocks_of(blocks, g, c)[k]));
    return WN_OK;
}

static void add_curve_panel(wn__sheet *s, const plan *p, int g, int column, double sparsity, const curve_blocks *blocks)
{
    char title[96], percent[32];
    const group *shown = &p->groups[g];
    const int *block = blocks_of(blocks, g, column);
    wn__show_sparsity(sparsity, percent, sizeof percent);
    snprintf(title, sizeof title, "%s%s%s", percent, *shown->title ? ", " : "", shown->title);
    wn__sheet_panel(s, g, column, title);
    wn__text_add(&s->script, "set xlabel 'epoch'\nset ylabel '%s'\n",
                 column > 0                    ? ""
                 : curve_split(p->r)[0] == 'v' ? "validation accuracy (%)"
                                               : "test accuracy (%)");
    wn__text_add(&s->script, "plot 1/0 notitle");
    if (blocks->dense >= 0) wn__text_add(&s->script, ", $d%d using 1:2 with lines ls %d notitle", blocks->dense, WN__GREY_STYLE);
    for (int k = 0; k < shown->count; k++)
        if (block[k] >= 0) wn__text_add(&s->script, ", $d%d using 1:2 with lines ls %d lw 1.3 notitle", block[k], shown->styles[k]);
    wn__text_add(&s->script, "\n");
}

/* 1, 2 or 5 times a power of ten, so that at most `most` steps fit into the range. */
static double tic_step(double range, double most)
{
    const double power = pow(10, floor(log10(range / most))), times = range / most / power;
    return power * (times <= 1 ? 1 : times <= 2 ? 2 : times <= 5 ? 5 : 10);
}

/* The panels, if any curve has more than a point. */
static wn_status draw_curves(const plan *p, const double *sparsities, curve_blocks *blocks, wn__sheet *s, bool *drawn)
{
    curve_range range = {INFINITY, -INFINITY, INFINITY, -INFINITY};
    WN_TRY(add_curves(s, p, sparsities, &range, blocks));
    *drawn = range.last_epoch > range.first_epoch;
    if (!*drawn) return WN_OK;
    const double room = range.high > range.low ? 0.05 * (range.high - range.low) : 1;
    wn__text_add(&s->script, "set xrange [%.6g:%.6g]\nset yrange [%.6g:%.6g]\n", range.first_epoch, range.last_epoch, range.low - room,
                 range.high + room);
    wn__text_add(&s->script, "set xtics %g\n", fmax(1, tic_step(range.last_epoch - range.first_epoch, s->plot_width / 55)));
    for (int g = 0; g < p->group_count; g++)
        for (int c = 0; c < blocks->panels; c++)
            add_curve_panel(s, p, g, c, sparsities[c], blocks);
    return WN_OK;
}

static wn_status curve_figure(const plan *p, wn__sheet *s, bool *drawn)
{
    double sparsities[CURVE_PANELS];
    int left_out;
    const int panels = curve_sparsities(p, sparsities, &left_out);
    if (panels == 0) return WN_OK;
    curve_blocks blocks = {.panels = panels, .methods = p->r->method_count};
    *s = (wn__sheet){.rows = p->group_count,
                     .columns = panels,
                     .plot_width = panels == 1   ? 386
                                   : panels == 2 ? 386
                                                 : 232,
                     .plot_height = 200,
                     .below = 46};
    for (int g = 0; g < p->group_count; g++)
        add_methods_legend(s, p, &p->groups[g], g, 0, panels, p->dense ? "dense" : NULL);
    wn__sheet_begin(s);
    blocks.of = WN_NEW_ARRAY(int, p->group_count *panels *blocks.methods);
    if (!blocks.of) return wn__no_memory((size_t)(p->group_count * panels * blocks.methods) * sizeof(int));
    const wn_status status = draw_curves(p, sparsities, &blocks, s, drawn);
    if (left_out > 0) wn__text_add(&s->left_out, "Of %d sparsities above 0, %d are drawn.", panels + left_out, panels);
    wn__free(blocks.of);
    return status;
}

/* ---- density of each layer */

/* Methods whose masks keep equal numbers of weights in each layer. */
typedef struct mask_group {
    int first, count; /* the first of them, and how many they are */
} mask_group;

static const wn__result_row *layered_row(const plan *p, int method, double sparsity)
{
    const wn__cell *cell = wn__results_find(p->r, p->r->methods[method], sparsity);
    return cell && sparsity > 0 && cell->rows[0]->layer_count > 0 ? cell->rows[0] : NULL;
}

static bool has_layers(const plan *p, int method)
{
    for (int i = 0; i < p->sparsity_count; i++)
        if (layered_row(p, method, p->sparsities[i])) return true;
    return false;
}

static bool same_layers(const wn__result_row *a, const wn__result_row *b)
{
    if (!a || !b) return a == b;
    if (a->layer_count != b->layer_count) return false;
    for (int i = 0; i < a->layer_count; i++)
        if (a->layers[i].nonzero != b->layers[i].nonzero) return false;
    return true;
}

static bool same_masks(const plan *p, int a, int b)
{
    for (int i = 0; i < p->sparsity_count; i++)
        if (!same_layers(layered_row(p, a, p->sparsities[i]), layered_row(p, b, p->sparsities[i]))) return false;
    return true;
}

static int group_masks(const plan *p, mask_group groups[MASK_PANELS], mask_group *left_out)
{
    int count = 0;
    *left_out = (mask_group){0};
    for (int m = 0; m < p->r->method_count; m++) {
        if (!has_layers(p, m)) continue;
        int g = 0;
        while (g < count && !same_masks(p, groups[g].first, m))
            g++;
        if (g == MASK_PANELS) {
            if (left_out->count++ == 0) left_out->first = m;
            continue;
        }
        if (g == count) groups[count++] = (mask_group){.first = m};
        groups[g].count++;
    }
    return count;
}

/* "lottery-ticket and 4 more" */
static char *mask_title(const plan *p, const mask_group *g, char *title, size_t size)
{
    const char *first = p->r->methods[g->first];
    if (g->count == 1)
        snprintf(title, size, "%s", first);
    else
        snprintf(title, size, "%s and %d more", first, g->count - 1);
    return title;
}

/* Mean density in % over the seeds of each selected layer that has weights left. */
static int add_layer_series(wn__sheet *s, const plan *p, int method, double sparsity)
{
    const wn__cell *cell = wn__results_find(p->r, p->r->methods[method], sparsity);
    if (!layered_row(p, method, sparsity)) return -1;
    const int block = wn__sheet_data_begin(s), layers = cell->rows[0]->layer_count;
    for (int l = 0, shown = 0; l < layers; l++) {
        double left = 0, count = 0;
        if (!cell->rows[0]->layers[l].selected) continue;
        for (int i = 0; i < cell->n; i++) {
            if (cell->rows[i]->layer_count != layers) continue;
            left += (double)cell->rows[i]->layers[l].nonzero;
            count += (double)cell->rows[i]->layers[l].count;
        }
        wn__text_add(&s->script, left > 0 ? "%d %.6g\n" : "%d NaN\n", ++shown, 100 * left / count);
    }
    wn__sheet_data_end(s);
    return block;
}

/* Names of the selected layers below the axis, or their numbers if there are many. */
static void add_layer_axis(wn__sheet *s, const wn__result_row *row, bool named)
{
    int count = 0;
    assert(row); /* methods without layers have no panel */
    for (int l = 0; l < row->layer_count; l++)
        count += row->layers[l].selected;
    wn__text_add(&s->script, "set xrange [0.5:%d.5]\nset xlabel '%s'\n", count, named ? "" : "layer");
    if (!named) return;
    wn__text_add(&s->script, "set xtics (");
    for (int l = 0, shown = 0; l < row->layer_count; l++) {
        char name[256]; /* of a node */
        if (!row->layers[l].selected) continue;
        snprintf(name, sizeof name, "%s", row->layers[l].name);
        char *suffix = strstr(name, ".weight");
        if (suffix) *suffix = 0;
        wn__text_add(&s->script, shown > 0 ? ", " : "");
        wn__sheet_quote_tic(s, name);
        wn__text_add(&s->script, " %d", ++shown);
    }
    wn__text_add(&s->script, ") rotate by 50 right font small_font\n");
}

static void add_sparsities_legend(wn__sheet *s, const plan *p, int row)
{
    wn__legend *l = wn__sheet_legend(s, row, 0, 1);
    for (int i = 0; i < p->sparsity_count; i++)
        if (p->sparsities[i] > 0) wn__legend_add(l, wn__sheet_style(l->count), "%s", p->percent[i]);
}

static void add_mask_panel(wn__sheet *s, const plan *p, const mask_group *g, int row, bool named)
{
    char title[160];
    const wn__result_row *example = NULL;
    int *blocks = p->blocks;
    for (int i = 0; i < p->sparsity_count; i++) {
        blocks[i] = add_layer_series(s, p, g->first, p->sparsities[i]);
        if (blocks[i] >= 0) example = layered_row(p, g->first, p->sparsities[i]);
    }
    wn__sheet_panel(s, row, 0, mask_title(p, g, title, sizeof title));
    add_layer_axis(s, example, named);
    wn__text_add(&s->script, "set ylabel 'weights left (%%)'\n");
    wn__text_add(&s->script, "plot 1/0 notitle");
    for (int i = 0, style = 0; i < p->sparsity_count; i++) {
        if (p->sparsities[i] == 0) continue;
        style++;
        if (blocks[i] < 0) continue;
        wn__text_add(&s->script, ", $d%d using 1:2 with linespoints ls %d notitle", blocks[i], wn__sheet_style(style - 1));
    }
    wn__text_add(&s->script, "\n");
}

static int selected_layers(const wn__results *r)
{
    int most = 0;
    for (int i = 0; i < r->row_count; i++) {
        int count = 0;
        for (int l = 0; l < r->rows[i].layer_count; l++)
            count += r->rows[i].layers[l].selected;
        most = count > most ? count : most;
    }
    return most;
}

/* Letters of the longest name that add_layer_axis shows. */
static int longest_layer_name(const wn__results *r)
{
    int longest = 0;
    for (int i = 0; i < r->row_count; i++)
        for (int l = 0; l < r->rows[i].layer_count; l++) {
            const char *name = r->rows[i].layers[l].name, *suffix = strstr(name, ".weight");
            const int length = (int)(suffix ? (size_t)(suffix - name) : strlen(name));
            if (r->rows[i].layers[l].selected && length > longest) longest = length;
        }
    return longest < 30 ? longest : 30;
}

static wn_status mask_figure(const plan *p, wn__sheet *s, bool *drawn)
{
    mask_group groups[MASK_PANELS], others;
    char title[160];
    const int panels = group_masks(p, groups, &others), layers = selected_layers(p->r);
    const bool named = layers <= NAMED_LAYERS;
    if (panels == 0 || layers == 0) return WN_OK;
    *s = (wn__sheet){
        .rows = panels, .columns = 1, .plot_width = 386, .plot_height = 170, .below = named ? 20 + 4.1 * longest_layer_name(p->r) : 46};
    for (int row = 0; row < panels; row++)
        add_sparsities_legend(s, p, row);
    wn__sheet_begin(s);
    wn__text_add(&s->script, "set logscale y\nset yrange [*:130]\nset format y '%%g'\n");
    for (int row = 0; row < panels; row++)
        add_mask_panel(s, p, &groups[row], row, named);
    if (others.count > 0)
        wn__text_add(&s->left_out, "Not drawn, for want of room: the masks of %s.", mask_title(p, &others, title, sizeof title));
    *drawn = true;
    return WN_OK;
}

/* ---- of a study */

static wn_status flow_figure(const plan *p, wn__sheet *s, bool *drawn) { return wn__study_flow_figure(p->r->study, s, drawn); }
static wn_status line_figure(const plan *p, wn__sheet *s, bool *drawn) { return wn__study_line_figure(p->r->study, s, drawn); }
static wn_status map_figure(const plan *p, wn__sheet *s, bool *drawn) { return wn__study_map_figure(p->r->study, s, drawn); }

/* ---- all figures */

static const struct {
    wn__figure figure;
    wn_status (*build)(const plan *p, wn__sheet *s, bool *drawn);
} builders[] = {
    {{"accuracy", "Accuracy against sparsity",
      "Test accuracy of the last epoch, mean over seeds with the 95 % t-interval where there are two seeds or more. "
      "The grey band is dense and its interval. Very long intervals leave the picture. The axis is the logarithm of what is left.",
      0, ""},
     accuracy_figure},
    {{"differences", "Paired differences",
      "Difference of test accuracy by seed, in points, with the 95 % t-interval. The grey band is the margin of equivalence.", 0, ""},
     difference_figure},
    {{"price", "Accuracy against the price of training",
      "Test accuracy of the last epoch against everything that was trained for it from random initialisation on, in FLOPs and in seconds (if `winnow time` "
      "measured them); a line joins the sparsities of a method. Mean over seeds with the 95 % t-interval; a triangle at the lower edge is far below.",
      0, ""},
     price_figure},
    {{"curves", "Learning curves",
      "Accuracy over the epochs of retraining, mean over seeds; a method that rewinds starts at its rewind point. Grey: the dense run.", 0,
      ""},
     curve_figure},
    {{"layers", "What is left of each layer",
      "Non-zero weights of each pruned tensor, mean over seeds. Methods whose masks keep equal numbers in every layer share a panel; "
      "a layer without any weight left has no point.",
      0, ""},
     mask_figure},
    {{"flow", "Flow of gradients",
      "L2 norm of the gradient over active weights, and the loss, on images that training has not seen, before these steps: geometric mean over "
      "seeds. Steps are drawn over their square root.",
      0, ""},
     flow_figure},
    {{"lines", "Between networks", "Loss and error on the straight line between two networks of one seed, mean over seeds.", 0, ""},
     line_figure},
    {{"map", "Distances of weights",
      "The plane that comes nearest to the mean L2 distances of networks of one seed (classical multidimensional scaling).", 0, ""},
     map_figure},
};

static wn_status build_figures(const plan *p, wn__figure_files *files, wn__figures *figures)
{
    for (size_t i = 0; i < sizeof builders / sizeof builders[0]; i++) {
        wn__sheet sheet = {0};
        bool drawn = false;
        wn_status status = builders[i].build(p, &sheet, &drawn);
        if (status == WN_OK && drawn) {
            wn__figure *figure = &figures->figure[figures->count++];
            *figure = builders[i].figure;
            figure->width = sheet.width;
            if (sheet.left_out.data) snprintf(figure->left_out, sizeof figure->left_out, "%s", sheet.left_out.data);
            status = wn__figure_files_add(files, &sheet, builders[i].figure.name);
        }
        wn__sheet_release(&sheet);
        WN_TRY(status);
    }
    return WN_OK;
}

wn_status wn__figures_draw(const wn__results *results, const char *folder, wn__figures *figures)
{
    wn__figure_files files = {0};
    wn__figures built = {0};
    plan p;
    WN_TRY(make_plan(results, &p));
    wn_status status = build_figures(&p, &files, &built);
    release_plan(&p);
    if (status == WN_OK) status = wn__figure_files_draw(&files, folder);
    wn__figure_files_release(&files);
    if (status == WN_OK) *figures = built;
    return status;
}
