/* Convolution as in PyTorch: groups, zeros around the image. */
#include "nn/graph_nodes.h"
#include "nn/node_window.h"

extern const wn__node_kind wn__node_conv;

static const wn__setting settings[] = {WN__NODE_NAMED,
                                       WN_SETTING_TEXT(wn__node_settings, out, NULL, "output channels"),
                                       WN_SETTING_INT(wn__node_settings, kernel, 0, 0, 1024, "side of the kernel"),
                                       WN_SETTING_INT(wn__node_settings, kernel_h, 0, 0, 1024, "height of the kernel, overrides kernel"),
                                       WN_SETTING_INT(wn__node_settings, kernel_w, 0, 0, 1024, "width of the kernel, overrides kernel"),
                                       WN_SETTING_INT(wn__node_settings, stride, 1, 1, 1024, "step of the kernel"),
                                       WN_SETTING_INT(wn__node_settings, pad, 0, 0, 1024, "zeros on each side"),
                                       WN_SETTING_INT(wn__node_settings, groups, 1, 1, 65536, "groups of channels"),
                                       WN_SETTING_BOOL(wn__node_settings, bias, false, "add a bias per channel"),
                                       {0}};

static bool make(wn_graph *g, const wn__node *const *in, const wn__node_settings *s, wn__node *node)
{
    const char *name = s->name && *s->name ? s->name : node->kind->name;
    const int out = (int)s->channels, kh = (int)(s->kernel_h ? s->kernel_h : s->kernel), kw = (int)(s->kernel_w ? s->kernel_w : s->kernel);
    const int stride = (int)s->stride, pad = (int)s->pad, groups = (int)s->groups;
    if (out < 1 || kh < 1 || kw < 1 || stride < 1 || pad < 0 || groups < 1)
        return WN__NODE_REFUSE(g, "%s: out %d, kernel %d x %d, stride %d, groups %d must be > 0 and pad %d >= 0", name, out, kh, kw, stride,
                               groups, pad);
    if (in[0]->c % groups || out % groups)
        return WN__NODE_REFUSE(g, "%s: %d groups must divide %lld input and %d output channels", name, groups, (long long)in[0]->c, out);
    node->c = out;
    node->h = wn__node_window_count(in[0]->h, kh, stride, pad);
    node->w = wn__node_window_count(in[0]->w, kw, stride, pad);
    node->kernel_h = kh;
    node->kernel_w = kw;
    node->stride = stride;
    node->pad = pad;
    node->groups = groups;
    node->bias = s->bias;
    return true;
}

static const wn__node_kind *describe(const wn_graph *g, const wn__node *n, wn__node_settings *s)
{
    (void)g;
    s->kernel_h = n->kernel_h;
    s->kernel_w = n->kernel_w;
    s->stride = n->stride;
    s->pad = n->pad;
    s->groups = n->groups;
    s->bias = n->bias;
    return n->kind;
}

int wn_graph_conv(wn_graph *g, int x, const char *name, wn_conv c)
{
    const wn__node_settings s = {.name = name,
                                 .channels = c.out,
                                 .kernel = c.kernel,
                                 .kernel_h = c.kernel_h,
                                 .kernel_w = c.kernel_w,
                                 .stride = c.stride ? c.stride : 1,
                                 .pad = c.pad,
                                 .groups = c.groups ? c.groups : 1,
                                 .bias = c.bias};
    return wn__graph_add(g, &wn__node_conv, &x, 1, &s);
}

static int dims(const wn__node *n, const wn__node *in, int slot, int64_t dim[4])
{
    dim[0] = n->c;
    if (slot > 0) return 1;
    dim[1] = in->c / n->groups;
    dim[2] = n->kernel_h;
    dim[3] = n->kernel_w;
    return 4;
}

static double constant(const wn__node_constant *c, int64_t k)
{
    bool zero;
    const double sum = wn__node_filter_sum(c, k, &zero), bias = c->param[1] ? (double)c->param[1][k] : 0;
    if (zero) return bias;
    return wn__node_is_depthwise(c->node, c->from) ? wn__node_inside(c->node, c->in[0][k]) * sum + bias : (double)NAN;
}

const wn__node_kind wn__node_conv = {
    .name = "conv",
    .summary = "convolution; groups that are all channels make it depthwise",
    .inputs = 1,
    .settings = settings,
    .always = "kernel_h kernel_w stride pad groups bias",
    .param = {{"weight", WN__WEIGHT}, {"bias", WN__BIAS}},
    .traits = WN__NODE_WEIGHS | WN__NODE_WINDOWS | WN__NODE_TAKES_RELU | WN__NODE_TAKES_NORM,
    .op = WN__OP_CONV,
    .channels = WN__CHANNELS_START,
    .layers = "convolutions",
    .make = make,
    .describe = describe,
    .dims = dims,
    .flow = wn__node_weight_flow,
    .flow_back = wn__node_weight_flow_back,
    .constant = constant,
};
