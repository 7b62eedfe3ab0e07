#include "sparse/prune/distribution.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/elementary.h"
#include "base/fail.h"
#include "base/locale.h"
#include "base/rng.h"
#include "base/text.h"
#include "sparse/prune/mask.h"

const char *const wn__distribution_names[] = {"uniform", "er", "erk", "random", "list", "file", NULL};
const char *const wn__counting_names[] = {"layer", "total", "drawn", NULL};

/* Streams of a seed's masks beside those of wn__shuffle. */
enum { DRAWN_COUNT = 3, DRAWN_ANYWHERE = 4 };

typedef enum role { OUTSIDE, IN_BUDGET, GIVEN } role;

typedef struct spread {
    const wn__params *params;
    const wn__distribute *how;
    int *role;        /* (count) */
    bool *dense;      /* (count) found to be dense */
    double *raw;      /* (count) density / eps */
    double *sparsity; /* (count) of each layer */
    int64_t entries;  /* in the budget */
} spread;

static int64_t zeros_of(double sparsity, int64_t entries) { return (int64_t)floor(sparsity * (double)entries); }

static int64_t entries_of(const spread *s, int i) { return s->params->item[i].count; }

/* ---- which layers, and what they were given */

static double raw_density(const wn__param *p, const wn__distribute *how)
{
    const int sides = how->distribution == WN__ER ? 2 : p->ndim;
    double sum = 0, product = 1;
    for (int i = 0; i < sides && i < p->ndim; i++) {
        sum += (double)p->dim[i];
        product *= (double)p->dim[i];
    }
    const double power = how->distribution == WN__ERK && how->power > 0 ? how->power : 1;
    return power == 1 ? sum / product : wn__exp(power * wn__ln(sum / product));
}

/* "conv1.weight" goes by "conv1" too. */
static wn_status names_layer(const char *pattern, const char *weight, bool *yes)
{
    char node[256];
    const char *dot = strrchr(weight, '.');
    WN_TRY(wn__name_matches(pattern, weight, yes));
    if (*yes || !dot || (size_t)(dot - weight) >= sizeof node) return WN_OK;
    memcpy(node, weight, (size_t)(dot - weight));
    node[dot - weight] = 0;
    return wn__name_matches(pattern, node, yes);
}

static wn_status no_such_layer(const spread *s, const wn__selection *selection, const char *pattern)
{
    wn__text valid = {0};
    for (int i = 0; i < s->params->count; i++)
        if (selection->selected[i]) wn__text_add(&valid, "%s%s", valid.data ? ", " : "", s->params->item[i].name);
    const wn_status status = wn__fail(WN_EUSAGE, "a sparsity for \"%s\": no selected layer has this name; there are %s", pattern,
                                      valid.data ? valid.data : "none");
    wn__text_release(&valid);
    return status;
}

static wn_status give(spread *s, const wn__selection *selection, const wn__layer_sparsity *layer)
{
    int matched = 0;
    if (!(layer->sparsity >= 0 && layer->sparsity <= 1))
        return wn__fail(WN_EUSAGE, "sparsity %g of \"%s\" is not between 0 and 1", layer->sparsity, layer->pattern);
    for (int i = 0; i < s->params->count; i++) {
        bool yes = false;
        if (selection->selected[i]) WN_TRY(names_layer(layer->pattern, s->params->item[i].name, &yes));
        if (!yes) continue;
        s->role[i] = GIVEN;
        s->sparsity[i] = layer->sparsity;
        matched++;
    }
    return matched ? WN_OK : no_such_layer(s, selection, layer->pattern);
}

/* The parameter that stays dense; -1: none. */
static int dense_layer(const spread *s, const wn__selection *selection)
{
    if (s->how->dense == WN__DENSE_NONE) return -1;
    if (s->how->dense == WN__DENSE_FIRST) return selection->first;
    int i = 0;
    while (i < s->params->count && !selection->selected[i])
        i++;
    return i;
}

static wn_status assign_roles(spread *s, const wn__selection *selection)
{
    const wn__distribute *how = s->how;
    const bool spreads = how->distribution != WN__LIST && how->distribution != WN__FILE;
    const int dense = dense_layer(s, selection);
    for (int i = 0; i < s->params->count; i++) {
        s->raw[i] = raw_density(&s->params->item[i], how);
        if (!selection->selected[i]) continue;
        s->role[i] = i == dense || !spreads ? GIVEN : IN_BUDGET;
        if (how->distribution == WN__FILE && i != dense) s->sparsity[i] = 1 - how->density[i];
    }
    for (int l = 0; l < how->layers; l++)
        WN_TRY(give(s, selection, &how->layer[l]));
    for (int i = 0; i < s->params->count; i++)
        if (s->role[i] == IN_BUDGET) s->entries += entries_of(s, i);
    return WN_OK;
}

static void release(spread *s)
{
    wn__free(s->role);
    wn__free(s->dense);
    wn__free(s->raw);
    wn__free(s->sparsity);
}

static wn_status prepare(spread *s, const wn__params *params, const wn__selection *selection, const wn__distribute *how)
{
    const int n = params->count;
    if (!(how->sparsity >= 0 && how->sparsity <= 1)) return wn__fail(WN_EUSAGE, "sparsity %g is not between 0 and 1", how->sparsity);
    if (how->distribution == WN__FILE && !how->density) return wn__fail(WN_EINVAL, "distribution \"file\" without densities");
    *s = (spread){.params = params,
                  .how = how,
                  .role = WN_NEW_ARRAY(int, n),
                  .dense = WN_NEW_ARRAY(bool, n),
                  .raw = WN_NEW_ARRAY(double, n),
                  .sparsity = WN_NEW_ARRAY(double, n)};
    const bool made = s->role && s->dense && s->raw && s->sparsity;
    const wn_status status = made ? assign_roles(s, selection) : wn__no_memory((size_t)n * sizeof(double));
    if (status != WN_OK) release(s);
    return status;
}

/* ---- sparsities of layers */

/* eps for the layers that are not dense yet. */
static double solve(const spread *s, double sparsity)
{
    const bool exact = s->how->counting == WN__COUNT_TOTAL;
    double budget = exact ? (1 - sparsity) * (double)s->entries : 0, divisor = 0;
    for (int i = 0; i < s->params->count; i++) {
        if (s->role[i] != IN_BUDGET) continue;
        const int64_t entries = entries_of(s, i), zeros = zeros_of(sparsity, entries);
        if (exact)
            budget -= s->dense[i] ? (double)entries : 0;
        else
            budget += (double)(s->dense[i] ? -zeros : entries - zeros);
        if (!s->dense[i]) divisor += s->raw[i] * (double)entries;
    }
    return divisor > 0 ? budget / divisor : (double)NAN;
}

/* The densest layers become dense while eps would make them more than that. */
static double find_eps(spread *s, double sparsity)
{
    memset(s->dense, 0, (size_t)s->params->count * sizeof *s->dense);
    for (;;) {
        const double eps = solve(s, sparsity);
        double largest = 0;
        for (int i = 0; i < s->params->count; i++)
            if (s->role[i] == IN_BUDGET && !s->dense[i] && s->raw[i] > largest) largest = s->raw[i];
        if (!(eps * largest > 1)) return eps;
        for (int i = 0; i < s->params->count; i++)
            if (s->role[i] == IN_BUDGET && !s->dense[i] && s->raw[i] == largest) s->dense[i] = true;
    }
}

static bool has_eps(const spread *s) { return s->how->distribution == WN__ER || s->how->distribution == WN__ERK; }

/* Returns eps; NaN where there is none. */
static double find_sparsities(spread *s, double sparsity)
{
    const double eps = has_eps(s) ? find_eps(s, sparsity) : (double)NAN;
    for (int i = 0; i < s->params->count; i++) {
        if (s->role[i] != IN_BUDGET) continue;
        s->sparsity[i] = !has_eps(s) ? sparsity : s->dense[i] ? 0 : 1 - eps * s->raw[i];
        if (s->sparsity[i] < 0) s->sparsity[i] = 0;
        if (s->sparsity[i] > 1) s->sparsity[i] = 1;
    }
    return eps;
}

/* ---- counts of layers */

static int64_t rounded(double x) { return (int64_t)floor(x + 0.5); }

static int64_t draw_count(const spread *s, int i)
{
    wn__rng rng = wn__rng_make(s->how->seed, WN__FOR_MASK, (uint64_t)i, DRAWN_COUNT);
    int64_t count = 0;
    for (int64_t e = 0; e < entries_of(s, i); e++)
        count += !(wn__rng_uniform_double(&rng) < s->sparsity[i]);
    return count;
}

static int64_t layer_count(const spread *s, int i)
{
    const int64_t entries = entries_of(s, i);
    if (s->role[i] == OUTSIDE || s->sparsity[i] == 0) return entries;
    if (s->how->distribution == WN__FILE) return rounded((1 - s->sparsity[i]) * (double)entries);
    if (s->how->counting == WN__COUNT_DRAWN) return draw_count(s, i);
    return entries - zeros_of(s->sparsity[i], entries);
}

/* What rounding down has left over of the budget goes to the largest remainders, of equals to the first. */
static void count_total(const spread *s, double sparsity, int64_t *active)
{
    int64_t left = rounded((1 - sparsity) * (double)s->entries);
    for (int i = 0; i < s->params->count; i++) {
        if (s->role[i] != IN_BUDGET) continue;
        active[i] = (int64_t)floor((1 - s->sparsity[i]) * (double)entries_of(s, i));
        left -= active[i];
    }
    for (; left > 0; left--) {
        int largest = -1;
        double most = -1;
        for (int i = 0; i < s->params->count; i++) {
            if (s->role[i] != IN_BUDGET || active[i] == entries_of(s, i)) continue;
            const double remainder = (1 - s->sparsity[i]) * (double)entries_of(s, i) - (double)active[i];
            if (remainder <= most) continue;
            most = remainder;
            largest = i;
        }
        if (largest < 0) return;
        active[largest]++;
    }
}

/* Entries of the whole budget, wherever they lie: one is taken with the chance that is left to it. */
static void count_anywhere(const spread *s, double sparsity, int64_t *active)
{
    wn__rng rng = wn__rng_make(s->how->seed, WN__FOR_MASK, 0, DRAWN_ANYWHERE);
    int64_t left = s->entries, needed = rounded((1 - sparsity) * (double)s->entries);
    for (int i = 0; i < s->params->count; i++) {
        if (s->role[i] != IN_BUDGET) continue;
        active[i] = 0;
        for (int64_t e = 0; e < entries_of(s, i); e++, left--) {
            const bool taken = (int64_t)wn__rng_below(&rng, (uint64_t)left) < needed;
            needed -= taken;
            active[i] += taken;
        }
    }
}

static double count_entries(spread *s, double sparsity, int64_t *active)
{
    const double eps = find_sparsities(s, sparsity);
    for (int i = 0; i < s->params->count; i++)
        active[i] = layer_count(s, i);
    if (s->how->distribution == WN__RANDOM)
        count_anywhere(s, sparsity, active);
    else if (s->how->counting == WN__COUNT_TOTAL)
        count_total(s, sparsity, active);
    return eps;
}

/* A layer without weights cuts the network. Rounding up would save a layer whose share is less than one weight, but not the budget. */
static wn_status check_layers(const spread *s, double sparsity, const int64_t *active)
{
    char shown[32];
    for (int i = 0; i < s->params->count; i++) {
        const double share = (1 - s->sparsity[i]) * (double)entries_of(s, i);
        const bool given = s->role[i] == GIVEN;
        if (s->role[i] == OUTSIDE || (given ? s->sparsity[i] : sparsity) == 1) continue;
        if (active[i] > 0 && (given || !has_eps(s) || share > 1 - 1e-9)) continue;
        return wn__fail(WN_EUSAGE,
                        "%s would be empty: at sparsity %s (%s) %.2g of its %lld weights would stay; ask for less, or give the layer a "
                        "sparsity of its own",
                        s->params->item[i].name, wn__show_sparsity(given ? s->sparsity[i] : sparsity, shown, sizeof shown),
                        wn__distribution_names[s->how->distribution], s->how->distribution == WN__RANDOM ? 0 : share,
                        (long long)entries_of(s, i));
    }
    return WN_OK;
}

wn_status wn__distribution_counts(const wn__params *params, const wn__selection *selection, const wn__distribute *how, int64_t *active,
                                  double *eps)
{
    spread s;
    WN_TRY(prepare(&s, params, selection, how));
    const double found = count_entries(&s, how->sparsity, active);
    wn_status status = check_layers(&s, how->sparsity, active);
    if (status == WN_OK) status = wn__blocks_round(params, selection, how->block, active);
    if (eps) *eps = found;
    release(&s);
    return status;
}

/* ---- a budget of FLOPs */

wn_status wn__flops_budget_parse(const char *text, double *budget)
{
    char *end;
    double value = wn__strtod(text, &end);
    if (end != text && *end == '%') {
        value /= 100;
        end++;
    } else if (end != text && *end == 'x')
        end++;
    if (end == text || *end || !(value > 0 && value <= 1))
        return wn__fail(WN_EUSAGE, "FLOPs budget \"%s\": wants a part of the dense network's, above 0 and at most 1: 0.10x, 0.1 or 10%%",
                        text);
    *budget = value;
    return WN_OK;
}

/* FLOPs of so many entries over those of the dense network. */
static double flops_ratio(const wn_graph *graph, const wn__params *params, const int64_t *active)
{
    double dense = 0, kept = 0;
    for (int i = 0; i < params->count; i++) {
        const double uses = (double)wn__graph_uses_per_weight(graph, i);
        dense += uses * (double)params->item[i].count;
        kept += uses * (double)active[i];
    }
    return dense > 0 ? kept / dense : 0;
}

/* What a sparsity is tried by. */
typedef struct trial {
    const wn_graph *graph;
    const wn__selection *selection;
    spread *spread;
    double budget;
    bool whole; /* counts are of whole blocks */
    int64_t *active;
} trial;

static wn_status try_sparsity(const trial *t, double sparsity, double *ratio)
{
    const spread *s = t->spread;
    count_entries(t->spread, sparsity, t->active);
    if (t->whole) WN_TRY(wn__blocks_round(s->params, t->selection, s->how->block, t->active));
    *ratio = flops_ratio(t->graph, s->params, t->active);
    return WN_OK;
}

/* Not below `low`. */
static wn_status find_smallest(const trial *t, double low, double *sparsity)
{
    double high = 1, ratio; /* too many FLOPs at `low`, few enough at `high` */
    WN_TRY(try_sparsity(t, 1, &ratio));
    if (ratio > t->budget)
        return wn__fail(WN_EUSAGE, "a FLOPs budget of %gx: the layers that it does not thin out need %.4gx of the dense network's alone",
                        t->budget, ratio);
    WN_TRY(try_sparsity(t, low, &ratio));
    if (ratio <= t->budget) high = low;
    while (high - low > 1e-12) {
        const double middle = 0.5 * (low + high);
        WN_TRY(try_sparsity(t, middle, &ratio));
        *(ratio > t->budget ? &low : &high) = middle;
    }
    *sparsity = high;
    return WN_OK;
}

/* Kernels and filters are rounded to the nearest number of them, which may be above the budget. */
static wn_status find_budget(trial *t, double *sparsity)
{
    const int block = t->spread->how->block;
    double ratio;
    WN_TRY(find_smallest(t, 0, sparsity));
    t->whole = block == WN__BLOCK_KERNEL || block == WN__BLOCK_FILTER;
    WN_TRY(try_sparsity(t, *sparsity, &ratio));
    return ratio > t->budget ? find_smallest(t, *sparsity, sparsity) : WN_OK;
}

wn_status wn__distribution_for_flops(const wn_graph *graph, const wn__params *params, const wn__selection *selection, double budget,
                                     wn__distribute *how, int64_t *active, double *eps)
{
    spread s;
    if (how->distribution == WN__LIST || how->distribution == WN__FILE)
        return wn__fail(WN_EUSAGE,
                        "a FLOPs budget with distribution \"%s\", which says every layer's sparsity itself; valid: uniform, er, erk, "
                        "random",
                        wn__distribution_names[how->distribution]);
    how->sparsity = 0;
    WN_TRY(prepare(&s, params, selection, how));
    trial t = {.graph = graph, .selection = selection, .spread = &s, .budget = budget, .active = active};
    wn_status status = find_budget(&t, &how->sparsity);
    release(&s);
    if (status == WN_OK) status = wn__distribution_counts(params, selection, how, active, eps);
    return status;
}

/* ---- masks */

static wn_status draw_mask(wn__param *p, int64_t active, wn__rng rng)
{
    if (active == p->count) return wn__param_set_mask(p, NULL);
    uint8_t *mask = wn__alloc((size_t)p->count);
    if (!mask) return wn__no_memory((size_t)p->count);
    wn__mask_draw(&rng, p->count, active, mask);
    const wn_status status = wn__param_set_mask(p, mask);
    wn__free(mask);
    return status;
}

wn_status wn__masks_random(wn__params *params, const wn__selection *selection, const int64_t *active, uint64_t seed)
{
    for (int i = 0; i < params->count; i++)
        if (selection->selected[i])
            WN_TRY(draw_mask(&params->item[i], active[i], wn__rng_make(seed, WN__FOR_MASK, (uint64_t)i, WN__SHUFFLE_LAYER)));
    params->version++;
    return WN_OK;
}
