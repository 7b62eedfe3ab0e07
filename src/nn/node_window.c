#include "nn/node_window.h"

#include "nn/graph_nodes.h"

int64_t wn__node_window_count(int64_t size, int64_t kernel, int64_t stride, int64_t pad)
{
    return size + 2 * pad < kernel ? 0 : (size + 2 * pad - kernel) / stride + 1;
}

/* ---- pools */

bool wn__node_make_pool(wn_graph *g, const wn__node *const *in, const wn__node_settings *s, wn__node *node)
{
    const int kh = (int)(s->kernel_h ? s->kernel_h : s->kernel), kw = (int)(s->kernel_w ? s->kernel_w : s->kernel);
    const int stride = (int)s->stride, pad = (int)s->pad;
    if (kh < 1 || kw < 1 || stride < 1 || pad < 0 || pad > kh / 2 || pad > kw / 2)
        return WN__NODE_REFUSE(g, "%s: kernel %d x %d and stride %d must be > 0, pad %d at most half the kernel", node->kind->name, kh, kw,
                               stride, pad);
    node->kernel_h = kh;
    node->kernel_w = kw;
    node->stride = stride;
    node->pad = pad;
    node->c = in[0]->c;
    node->h = wn__node_window_count(in[0]->h, kh, stride, pad);
    node->w = wn__node_window_count(in[0]->w, kw, stride, pad);
    return true;
}

const wn__node_kind *wn__node_describe_pool(const wn_graph *g, const wn__node *n, wn__node_settings *s)
{
    (void)g;
    s->kernel = n->kernel_h;
    s->kernel_w = n->kernel_w == n->kernel_h ? 0 : n->kernel_w;
    s->stride = n->stride;
    s->pad = n->pad;
    return n->kind;
}

wn__node_area wn__node_area_of(const wn__node *n, const wn__node *in, int64_t y, int64_t x)
{
    const int64_t top = y * n->stride - n->pad, left = x * n->stride - n->pad;
    const int64_t bottom = top + n->kernel_h, right = left + n->kernel_w;
    return (wn__node_area){top > 0 ? top : 0, bottom < in->h ? bottom : in->h, left > 0 ? left : 0, right < in->w ? right : in->w};
}

void wn__node_for_areas(const wn__node_flow *f, wn__node_area_pass pass)
{
    const wn__node *n = f->node, *in = f->from[0];
    for (int64_t c = 0; c < n->c; c++)
        for (int64_t y = 0; y < n->h; y++)
            for (int64_t x = 0; x < n->w; x++)
                pass(f, wn__node_area_of(n, in, y, x), c * in->h * in->w, (c * n->h + y) * n->w + x);
}

/* ---- synaptic flow through weights */

/* A weight (rows, columns of a group, taps) whose windows lie over planes. */
typedef struct window {
    int64_t in_c, in_h, in_w, out_c, out_h, out_w, group_in, group_out;
    int64_t kernel_h, kernel_w, stride, pad;
} window;

/* A linear layer is a 1x1 convolution over one place. */
static window window_of(const wn__node *n, const wn__node *in)
{
    if (!wn__node_has(n, WN__NODE_WINDOWS))
        return (window){wn__node_size(in), 1, 1, n->c, 1, 1, wn__node_size(in), n->c, .kernel_h = 1, .kernel_w = 1, .stride = 1};
    return (window){in->c,       in->h,       in->w,     n->c,  n->h, n->w, in->c / n->groups, n->c / n->groups,
                    n->kernel_h, n->kernel_w, n->stride, n->pad};
}

typedef struct pass_job {
    const wn__node_flow *f;
    window w;
} pass_job;

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
static void pass_taps(const pass_job *j, direction way, int64_t o, int64_t i)
{
    const window *w = &j->w;
    const wn__node_flow *f = j->f;
    const int64_t taps = w->kernel_h * w->kernel_w, channel = o / w->group_out * w->group_in + i, at = (o * w->group_in + i) * taps;
    double *in = (way == BACKWARD ? f->din[0] : (double *)f->in[0]) + channel * w->in_h * w->in_w;
    double *out = (way == FORWARD ? f->out : (double *)f->dout) + o * w->out_h * w->out_w;
    for (int64_t k = 0; k < taps; k++) {
        const double weight = f->weight[at + k];
        if (weight == 0) continue;
        const tap t = tap_at(w, k / w->kernel_w, k % w->kernel_w);
        const double sum = pass(w, &t, way, weight, in, out);
        if (way == SCORE) f->score[at + k] += weight * sum;
    }
}

static void forward_channel(void *arg, int64_t o, int worker)
{
    const pass_job *j = arg;
    const window *w = &j->w;
    (void)worker;
    const float *bias = j->f->param[1] ? j->f->param[1]->value : NULL;
    for (int64_t p = 0; p < w->out_h * w->out_w; p++)
        j->f->out[o * w->out_h * w->out_w + p] = bias ? fabs((double)bias[o]) : 0;
    for (int64_t i = 0; i < w->group_in; i++)
        pass_taps(j, FORWARD, o, i);
}

static void score_channel(void *arg, int64_t o, int worker)
{
    const pass_job *j = arg;
    (void)worker;
    for (int64_t i = 0; i < j->w.group_in; i++)
        pass_taps(j, SCORE, o, i);
}

static void backward_channel(void *arg, int64_t channel, int worker)
{
    const pass_job *j = arg;
    const int64_t first = channel / j->w.group_in * j->w.group_out;
    (void)worker;
    for (int64_t o = first; o < first + j->w.group_out; o++)
        pass_taps(j, BACKWARD, o, channel % j->w.group_in);
}

void wn__node_weight_flow(const wn__node_flow *f)
{
    pass_job j = {f, window_of(f->node, f->from[0])};
    wn__parallel_for(f->threads, j.w.out_c, forward_channel, &j);
}

void wn__node_weight_flow_back(const wn__node_flow *f)
{
    pass_job j = {f, window_of(f->node, f->from[0])};
    if (f->score) wn__parallel_for(f->threads, j.w.out_c, score_channel, &j);
    wn__parallel_for(f->threads, j.w.in_c, backward_channel, &j);
}

double wn__node_filter_sum(const wn__node_constant *c, int64_t k, bool *zero)
{
    const float *w = c->param[0] + k * c->weights;
    double sum = 0;
    *zero = true;
    for (int64_t i = 0; i < c->weights; i++) {
        sum += (double)w[i];
        *zero = *zero && w[i] == 0;
    }
    return sum;
}
