#include "sparse/prune/selection.h"

#include <assert.h>
#include <string.h>

#include "base/fail.h"
#include "base/text.h"

/* The node whose weight parameter `index` is, or NULL for other parameters. */
static const wn__node *node_of_weight(const wn_graph *g, int index)
{
    if (g->param[index].role != WN__WEIGHT) return NULL;
    for (int i = 0; i < g->nodes; i++)
        if (wn__graph_weight(g, i) == index) return &g->node[i];
    return NULL;
}

static int64_t entries(const wn__param_spec *p)
{
    int64_t count = 1;
    for (int d = 0; d < p->ndim; d++)
        count *= p->dim[d];
    return count;
}

static int first_weight(const wn_graph *g)
{
    for (int i = 0; i < g->nodes; i++)
        if (wn__graph_weight(g, i) >= 0) return wn__graph_weight(g, i);
    return -1;
}

static int last_weight(const wn_graph *g)
{
    int last = -1;
    for (int i = 0; i < g->nodes; i++)
        if (wn__graph_weight(g, i) >= 0) last = wn__graph_weight(g, i);
    return last;
}

static bool is_called(const wn__node *node, const char *layers) { return node->kind->layers && strcmp(node->kind->layers, layers) == 0; }

static bool mostly_convolutions(const wn_graph *g)
{
    int64_t conv = 0, all = 0;
    for (int i = 0; i < g->params; i++) {
        const wn__node *node = node_of_weight(g, i);
        if (!node) continue;
        all += entries(&g->param[i]);
        if (is_called(node, "convolutions")) conv += entries(&g->param[i]);
    }
    return 2 * conv > all;
}

/* Whether an item (word or pattern) names the weight `index` of `node`. */
static wn_status names(const wn_graph *g, const char *item, int index, const wn__node *node, bool *yes)
{
    if (!strcmp(item, "default")) item = mostly_convolutions(g) ? "convolutions" : "all-but-last";
    *yes = true;
    if (!strcmp(item, "all")) return WN_OK;
    *yes = is_called(node, item);
    if (*yes || !strcmp(item, "convolutions") || !strcmp(item, "linear")) return WN_OK;
    *yes = index != last_weight(g);
    if (!strcmp(item, "all-but-last")) return WN_OK;
    *yes = index == first_weight(g);
    if (!strcmp(item, "first")) return WN_OK;
    *yes = index == last_weight(g);
    if (!strcmp(item, "last")) return WN_OK;
    *yes = node->groups > 1 && g->param[index].dim[1] == 1;
    if (!strcmp(item, "depthwise")) return WN_OK;
    WN_TRY(wn__name_matches(item, g->param[index].name, yes));
    if (!*yes) WN_TRY(wn__name_matches(item, node->name, yes));
    return WN_OK;
}

static wn_status no_match(const wn_graph *g, const char *item)
{
    wn__text valid = {0};
    for (int i = 0; i < g->params; i++)
        if (node_of_weight(g, i)) wn__text_add(&valid, "%s%s", valid.data ? ", " : "", g->param[i].name);
    const wn_status status = wn__fail(
        WN_EUSAGE,
        "layer selection \"%s\" names no weight of %s; valid: default, convolutions, linear, all, all-but-last, first, last, depthwise, or patterns of %s",
        item, g->name, valid.data ? valid.data : "nothing");
    wn__text_release(&valid);
    return status;
}

static wn_status apply_item(const wn_graph *g, const char *item, bool *selected)
{
    const bool take_away = item[0] == '!';
    const char *pattern = item + take_away;
    int matched = 0;
    for (int i = 0; i < g->params; i++) {
        const wn__node *node = node_of_weight(g, i);
        bool yes = false;
        if (node) WN_TRY(names(g, pattern, i, node, &yes));
        if (!yes) continue;
        selected[i] = !take_away;
        matched++;
    }
    return matched ? WN_OK : no_match(g, item);
}

static wn_status fill(const wn_graph *g, const char *const *items, int count, wn__selection *s)
{
    /* a list that only takes away starts from the default */
    if (!items || count == 0 || items[0][0] == '!') WN_TRY(apply_item(g, "default", s->selected));
    for (int i = 0; items && i < count; i++)
        WN_TRY(apply_item(g, items[i], s->selected));
    for (int i = 0; i < g->params; i++) {
        if (!node_of_weight(g, i)) continue;
        s->all_weights += entries(&g->param[i]);
        if (s->selected[i]) s->weights += entries(&g->param[i]);
    }
    if (s->weights == 0) return wn__fail(WN_EUSAGE, "the layer selection takes away every weight of %s", g->name);
    return WN_OK;
}

wn_status wn__selection_make(const wn_graph *graph, const char *const *items, int count, wn__selection *out)
{
    wn__selection s = {.count = graph->params, .first = first_weight(graph), .selected = WN_NEW_ARRAY(bool, graph->params)};
    if (!s.selected) return wn__no_memory((size_t)graph->params);
    const wn_status status = fill(graph, items, count, &s);
    if (status != WN_OK)
        wn__selection_release(&s);
    else
        *out = s;
    return status;
}

void wn__selection_release(wn__selection *s)
{
    wn__free(s->selected);
    *s = (wn__selection){0};
}

wn__sparsity wn__sparsity_measure(const wn__params *params, const wn__selection *selection)
{
    assert(!selection || selection->count == params->count);
    wn__sparsity s = {0};
    for (int i = 0; i < params->count; i++) {
        const wn__param *p = &params->item[i];
        if (!wn__role_is_trained(p->role)) continue;
        s.network += p->map ? p->count : wn__param_entries(p);
        s.network_active += p->active;
        if (selection ? !selection->selected[i] : p->role != WN__WEIGHT) continue;
        s.selected += p->map ? p->count : wn__param_entries(p);
        s.selected_active += p->active;
    }
    return s;
}
