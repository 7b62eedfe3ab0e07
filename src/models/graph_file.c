#include "models/graph_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "io/yaml_doc.h"
#include "nn/graph_nodes.h"

/* Every key that some kind of node has; each kind lists the rows it knows. */
typedef struct node_config {
    const char *name, *as, *share, *out;
    int64_t kernel, kernel_h, kernel_w, stride, pad, groups;
    bool bias;
    double rate, max;
} node_config;

typedef struct reader {
    wn_graph *graph;
    int classes;
    double width;
    bool is_last;       /* the layer of the logits */
    const char **label; /* per node, borrowed from the document; NULL = none */
    int labels, last;
} reader;

typedef struct node_kind {
    const char *name, *summary;
    int inputs;
    const wn__setting *settings;
    int (*build)(reader *r, const node_config *c, const int *from);
} node_kind;

#define LABELS WN_SETTING_TEXT(node_config, as, "", "name of the value, for `from`")
#define NAMED                                                                                    \
    WN_SETTING_TEXT(node_config, name, NULL, "name of the node, prefix of its tensors"), LABELS, \
        WN_SETTING_TEXT(node_config, share, "", "earlier node whose parameters are used")
#define WINDOW(pad_default)                                                    \
    WN_SETTING_INT(node_config, kernel, 2, 1, 1024, "side of the window"),     \
        WN_SETTING_INT(node_config, stride, 2, 1, 1024, "step of the window"), \
        WN_SETTING_INT(node_config, pad, pad_default, 0, 1024, "zeros on each side")

static const wn__setting conv_settings[] = {NAMED,
                                            WN_SETTING_TEXT(node_config, out, NULL, "output channels"),
                                            WN_SETTING_INT(node_config, kernel, 0, 0, 1024, "side of the kernel"),
                                            WN_SETTING_INT(node_config, kernel_h, 0, 0, 1024, "height of the kernel, overrides kernel"),
                                            WN_SETTING_INT(node_config, kernel_w, 0, 0, 1024, "width of the kernel, overrides kernel"),
                                            WN_SETTING_INT(node_config, stride, 1, 1, 1024, "step of the kernel"),
                                            WN_SETTING_INT(node_config, pad, 0, 0, 1024, "zeros on each side"),
                                            WN_SETTING_INT(node_config, groups, 1, 1, 65536, "groups of channels"),
                                            WN_SETTING_BOOL(node_config, bias, false, "add a bias per channel"),
                                            {0}};
static const wn__setting linear_settings[] = {NAMED,
                                              WN_SETTING_TEXT(node_config, out, NULL, "outputs, or \"classes\""),
                                              WN_SETTING_BOOL(node_config, bias, true, "add a bias per output"),
                                              {0}};
static const wn__setting norm_settings[] = {NAMED, {0}};
static const wn__setting relu_settings[] = {
    LABELS, WN_SETTING_FLOAT(node_config, max, 0, 0, 1e30, "upper bound of the output (ReLU6: 6); 0: none"), {0}};
static const wn__setting plain_settings[] = {LABELS, {0}};
static const wn__setting pool_settings[] = {LABELS, WINDOW(0), {0}};
static const wn__setting dropout_settings[] = {LABELS, WN_SETTING_FLOAT(node_config, rate, 0.5, 0, 0.999, "fraction that is dropped"), {0}};

static int multiplied(const reader *r, int channels)
{
    const double wide = floor((double)channels * r->width + 0.5);
    return wide < 1 ? 1 : wide > 1 << 24 ? 1 << 24 : (int)wide;
}

/* "classes" or a number; 0 (which the builder refuses) if neither. */
static int out_of(const reader *r, const node_config *c)
{
    char *end;
    if (!strcmp(c->out, "classes")) return r->classes;
    const long out = strtol(c->out, &end, 10);
    if (*end || out < 1 || out > 1 << 24) return 0;
    return r->is_last ? (int)out : multiplied(r, (int)out);
}

/* Depthwise: as many groups as there are channels now. */
static int groups_of(const reader *r, const node_config *c) { return c->groups > 1 ? multiplied(r, (int)c->groups) : 1; }

static int build_conv(reader *r, const node_config *c, const int *from)
{
    const wn_conv spec = {.out = out_of(r, c),
                          .kernel = (int)c->kernel,
                          .kernel_h = (int)c->kernel_h,
                          .kernel_w = (int)c->kernel_w,
                          .stride = (int)c->stride,
                          .pad = (int)c->pad,
                          .groups = groups_of(r, c),
                          .bias = c->bias};
    return wn_graph_conv(r->graph, from[0], c->name, spec);
}

static int build_linear(reader *r, const node_config *c, const int *from)
{
    return wn_graph_linear(r->graph, from[0], c->name, out_of(r, c), c->bias);
}

static int build_norm(reader *r, const node_config *c, const int *from) { return wn_graph_batch_norm(r->graph, from[0], c->name); }

static int build_relu(reader *r, const node_config *c, const int *from)
{
    return c->max > 0 ? wn_graph_clipped_relu(r->graph, from[0], c->max) : wn_graph_relu(r->graph, from[0]);
}

static int build_add(reader *r, const node_config *c, const int *from)
{
    (void)c;
    return wn_graph_add(r->graph, from[0], from[1]);
}

static int build_max_pool(reader *r, const node_config *c, const int *from)
{
    return wn_graph_max_pool(r->graph, from[0], (int)c->kernel, (int)c->stride, (int)c->pad);
}

static int build_avg_pool(reader *r, const node_config *c, const int *from)
{
    return wn_graph_avg_pool(r->graph, from[0], (int)c->kernel, (int)c->stride, (int)c->pad);
}

static int build_global_pool(reader *r, const node_config *c, const int *from)
{
    (void)c;
    return wn_graph_global_pool(r->graph, from[0]);
}

static int build_dropout(reader *r, const node_config *c, const int *from) { return wn_graph_dropout(r->graph, from[0], c->rate); }

static const node_kind kinds[] = {
    {"conv", "convolution; groups that are all channels make it depthwise", 1, conv_settings, build_conv},
    {"linear", "fully connected layer; images are flattened by channel, row, column", 1, linear_settings, build_linear},
    {"batch_norm", "batch normalization with a learned scale and shift per channel", 1, norm_settings, build_norm},
    {"relu", "the larger of the value and 0", 1, relu_settings, build_relu},
    {"add", "the sum of two values of one shape: from: [a, b]", 2, plain_settings, build_add},
    {"max_pool", "the largest value of each window", 1, pool_settings, build_max_pool},
    {"avg_pool", "the mean of each window", 1, pool_settings, build_avg_pool},
    {"global_pool", "the mean of each channel", 1, plain_settings, build_global_pool},
    {"dropout", "values drop out while training", 1, dropout_settings, build_dropout},
    {0}};

bool wn__graph_file_node(int index, const char **name, const char **summary, const wn__setting **settings)
{
    *name = kinds[index].name;
    *summary = kinds[index].summary;
    *settings = kinds[index].settings;
    return *name != NULL;
}

static wn_status find_kind(const wn__yaml_node *at, const char *name, const node_kind **out)
{
    for (*out = kinds; (*out)->name; (*out)++)
        if (!strcmp((*out)->name, name)) return WN_OK;
    const char *names[sizeof kinds / sizeof *kinds];
    int count = 0;
    for (; kinds[count].name; count++)
        names[count] = kinds[count].name;
    wn__text valid = {0};
    wn__text_add_valid(&valid, name, names, count);
    const wn_status status = wn__yaml_fail(WN_EUSAGE, at, "unknown kind of node \"%s\"%s", name, valid.data ? valid.data : "");
    wn__text_release(&valid);
    return status;
}

/* Index of the node with this label; the newest of equals. */
static wn_status find_label(const reader *r, const wn__yaml_node *at, const char *label, int *out)
{
    for (int i = r->labels - 1; i >= 0; i--)
        if (r->label[i] && !strcmp(r->label[i], label)) {
            *out = i;
            return WN_OK;
        }
    return wn__yaml_fail(WN_EUSAGE, at, "no earlier node is named \"%s\"", label);
}

static wn_status read_from(const reader *r, const wn__yaml_node *at, const wn__yaml_node *from, const node_kind *kind, int *out)
{
    const int given = !from ? 0 : wn__yaml_kind_of(from) == WN__YAML_SCALAR ? 1 : wn__yaml_count(from);
    if (!from && kind->inputs == 1) {
        out[0] = r->last;
        return WN_OK;
    }
    if (given != kind->inputs || wn__yaml_kind_of(from) == WN__YAML_MAPPING)
        return wn__yaml_fail(WN_EUSAGE, from ? from : at, "%s reads %d value(s): from: %s", kind->name, kind->inputs,
                             kind->inputs == 1 ? "name" : "[name, name]");
    for (int i = 0; i < given; i++) {
        const wn__yaml_node *item = wn__yaml_kind_of(from) == WN__YAML_SCALAR ? from : wn__yaml_child(from, i);
        const char *label = wn__yaml_text(item);
        if (!label) return wn__yaml_fail(WN_EUSAGE, item, "`from` wants names of earlier nodes");
        WN_TRY(find_label(r, item, label, &out[i]));
    }
    return WN_OK;
}

static wn_status read_keys(const node_kind *kind, const wn__yaml_node *body, node_config *c, const wn__yaml_node **from)
{
    WN_TRY(wn__settings_defaults(kind->settings, c));
    for (int i = 0; body && i < wn__yaml_count(body); i++) {
        const wn__yaml_node *value = wn__yaml_child(body, i);
        const char *key = wn__yaml_text(wn__yaml_key(body, i)), *text = wn__yaml_text(value);
        if (!strcmp(key, "from")) {
            *from = value;
            continue;
        }
        if (!text) return wn__yaml_fail(WN_EUSAGE, value, "%s: wants a single value", key);
        const wn_status status = wn__settings_set(kind->settings, c, key, text);
        if (status != WN_OK)
            return wn__fail_within(status, "%s:%d:%d: ", wn__yaml_source(value), wn__yaml_line(value), wn__yaml_column(value));
    }
    return WN_OK;
}

static wn_status check_required(const node_kind *kind, const node_config *c, const wn__yaml_node *at)
{
    for (const wn__setting *s = kind->settings; s->name; s++)
        if (!s->fallback && !*(const char *const *)((const char *)c + s->offset))
            return wn__yaml_fail(WN_EUSAGE, at, "%s needs `%s`: %s", kind->name, s->name, s->help);
    return WN_OK;
}

static wn_status add_label(reader *r, const char *label)
{
    const char **grown = wn__realloc(r->label, (size_t)(r->last + 1) * sizeof *grown);
    if (!grown) return wn__no_memory((size_t)(r->last + 1) * sizeof *grown);
    r->label = grown;
    while (r->labels <= r->last)
        grown[r->labels++] = NULL;
    grown[r->last] = label;
    return WN_OK;
}

static const wn__yaml_node *key_of(const wn__yaml_node *item)
{
    if (wn__yaml_kind_of(item) == WN__YAML_SCALAR) return item;
    return wn__yaml_kind_of(item) == WN__YAML_MAPPING && wn__yaml_count(item) == 1 ? wn__yaml_key(item, 0) : NULL;
}

/* Number of the last node with weights; -1: none. */
static int last_layer(const wn__yaml_node *nodes)
{
    int last = -1;
    for (int i = 0; i < wn__yaml_count(nodes); i++) {
        const wn__yaml_node *key = key_of(wn__yaml_child(nodes, i));
        const char *kind = key ? wn__yaml_text(key) : NULL;
        if (kind && (strcmp(kind, "conv") == 0 || strcmp(kind, "linear") == 0)) last = i;
    }
    return last;
}

/* `- kind` or `- kind: {...}`. */
static wn_status read_node(reader *r, const wn__yaml_node *item)
{
    const bool bare = wn__yaml_kind_of(item) == WN__YAML_SCALAR;
    if (!bare && (wn__yaml_kind_of(item) != WN__YAML_MAPPING || wn__yaml_count(item) != 1))
        return wn__yaml_fail(WN_EUSAGE, item, "a node is written `- kind` or `- kind: {key: value, ...}`");
    const wn__yaml_node *key = bare ? item : wn__yaml_key(item, 0), *body = bare ? NULL : wn__yaml_child(item, 0);
    if (body && wn__yaml_kind_of(body) == WN__YAML_SCALAR && !wn__yaml_is_null(body))
        return wn__yaml_fail(WN_EUSAGE, body, "wants a mapping {key: value, ...}");
    const node_kind *kind;
    const wn__yaml_node *from = NULL;
    node_config c = {0};
    int inputs[2];
    WN_TRY(find_kind(key, wn__yaml_text(key), &kind));
    WN_TRY(read_keys(kind, body, &c, &from));
    WN_TRY(check_required(kind, &c, key));
    WN_TRY(read_from(r, key, from, kind, inputs));
    int owner = -1;
    if (c.share && *c.share) WN_TRY(find_label(r, body, c.share, &owner));
    r->last = kind->build(r, &c, inputs);
    if (r->last >= 0 && owner >= 0) r->last = wn_graph_share(r->graph, r->last, owner);
    if (r->last < 0) { /* let the graph say what was wrong */
        const wn_status status = wn_graph_finish(r->graph, -1);
        return wn__fail_within(status, "%s:%d:%d: ", wn__yaml_source(key), wn__yaml_line(key), wn__yaml_column(key));
    }
    return add_label(r, c.as && *c.as ? c.as : c.name && *c.name ? c.name : NULL);
}

static wn_status read_document(const wn__yaml_node *root, reader *r)
{
    if (wn__yaml_kind_of(root) != WN__YAML_MAPPING)
        return wn__yaml_fail(WN_EUSAGE, root, "a network is a mapping with the keys name and nodes");
    for (int i = 0; i < wn__yaml_count(root); i++) {
        const char *key = wn__yaml_text(wn__yaml_key(root, i));
        if (strcmp(key, "name") && strcmp(key, "nodes"))
            return wn__yaml_fail(WN_EUSAGE, wn__yaml_key(root, i), "unknown key \"%s\"; valid: name, nodes", key);
    }
    const wn__yaml_node *nodes = wn__yaml_find(root, "nodes");
    if (!nodes || wn__yaml_kind_of(nodes) != WN__YAML_SEQUENCE || !wn__yaml_count(nodes))
        return wn__yaml_fail(WN_EUSAGE, nodes ? nodes : root, "a network needs a list of nodes");
    r->last = wn_graph_input(r->graph);
    WN_TRY(add_label(r, "input"));
    const int last = last_layer(nodes);
    for (int i = 0; i < wn__yaml_count(nodes); i++) {
        r->is_last = i == last;
        WN_TRY(read_node(r, wn__yaml_child(nodes, i)));
    }
    const wn_status status = wn_graph_finish(r->graph, r->last);
    return status == WN_OK ? status : wn__fail_within(status, "%s: ", wn__yaml_source(root));
}

const wn__setting wn__graph_file_settings[] = {
    WN_SETTING_FLOAT(wn__graph_file_config, width, 1, 0.01, 64, "multiplies the channels of all layers but the last"), {0}};

static wn_status build(const wn__yaml *doc, const wn__graph_file_config *config, wn__model_input input, wn_graph **out)
{
    const wn__yaml_node *root = wn__yaml_root(doc), *name = wn__yaml_find(root, "name");
    reader r = {.graph = wn_graph_new(name && wn__yaml_text(name) ? wn__yaml_text(name) : "network", input.c, input.h, input.w),
                .classes = input.classes,
                .width = config ? config->width : 1};
    const wn_status status = r.graph ? read_document(root, &r) : wn__no_memory(sizeof(void *));
    wn__free(r.label);
    if (status != WN_OK)
        wn_graph_free(r.graph);
    else
        *out = r.graph;
    return status;
}

wn_status wn__graph_file_read(const char *path, const wn__graph_file_config *config, wn__model_input input, wn_graph **out)
{
    wn__yaml *doc;
    WN_TRY(wn__yaml_read(path, &doc));
    const wn_status status = build(doc, config, input, out);
    wn__yaml_free(doc);
    return status;
}

wn_status wn__graph_file_parse(const char *label, const char *text, wn__model_input input, wn_graph **out)
{
    wn__yaml *doc;
    WN_TRY(wn__yaml_parse(label, text, strlen(text), &doc));
    const wn_status status = build(doc, NULL, input, out);
    wn__yaml_free(doc);
    return status;
}

/* ---- writing */

/* Every node is named n<index> unless it has parameters, and so a name. */
static void add_value_name(const wn_graph *g, int node, wn__text *t)
{
    const wn__node *n = &g->node[node];
    if (n->kind == WN__INPUT)
        wn__text_add(t, "input");
    else if (n->param[0] >= 0)
        wn__text_add(t, "\"%s\"", n->name);
    else
        wn__text_add(t, "n%d", node);
}

static void add_kind(const wn_graph *g, const wn__node *n, wn__text *t)
{
    const wn__node *in = &g->node[n->input[0]];
    const bool global = n->kind == WN__AVG_POOL && n->kernel_h == in->h && n->kernel_w == in->w && n->pad == 0;
    switch (n->kind) {
    case WN__CONV:
        wn__text_add(t, "conv: {name: \"%s\", out: %lld, kernel_h: %d, kernel_w: %d, stride: %d, pad: %d, groups: %d, bias: %s", n->name,
                     (long long)n->c, n->kernel_h, n->kernel_w, n->stride, n->pad, n->groups, n->bias ? "true" : "false");
        return;
    case WN__LINEAR:
        wn__text_add(t, "linear: {name: \"%s\", out: %lld, bias: %s", n->name, (long long)n->c, n->bias ? "true" : "false");
        return;
    case WN__BATCH_NORM: wn__text_add(t, "batch_norm: {name: \"%s\"", n->name); return;
    case WN__RELU: wn__text_add(t, "relu: {max: %.9g", (double)n->most); return;
    case WN__ADD: wn__text_add(t, "add: {"); return;
    case WN__DROPOUT: wn__text_add(t, "dropout: {rate: %.9g", (double)n->rate); return;
    case WN__MAX_POOL:
    case WN__AVG_POOL:
        wn__text_add(t, global ? "global_pool: {" : n->kind == WN__MAX_POOL ? "max_pool: {" : "avg_pool: {");
        if (!global) wn__text_add(t, "kernel: %d, stride: %d, pad: %d", n->kernel_h, n->stride, n->pad);
        return;
    case WN__INPUT: return;
    }
}

static void add_node(const wn_graph *g, int node, wn__text *t)
{
    const wn__node *n = &g->node[node];
    const size_t before = t->size;
    wn__text_add(t, "  - ");
    add_kind(g, n, t);
    const char *comma = !t->failed && t->size > before && t->data[t->size - 1] == '{' ? "" : ", ";
    if (n->param[0] < 0) wn__text_add(t, "%sas: n%d, ", comma, node);
    wn__text_add(t, "%sfrom: ", n->param[0] < 0 ? "" : comma);
    if (n->inputs > 1) wn__text_add(t, "[");
    for (int i = 0; i < n->inputs; i++) {
        if (i > 0) wn__text_add(t, ", ");
        add_value_name(g, n->input[i], t);
    }
    if (n->inputs > 1) wn__text_add(t, "]");
    for (int i = 0; i < node; i++) {
        if (n->param[0] < 0 || g->node[i].param[0] != n->param[0]) continue;
        wn__text_add(t, ", share: \"%s\"", g->node[i].name);
        break;
    }
    wn__text_add(t, "}\n");
}

wn_status wn__graph_file_write(const wn_graph *graph, wn__text *out)
{
    wn__text t = {0};
    wn__text_add(&t, "name: \"%s\"\nnodes:\n", graph->name);
    for (int i = 1; i < graph->nodes; i++)
        add_node(graph, i, &t);
    if (graph->output != graph->nodes - 1) {
        wn__text_release(&t);
        return wn__fail(WN_EUNSUPPORTED, "%s: its output is not its last node", graph->name);
    }
    if (t.failed) {
        wn__text_release(&t);
        return wn__no_memory(4096);
    }
    *out = t;
    return WN_OK;
}
