#include "report/figure_plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/settings.h"

enum { ONE_PANEL_METHODS = 7 };

static bool is_soft(const wn__results *r, const char *method)
{
    for (int i = 0; i < r->row_count; i++)
        if (strcmp(r->rows[i].method, method) == 0) return r->rows[i].labels && strcmp(r->rows[i].labels, "hard") != 0;
    return false;
}

bool wn__figure_compares(const wn__results *r, int method)
{
    for (int i = 0; i < r->cell_count; i++)
        if (r->cells[i].method_index == method && r->cells[i].sparsity > 0) return true;
    return false;
}

static void add_to_group(wn__figure_group *g, int method)
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
static void pair_styles(const wn__results *r, const wn__figure_group *of, wn__figure_group *g, int *twin, int *taken)
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

static void make_groups(wn__figure_plan *p)
{
    const int room = p->r->method_count;
    wn__figure_group all = {.title = ""}, hard = {.title = "hard labels"},
                     soft = {.title = "soft or smoothed labels"}, *const made[] = {&all, &hard, &soft};
    for (int i = 0; i < 3; i++) {
        made[i]->methods = p->numbers + 2 * i * room;
        made[i]->styles = made[i]->methods + room;
    }
    for (int m = 0; m < p->r->method_count; m++) {
        if (!wn__figure_compares(p->r, m)) continue;
        add_to_group(&all, m);
        add_to_group(is_soft(p->r, p->r->methods[m]) ? &soft : &hard, m);
    }
    const bool split = all.count > ONE_PANEL_METHODS && hard.count > 0 && soft.count > 0;
    if (split) pair_styles(p->r, &hard, &soft, p->blocks, p->beyond);
    p->groups[0] = split ? hard : all;
    p->groups[1] = soft;
    p->group_count = split ? 2 : 1;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool is_known_sparsity(const wn__figure_plan *p, double sparsity)
{
    for (int i = 0; i < p->sparsity_count; i++)
        if (p->sparsities[i] == sparsity) return true;
    return false;
}

static void add_sparsities(wn__figure_plan *p)
{
    for (int i = 0; i < p->r->cell_count; i++) {
        const wn__cell *cell = &p->r->cells[i];
        if (!wn__figure_compares(p->r, cell->method_index) || is_known_sparsity(p, cell->sparsity)) continue;
        p->sparsities[p->sparsity_count++] = cell->sparsity;
    }
    qsort(p->sparsities, (size_t)p->sparsity_count, sizeof p->sparsities[0], compare_doubles);
    for (int i = 0; i < p->sparsity_count; i++)
        wn__show_sparsity(p->sparsities[i], p->percent[i], sizeof p->percent[i]);
}

void wn__figure_plan_release(wn__figure_plan *p)
{
    wn__free(p->sparsities);
    wn__free(p->percent);
    wn__free(p->numbers);
}

wn_status wn__figure_plan_make(const wn__results *r, wn__figure_plan *p)
{
    const int methods = r->method_count, cells = r->cell_count, most = methods > cells ? methods : cells;
    *p = (wn__figure_plan){.r = r,
                           .dense = wn__results_baseline(r, "dense", 0),
                           .sparsities = WN_NEW_ARRAY(double, cells),
                           .percent = wn__alloc_array(cells, sizeof *p->percent),
                           .numbers = WN_NEW_ARRAY(int, 6 * methods + 2 * most)};
    if (!p->sparsities || !p->percent || !p->numbers) {
        wn__figure_plan_release(p);
        return wn__no_memory((size_t)most * sizeof *p->percent);
    }
    p->blocks = p->numbers + 6 * methods;
    p->beyond = p->blocks + most;
    make_groups(p);
    add_sparsities(p);
    return WN_OK;
}

double wn__figure_place(double sparsity) { return -log2(1 - sparsity); }

void wn__figure_sparsity_axis(wn__sheet *s, const wn__figure_plan *p)
{
    const double low = wn__figure_place(p->sparsities[0]), high = wn__figure_place(p->sparsities[p->sparsity_count - 1]);
    const double range = high > low ? high - low : 1, room = 42 / s->plot_width * range; /* a label's width */
    double last = -INFINITY;
    wn__text_add(&s->script, "set xlabel 'sparsity'\nset xrange [%.6g:%.6g]\nset xtics (", low - 0.06 * range, high + 0.06 * range);
    for (int i = 0; i < p->sparsity_count; i++) {
        const double at = wn__figure_place(p->sparsities[i]);
        const bool fits = at - last >= room;
        if (fits) last = at;
        wn__text_add(&s->script, i > 0 ? ", " : "");
        wn__sheet_quote_tic(s, fits ? p->percent[i] : "");
        wn__text_add(&s->script, " %.6g", at);
    }
    wn__text_add(&s->script, ")\n");
}

void wn__figure_legend(wn__sheet *s, const wn__figure_plan *p, const wn__figure_group *g, int row, int column, int span, const char *grey)
{
    wn__legend *l = wn__sheet_legend(s, row, column, span);
    for (int k = 0; k < g->count; k++)
        wn__legend_add(l, g->styles[k], "%s", p->r->methods[g->methods[k]]);
    if (grey) wn__legend_add(l, WN__GREY_STYLE, "%s", grey);
}
