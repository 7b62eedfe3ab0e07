#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "nn/graph_nodes.h"

/* Sizes that no machine holds are refused while building, so that products of sizes never overflow: values of an image's activation or of a weight, and
 * multiply-adds of an image through the whole network. */
static const int64_t most_values = (int64_t)1 << 40, most_work = (int64_t)1 << 60;

wn_graph *wn_graph_new(const char *name, int channels, int height, int width)
{
    wn_graph *g = WN_NEW(wn_graph);
    if (!g) return NULL;
    g->name = wn__strdup(name && *name ? name : "network");
    g->c = channels;
    g->h = height;
    g->w = width;
    g->output = -1;
    if (!g->name) {
        wn_graph_free(g);
        return NULL;
    }
    return g;
}

void wn_graph_free(wn_graph *g)
{
    if (!g) return;
    for (int i = 0; i < g->nodes; i++)
        wn__free(g->node[i].name);
    for (int i = 0; i < g->params; i++)
        wn__free(g->param[i].name);
    wn__free(g->node);
    wn__free(g->param);
    wn__free(g->name);
    wn__free(g->message);
    wn__free(g);
}

int wn__graph_refuse(wn_graph *g, wn_status status)
{
    if (g->status == WN_OK) {
        g->status = status;
        g->message = wn__strdup(wn_error_message());
    }
    return -1;
}

#define REFUSE(g, ...) wn__graph_refuse((g), wn__fail(WN_EINVAL, __VA_ARGS__))

static const char *kind_name(wn__node_kind kind)
{
    static const char *const names[] = {[WN__INPUT] = "input",           [WN__CONV] = "conv",         [WN__LINEAR] = "linear",
                                        [WN__BATCH_NORM] = "batch_norm", [WN__RELU] = "relu",         [WN__ADD] = "add",
                                        [WN__MAX_POOL] = "max_pool",     [WN__AVG_POOL] = "avg_pool", [WN__DROPOUT] = "dropout"};
    return names[kind];
}

/* a * b, or most_work if that is less: for sizes >= 0. */
static int64_t product(int64_t a, int64_t b)
{
    int64_t result;
    return __builtin_mul_overflow(a, b, &result) || result > most_work ? most_work : result;
}

static int64_t spec_count(const wn__param_spec *p)
{
    int64_t count = 1;
    for (int i = 0; i < p->ndim; i++)
        count = product(count, p->dim[i]);
    return count;
}

/* A node's name in messages, before it has one. */
static const char *shown(const char *name, const char *kind) { return name && *name ? name : kind; }

/* The node that input `x` names, or NULL after an error was kept. */
static const wn__node *input_node(wn_graph *g, int x, const char *user)
{
    if (!g || g->status != WN_OK) return NULL;
    if (g->finished) {
        REFUSE(g, "%s: graph %s is finished, no node can be added", user, g->name);
        return NULL;
    }
    if (x < 0 || x >= g->nodes) {
        REFUSE(g, "%s: input %d is not a node, must be 0..%d", user, x, g->nodes - 1);
        return NULL;
    }
    return &g->node[x];
}

/* Appends a copy of `node` under `name` (NULL: "<kind><index>"); its index or -1. */
static int add_node(wn_graph *g, wn__node node, const char *name)
{
    char fallback[40];
    snprintf(fallback, sizeof fallback, "%s%d", kind_name(node.kind), g->nodes);
    if (!name || !*name) name = fallback;
    if (strlen(name) > WN__LONGEST_NODE_NAME)
        return REFUSE(g, "%.40s...: a name of %zu letters; names of nodes have at most %d", name, strlen(name), WN__LONGEST_NODE_NAME);
    if (node.c < 1 || node.h < 1 || node.w < 1)
        return REFUSE(g, "%s: output would be %lld x %lld x %lld; the image is too small for this network", name, (long long)node.c,
                      (long long)node.h, (long long)node.w);
    if (product(product(node.c, node.h), node.w) > most_values)
        return REFUSE(g, "%s: output would be %lld x %lld x %lld, which is more than 2^40 values", name, (long long)node.c,
                      (long long)node.h, (long long)node.w);
    const wn_status status = wn__make_room(&g->node, g->nodes, sizeof *g->node);
    if (status != WN_OK) return wn__graph_refuse(g, status);
    node.name = wn__strdup(name);
    if (!node.name) return wn__graph_refuse(g, wn__no_memory(strlen(name)));
    memset(node.param, -1, sizeof node.param);
    g->node[g->nodes] = node;
    return g->nodes++;
}

/* Counts the work of a new weight. */
static bool add_work(wn_graph *g, const wn__node *node, const wn__param_spec *weight)
{
    const int64_t count = spec_count(weight), work = product(count, node->h * node->w);
    if (count <= most_values && work <= most_work - g->work) {
        g->work += work;
        return true;
    }
    REFUSE(g,
           "%s: a weight of %lld values or more, used %lld times an image, is too large: 2^40 values and 2^60 multiply-adds are the limits",
           node->name, (long long)count, (long long)(node->h * node->w));
    return false;
}

static bool add_param(wn_graph *g, int node, int slot, const char *suffix, wn__param_role role, int ndim, const int64_t *dim)
{
    char name[WN__LONGEST_NODE_NAME + 40];
    snprintf(name, sizeof name, "%s.%s", g->node[node].name, suffix);
    for (int i = 0; i < g->params; i++)
        if (!strcmp(g->param[i].name, name)) {
            REFUSE(g, "two nodes are named %s; names of parameters must differ", g->node[node].name);
            return false;
        }
    const wn_status status = wn__make_room(&g->param, g->params, sizeof *g->param);
    if (status != WN_OK) {
        wn__graph_refuse(g, status);
        return false;
    }
    wn__param_spec *p = &g->param[g->params];
    *p = (wn__param_spec){.name = wn__strdup(name), .role = role, .ndim = ndim};
    if (!p->name) {
        wn__graph_refuse(g, wn__no_memory(strlen(name)));
        return false;
    }
    memcpy(p->dim, dim, (size_t)ndim * sizeof *dim);
    g->node[node].param[slot] = g->params++;
    return role != WN__WEIGHT || add_work(g, &g->node[node], p);
}

int wn_graph_input(wn_graph *g)
{
    if (!g || g->status != WN_OK) return -1;
    if (g->nodes) return REFUSE(g, "graph %s: the input must be its first node", g->name);
    return add_node(g, (wn__node){.kind = WN__INPUT, .c = g->c, .h = g->h, .w = g->w}, "input");
}

static int64_t window_count(int64_t size, int64_t kernel, int64_t stride, int64_t pad)
{
    return size + 2 * pad < kernel ? 0 : (size + 2 * pad - kernel) / stride + 1;
}

int wn_graph_conv(wn_graph *g, int x, const char *name, wn_conv s)
{
    const wn__node *in = input_node(g, x, shown(name, "conv"));
    if (!in) return -1;
    const int kh = s.kernel_h ? s.kernel_h : s.kernel, kw = s.kernel_w ? s.kernel_w : s.kernel;
    const int stride = s.stride ? s.stride : 1, groups = s.groups ? s.groups : 1;
    if (s.out < 1 || kh < 1 || kw < 1 || stride < 1 || s.pad < 0 || groups < 1)
        return REFUSE(g, "%s: out %d, kernel %d x %d, stride %d, groups %d must be > 0 and pad %d >= 0", shown(name, "conv"), s.out, kh, kw,
                      stride, groups, s.pad);
    if (in->c % groups || s.out % groups)
        return REFUSE(g, "%s: %d groups must divide %lld input and %d output channels", shown(name, "conv"), groups, (long long)in->c,
                      s.out);
    const int64_t weight[4] = {s.out, in->c / groups, kh, kw}, out = s.out;
    const int id = add_node(g,
                            (wn__node){.kind = WN__CONV,
                                       .input = {x},
                                       .inputs = 1,
                                       .c = s.out,
                                       .h = window_count(in->h, kh, stride, s.pad),
                                       .w = window_count(in->w, kw, stride, s.pad),
                                       .kernel_h = kh,
                                       .kernel_w = kw,
                                       .stride = stride,
                                       .pad = s.pad,
                                       .groups = groups,
                                       .bias = s.bias},
                            name);
    if (id < 0 || !add_param(g, id, 0, "weight", WN__WEIGHT, 4, weight)) return -1;
    if (s.bias && !add_param(g, id, 1, "bias", WN__BIAS, 1, &out)) return -1;
    return id;
}

int wn_graph_linear(wn_graph *g, int x, const char *name, int out, bool bias)
{
    const wn__node *in = input_node(g, x, shown(name, "linear"));
    if (!in) return -1;
    if (out < 1) return REFUSE(g, "%s: out %d must be > 0", shown(name, "linear"), out);
    const int64_t weight[2] = {out, in->c * in->h * in->w}, bias_dim = out;
    const int id = add_node(g, (wn__node){.kind = WN__LINEAR, .input = {x}, .inputs = 1, .c = out, .h = 1, .w = 1, .bias = bias}, name);
    if (id < 0 || !add_param(g, id, 0, "weight", WN__WEIGHT, 2, weight)) return -1;
    if (bias && !add_param(g, id, 1, "bias", WN__BIAS, 1, &bias_dim)) return -1;
    return id;
}

int wn_graph_batch_norm(wn_graph *g, int x, const char *name)
{
    const wn__node *in = input_node(g, x, shown(name, "batch_norm"));
    if (!in) return -1;
    static const struct {
        const char *suffix;
        wn__param_role role;
    } parts[4] = {{"weight", WN__SCALE}, {"bias", WN__SHIFT}, {"running_mean", WN__MEAN}, {"running_var", WN__VARIANCE}};
    const int64_t channels = in->c;
    const int id = add_node(
        g,
        (wn__node){.kind = WN__BATCH_NORM, .input = {x}, .inputs = 1, .c = in->c, .h = in->h, .w = in->w, .eps = 1e-5f, .momentum = 0.1f},
        name);
    for (int i = 0; i < 4; i++)
        if (id < 0 || !add_param(g, id, i, parts[i].suffix, parts[i].role, 1, &channels)) return -1;
    return id;
}

static wn__node with_shape_of(wn__node node, const wn__node *in)
{
    node.c = in->c;
    node.h = in->h;
    node.w = in->w;
    return node;
}

static int add_relu(wn_graph *g, int x, double most)
{
    const wn__node *in = input_node(g, x, "relu");
    const wn__node node = {.kind = WN__RELU, .input = {x}, .inputs = 1, .most = (float)most};
    return in ? add_node(g, with_shape_of(node, in), NULL) : -1;
}

int wn_graph_relu(wn_graph *g, int x) { return add_relu(g, x, 0); }

int wn_graph_clipped_relu(wn_graph *g, int x, double most)
{
    if (g && g->status == WN_OK && !(most > 0 && isfinite((float)most) && (float)most > 0))
        return REFUSE(g, "relu: upper bound %g, must be > 0", most);
    return add_relu(g, x, most);
}

int wn_graph_add(wn_graph *g, int x, int y)
{
    const wn__node *a = input_node(g, x, "add"), *b = input_node(g, y, "add");
    if (!a || !b) return -1;
    if (a->c != b->c || a->h != b->h || a->w != b->w)
        return REFUSE(g, "add: %s is %lld x %lld x %lld, %s is %lld x %lld x %lld; shapes must be equal", a->name, (long long)a->c,
                      (long long)a->h, (long long)a->w, b->name, (long long)b->c, (long long)b->h, (long long)b->w);
    return add_node(g, (wn__node){.kind = WN__ADD, .input = {x, y}, .inputs = 2, .c = a->c, .h = a->h, .w = a->w}, NULL);
}

static int add_pool(wn_graph *g, int x, wn__node_kind kind, int kh, int kw, int stride, int pad)
{
    const wn__node *in = input_node(g, x, kind_name(kind));
    if (!in) return -1;
    if (kh < 1 || kw < 1 || stride < 1 || pad < 0 || pad > kh / 2 || pad > kw / 2)
        return REFUSE(g, "%s: kernel %d x %d and stride %d must be > 0, pad %d at most half the kernel", kind_name(kind), kh, kw, stride,
                      pad);
    return add_node(g,
                    (wn__node){.kind = kind,
                               .input = {x},
                               .inputs = 1,
                               .c = in->c,
                               .h = window_count(in->h, kh, stride, pad),
                               .w = window_count(in->w, kw, stride, pad),
                               .kernel_h = kh,
                               .kernel_w = kw,
                               .stride = stride,
                               .pad = pad},
                    NULL);
}

int wn_graph_max_pool(wn_graph *g, int x, int kernel, int stride, int pad)
{
    return add_pool(g, x, WN__MAX_POOL, kernel, kernel, stride, pad);
}

int wn_graph_avg_pool(wn_graph *g, int x, int kernel, int stride, int pad)
{
    return add_pool(g, x, WN__AVG_POOL, kernel, kernel, stride, pad);
}

int wn_graph_global_pool(wn_graph *g, int x)
{
    const wn__node *in = input_node(g, x, "global_pool");
    return in ? add_pool(g, x, WN__AVG_POOL, (int)in->h, (int)in->w, 1, 0) : -1;
}

int wn_graph_dropout(wn_graph *g, int x, double rate)
{
    const wn__node *in = input_node(g, x, "dropout");
    if (!in) return -1;
    if (!(rate >= 0 && rate < 1)) return REFUSE(g, "dropout: rate %g must be in [0, 1)", rate);
    return add_node(g, (wn__node){.kind = WN__DROPOUT, .input = {x}, .inputs = 1, .c = in->c, .h = in->h, .w = in->w, .rate = (float)rate},
                    NULL);
}

/* Drop parameter `index`, moving later ones down. */
static void remove_param(wn_graph *g, int index)
{
    wn__free(g->param[index].name);
    memmove(&g->param[index], &g->param[index + 1], (size_t)(g->params - index - 1) * sizeof *g->param);
    g->params--;
    for (int i = 0; i < g->nodes; i++)
        for (int s = 0; s < 4; s++)
            if (g->node[i].param[s] > index) g->node[i].param[s]--;
}

int wn_graph_share(wn_graph *g, int node, int owner)
{
    if (!input_node(g, node, "share") || !input_node(g, owner, "share")) return -1;
    wn__node *a = &g->node[node];
    const wn__node *b = &g->node[owner];
    if (a->kind != b->kind || node == owner) return REFUSE(g, "share: %s and %s must be two nodes of one kind", a->name, b->name);
    for (int s = 0; s < 4; s++) {
        const int mine = a->param[s], theirs = b->param[s];
        if ((mine < 0) != (theirs < 0) || (mine >= 0 && memcmp(g->param[mine].dim, g->param[theirs].dim, sizeof g->param[mine].dim)))
            return REFUSE(g, "share: the parameters of %s and %s differ in shape", a->name, b->name);
    }
    for (int s = 0; s < 4; s++) {
        const int mine = a->param[s];
        if (mine < 0 || mine == b->param[s]) continue;
        a->param[s] = b->param[s];
        remove_param(g, mine);
    }
    return node;
}

wn_status wn_graph_finish(wn_graph *g, int output)
{
    if (!g) return wn__fail(WN_ENOMEM, "no graph: out of memory");
    if (g->status == WN_OK && (output < 0 || output >= g->nodes)) REFUSE(g, "graph %s: output %d is not a node", g->name, output);
    if (g->status == WN_OK && (g->node[output].h != 1 || g->node[output].w != 1))
        REFUSE(g, "graph %s: its output %s must be logits (k, 1, 1), but is %lld x %lld x %lld", g->name, g->node[output].name,
               (long long)g->node[output].c, (long long)g->node[output].h, (long long)g->node[output].w);
    if (g->status != WN_OK) return wn__fail(g->status, "%s", g->message ? g->message : "out of memory");
    g->output = output;
    g->finished = true;
    return WN_OK;
}

const char *wn_graph_name(const wn_graph *g) { return g ? g->name : ""; }

int64_t wn_graph_parameter_count(const wn_graph *g)
{
    int64_t total = 0;
    for (int i = 0; g && g->status == WN_OK && i < g->params; i++)
        if (wn__role_is_trained(g->param[i].role)) total += spec_count(&g->param[i]);
    return total;
}

int64_t wn__graph_uses_per_weight(const wn_graph *g, int param)
{
    int64_t uses = 0;
    for (int i = 0; i < g->nodes; i++)
        if (g->node[i].param[0] == param && g->param[param].role == WN__WEIGHT) uses += g->node[i].h * g->node[i].w;
    return uses;
}

int64_t wn_graph_forward_flops(const wn_graph *g)
{
    int64_t flops = 0;
    for (int i = 0; g && g->status == WN_OK && i < g->params; i++)
        flops += 2 * spec_count(&g->param[i]) * wn__graph_uses_per_weight(g, i);
    return flops;
}

int64_t wn__graph_classes(const wn_graph *g) { return g->node[g->output].c; }

static wn_status make_param(const wn__param_spec *spec, wn__pattern *pattern, wn__params *set)
{
    if (!pattern || pattern->rows == 0)
        WN_TRY(wn__params_add(set, spec->name, spec->role, spec->ndim, spec->dim));
    else if (spec->role == WN__WEIGHT)
        WN_TRY(wn__params_add_compressed(set, spec->name, spec->ndim, spec->dim, pattern));
    else
        return wn__fail(WN_EINVAL, "parameter %s is no weight of a layer and takes no pattern", spec->name);
    wn__param *p = &set->item[set->count - 1];
    if (spec->role == WN__SCALE || spec->role == WN__VARIANCE)
        for (int64_t k = 0; k < p->stored; k++)
            p->value[k] = 1.0f;
    return WN_OK;
}

wn_status wn__graph_make_params(const wn_graph *g, wn__params *out) { return wn__graph_make_sparse_params(g, NULL, out); }

wn_status wn__graph_make_sparse_params(const wn_graph *g, wn__pattern *pattern, wn__params *out)
{
    wn__params set = {0};
    for (int i = 0; i < g->params; i++) {
        const wn_status status = make_param(&g->param[i], pattern ? &pattern[i] : NULL, &set);
        if (status != WN_OK) {
            wn__params_release(&set);
            return status;
        }
    }
    *out = set;
    return WN_OK;
}
