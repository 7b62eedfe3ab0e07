#include "sparse/shrink.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "sparse/basis/basis_map.h"
#include "sparse/basis/channels.h"
#include "sparse/constants.h"

enum { NAME = 256 };

/* Of a layer that is split: weight = left right. */
typedef struct parts {
    int64_t rank; /* 0: it is not */
    float *left, *right;
} parts;

typedef struct rebuild {
    const wn_graph *from;
    const wn__params *params;
    wn__channels channels;
    bool *removed; /* (channels of all spaces) */
    bool folds;
    wn__constants constants; /* where it folds */
    double **extra;          /* (params) of weights: what removed channels add to each row, NULL: nothing */
    const float **values;    /* (params) dense weights, and all else as it is */
    parts *part;             /* (params) */
    float **dense;           /* (params) weights of compressed and mapped parameters; NULL: their own values */
    uint8_t **mask;
    int *node; /* (nodes of `from`) their place in `to` */
    wn_graph *to;
} rebuild;

static void release(rebuild *r)
{
    for (int i = 0; i < r->from->params; i++) {
        if (r->part) wn__free(r->part[i].left);
        if (r->part) wn__free(r->part[i].right);
        if (r->dense) wn__free(r->dense[i]);
        if (r->extra) wn__free(r->extra[i]);
        if (r->mask) wn__free(r->mask[i]);
    }
    wn__free(r->part);
    wn__free(r->dense);
    wn__free(r->extra);
    wn__free(r->values);
    wn__constants_release(&r->constants);
    wn__free(r->mask);
    wn__free(r->node);
    wn__free(r->removed);
    wn__channels_release(&r->channels);
}

static const float *values_of(const rebuild *r, int param) { return r->values[param]; }

/* What is stored in another form, as a dense weight and a mask. */
static wn_status make_dense(rebuild *r, int i)
{
    const wn__param *p = &r->params->item[i];
    if (!p->map && !p->pattern && !p->mask) return WN_OK;
    if (p->map || p->pattern) {
        r->dense[i] = WN_NEW_ARRAY(float, p->count);
        if (!r->dense[i]) return wn__no_memory((size_t)p->count * sizeof(float));
    }
    if (p->map) return p->map->materialise(p, p->value, r->dense[i]);
    r->mask[i] = wn__alloc((size_t)p->count);
    if (!r->mask[i]) return wn__no_memory((size_t)p->count);
    if (p->pattern) {
        wn__pattern_scatter(p->pattern, p->value, r->dense[i]);
        wn__pattern_mask(p->pattern, r->mask[i]);
    } else {
        memcpy(r->mask[i], p->mask, (size_t)p->count);
    }
    return WN_OK;
}

static wn_status open_rebuild(const wn_graph *from, const wn__params *params, bool folds, rebuild *r)
{
    *r = (rebuild){.from = from,
                   .params = params,
                   .folds = folds,
                   .extra = WN_NEW_ARRAY(double *, from->params),
                   .values = WN_NEW_ARRAY(const float *, from->params),
                   .part = WN_NEW_ARRAY(parts, from->params),
                   .dense = WN_NEW_ARRAY(float *, from->params),
                   .mask = WN_NEW_ARRAY(uint8_t *, from->params),
                   .node = WN_NEW_ARRAY(int, from->nodes)};
    if (!r->extra || !r->values || !r->part || !r->dense || !r->mask || !r->node)
        return wn__no_memory((size_t)from->params * sizeof(parts));
    for (int i = 0; i < params->count; i++)
        WN_TRY(make_dense(r, i));
    for (int i = 0; i < params->count; i++)
        r->values[i] = r->dense[i] ? r->dense[i] : params->item[i].value;
    if (folds) WN_TRY(wn__constants_find(from, r->values, &r->constants));
    WN_TRY(wn__channels_make(from, &r->channels));
    r->removed = WN_NEW_ARRAY(bool, r->channels.all);
    return r->removed ? WN_OK : wn__no_memory((size_t)r->channels.all);
}

/* ---- what can go */

static bool is_zero(const rebuild *r, int param, int64_t first, int64_t count, int64_t step, int64_t block)
{
    const float *v = values_of(r, param);
    for (int64_t i = 0; i < count; i++)
        for (int64_t b = 0; b < block; b++)
            if (v[first + i * step + b] != 0) return false;
    return true;
}

static bool is_made(const rebuild *r, int space, int64_t k)
{
    for (int i = 0; i < r->params->count; i++) {
        const wn__channel_axes *a = &r->channels.axes[i];
        const int64_t width = a->columns * a->block;
        if (a->row != space || !wn__role_is_trained(r->params->item[i].role)) continue;
        if (!is_zero(r, i, k * width, 1, 0, width)) return true;
    }
    return false;
}

static bool is_read(const rebuild *r, int space, int64_t k)
{
    for (int i = 0; i < r->params->count; i++) {
        const wn__channel_axes *a = &r->channels.axes[i];
        if (a->column != space) continue;
        if (!is_zero(r, i, k * a->block, a->rows, a->columns * a->block, a->block)) return true;
    }
    return false;
}

/* ... where constants are folded: what becomes of a channel. */
typedef enum fate { GOES, STAYS, VARIES } fate;

static bool reads(const rebuild *r, int i, int space)
{
    const wn__node *n = &r->from->node[i];
    return wn__node_has(n, WN__NODE_WEIGHS) && r->channels.axes[n->param[0]].column == space && r->channels.of_node[n->input[0]] == space;
}

static bool is_shared(const rebuild *r, int i)
{
    for (int k = 0; k < r->from->nodes; k++)
        if (k != i && r->from->node[k].param[0] >= 0 && r->from->node[k].param[0] == r->from->node[i].param[0]) return true;
    return false;
}

static bool reads_zeros(const rebuild *r, const wn__node *n, int64_t k)
{
    const wn__channel_axes *a = &r->channels.axes[n->param[0]];
    return is_zero(r, n->param[0], k * a->block, a->rows, a->columns * a->block, a->block);
}

static fate fate_of(const rebuild *r, int space, int64_t k)
{
    fate f = GOES;
    for (int i = 0; i < r->from->nodes; i++) {
        const wn__node *n = &r->from->node[i];
        if (!reads(r, i, space) || reads_zeros(r, n, k)) continue;
        const double constant = r->constants.of_node[n->input[0]][k];
        if (!isfinite(constant)) return VARIES;
        if (constant != 0 && (n->pad > 0 || is_shared(r, i))) f = STAYS;
    }
    return f;
}

/* What its readers make of a channel that goes, to their biases. */
static wn_status fold(rebuild *r, int space, int64_t k)
{
    for (int i = 0; i < r->from->nodes; i++) {
        const wn__node *n = &r->from->node[i];
        if (!reads(r, i, space) || reads_zeros(r, n, k) || r->constants.of_node[n->input[0]][k] == 0) continue;
        const wn__channel_axes *a = &r->channels.axes[n->param[0]];
        double **extra = &r->extra[n->param[0]];
        if (!*extra && !(*extra = WN_NEW_ARRAY(double, a->rows))) return wn__no_memory((size_t)a->rows * sizeof **extra);
        for (int64_t row = 0; row < a->rows; row++)
            for (int64_t b = 0; b < a->block; b++)
                (*extra)[row] +=
                    r->constants.of_node[n->input[0]][k] * (double)r->values[n->param[0]][(row * a->columns + k) * a->block + b];
    }
    return WN_OK;
}

static wn_status find_constant(rebuild *r, int64_t *dead, int64_t *stay)
{
    *dead = *stay = 0;
    for (int s = 0; s < r->channels.spaces; s++) {
        const wn__channel_space *space = &r->channels.space[s];
        int64_t left = space->channels;
        for (int64_t k = 0; !space->fixed && k < space->channels; k++) {
            const fate f = fate_of(r, s, k);
            *stay += f == STAYS;
            if (f != GOES || left == 1) continue;
            WN_TRY(fold(r, s, k));
            r->removed[space->first + k] = true;
            left--;
            ++*dead;
        }
    }
    return WN_OK;
}

static int64_t find_dead(rebuild *r)
{
    int64_t dead = 0;
    for (int s = 0; s < r->channels.spaces; s++) {
        const wn__channel_space *space = &r->channels.space[s];
        int64_t left = space->channels;
        for (int64_t k = 0; !space->fixed && k < space->channels && left > 1; k++) {
            if (is_made(r, s, k) && is_read(r, s, k)) continue;
            r->removed[space->first + k] = true;
            left--;
            dead++;
        }
    }
    return dead;
}

/* ---- the new graph */

static int64_t kept_in(const rebuild *r, int space)
{
    int64_t kept = 0;
    for (int64_t k = 0; k < r->channels.space[space].channels; k++)
        kept += !r->removed[r->channels.space[space].first + k];
    return kept;
}

/* A layer that is split: the first part as the layer is, of `rank` outputs, and one of 1x1 behind it. */
static int build_parts(const rebuild *r, const wn__node_kind *kind, int in, wn__node_settings s, int64_t rank)
{
    char down[NAME], up[NAME];
    const wn__node_settings last = {.name = up, .channels = s.channels, .kernel = 1, .stride = 1, .groups = 1, .bias = s.bias};
    snprintf(down, sizeof down, "%.240s.down", s.name);
    snprintf(up, sizeof up, "%.240s.up", s.name);
    s.name = down;
    s.channels = rank;
    s.bias = false;
    in = wn__graph_add(r->to, kind, &in, 1, &s);
    return wn__graph_add(r->to, kind, &in, 1, &last);
}

static int build_node(const rebuild *r, int i)
{
    const wn__node *n = &r->from->node[i];
    wn__node_settings s;
    const wn__node_kind *kind = wn__graph_describe(r->from, i, &s);
    int in[WN__INPUTS];
    if (!n->inputs) return wn_graph_input(r->to);
    for (int k = 0; k < n->inputs; k++)
        in[k] = r->node[n->input[k]];
    if (!wn__node_has(n, WN__NODE_WEIGHS)) return wn__graph_add(r->to, kind, in, n->inputs, &s);
    s.channels = kept_in(r, r->channels.of_node[i]);
    if (wn__node_is_depthwise(n, &r->from->node[n->input[0]])) s.groups = s.channels;
    if (r->part[n->param[0]].rank) return build_parts(r, kind, in[0], s, r->part[n->param[0]].rank);
    s.bias = s.bias || r->extra[n->param[0]];
    return wn__graph_add(r->to, kind, in, n->inputs, &s);
}

static wn_status build_graph(rebuild *r)
{
    const wn_graph *from = r->from;
    r->to = wn_graph_new(from->name, (int)from->c, (int)from->h, (int)from->w);
    if (!r->to) return wn__no_memory(sizeof(void *));
    for (int i = 0; i < from->nodes; i++) {
        const int owner = wn__graph_owner(from, i);
        r->node[i] = build_node(r, i);
        if (owner != i && r->node[i] >= 0) r->node[i] = wn_graph_share(r->to, r->node[i], r->node[owner]);
    }
    return wn_graph_finish(r->to, r->node[from->output]);
}

/* ---- its parameters */

static wn_status copy_param(const rebuild *r, int from, wn__param *to)
{
    const wn__channel_axes *a = &r->channels.axes[from];
    const float *values = values_of(r, from);
    const uint8_t *mask = r->mask[from];
    uint8_t *left = mask ? wn__alloc((size_t)to->count) : NULL;
    int64_t n = 0, zeros = 0;
    if (mask && !left) return wn__no_memory((size_t)to->count);
    for (int64_t e = 0; e < r->params->item[from].count; e++) {
        if (wn__channel_marked(&r->channels, a, r->removed, e)) continue;
        if (mask) zeros += !(left[n] = mask[e]);
        to->value[n++] = values[e];
    }
    const wn_status status = zeros > 0 ? wn__param_set_mask(to, left) : WN_OK;
    wn__free(left);
    return status;
}

static void fill_bias(const rebuild *r, int i, wn__param *to)
{
    const wn__node *n = &r->from->node[i];
    const float *bias = n->param[1] < 0 ? NULL : values_of(r, n->param[1]);
    const bool *removed = r->removed + r->channels.space[r->channels.of_node[i]].first;
    for (int64_t k = 0, at = 0; k < n->c; k++)
        if (!removed[k]) to->value[at++] = (float)((bias ? (double)bias[k] : 0) + r->extra[n->param[0]][k]);
}

static wn_status fill_node(const rebuild *r, int i, wn__params *params)
{
    const wn__node *from = &r->from->node[i], *to = &r->to->node[r->node[i]];
    const parts *part = from->param[0] >= 0 ? &r->part[from->param[0]] : NULL;
    const bool split = part && part->rank > 0;
    if (split) {
        wn__param *up = &params->item[to->param[0]], *down = &params->item[r->to->node[to->input[0]].param[0]];
        memcpy(up->value, part->left, (size_t)up->count * sizeof(float));
        memcpy(down->value, part->right, (size_t)down->count * sizeof(float));
    }
    for (int k = split ? 1 : 0; k < WN__NODE_PARAMS; k++)
        if (from->param[k] >= 0) WN_TRY(copy_param(r, from->param[k], &params->item[to->param[k]]));
    if (from->param[0] >= 0 && r->extra[from->param[0]]) fill_bias(r, i, &params->item[to->param[1]]);
    return WN_OK;
}

static wn_status build(rebuild *r, wn__shrunk *out)
{
    wn__params params = {0};
    WN_TRY(build_graph(r));
    wn_status status = wn__graph_make_params(r->to, &params);
    for (int i = 0; status == WN_OK && i < r->from->nodes; i++)
        if (wn__graph_owner(r->from, i) == i) status = fill_node(r, i, &params);
    if (status != WN_OK) {
        wn__params_release(&params);
        return status;
    }
    params.version++;
    out->graph = r->to;
    out->params = params;
    r->to = NULL;
    return WN_OK;
}

/* ---- both */

/* Parts of layers that are smaller so; groups have no thin form here. */
static wn_status find_parts(rebuild *r, int *layers)
{
    for (int i = 0; i < r->from->nodes; i++) {
        const wn__node *n = &r->from->node[i];
        const int w = wn__graph_weight(r->from, i);
        if (w < 0 || wn__graph_owner(r->from, i) != i || n->groups > 1) continue;
        parts *part = &r->part[w];
        const wn__param *p = &r->params->item[w];
        WN_TRY(wn__basis_factors(p, &part->rank, &part->left, &part->right));
        if (part->rank * (p->dim[0] + p->count / p->dim[0]) >= p->count) part->rank = 0;
        *layers += part->rank > 0;
    }
    return WN_OK;
}

static wn_status split_layers(const wn_graph *graph, const wn__params *params, wn__shrunk *out)
{
    rebuild r;
    wn_status status = open_rebuild(graph, params, false, &r);
    if (status == WN_OK) status = find_parts(&r, &out->layers);
    if (status == WN_OK) status = build(&r, out);
    wn_graph_free(r.to);
    release(&r);
    return status;
}

static wn_status remove_channels(wn__shrunk *s, bool folds, int64_t *removed)
{
    rebuild r;
    wn__shrunk next = {.channels = s->channels, .layers = s->layers};
    wn_status status = open_rebuild(s->graph, &s->params, folds, &r);
    *removed = status == WN_OK && !folds ? find_dead(&r) : 0;
    if (status == WN_OK && folds) status = find_constant(&r, removed, &s->stay);
    if (status == WN_OK && *removed > 0) status = build(&r, &next);
    wn_graph_free(r.to);
    release(&r);
    if (status != WN_OK || *removed == 0) return status;
    next.channels += *removed;
    wn__shrunk_release(s);
    *s = next;
    return WN_OK;
}

static wn_status shrink(const wn_graph *graph, const wn__params *params, bool folds, wn__shrunk *out)
{
    wn__shrunk s = {0};
    int64_t removed = 1;
    wn_status status = split_layers(graph, params, &s);
    while (status == WN_OK && removed > 0)
        status = remove_channels(&s, folds, &removed);
    if (status == WN_OK)
        *out = s;
    else
        wn__shrunk_release(&s);
    return status;
}

wn_status wn__shrink(const wn_graph *graph, const wn__params *params, wn__shrunk *out) { return shrink(graph, params, false, out); }
wn_status wn__shrink_folding(const wn_graph *graph, const wn__params *params, wn__shrunk *out) { return shrink(graph, params, true, out); }

void wn__shrunk_release(wn__shrunk *s)
{
    wn_graph_free(s->graph);
    wn__params_release(&s->params);
    *s = (wn__shrunk){0};
}
