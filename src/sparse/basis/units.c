#include "sparse/basis/units.h"

#include <math.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/rng.h"
#include "sparse/basis/channels.h"

typedef struct units {
    const wn_graph *graph;
    wn__params *params;
    wn__channels channels;
    bool *may_go;  /* (spaces) */
    bool *removed; /* (channels of all spaces) */
    double *score; /* (channels of all spaces) */
} units;

static void release(units *u)
{
    wn__channels_release(&u->channels);
    wn__free(u->may_go);
    wn__free(u->removed);
    wn__free(u->score);
}

/* A weight that makes new channels, unlike one of a depthwise convolution. */
static bool makes_channels(const units *u, int param)
{
    return u->params->item[param].role == WN__WEIGHT && u->channels.axes[param].column >= 0;
}

static bool row_is_masked(const wn__param *p, const wn__channel_axes *a, int64_t row)
{
    const int64_t width = a->columns * a->block;
    for (int64_t e = row * width; p->mask && e < (row + 1) * width; e++)
        if (p->mask[e]) return false;
    return p->mask != NULL;
}

static void find_units(units *u, const wn__selection *selection, int links)
{
    const wn__channels *c = &u->channels;
    bool made = false;
    for (int s = 0; s < c->spaces; s++) {
        u->may_go[s] = !c->space[s].fixed && (links == WN__LINKS_TIED || !c->space[s].linked);
        made = false;
        for (int i = 0; i < u->params->count; i++) {
            if (c->axes[i].row != s || !makes_channels(u, i)) continue;
            made = true;
            if (!selection->selected[i]) u->may_go[s] = false;
        }
        u->may_go[s] = u->may_go[s] && made;
    }
}

/* Units whose rows are masked out everywhere went before. */
static void find_removed(units *u)
{
    const wn__channels *c = &u->channels;
    for (int64_t k = 0; k < c->all; k++)
        u->removed[k] = true;
    for (int i = 0; i < u->params->count; i++) {
        const wn__channel_axes *a = &c->axes[i];
        for (int64_t r = 0; makes_channels(u, i) && r < a->rows; r++)
            if (!row_is_masked(&u->params->item[i], a, r)) u->removed[c->space[a->row].first + r] = false;
    }
    for (int s = 0; s < c->spaces; s++)
        for (int64_t k = 0; !u->may_go[s] && k < c->space[s].channels; k++)
            u->removed[c->space[s].first + k] = false;
}

static wn_status open_units(const wn_graph *graph, wn__params *params, const wn__selection *selection, int links, units *u)
{
    *u = (units){.graph = graph, .params = params};
    for (int i = 0; i < params->count; i++)
        if (params->item[i].pattern || params->item[i].map)
            return wn__fail(WN_EUNSUPPORTED, "%s: units are pruned in dense networks", params->item[i].name);
    WN_TRY(wn__channels_make(graph, &u->channels));
    u->may_go = WN_NEW_ARRAY(bool, u->channels.spaces);
    u->removed = WN_NEW_ARRAY(bool, u->channels.all);
    u->score = WN_NEW_ARRAY(double, u->channels.all);
    if (!u->may_go || !u->removed || !u->score) {
        release(u);
        return wn__no_memory((size_t)u->channels.all * sizeof(double));
    }
    find_units(u, selection, links);
    find_removed(u);
    return WN_OK;
}

/* ---- scores */

static double part_of(double x, int score) { return score == WN__UNIT_L2 ? x * x : fabs(x); }

static wn_status score_space(units *u, int s, int score)
{
    const wn__channels *c = &u->channels;
    int64_t size = 0;
    double *sum = u->score + c->space[s].first;
    for (int i = 0; i < u->params->count; i++) {
        const wn__param *p = &u->params->item[i];
        const wn__channel_axes *a = &c->axes[i];
        const bool counts = score == WN__UNIT_GAMMA ? p->role == WN__SCALE : makes_channels(u, i);
        const int64_t width = a->columns * a->block;
        if (a->row != s || !counts) continue;
        size += width;
        for (int64_t e = 0; e < p->count; e++)
            sum[e / width] += part_of((double)p->value[e], score);
    }
    if (size == 0) {
        for (int i = 0; i < u->params->count; i++)
            if (c->axes[i].row == s && makes_channels(u, i))
                return wn__fail(WN_EUSAGE, "%s: its units have no batch norm to score them by (score: gamma)", u->params->item[i].name);
    }
    for (int64_t k = 0; k < c->space[s].channels; k++) {
        sum[k] = score == WN__UNIT_L2 ? sqrt(sum[k] / (double)size) : sum[k] / (double)size;
        if (!isfinite(sum[k])) return wn__fail(WN_EDIVERGED, "unit %lld has the score %g, cannot prune by it", (long long)k, sum[k]);
    }
    return WN_OK;
}

/* ---- choosing */

typedef struct candidate {
    double score;
    int64_t place;
} candidate;

/* Best first; of equals the earlier. */
static int compare(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    return (x->place > y->place) - (x->place < y->place);
}

/* Keep so many of the units of spaces [from, to), the best of each space among them. */
static wn_status keep_best(units *u, int from, int to, double sparsity)
{
    const wn__channels *c = &u->channels;
    candidate *list = WN_NEW_ARRAY(candidate, c->all);
    int64_t count = 0, all = 0, kept = 0;
    if (!list) return wn__no_memory((size_t)c->all * sizeof *list);
    for (int s = from; s < to; s++) {
        const wn__channel_space *space = &c->space[s];
        int64_t best = -1;
        if (!u->may_go[s]) continue;
        all += space->channels;
        for (int64_t k = space->first; k < space->first + space->channels; k++)
            if (!u->removed[k] && (best < 0 || u->score[k] > u->score[best])) best = k;
        for (int64_t k = space->first; k < space->first + space->channels; k++)
            if (!u->removed[k]) list[count++] = (candidate){k == best ? (double)INFINITY : u->score[k], k};
    }
    kept = llround((1 - sparsity) * (double)all);
    if (kept > count) {
        wn__free(list);
        return wn__fail(WN_EUSAGE, "sparsity %.6g of the units is asked for, but %.6g is reached already", sparsity,
                        1 - (double)count / (double)all);
    }
    qsort(list, (size_t)count, sizeof *list, compare);
    for (int64_t i = kept; i < count; i++)
        u->removed[list[i].place] = list[i].score < (double)INFINITY;
    wn__free(list);
    return WN_OK;
}

/* Masks of what no removed unit owns; within masks that are there. */
static wn_status set_masks(units *u)
{
    const wn__channels *c = &u->channels;
    for (int i = 0; i < u->params->count; i++) {
        wn__param *p = &u->params->item[i];
        const wn__channel_axes *a = &c->axes[i];
        if (!wn__role_is_trained(p->role) || !(u->may_go[a->row] || (a->column >= 0 && u->may_go[a->column]))) continue;
        uint8_t *mask = wn__alloc((size_t)p->count);
        if (!mask) return wn__no_memory((size_t)p->count);
        for (int64_t e = 0; e < p->count; e++)
            mask[e] = (!p->mask || p->mask[e]) && !wn__channel_marked(c, a, u->removed, e);
        const wn_status status = wn__param_set_mask(p, mask);
        wn__free(mask);
        WN_TRY(status);
    }
    u->params->version++;
    return WN_OK;
}

static wn__unit_count count_units(const units *u)
{
    wn__unit_count n = {0};
    for (int s = 0; s < u->channels.spaces; s++)
        for (int64_t k = 0; u->may_go[s] && k < u->channels.space[s].channels; k++) {
            n.all++;
            n.left += !u->removed[u->channels.space[s].first + k];
        }
    return n;
}

static wn_status prune(units *u, const wn__basis_spec *spec, const wn__prune *how)
{
    const int spaces = u->channels.spaces;
    if (count_units(u).all == 0)
        return wn__fail(WN_EUSAGE, "%s: the selected layers have no unit that could go%s", u->graph->name,
                        spec->links == WN__LINKS_INSIDE ? " (links: tied lets those of residual links go)" : "");
    for (int s = 0; s < spaces; s++)
        if (u->may_go[s]) WN_TRY(score_space(u, s, spec->score));
    if (how->scope == WN__SCOPE_GLOBAL) return keep_best(u, 0, spaces, how->sparsity);
    for (int s = 0; s < spaces; s++)
        WN_TRY(keep_best(u, s, s + 1, how->sparsity));
    return WN_OK;
}

wn_status wn__units_prune(const wn_graph *graph, wn__params *params, const wn__selection *selection, const wn__basis_spec *spec,
                          const wn__prune *how, wn__unit_count *count)
{
    units u;
    if (!(how->sparsity >= 0 && how->sparsity < 1))
        return wn__fail(WN_EUSAGE, "sparsity %g, must be at least 0 and below 1", how->sparsity);
    WN_TRY(open_units(graph, params, selection, spec->links, &u));
    wn_status status = prune(&u, spec, how);
    if (status == WN_OK) status = set_masks(&u);
    if (status == WN_OK && count) *count = count_units(&u);
    release(&u);
    return status;
}

wn_status wn__units_shuffle(const wn_graph *graph, wn__params *params, const wn__selection *selection, const wn__basis_spec *spec,
                            uint64_t seed)
{
    units u;
    WN_TRY(open_units(graph, params, selection, spec->links, &u));
    wn_status status = WN_OK;
    for (int s = 0; status == WN_OK && s < u.channels.spaces; s++) {
        const wn__channel_space *space = &u.channels.space[s];
        wn__rng rng = wn__rng_make(seed, WN__FOR_MASK, (uint64_t)s, WN__SHUFFLE_LAYER);
        uint8_t *kept = wn__alloc((size_t)space->channels);
        int64_t left = 0;
        if (!kept) status = wn__no_memory((size_t)space->channels);
        for (int64_t k = 0; k < space->channels; k++)
            left += !u.removed[space->first + k];
        if (kept) wn__mask_draw(&rng, space->channels, left, kept);
        for (int64_t k = 0; kept && u.may_go[s] && k < space->channels; k++)
            u.removed[space->first + k] = !kept[k];
        wn__free(kept);
    }
    for (int i = 0; status == WN_OK && i < params->count; i++)
        status = wn__param_set_mask(&params->item[i], NULL);
    if (status == WN_OK) status = set_masks(&u);
    release(&u);
    return status;
}
