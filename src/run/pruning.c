#include "run/pruning.h"

#include "base/fail.h"
#include "data/samples.h"
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

/* What a score is computed of and with. */
static wn_status open_score(wn__context *c, const wn__pruning *p, wn__samples *samples, wn__labelled *labelled, wn__saliency_input *input)
{
    const wn__recipe *r = c->recipe;
    const wn__scoring *scoring = &p->section->scoring;
    input->graph = r->graph;
    input->seed = p->seed;
    WN_TRY(wn__context_device(c, wn__score_backend(&c->machine, scoring), WN__F32, &input->device));
    input->pool = c->devices.pool;
    if (!wn__saliency_needs_images(scoring->score)) return WN_OK;
    WN_TRY(wn__context_load(c));
    WN_TRY(wn__samples_draw(&c->data, p->third ? c->third : c->split.train, &c->normalize, scoring->samples, p->seed, samples));
    *labelled = (wn__labelled){samples->images, samples->targets, samples->n, r->train.batch};
    input->samples = labelled;
    return WN_OK;
}

/* The wn__prune of the section, with counts by layer where it says them. */
static wn_status count_layers(const wn__recipe *r, const wn__pruning *p, const wn__params *params, int64_t *keep, wn__prune *out)
{
    const wn__mask_section *m = p->section;
    *out = wn__mask_section_prune(m, p->sparsity);
    if (m->scope != WN__SCOPE_DISTRIBUTION) return WN_OK;
    out->keep = keep;
    return wn__drawn_counts(r->graph, params, m, p->sparsity, p->seed, keep);
}

static wn_status prune_by_score(wn__context *c, const wn__pruning *p, wn__params *params, json_t *result)
{
    const wn__recipe *r = c->recipe;
    const wn__scoring *scoring = &p->section->scoring;
    wn__selection selection = {0};
    wn__samples samples = {0};
    wn__labelled labelled;
    wn__saliency_input input = {.selection = &selection};
    wn__prune how;
    int64_t *keep = WN_NEW_ARRAY(int64_t, params->count);
    wn_status status = keep ? WN_OK : wn__no_memory((size_t)params->count * sizeof *keep);
    if (status == WN_OK) status = select_weights(r, p->section, &selection);
    if (status == WN_OK) status = count_layers(r, p, params, keep, &how);
    if (status == WN_OK) status = open_score(c, p, &samples, &labelled, &input);
    if (status == WN_OK) status = wn__saliency_prune(scoring, &input, &how, params);
    if (status == WN_OK && scoring->score != WN__MAGNITUDE) status = note(result, "score_flops", wn__saliency_flops(scoring, r->graph));
    wn__samples_release(&samples);
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

wn_status wn__pruning_run(wn__context *c, const wn__pruning *p, wn__params *params, json_t *result)
{
    if (p->section->basis.kind == WN__BASIS_LOW_RANK) return choose_ranks(c->recipe, p, params);
    if (p->section->basis.kind == WN__BASIS_UNITS) return prune_units(c->recipe, p, params, result);
    return prune_by_score(c, p, params, result);
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
