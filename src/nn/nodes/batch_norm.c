/* Batch normalization (Ioffe and Szegedy 2015): eps 1e-5, running statistics move by 0.1 a step, variance unbiased, as in PyTorch. */
#include "nn/graph_nodes.h"

extern const wn__node_kind wn__node_batch_norm;

static const wn__setting settings[] = {WN__NODE_NAMED, {0}};

static bool make(wn_graph *g, const wn__node *const *in, const wn__node_settings *s, wn__node *node)
{
    node->eps = 1e-5f;
    node->momentum = 0.1f;
    return wn__node_keep_shape(g, in, s, node);
}

int wn_graph_batch_norm(wn_graph *g, int x, const char *name)
{
    return wn__graph_add(g, &wn__node_batch_norm, &x, 1, &(wn__node_settings){.name = name});
}

/* y = (x - |mean|) |scale| / sqrt(variance + eps) + |shift| */
static double factor(const wn__node_flow *f, int64_t c)
{
    return fabs((double)f->param[0]->value[c]) / sqrt(fabs((double)f->param[3]->value[c]) + (double)f->node->eps);
}

static void flow(const wn__node_flow *f)
{
    const int64_t plane = f->node->h * f->node->w;
    for (int64_t c = 0; c < f->node->c; c++) {
        const double mean = fabs((double)f->param[2]->value[c]), shift = fabs((double)f->param[1]->value[c]), by = factor(f, c);
        for (int64_t p = c * plane; p < (c + 1) * plane; p++)
            f->out[p] = (f->in[0][p] - mean) * by + shift;
    }
}

static void flow_back(const wn__node_flow *f)
{
    const int64_t plane = f->node->h * f->node->w;
    for (int64_t c = 0; c < f->node->c; c++)
        for (int64_t p = c * plane; p < (c + 1) * plane; p++)
            f->din[0][p] += f->dout[p] * factor(f, c);
}

static double constant(const wn__node_constant *c, int64_t k)
{
    const double scale = (double)c->param[0][k], shift = (double)c->param[1][k];
    if (scale == 0) return shift;
    return scale * (c->in[0][k] - (double)c->param[2][k]) / sqrt((double)c->param[3][k] + (double)c->node->eps) + shift;
}

const wn__node_kind wn__node_batch_norm = {
    .name = "batch_norm",
    .summary = "batch normalization with a learned scale and shift per channel",
    .inputs = 1,
    .settings = settings,
    .param = {{"weight", WN__SCALE}, {"bias", WN__SHIFT}, {"running_mean", WN__MEAN}, {"running_var", WN__VARIANCE}},
    .traits = WN__NODE_IS_NORM | WN__NODE_TAKES_RELU | WN__NODE_TAKES_SUM,
    .op = WN__OP_NORM,
    .channels = WN__CHANNELS_PASS,
    .make = make,
    .flow = flow,
    .flow_back = flow_back,
    .constant = constant,
};
