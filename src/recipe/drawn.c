#include "recipe/drawn.h"

#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "network/masks_file.h"

/* A section's distribution over one network. */
typedef struct drawing {
    wn__selection selection;
    wn__distribute how;
    double *density; /* (params->count) of a file's masks; NULL without */
} drawing;

static void close_drawing(drawing *d)
{
    wn__selection_release(&d->selection);
    wn__free(d->density);
}

static wn_status fill_drawing(const wn_graph *graph, const wn__params *params, const wn__mask_section *m, drawing *d)
{
    static const char *const all = "all";
    WN_TRY(wn__selection_make(graph, m->patterns ? m->layers : &all, m->patterns ? m->patterns : 1, &d->selection));
    if (d->how.distribution != WN__FILE) return WN_OK;
    if (!m->densities[0]) return wn__fail(WN_EUSAGE, "distribution: file: the key \"file\" is missing: whose densities?");
    d->density = WN_NEW_ARRAY(double, params->count);
    if (!d->density) return wn__no_memory((size_t)params->count * sizeof(double));
    d->how.density = d->density;
    return wn__masks_file_densities(m->densities, params, d->density);
}

static bool keeps_first(const wn__mask_section *m)
{
    return m->dense_first == WN__FIRST_DENSE || (m->distribution == WN__UNIFORM && m->dense_first == WN__FIRST_AUTO);
}

static wn_status open_drawing(const wn_graph *graph, const wn__params *params, const wn__mask_section *m, double sparsity, uint64_t seed,
                              drawing *d)
{
    *d = (drawing){.how = {.distribution = m->distribution,
                           .sparsity = sparsity,
                           .dense = keeps_first(m) ? WN__DENSE_FIRST : WN__DENSE_NONE,
                           .power = m->power,
                           .counting = m->counting,
                           .seed = seed,
                           .block = m->block,
                           .layer = m->layer,
                           .layers = m->own_sparsities}};
    const wn_status status = fill_drawing(graph, params, m, d);
    if (status != WN_OK) close_drawing(d);
    return status;
}

wn_status wn__drawn_counts(const wn_graph *graph, const wn__params *params, const wn__mask_section *section, double sparsity, uint64_t seed,
                           int64_t *active)
{
    drawing d;
    WN_TRY(open_drawing(graph, params, section, sparsity, seed, &d));
    const wn_status status = wn__distribution_counts(params, &d.selection, &d.how, active, NULL);
    close_drawing(&d);
    return status;
}

wn_status wn__drawn_masks(const wn_graph *graph, wn__params *params, const wn__mask_section *section, double sparsity, uint64_t seed)
{
    drawing d;
    int64_t *active = WN_NEW_ARRAY(int64_t, params->count);
    if (!active) return wn__no_memory((size_t)params->count * sizeof *active);
    wn_status status = open_drawing(graph, params, section, sparsity, seed, &d);
    if (status == WN_OK) {
        status = wn__distribution_counts(params, &d.selection, &d.how, active, NULL);
        if (status == WN_OK)
            status = section->block == WN__BLOCK_WEIGHT ? wn__masks_random(params, &d.selection, active, seed)
                                                        : wn__blocks_random(params, &d.selection, section->block, active, seed);
        close_drawing(&d);
    }
    wn__free(active);
    return status;
}

/* Parameters of the network and room for their counts. */
static wn_status open_network(const wn_graph *graph, wn__params *params, int64_t **active)
{
    *params = (wn__params){0};
    WN_TRY(wn__graph_make_params(graph, params));
    *active = WN_NEW_ARRAY(int64_t, params->count);
    if (*active) return WN_OK;
    const wn_status status = wn__no_memory((size_t)params->count * sizeof **active);
    wn__params_release(params);
    return status;
}

wn_status wn__drawn_check(const wn_graph *graph, const wn__mask_section *section, double sparsity, uint64_t seed)
{
    wn__params params;
    int64_t *active;
    WN_TRY(open_network(graph, &params, &active));
    const wn_status status = wn__drawn_counts(graph, &params, section, sparsity, seed, active);
    wn__free(active);
    wn__params_release(&params);
    return status;
}

/* Where either rule makes no masks, there is no result that could have changed. */
static wn_status compare_rules(const wn__params *params, drawing *d, bool *differ)
{
    int64_t *now = WN_NEW_ARRAY(int64_t, params->count), *before = WN_NEW_ARRAY(int64_t, params->count);
    wn_status status = now && before ? wn__distribution_counts(params, &d->selection, &d->how, now, NULL)
                                     : wn__no_memory((size_t)params->count * sizeof *now);
    d->how.dense = WN__DENSE_FIRST_SELECTED;
    if (status == WN_OK) status = wn__distribution_counts(params, &d->selection, &d->how, before, NULL);
    if (status == WN_OK) *differ = memcmp(now, before, (size_t)params->count * sizeof *now) != 0;
    wn__free(now);
    wn__free(before);
    return status == WN_EUSAGE ? WN_OK : status;
}

wn_status wn__drawn_corrected(const wn_graph *graph, const wn__mask_section *section, double sparsity, uint64_t seed, bool *corrected)
{
    wn__params params;
    drawing d;
    *corrected = false;
    if (!keeps_first(section)) return WN_OK;
    WN_TRY(wn__graph_make_params(graph, &params));
    wn_status status = open_drawing(graph, &params, section, sparsity, seed, &d);
    if (status == WN_OK) {
        if (!d.selection.selected[d.selection.first]) status = compare_rules(&params, &d, corrected);
        close_drawing(&d);
    }
    wn__params_release(&params);
    return status;
}

bool wn__drawn_has_own_sparsity(const wn__mask_section *section)
{
    return section->flops_budget[0] || section->distribution == WN__LIST || section->distribution == WN__FILE;
}

/* Rounded up, so that the budget still holds. */
static wn_status solve_budget(const wn_graph *graph, const wn__params *params, const char *text, drawing *d, int64_t *active,
                              double *sparsity)
{
    double budget;
    WN_TRY(wn__flops_budget_parse(text, &budget));
    WN_TRY(wn__distribution_for_flops(graph, params, &d->selection, budget, &d->how, active, NULL));
    *sparsity = ceil(d->how.sparsity * 1e6) / 1e6;
    return WN_OK;
}

static wn_status reached(const wn__params *params, drawing *d, int64_t *active, double *sparsity)
{
    int64_t all = 0, kept = 0;
    WN_TRY(wn__distribution_counts(params, &d->selection, &d->how, active, NULL));
    for (int i = 0; i < params->count; i++) {
        if (!d->selection.selected[i]) continue;
        all += params->item[i].count;
        kept += active[i];
    }
    *sparsity = round((1 - (double)kept / (double)all) * 1e6) / 1e6;
    return WN_OK;
}

wn_status wn__drawn_sparsity(const wn_graph *graph, const wn__mask_section *section, double *sparsity)
{
    wn__params params;
    int64_t *active;
    drawing d;
    WN_TRY(open_network(graph, &params, &active));
    wn_status status = open_drawing(graph, &params, section, 0, 0, &d);
    if (status == WN_OK) {
        status = section->flops_budget[0] ? solve_budget(graph, &params, section->flops_budget, &d, active, sparsity)
                                          : reached(&params, &d, active, sparsity);
        close_drawing(&d);
    }
    wn__free(active);
    wn__params_release(&params);
    return status;
}
