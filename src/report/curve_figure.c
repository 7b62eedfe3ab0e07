#include "report/curve_figure.h"

#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/settings.h"
#include "report/report_curves.h"

enum { CURVE_PANELS = 3, CURVE_POINTS = 300 };

static const char *curve_split(const wn__results *r)
{
    for (int i = 0; i < r->row_count; i++)
        if (r->rows[i].validated) return "validation";
    return "test";
}

/* At most CURVE_PANELS of the sparsities above 0, spread evenly, the largest included. */
static int curve_sparsities(const wn__figure_plan *p, double chosen[CURVE_PANELS], int *left_out)
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

/* The first tenth of a curve may leave the picture where bad values lie: the rest is what is compared. */
static void widen(const wn__shown *shown, curve_range *range, const wn__curve *curve)
{
    const bool less = shown->metric->less_is_better;
    for (int i = 0; i < curve->count; i++) {
        const bool begins = i < curve->count / 10;
        range->first_epoch = fmin(range->first_epoch, curve->epochs[i]);
        range->last_epoch = fmax(range->last_epoch, curve->epochs[i]);
        if (!begins || !less) range->high = fmax(range->high, curve->values[i]);
        if (!begins || less) range->low = fmin(range->low, curve->values[i]);
    }
}

/* The curve of a cell as a data block, thinned to CURVE_POINTS; *block is -1 if it is empty. */
static wn_status add_curve(wn__sheet *s, const wn__figure_plan *p, const wn__cell *cell, curve_range *range, int *block)
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
        widen(&p->r->shown, range, &curve);
    }
    wn__curve_release(&curve);
    return WN_OK;
}

typedef struct curve_blocks {
    int dense, *of; /* (groups, panels, methods) */
    int panels, methods;
} curve_blocks;

static int *blocks_of(const curve_blocks *b, int g, int panel) { return b->of + (g * b->panels + panel) * b->methods; }

static wn_status add_curves(wn__sheet *s, const wn__figure_plan *p, const double *sparsities, curve_range *range, curve_blocks *blocks)
{
    WN_TRY(add_curve(s, p, p->dense, range, &blocks->dense));
    for (int g = 0; g < p->group_count; g++)
        for (int c = 0; c < blocks->panels; c++)
            for (int k = 0; k < p->groups[g].count; k++)
                WN_TRY(add_curve(s, p, wn__results_find(p->r, p->r->methods[p->groups[g].methods[k]], sparsities[c]), range,
                                 &blocks_of(blocks, g, c)[k]));
    return WN_OK;
}

static void add_curve_panel(wn__sheet *s, const wn__figure_plan *p, int g, int column, double sparsity, const curve_blocks *blocks)
{
    char title[96], percent[32], label[96];
    const wn__figure_group *shown = &p->groups[g];
    const int *block = blocks_of(blocks, g, column);
    wn__show_sparsity(sparsity, percent, sizeof percent);
    snprintf(title, sizeof title, "%s%s%s", percent, *shown->title ? ", " : "", shown->title);
    wn__sheet_panel(s, g, column, title);
    wn__shown_words(&p->r->shown, curve_split(p->r)[0] == 'v' ? "validation {metric}{unit}" : "test {metric}{unit}", label, sizeof label);
    wn__text_add(&s->script, "set xlabel 'epoch'\nset ylabel '%s'\n", column > 0 ? "" : label);
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

static void set_curve_heights(const wn__shown *shown, double low, double high, wn__sheet *s)
{
    const double room = high > low ? 0.05 * (high - low) : wn__shown_step(shown);
    if (wn__shown_spans_decades(shown, low, high))
        wn__sheet_logarithmic(s, 'y', low / 1.1, high * 1.1);
    else
        wn__sheet_linear(s, 'y', low - room, high + room);
}

/* The panels, if any curve has more than a point. */
static wn_status draw_curves(const wn__figure_plan *p, const double *sparsities, curve_blocks *blocks, wn__sheet *s, bool *drawn)
{
    curve_range range = {INFINITY, -INFINITY, INFINITY, -INFINITY};
    WN_TRY(add_curves(s, p, sparsities, &range, blocks));
    *drawn = range.last_epoch > range.first_epoch;
    if (!*drawn) return WN_OK;
    wn__text_add(&s->script, "set xrange [%.6g:%.6g]\n", range.first_epoch, range.last_epoch);
    set_curve_heights(&p->r->shown, range.low, range.high, s);
    wn__text_add(&s->script, "set xtics %g\n", fmax(1, tic_step(range.last_epoch - range.first_epoch, s->plot_width / 55)));
    for (int g = 0; g < p->group_count; g++)
        for (int c = 0; c < blocks->panels; c++)
            add_curve_panel(s, p, g, c, sparsities[c], blocks);
    return WN_OK;
}

wn_status wn__curve_figure(const wn__figure_plan *p, wn__sheet *s, bool *drawn)
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
        wn__figure_legend(s, p, &p->groups[g], g, 0, panels, p->dense ? "dense" : NULL);
    wn__sheet_begin(s);
    blocks.of = WN_NEW_ARRAY(int, p->group_count *panels *blocks.methods);
    if (!blocks.of) return wn__no_memory((size_t)(p->group_count * panels * blocks.methods) * sizeof(int));
    const wn_status status = draw_curves(p, sparsities, &blocks, s, drawn);
    if (left_out > 0) wn__text_add(&s->left_out, "Of %d sparsities above 0, %d are drawn.", panels + left_out, panels);
    wn__free(blocks.of);
    return status;
}
