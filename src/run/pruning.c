#include "run/pruning.h"

#include "base/fail.h"
#include "network/network.h"
#include "network/network_file.h"
#include "recipe/drawn.h"
#include "sparse/basis/basis_map.h"
#include "sparse/basis/units.h"

static wn_status note(json_t *result, const char *key, int64_t value)
{
    return result ? wn__slice_set(result, key, json_integer(value)) : WN_OK;
}

static wn_status select_weights(const wn__recipe *r, const wn__mask_section *m, wn__selection *out)
{
    return wn__selection_make(r->graph, m->layers, m->patterns, out);
}

/* ---- reading */

wn_status wn__pruning_enter_basis(const wn__recipe *r, const wn__mask_section *section, uint64_t seed, const wn__safetensors *file,
                                  wn__params *params)
{
    wn__selection selection = {0};
    if (!wn__basis_maps(section->basis.kind)) return WN_OK;
    WN_TRY(select_weights(r, section, &selection));
    const wn__basis_use use = {.spec = &section->basis, .selection = &selection, .seed = seed, .file = file};
    const wn_status status = wn__basis_enter(params, &use);
    wn__selection_release(&selection);
    return status;
}

wn_status wn__pruning_read(const wn__recipe *r, const wn__pruning *p, const wn__safetensors *file, wn__params *params)
{
    const wn__basis_spec *basis = &p->section->basis;
    if (!wn__basis_maps(basis->kind)) return wn__network_read(file, WN__PART_VALUES | WN__PART_MASKS, NULL, params);
    WN_TRY(wn__network_read(file, WN__PART_VALUES, NULL, params));
    if (basis->kind == WN__BASIS_LOW_RANK) return WN_OK; /* its ranks are yet to be chosen */
    WN_TRY(wn__pruning_enter_basis(r, p->section, p->seed, file, params));
    return wn__basis_read(file, params);
}

/* ---- by a score */

/* The wn__prune of the section, with counts by layer where it says them. */
static wn_status count_layers(const wn__recipe *r, const wn__pruning *p, const wn__params *params, int64_t *keep, wn__prune *out)
{
    const wn__mask_section *m = p->section;
    *out = wn__mask_section_prune(m, p->sparsity);
    if (m->scope != WN__SCOPE_DISTRIBUTION) return WN_OK;
    out->keep = keep;
    return wn__drawn_counts(r->graph, params, m, p->sparsity, p->seed, keep);
}

/* An executor over the parameters, where the score needs one. */
static wn_status start_score(const wn__scoring *scoring, const wn__scorer *scorer, wn__network *net)
{
    wn__device *device;
    if (!wn__saliency_needs_images(scoring->score)) return WN_OK;
    const wn__executor_options options = wn__saliency_executor(scoring->score, scorer->samples);
    WN_TRY(wn__devices_get(scorer->devices, wn__score_backend(scorer->machine, scoring), WN__F32, &device));
    return wn__network_start(net, device, &options);
}

static wn_status prune_by_score(const wn__recipe *r, const wn__pruning *p, const wn__scorer *scorer, wn__params *params, json_t *result)
{
    const wn__scoring *scoring = &p->section->scoring;
    wn__selection selection = {0};
    wn__network net = wn__network_over(r->graph, params);
    wn__saliency_input input = {
        .graph = r->graph, .selection = &selection, .samples = scorer->samples, .seed = p->seed, .stop = scorer->stop};
    wn__prune how;
    int64_t *keep = WN_NEW_ARRAY(int64_t, params->count);
    wn_status status = keep ? WN_OK : wn__no_memory((size_t)params->count * sizeof *keep);
    if (status == WN_OK) status = select_weights(r, p->section, &selection);
    if (status == WN_OK) status = count_layers(r, p, params, keep, &how);
    if (status == WN_OK) status = wn__devices_pool(scorer->devices, &input.pool);
    if (status == WN_OK) status = start_score(scoring, scorer, &net);
    input.ex = net.ex;
    if (status == WN_OK) status = wn__saliency_prune(scoring, &input, &how, params);
    if (status == WN_OK && scoring->score != WN__MAGNITUDE) status = note(result, "score_flops", wn__saliency_flops(scoring, r->graph));
    wn__network_release(&net);
    wn__selection_release(&selection);
    wn__free(keep);
    return status;
}

/* ---- parts of layers */

static wn_status choose_ranks(const wn__recipe *r, const wn__pruning *p, wn__params *params)
{
    wn__selection selection = {0};
    wn__prune how;
    int64_t *rank = WN_NEW_ARRAY(int64_t, params->count), *keep = WN_NEW_ARRAY(int64_t, params->count);
    wn_status status = rank && keep ? WN_OK : wn__no_memory((size_t)params->count * sizeof *rank);
    if (status == WN_OK) status = select_weights(r, p->section, &selection);
    if (status == WN_OK) status = count_layers(r, p, params, keep, &how);
    if (status == WN_OK) status = wn__ranks_choose(params, &selection, &how, rank);
    const wn__basis_use use = {.spec = &p->section->basis, .selection = &selection, .seed = p->seed, .rank = rank};
    if (status == WN_OK) status = wn__basis_enter(params, &use);
    wn__selection_release(&selection);
    wn__free(rank);
    wn__free(keep);
    return status;
}

static wn_status prune_units(const wn__recipe *r, const wn__pruning *p, wn__params *params, json_t *result)
{
    const wn__prune how = {.scope = p->section->scope, .sparsity = p->sparsity};
    wn__selection selection = {0};
    wn__unit_count count;
    WN_TRY(select_weights(r, p->section, &selection));
    wn_status status = wn__units_prune(r->graph, params, &selection, &p->section->basis, &how, &count);
    if (status == WN_OK) status = note(result, "units", count.all);
    if (status == WN_OK) status = note(result, "units_left", count.left);
    wn__selection_release(&selection);
    return status;
}

/* ---- */

wn_status wn__pruning_run(const wn__recipe *r, const wn__pruning *p, const wn__scorer *scorer, wn__params *params, json_t *result)
{
    if (p->section->basis.kind == WN__BASIS_LOW_RANK) return choose_ranks(r, p, params);
    if (p->section->basis.kind == WN__BASIS_UNITS) return prune_units(r, p, params, result);
    return prune_by_score(r, p, scorer, params, result);
}

wn_status wn__pruning_shuffle(const wn__recipe *r, const wn__pruning *p, wn__params *params)
{
    const wn__mask_section *m = p->section;
    wn__selection selection = {0};
    WN_TRY(select_weights(r, m, &selection));
    const wn_status status = m->basis.kind == WN__BASIS_UNITS ? wn__units_shuffle(r->graph, params, &selection, &m->basis, p->seed)
                                                              : wn__masks_shuffle(params, &selection, (wn__shuffle)m->shuffle, p->seed);
    wn__selection_release(&selection);
    return status;
}

/* ---- with a context */

wn_status wn__context_scorer_open(wn__context *c, const wn__pruning *p, wn__context_scorer *out)
{
    const wn__scoring *scoring = &p->section->scoring;
    *out = (wn__context_scorer){.scorer = {.machine = &c->machine, .devices = wn__context_devices(c), .stop = c->stop}};
    if (!wn__saliency_needs_images(scoring->score)) return WN_OK;
    WN_TRY(wn__context_load(c));
    const wn__range range = p->third ? c->third : c->split.train;
    WN_TRY(wn__samples_draw(&c->data, range, &c->normalize, scoring->samples, p->seed, &out->samples));
    out->labelled = (wn__labelled){out->samples.images, out->samples.targets, out->samples.n, c->recipe->train.batch};
    out->scorer.samples = &out->labelled;
    return WN_OK;
}

void wn__context_scorer_release(wn__context_scorer *s) { wn__samples_release(&s->samples); }
