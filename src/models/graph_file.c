#include "models/graph_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "io/yaml_doc.h"
#include "nn/graph_nodes.h"

typedef struct reader {
    wn_graph *graph;
    int classes;
    double width;
    bool is_last;       /* the layer of the logits */
    const char **label; /* per node, borrowed from the document; NULL = none */
    int labels, last;
} reader;

static int multiplied(const reader *r, int channels)
{
    const double wide = floor((double)channels * r->width + 0.5);
    return wide < 1 ? 1 : wide > 1 << 24 ? 1 << 24 : (int)wide;
}

/* "classes" or a number; 0 (which the builder refuses) if neither. */
static int out_of(const reader *r, const wn__node_settings *c)
{
    char *end;
    if (!strcmp(c->out, "classes")) return r->classes;
    const long out = strtol(c->out, &end, 10);
    if (*end || out < 1 || out > 1 << 24) return 0;
    return r->is_last ? (int)out : multiplied(r, (int)out);
}

/* What the network's width makes of a node's settings. Depthwise: as many groups as there are channels now. */
static void widen(const reader *r, wn__node_settings *c)
{
    if (c->out) c->channels = out_of(r, c);
    if (c->groups > 1) c->groups = multiplied(r, (int)c->groups);
}

bool wn__graph_file_node(int index, const char **name, const char **summary, const wn__setting **settings)
{
    const wn__node_kind *const *kind = wn__node_kinds;
    for (; *kind; kind++)
        if ((*kind)->settings && index-- == 0) break;
    *name = *kind ? (*kind)->name : NULL;
    if (!*kind) return false;
    *summary = (*kind)->summary;
    *settings = (*kind)->settings;
    return true;
}

static wn_status find_kind(const wn__yaml_node *at, const char *name, const wn__node_kind **out)
{
    enum { MOST = 64 };
    const char *names[MOST], *summary;
    const wn__setting *settings;
    wn__text valid = {0};
    int count = 0;
    if ((*out = wn__node_kind_find(name))) return WN_OK;
    while (count < MOST && wn__graph_file_node(count, &names[count], &summary, &settings))
        count++;
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

/* "2 value(s): from: [name, name]", "1 to 8 values: from: [name, ...]" */
static wn_status refuse_from(const wn__yaml_node *at, const wn__node_kind *kind)
{
    if (kind->most_inputs > kind->inputs)
        return wn__yaml_fail(WN_EUSAGE, at, "%s reads %d to %d values: from: [name, name, ...]", kind->name, kind->inputs,
                             kind->most_inputs);
    return wn__yaml_fail(WN_EUSAGE, at, "%s reads %d value(s): from: %s", kind->name, kind->inputs,
                         kind->inputs == 1 ? "name" : "[name, name]");
}

static wn_status read_from(const reader *r, const wn__yaml_node *at, const wn__yaml_node *from, const wn__node_kind *kind, int *out,
                           int *inputs)
{
    const int given = !from ? 0 : wn__yaml_kind_of(from) == WN__YAML_SCALAR ? 1 : wn__yaml_count(from);
    const int most = kind->most_inputs ? kind->most_inputs : kind->inputs;
    *inputs = given;
    if (!from && kind->inputs == 1) {
        *inputs = 1;
        out[0] = r->last;
        return WN_OK;
    }
    if (given < kind->inputs || given > most || wn__yaml_kind_of(from) == WN__YAML_MAPPING) return refuse_from(from ? from : at, kind);
    for (int i = 0; i < given; i++) {
        const wn__yaml_node *item = wn__yaml_kind_of(from) == WN__YAML_SCALAR ? from : wn__yaml_child(from, i);
        const char *label = wn__yaml_text(item);
        if (!label) return wn__yaml_fail(WN_EUSAGE, item, "`from` wants names of earlier nodes");
        WN_TRY(find_label(r, item, label, &out[i]));
    }
    return WN_OK;
}

static wn_status read_keys(const wn__node_kind *kind, const wn__yaml_node *body, wn__node_settings *c, const wn__yaml_node **from)
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

static wn_status check_required(const wn__node_kind *kind, const wn__node_settings *c, const wn__yaml_node *at)
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
        const wn__node_kind *found = kind ? wn__node_kind_find(kind) : NULL;
        if (found && (found->traits & WN__NODE_WEIGHS)) last = i;
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
    const wn__node_kind *kind;
    const wn__yaml_node *from = NULL;
    wn__node_settings c = {0};
    int input[WN__INPUTS], inputs;
    WN_TRY(find_kind(key, wn__yaml_text(key), &kind));
    WN_TRY(read_keys(kind, body, &c, &from));
    WN_TRY(check_required(kind, &c, key));
    WN_TRY(read_from(r, key, from, kind, input, &inputs));
    int owner = -1;
    if (c.share && *c.share) WN_TRY(find_label(r, body, c.share, &owner));
    widen(r, &c);
    r->last = wn__graph_add(r->graph, kind, input, inputs, &c);
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

static bool is_named(const wn__node *n) { return n->kind->param[0].suffix != NULL; }

/* Every node is called n<index> unless it has parameters, and so a name. */
static void add_value_name(const wn_graph *g, int node, wn__text *t)
{
    const wn__node *n = &g->node[node];
    if (wn__node_has(n, WN__NODE_IS_INPUT))
        wn__text_add(t, "input");
    else if (is_named(n))
        wn__text_add(t, "\"%s\"", n->name);
    else
        wn__text_add(t, "n%d", node);
}

static void add_value(const wn__setting *row, const wn__node_settings *s, wn__text *t)
{
    const void *at = (const char *)s + row->offset;
    wn__text_add(t, "%s: ", row->name);
    if (row->type == WN__SETTING_TEXT)
        wn__text_add(t, "%lld", (long long)s->channels); /* `out` */
    else if (row->type == WN__SETTING_BOOL)
        wn__text_add(t, *(const bool *)at ? "true" : "false");
    else if (row->type == WN__SETTING_INT)
        wn__text_add(t, "%lld", (long long)*(const int64_t *)at);
    else
        wn__text_add(t, "%.9g", *(const double *)at);
}

/* Of two settings structs; numbers as the node keeps them. */
static bool is_same(const wn__setting *row, const wn__node_settings *a, const wn__node_settings *b)
{
    const char *x = (const char *)a + row->offset, *y = (const char *)b + row->offset;
    if (row->type == WN__SETTING_BOOL) return *(const bool *)x == *(const bool *)y;
    if (row->type == WN__SETTING_INT) return *(const int64_t *)x == *(const int64_t *)y;
    return (float)*(const double *)x == (float)*(const double *)y;
}

static bool is_always(const wn__node_kind *kind, const char *name)
{
    const size_t length = strlen(name);
    for (const char *at = kind->always ? strstr(kind->always, name) : NULL; at; at = strstr(at + 1, name))
        if ((at == kind->always || at[-1] == ' ') && (at[length] == ' ' || !at[length])) return true;
    return false;
}

/* Settings that the node has; those at their defaults are left out, unless the kind names them. */
static wn_status add_settings(const wn__node_kind *kind, const wn__node_settings *s, wn__text *t)
{
    wn__node_settings usual = {0};
    bool first = !s->name;
    WN_TRY(wn__settings_defaults(kind->settings, &usual));
    if (s->name) wn__text_add(t, "name: \"%s\"", s->name);
    for (const wn__setting *row = kind->settings; row->name; row++) {
        const bool out = strcmp(row->name, "out") == 0;
        if (!out && (row->type == WN__SETTING_TEXT || (is_same(row, s, &usual) && !is_always(kind, row->name)))) continue;
        wn__text_add(t, first ? "" : ", ");
        add_value(row, s, t);
        first = false;
    }
    return WN_OK;
}

static wn_status add_node(const wn_graph *g, int node, wn__text *t)
{
    const wn__node *n = &g->node[node];
    wn__node_settings s;
    const wn__node_kind *kind = wn__graph_describe(g, node, &s);
    wn__text_add(t, "  - %s: {", kind->name);
    WN_TRY(add_settings(kind, &s, t));
    const char *comma = !t->failed && t->data[t->size - 1] == '{' ? "" : ", ";
    if (!is_named(n)) wn__text_add(t, "%sas: n%d, ", comma, node);
    wn__text_add(t, "%sfrom: ", is_named(n) ? comma : "");
    if (n->inputs > 1) wn__text_add(t, "[");
    for (int i = 0; i < n->inputs; i++) {
        if (i > 0) wn__text_add(t, ", ");
        add_value_name(g, n->input[i], t);
    }
    if (n->inputs > 1) wn__text_add(t, "]");
    const int owner = wn__graph_owner(g, node);
    if (owner != node) wn__text_add(t, ", share: \"%s\"", g->node[owner].name);
    wn__text_add(t, "}\n");
    return WN_OK;
}

static wn_status add_nodes(const wn_graph *g, wn__text *t)
{
    if (g->output != g->nodes - 1) return wn__fail(WN_EUNSUPPORTED, "%s: its output is not its last node", g->name);
    wn__text_add(t, "name: \"%s\"\nnodes:\n", g->name);
    for (int i = 1; i < g->nodes; i++)
        WN_TRY(add_node(g, i, t));
    return t->failed ? wn__no_memory(4096) : WN_OK;
}

wn_status wn__graph_file_write(const wn_graph *graph, wn__text *out)
{
    wn__text t = {0};
    const wn_status status = add_nodes(graph, &t);
    if (status != WN_OK)
        wn__text_release(&t);
    else
        *out = t;
    return status;
}
