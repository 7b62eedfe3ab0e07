#include "sparse/prune/flow.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

typedef struct flow {
    const wn_graph *graph;
    const wn__params *params;
    double *const *score;
    double **value, **gradient; /* (nodes) of one image */
    double *weight;             /* of the node at work: absolute values */
    const wn__node *node;       /* that node, its input and their arrays */
    const wn__node *from;
    const double *in, *dout;
    double *out, *din;
} flow;

static int64_t size_of(const wn__node *n) { return n->c * n->h * n->w; }

/* ---- convolutions and linear layers: a linear layer is a 1x1 convolution over one place */

typedef struct window {
    int64_t in_c, in_h, in_w, out_c, out_h, out_w, group_in, group_out;
    int64_t kernel_h, kernel_w, stride, pad;
} window;

static window window_of(const flow *f)
{
    const wn__node *n = f->node, *from = f->from;
    if (n->kind == WN__LINEAR)
        return (window){.in_c = size_of(from),
                        .in_h = 1,
                        .in_w = 1,
                        .out_c = n->c,
                        .out_h = 1,
                        .out_w = 1,
                        .group_in = size_of(from),
                        .group_out = n->c,
                        .kernel_h = 1,
                        .kernel_w = 1,
                        .stride = 1};
    return (window){.in_c = from->c,
                    .in_h = from->h,
                    .in_w = from->w,
                    .out_c = n->c,
                    .out_h = n->h,
                    .out_w = n->w,
                    .group_in = from->c / n->groups,
                    .group_out = n->c / n->groups,
                    .kernel_h = n->kernel_h,
                    .kernel_w = n->kernel_w,
                    .stride = n->stride,
                    .pad = n->pad};
}

/* Outputs [begin, end) of `out` whose place `offset` further on lies in the input. */
static void range(int64_t out, int64_t in, int64_t stride, int64_t offset, int64_t *begin, int64_t *end)
{
    *begin = offset < 0 ? (-offset + stride - 1) / stride : 0;
    *end = in > offset ? (in - 1 - offset) / stride + 1 : 0;
    if (*end > out) *end = out;
}

typedef struct tap {
    int64_t y_begin, y_end, x_begin, x_end, offset_y, offset_x;
} tap;

static tap tap_at(const window *w, int64_t y, int64_t x)
{
    tap t = {.offset_y = y - w->pad, .offset_x = x - w->pad};
    range(w->out_h, w->in_h, w->stride, t.offset_y, &t.y_begin, &t.y_end);
    range(w->out_w, w->in_w, w->stride, t.offset_x, &t.x_begin, &t.x_end);
    return t;
}

typedef enum direction { FORWARD, BACKWARD, SCORE } direction;

/* One weight: from the input's plane to the output's, back, or how much passes through it. */
static double pass(const window *w, const tap *t, direction way, double weight, double *in, double *out)
{
    const int64_t stride = w->stride, end = t->x_end;
    double sum = 0;
    for (int64_t y = t->y_begin; y < t->y_end; y++) {
        double *restrict in_row = in + (y * stride + t->offset_y) * w->in_w + t->offset_x, *restrict row = out + y * w->out_w;
        if (way == FORWARD)
            for (int64_t x = t->x_begin; x < end; x++)
                row[x] += weight * in_row[x * stride];
        else if (way == BACKWARD)
            for (int64_t x = t->x_begin; x < end; x++)
                in_row[x * stride] += weight * row[x];
        else
            for (int64_t x = t->x_begin; x < end; x++)
                sum += in_row[x * stride] * row[x];
    }
    return sum;
}

/* All taps between input channel i of the group and output channel o; weights that are zero carry nothing. */
static void pass_taps(const flow *f, const window *w, direction way, int64_t o, int64_t i)
{
    const int64_t taps = w->kernel_h * w->kernel_w, channel = o / w->group_out * w->group_in + i, at = (o * w->group_in + i) * taps;
    const int param = f->node->param[0];
    double *in = (way == BACKWARD ? f->din : (double *)f->in) + channel * w->in_h * w->in_w;
    double *out = (way == FORWARD ? f->out : (double *)f->dout) + o * w->out_h * w->out_w;
    for (int64_t k = 0; k < taps; k++) {
        const double weight = f->weight[at + k];
        if (weight == 0) continue;
        const tap t = tap_at(w, k / w->kernel_w, k % w->kernel_w);
        const double sum = pass(w, &t, way, weight, in, out);
        if (way == SCORE) f->score[param][at + k] += weight * sum;
    }
}

static void forward_channel(void *arg, int64_t o, int worker)
{
    const flow *f = arg;
    const window w = window_of(f);
    (void)worker;
    const float *bias = f->node->bias ? f->params->item[f->node->param[1]].value : NULL;
    for (int64_t p = 0; p < w.out_h * w.out_w; p++)
        f->out[o * w.out_h * w.out_w + p] = bias ? fabs((double)bias[o]) : 0;
    for (int64_t i = 0; i < w.group_in; i++)
        pass_taps(f, &w, FORWARD, o, i);
}

static void score_channel(void *arg, int64_t o, int worker)
{
    const flow *f = arg;
    const window w = window_of(f);
    (void)worker;
    for (int64_t i = 0; i < w.group_in; i++)
        pass_taps(f, &w, SCORE, o, i);
}

static void backward_channel(void *arg, int64_t channel, int worker)
{
    const flow *f = arg;
    const window w = window_of(f);
    (void)worker;
    const int64_t first = channel / w.group_in * w.group_out;
    for (int64_t o = first; o < first + w.group_out; o++)
        pass_taps(f, &w, BACKWARD, o, channel % w.group_in);
}

static void load_weight(flow *f)
{
    const wn__param *p = &f->params->item[f->node->param[0]];
    for (int64_t e = 0; e < p->stored; e++)
        f->weight[e] = p->mask && !p->mask[e] ? 0 : fabs((double)p->value[e]);
}

/* ---- the other nodes */

/* y = (x - |mean|) |scale| / sqrt(variance + eps) + |shift| */
static double norm_factor(const flow *f, int64_t c)
{
    const wn__param *item = f->params->item;
    const int *param = f->node->param;
    return fabs((double)item[param[0]].value[c]) / sqrt(fabs((double)item[param[3]].value[c]) + (double)f->node->eps);
}

static void norm_forward(const flow *f)
{
    const wn__node *n = f->node;
    const int64_t plane = n->h * n->w;
    for (int64_t c = 0; c < n->c; c++) {
        const double mean = fabs((double)f->params->item[n->param[2]].value[c]),
                     shift = fabs((double)f->params->item[n->param[1]].value[c]);
        const double factor = norm_factor(f, c);
        for (int64_t p = c * plane; p < (c + 1) * plane; p++)
            f->out[p] = (f->in[p] - mean) * factor + shift;
    }
}

static void norm_backward(const flow *f)
{
    const int64_t plane = f->node->h * f->node->w;
    for (int64_t c = 0; c < f->node->c; c++)
        for (int64_t p = c * plane; p < (c + 1) * plane; p++)
            f->din[p] += f->dout[p] * norm_factor(f, c);
}

/* The window of one output of a pool, cut at the borders. */
typedef struct area {
    int64_t top, bottom, left, right; /* [top, bottom) x [left, right) */
} area;

static area area_of(const flow *f, int64_t y, int64_t x)
{
    const wn__node *n = f->node;
    const int64_t top = y * n->stride - n->pad, left = x * n->stride - n->pad;
    const int64_t bottom = top + n->kernel_h, right = left + n->kernel_w;
    return (area){top > 0 ? top : 0, bottom < f->from->h ? bottom : f->from->h, left > 0 ? left : 0,
                  right < f->from->w ? right : f->from->w};
}

/* The first largest value of the window. */
static int64_t largest(const flow *f, int64_t c, area a)
{
    const double *plane = f->in + c * f->from->h * f->from->w;
    int64_t best = a.top * f->from->w + a.left;
    for (int64_t y = a.top; y < a.bottom; y++)
        for (int64_t x = a.left; x < a.right; x++)
            if (plane[y * f->from->w + x] > plane[best]) best = y * f->from->w + x;
    return best;
}

static void pool_output(const flow *f, direction way, int64_t c, int64_t y, int64_t x)
{
    const int64_t plane = c * f->from->h * f->from->w, at = (c * f->node->h + y) * f->node->w + x;
    const area a = area_of(f, y, x);
    if (f->node->kind == WN__MAX_POOL) {
        const int64_t best = plane + largest(f, c, a);
        if (way == FORWARD)
            f->out[at] = f->in[best];
        else
            f->din[best] += f->dout[at];
        return;
    }
    const double share = 1 / (double)((a.bottom - a.top) * (a.right - a.left));
    if (way == FORWARD) f->out[at] = 0;
    for (int64_t v = a.top; v < a.bottom; v++)
        for (int64_t u = a.left; u < a.right; u++)
            if (way == FORWARD)
                f->out[at] += share * f->in[plane + v * f->from->w + u];
            else
                f->din[plane + v * f->from->w + u] += share * f->dout[at];
}

static void pool(const flow *f, direction way)
{
    for (int64_t c = 0; c < f->node->c; c++)
        for (int64_t y = 0; y < f->node->h; y++)
            for (int64_t x = 0; x < f->node->w; x++)
                pool_output(f, way, c, y, x);
}

/* ---- the walk */

static void set_node(flow *f, int index, int which_input)
{
    f->node = &f->graph->node[index];
    const int from = f->node->inputs > 0 ? f->node->input[which_input] : index;
    f->from = &f->graph->node[from];
    f->in = f->value[from];
    f->din = f->gradient[from];
    f->out = f->value[index];
    f->dout = f->gradient[index];
}

static void forward(flow *f, int index, wn__pool *threads)
{
    set_node(f, index, 0);
    const int64_t size = size_of(f->node);
    switch (f->node->kind) {
    case WN__INPUT:
        for (int64_t k = 0; k < size; k++)
            f->out[k] = 1;
        break;
    case WN__CONV:
    case WN__LINEAR:
        load_weight(f);
        wn__parallel_for(threads, f->node->c, forward_channel, f);
        break;
    case WN__BATCH_NORM: norm_forward(f); break;
    case WN__RELU:
        for (int64_t k = 0; k < size; k++)
            f->out[k] = f->in[k] > 0 ? f->in[k] : 0;
        break;
    case WN__ADD:
        for (int64_t k = 0; k < size; k++)
            f->out[k] = f->in[k] + f->value[f->node->input[1]][k];
        break;
    case WN__MAX_POOL:
    case WN__AVG_POOL: pool(f, FORWARD); break;
    case WN__DROPOUT: memcpy(f->out, f->in, (size_t)size * sizeof *f->out); break;
    }
}

static void backward(flow *f, int index, wn__pool *threads)
{
    set_node(f, index, 0);
    const int64_t size = size_of(f->node);
    switch (f->node->kind) {
    case WN__INPUT: break;
    case WN__CONV:
    case WN__LINEAR:
        load_weight(f);
        if (f->score[f->node->param[0]]) wn__parallel_for(threads, f->node->c, score_channel, f);
        wn__parallel_for(threads, f->node->kind == WN__LINEAR ? size_of(f->from) : f->from->c, backward_channel, f);
        break;
    case WN__BATCH_NORM: norm_backward(f); break;
    case WN__RELU:
        for (int64_t k = 0; k < size; k++)
            if (f->in[k] > 0) f->din[k] += f->dout[k];
        break;
    case WN__ADD:
        for (int which = 0; which < 2; which++) {
            set_node(f, index, which);
            for (int64_t k = 0; k < size; k++)
                f->din[k] += f->dout[k];
        }
        break;
    case WN__MAX_POOL:
    case WN__AVG_POOL: pool(f, BACKWARD); break;
    case WN__DROPOUT:
        for (int64_t k = 0; k < size; k++)
            f->din[k] += f->dout[k];
        break;
    }
}

static void release(flow *f)
{
    for (int i = 0; i < f->graph->nodes; i++) {
        if (f->value) wn__free(f->value[i]);
        if (f->gradient) wn__free(f->gradient[i]);
    }
    wn__free(f->value);
    wn__free(f->gradient);
    wn__free(f->weight);
}

static bool make_arrays(flow *f)
{
    int64_t largest_weight = 1;
    for (int i = 0; i < f->params->count; i++)
        if (f->params->item[i].count > largest_weight) largest_weight = f->params->item[i].count;
    f->value = WN_NEW_ARRAY(double *, f->graph->nodes);
    f->gradient = WN_NEW_ARRAY(double *, f->graph->nodes);
    f->weight = WN_NEW_ARRAY(double, largest_weight);
    bool made = f->value && f->gradient && f->weight;
    for (int i = 0; made && i < f->graph->nodes; i++) {
        f->value[i] = WN_NEW_ARRAY(double, size_of(&f->graph->node[i]));
        f->gradient[i] = WN_NEW_ARRAY(double, size_of(&f->graph->node[i]));
        made = f->value[i] && f->gradient[i];
    }
    return made;
}

static wn_status check_weights(const wn__params *params, double *const *score)
{
    for (int i = 0; i < params->count; i++) {
        if (params->item[i].pattern || params->item[i].map)
            return wn__fail(WN_EUNSUPPORTED, "%s: synaptic flow is computed over dense weights", params->item[i].name);
        if (score[i]) memset(score[i], 0, (size_t)params->item[i].stored * sizeof(double));
    }
    return WN_OK;
}

wn_status wn__flow_scores(const wn_graph *graph, const wn__params *params, wn__pool *pool, double *const *score, double *total)
{
    flow f = {.graph = graph, .params = params, .score = score};
    WN_TRY(check_weights(params, score));
    if (!make_arrays(&f)) {
        release(&f);
        return wn__no_memory((size_t)graph->nodes * sizeof(double *));
    }
    for (int i = 0; i < graph->nodes; i++)
        forward(&f, i, pool);
    *total = 0;
    for (int64_t k = 0; k < size_of(&graph->node[graph->output]); k++) {
        *total += f.value[graph->output][k];
        f.gradient[graph->output][k] = 1;
    }
    for (int i = graph->nodes - 1; i >= 0; i--)
        backward(&f, i, pool);
    release(&f);
    return WN_OK;
}
