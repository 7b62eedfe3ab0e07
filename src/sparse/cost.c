#include "sparse/cost.h"

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* Smallest of dense, bitmask, and compressed rows. */
static int64_t weight_bytes(const wn__param *p)
{
    const int64_t entries = wn__param_entries(p), dense = 4 * entries;
    if (!p->mask && !p->pattern) return dense;
    const int64_t bitmask = 4 * p->active + (entries + 7) / 8, rows = 8 * p->active + 4 * (p->dim[0] + 1);
    return least(dense, least(bitmask, rows));
}

static wn__layer_cost layer_cost(const wn_graph *graph, const wn__param *p, int index)
{
    const int64_t uses = wn__graph_uses_per_weight(graph, index);
    return (wn__layer_cost){
        .name = p->name, .weights = p->count, .active = p->active, .dense_flops = 2 * uses * p->count, .flops = 2 * uses * p->active};
}

wn_status wn__cost_make(const wn_graph *graph, const wn__params *params, wn__cost *out)
{
    wn__cost c = {.layer = WN_NEW_ARRAY(wn__layer_cost, params->count)};
    if (!c.layer) return wn__no_memory((size_t)params->count * sizeof *c.layer);
    for (int i = 0; i < params->count; i++) {
        const wn__param *p = &params->item[i];
        c.dense_bytes += 4 * p->count;
        c.bytes += weight_bytes(p);
        if (!wn__role_is_trained(p->role)) continue;
        c.parameters += p->count;
        c.active += p->active;
        if (p->role != WN__WEIGHT) continue;
        c.layer[c.layers] = layer_cost(graph, p, i);
        c.dense_flops += c.layer[c.layers].dense_flops;
        c.flops += c.layer[c.layers].flops;
        c.layers++;
    }
    c.training_flops = 3 * c.flops;
    *out = c;
    return WN_OK;
}

void wn__cost_release(wn__cost *c)
{
    wn__free(c->layer);
    *c = (wn__cost){0};
}
