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
    snprintf(fallback, sizeof fallback, "%s%d", node.kind->name, g->nodes);
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

static bool add_params(wn_graph *g, int id)
{
    for (int slot = 0; slot < WN__NODE_PARAMS; slot++) {
        const wn__node *node = &g->node[id];
        const wn__node_param *p = &node->kind->param[slot];
        int64_t dim[4] = {node->c};
        if (!p->suffix) break;
        if (p->role == WN__BIAS && !node->bias) continue;
        const int ndim = node->kind->dims ? node->kind->dims(node, &g->node[node->input[0]], slot, dim) : 1;
        if (!add_param(g, id, slot, p->suffix, p->role, ndim, dim)) return false;
    }
    return true;
}

static bool check_inputs(wn_graph *g, const wn__node_kind *kind, const char *user, int inputs)
{
    const int most = kind->most_inputs ? kind->most_inputs : kind->inputs;
    if (inputs >= kind->inputs && inputs <= most) return true;
    return WN__NODE_REFUSE(g, "%s: %d inputs, a %s has %d to %d", user, inputs, kind->name, kind->inputs, most);
}

int wn__graph_add(wn_graph *g, const wn__node_kind *kind, const int *input, int inputs, const wn__node_settings *s)
{
    const char *user = shown(s->name, kind->name);
    const wn__node *in[WN__INPUTS] = {NULL};
    wn__node node = {.kind = kind, .inputs = inputs};
    if (!g || g->status != WN_OK || !check_inputs(g, kind, user, inputs)) return -1;
    for (int k = 0; k < inputs; k++) {
        if (!(in[k] = input_node(g, input[k], user))) return -1;
        node.input[k] = input[k];
    }
    if (!kind->make(g, in, s, &node)) return -1;
    const int id = add_node(g, node, s->name);
    return id >= 0 && add_params(g, id) ? id : -1;
}

const wn__node_kind *wn__graph_describe(const wn_graph *g, int node, wn__node_settings *s)
{
    const wn__node *n = &g->node[node];
    *s = (wn__node_settings){.name = n->kind->param[0].suffix ? n->name : NULL, .channels = n->c};
    return n->kind->describe ? n->kind->describe(g, n, s) : n->kind;
}

int wn__graph_owner(const wn_graph *g, int node)
{
    for (int i = 0; i < node; i++)
        if (g->node[node].param[0] >= 0 && g->node[i].param[0] == g->node[node].param[0]) return i;
    return node;
}

/* Drop parameter `index`, moving later ones down. */
static void remove_param(wn_graph *g, int index)
{
    wn__free(g->param[index].name);
    memmove(&g->param[index], &g->param[index + 1], (size_t)(g->params - index - 1) * sizeof *g->param);
    g->params--;
    for (int i = 0; i < g->nodes; i++)
        for (int s = 0; s < WN__NODE_PARAMS; s++)
            if (g->node[i].param[s] > index) g->node[i].param[s]--;
}

int wn_graph_share(wn_graph *g, int node, int owner)
{
    if (!input_node(g, node, "share") || !input_node(g, owner, "share")) return -1;
    wn__node *a = &g->node[node];
    const wn__node *b = &g->node[owner];
    if (a->kind != b->kind || node == owner) return REFUSE(g, "share: %s and %s must be two nodes of one kind", a->name, b->name);
    for (int s = 0; s < WN__NODE_PARAMS; s++) {
        const int mine = a->param[s], theirs = b->param[s];
        if ((mine < 0) != (theirs < 0) || (mine >= 0 && memcmp(g->param[mine].dim, g->param[theirs].dim, sizeof g->param[mine].dim)))
            return REFUSE(g, "share: the parameters of %s and %s differ in shape", a->name, b->name);
    }
    for (int s = 0; s < WN__NODE_PARAMS; s++) {
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

int wn__graph_weight(const wn_graph *g, int node)
{
    const wn__node *n = &g->node[node];
    for (int s = 0; s < WN__NODE_PARAMS; s++)
        if (n->param[s] >= 0 && g->param[n->param[s]].role == WN__WEIGHT) return n->param[s];
    return -1;
}

int64_t wn__graph_uses_per_weight(const wn_graph *g, int param)
{
    int64_t uses = 0;
    for (int i = 0; i < g->nodes; i++)
        if (wn__graph_weight(g, i) == param) uses += g->node[i].h * g->node[i].w;
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
