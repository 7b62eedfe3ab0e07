#include "plan/small_network.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "recipe/drawn.h"
#include "sparse/cost.h"

/* Size of the sparse network. */
static wn_status sparse_size(const wn_graph *graph, const wn__mask_section *section, double sparsity, uint64_t seed, wn__match match,
                             int64_t *size)
{
    wn__params params = {0};
    wn__cost cost = {0};
    WN_TRY(wn__graph_make_params(graph, &params));
    int64_t *active = WN_NEW_ARRAY(int64_t, params.count);
    wn_status status = active ? WN_OK : wn__no_memory((size_t)params.count * sizeof *active);
    if (status == WN_OK) status = wn__drawn_counts(graph, &params, section, sparsity, seed, active);
    if (status == WN_OK) status = wn__cost_of_counts(graph, &params, active, &cost);
    *size = match == WN__MATCH_FLOPS ? cost.flops : cost.active;
    wn__cost_release(&cost);
    wn__free(active);
    wn__params_release(&params);
    return status;
}

wn_status wn__small_network_copy(const wn__recipe *recipe, const wn__small_network *from, wn__small_network *out)
{
    wn__small_network s = *from;
    if (from->config) {
        const size_t size = wn__network_config_size(recipe->model.type);
        if (!(s.config = wn__alloc(size))) return wn__no_memory(size);
        memcpy(s.config, from->config, size);
    }
    *out = s;
    return WN_OK;
}

wn_status wn__small_network_find(const wn__recipe *recipe, const wn__mask_section *section, double sparsity, uint64_t seed, wn__match match,
                                 wn__small_network *out)
{
    const wn__model *type = recipe->model.type;
    wn__small_network s = {.config = recipe->model.config, .match = match};
    WN_TRY(sparse_size(recipe->graph, section, sparsity, seed, match, &s.wanted));
    WN_TRY(wn__network_match_width(type, recipe->model.file, s.config, wn__recipe_input(recipe), match, s.wanted, &s.width, NULL));
    WN_TRY(wn__small_network_copy(recipe, &s, out));
    memcpy((char *)out->config + wn__network_width_setting(type)->offset, &out->width.multiplier, sizeof out->width.multiplier);
    return WN_OK;
}

/* What a wide network is drawn by. */
typedef struct drawing {
    const wn__mask_section *section;
    double sparsity;
    uint64_t seed;
    wn__match match;
} drawing;

static wn_status drawn_size(void *arg, const wn_graph *graph, int64_t *size)
{
    const drawing *d = arg;
    return sparse_size(graph, d->section, d->sparsity, d->seed, d->match, size);
}

wn_status wn__wide_network_find(const wn__recipe *recipe, const wn__mask_section *section, double sparsity, uint64_t seed, wn__match match,
                                wn__small_network *out)
{
    const wn__model *type = recipe->model.type;
    drawing d = {section, sparsity, seed, match};
    wn__small_network s = {.config = recipe->model.config, .match = match};
    s.wanted = match == WN__MATCH_FLOPS ? wn_graph_forward_flops(recipe->graph) : wn_graph_parameter_count(recipe->graph);
    WN_TRY(wn__network_find_width(type, recipe->model.file, s.config, wn__recipe_input(recipe), drawn_size, &d, s.wanted, &s.width, NULL));
    WN_TRY(wn__small_network_copy(recipe, &s, out));
    memcpy((char *)out->config + wn__network_width_setting(type)->offset, &out->width.multiplier, sizeof out->width.multiplier);
    return WN_OK;
}

void wn__small_network_release(wn__small_network *s)
{
    wn__free(s->config);
    *s = (wn__small_network){0};
}

wn_status wn__stage_network_open(const wn__recipe *recipe, const wn__small_network *small, wn__stage_network *out)
{
    *out = (wn__stage_network){.graph = recipe->graph, .text = recipe->network};
    if (!small->config) return WN_OK;
    wn__recipe shrunk = *recipe; /* borrows all but the width */
    wn__text text = {0};
    shrunk.model.config = small->config;
    wn_status status = wn__recipe_write_network(&shrunk, &text);
    out->text = out->own_text = text.data;
    if (status == WN_OK)
        status = wn__network_build(recipe->model.type, recipe->model.file, small->config, wn__recipe_input(recipe), &out->own_graph);
    out->graph = out->own_graph;
    if (status != WN_OK) wn__stage_network_close(out);
    return status;
}

void wn__stage_network_close(wn__stage_network *n)
{
    wn_graph_free(n->own_graph);
    wn__free(n->own_text);
    *n = (wn__stage_network){0};
}
