#include "io/yaml_doc.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "base/locale.h"

#define MAX_NODES 100000
#define MAX_DEPTH 64

struct wn__yaml_node {
    wn__yaml_kind kind;
    int line, column;
    const char *source; /* owned by the document */
    char *text;         /* scalar */
    bool quoted;
    int count;
    wn__yaml_node **keys, **children; /* mapping: both; sequence: children */
    wn__yaml_node *next;              /* all nodes of a document, for freeing */
};

typedef struct yaml_source {
    struct yaml_source *next;
    char name[];
} yaml_source;

struct wn__yaml {
    wn__yaml_node *root, *all;
    yaml_source *sources;
    int nodes;
};

/* ---- building */

static wn_status add_source(wn__yaml *doc, const char *name, const char **source)
{
    const size_t size = strlen(name) + 1;
    yaml_source *s = wn__alloc(sizeof(*s) + size);
    if (!s) return wn__no_memory(sizeof(*s) + size);
    memcpy(s->name, name, size);
    s->next = doc->sources;
    doc->sources = s;
    *source = s->name;
    return WN_OK;
}

enum { PLACE_TEXT = 640 };

/* "recipe.yaml:3:7", "--set train.epochs=x", "--set train={epochs: x}, column 10". Options are cut short where they are long. */
static const char *show_place(const char *source, int line, int column, char text[PLACE_TEXT])
{
    if (strncmp(source, "--", 2) != 0 || line > 1)
        snprintf(text, PLACE_TEXT, "%s:%d:%d", source, line, column);
    else if (column > 1)
        snprintf(text, PLACE_TEXT, "%.600s, column %d", source, column);
    else
        snprintf(text, PLACE_TEXT, "%.600s", source);
    return text;
}

static wn_status fail_at(const char *source, const yaml_mark_t *mark, const char *what)
{
    char place[PLACE_TEXT];
    return wn__fail(WN_EUSAGE, "%s: %s", show_place(source, (int)mark->line + 1, (int)mark->column + 1, place), what);
}

static wn_status add_node(wn__yaml *doc, const char *source, const yaml_mark_t *mark, wn__yaml_kind kind, wn__yaml_node **out)
{
    if (doc->nodes >= MAX_NODES) return fail_at(source, mark, "the document (with its aliases unfolded) has more than 100,000 nodes");
    wn__yaml_node *n = WN_NEW(wn__yaml_node);
    if (!n) return wn__no_memory(sizeof(*n));
    *n = (wn__yaml_node){.kind = kind, .source = source, .line = (int)mark->line + 1, .column = (int)mark->column + 1, .next = doc->all};
    doc->all = n;
    doc->nodes++;
    *out = n;
    return WN_OK;
}

static wn_status make_arrays(wn__yaml_node *n, int64_t count)
{
    n->children = WN_NEW_ARRAY(wn__yaml_node *, count);
    n->keys = n->kind == WN__YAML_MAPPING ? WN_NEW_ARRAY(wn__yaml_node *, count) : NULL;
    if (!n->children || (n->kind == WN__YAML_MAPPING && !n->keys)) return wn__no_memory((size_t)count * sizeof(n));
    return WN_OK;
}

static int compare_keys(const void *a, const void *b)
{
    const wn__yaml_node *x = *(wn__yaml_node *const *)a, *y = *(wn__yaml_node *const *)b;
    const int order = strcmp(x->text, y->text);
    return order ? order : x->line != y->line ? x->line - y->line : x->column - y->column;
}

static wn_status check_keys(const wn__yaml_node *n)
{
    if (n->count < 2) return WN_OK;
    wn__yaml_node **sorted = WN_NEW_ARRAY(wn__yaml_node *, n->count);
    if (!sorted) return wn__no_memory((size_t)n->count * sizeof(*sorted));
    memcpy(sorted, n->keys, (size_t)n->count * sizeof(*sorted));
    qsort(sorted, (size_t)n->count, sizeof(*sorted), compare_keys);
    wn_status status = WN_OK;
    for (int i = 1; status == WN_OK && i < n->count; i++)
        if (strcmp(sorted[i - 1]->text, sorted[i]->text) == 0)
            status = wn__yaml_fail(WN_EUSAGE, sorted[i], "key '%s' is given twice, first in line %d", sorted[i]->text, sorted[i - 1]->line);
    wn__free(sorted);
    return status;
}

static wn_status convert(wn__yaml *doc, const char *source, yaml_document_t *from, int index, int depth, wn__yaml_node **out);

static wn_status convert_scalar(wn__yaml *doc, const char *source, const yaml_node_t *node, wn__yaml_node **out)
{
    const char *value = (const char *)node->data.scalar.value;
    if (strlen(value) != node->data.scalar.length) return fail_at(source, &node->start_mark, "a NUL character in a value");
    wn__yaml_node *n;
    WN_TRY(add_node(doc, source, &node->start_mark, WN__YAML_SCALAR, &n));
    n->quoted = node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    n->text = wn__strdup(value);
    if (!n->text) return wn__no_memory(strlen(value));
    *out = n;
    return WN_OK;
}

static wn_status convert_sequence(wn__yaml *doc, const char *source, yaml_document_t *from, const yaml_node_t *node, int depth,
                                  wn__yaml_node **out)
{
    const yaml_node_item_t *items = node->data.sequence.items.start;
    const int64_t count = node->data.sequence.items.top - items;
    wn__yaml_node *n;
    WN_TRY(add_node(doc, source, &node->start_mark, WN__YAML_SEQUENCE, &n));
    WN_TRY(make_arrays(n, count));
    for (int64_t i = 0; i < count; i++) {
        WN_TRY(convert(doc, source, from, items[i], depth + 1, &n->children[i]));
        n->count++;
    }
    *out = n;
    return WN_OK;
}

/* Room for one entry more. */
static wn_status grow_mapping(wn__yaml_node *mapping)
{
    const size_t size = (size_t)(mapping->count + 1) * sizeof(wn__yaml_node *);
    wn__yaml_node **keys = wn__realloc(mapping->keys, size);
    if (!keys) return wn__no_memory(size);
    mapping->keys = keys;
    wn__yaml_node **children = wn__realloc(mapping->children, size);
    if (!children) return wn__no_memory(size);
    mapping->children = children;
    return WN_OK;
}

/* ---- merge keys: "<<: *base" and "<<: [*first, *second]" stand for the entries of those mappings that the mapping itself does not name */

static int find_index(const wn__yaml_node *node, const char *key);

static bool is_merge_key(const wn__yaml_node *key) { return !key->quoted && strcmp(key->text, "<<") == 0; }

/* Entries of `from` that `into` lacks. Their nodes are in no other mapping from now on. */
static wn_status merge_entries(wn__yaml_node *into, const wn__yaml_node *from)
{
    if (from->kind != WN__YAML_MAPPING) return wn__yaml_fail(WN_EUSAGE, from, "\"<<\" wants a mapping or a list of mappings");
    for (int i = 0; i < from->count; i++) {
        if (find_index(into, from->keys[i]->text) >= 0) continue;
        WN_TRY(grow_mapping(into));
        into->keys[into->count] = from->keys[i];
        into->children[into->count++] = from->children[i];
    }
    return WN_OK;
}

static wn_status merge_keys(wn__yaml_node *n)
{
    int at = 0;
    while (at < n->count && !is_merge_key(n->keys[at]))
        at++;
    if (at == n->count) return WN_OK;
    const wn__yaml_node *from = n->children[at];
    const size_t behind = (size_t)(--n->count - at) * sizeof *n->keys;
    memmove(n->keys + at, n->keys + at + 1, behind);
    memmove(n->children + at, n->children + at + 1, behind);
    if (from->kind != WN__YAML_SEQUENCE) return merge_entries(n, from);
    for (int i = 0; i < from->count; i++)
        WN_TRY(merge_entries(n, from->children[i]));
    return WN_OK;
}

static wn_status convert_mapping(wn__yaml *doc, const char *source, yaml_document_t *from, const yaml_node_t *node, int depth,
                                 wn__yaml_node **out)
{
    const yaml_node_pair_t *pairs = node->data.mapping.pairs.start;
    const int64_t count = node->data.mapping.pairs.top - pairs;
    wn__yaml_node *n;
    WN_TRY(add_node(doc, source, &node->start_mark, WN__YAML_MAPPING, &n));
    WN_TRY(make_arrays(n, count));
    for (int64_t i = 0; i < count; i++) {
        WN_TRY(convert(doc, source, from, pairs[i].key, depth + 1, &n->keys[i]));
        if (n->keys[i]->kind != WN__YAML_SCALAR) return wn__yaml_fail(WN_EUSAGE, n->keys[i], "a key must be a plain value");
        if (wn__yaml_is_null(n->keys[i])) return wn__yaml_fail(WN_EUSAGE, n->keys[i], "an empty key");
        WN_TRY(convert(doc, source, from, pairs[i].value, depth + 1, &n->children[i]));
        n->count++;
    }
    WN_TRY(check_keys(n));
    WN_TRY(merge_keys(n));
    *out = n;
    return WN_OK;
}

/* Copies a node of libyaml's document, unfolding aliases: libyaml gives an alias the index of its anchor. */
static wn_status convert(wn__yaml *doc, const char *source, yaml_document_t *from, int index, int depth, wn__yaml_node **out)
{
    const yaml_node_t *node = yaml_document_get_node(from, index);
    if (depth > MAX_DEPTH) return fail_at(source, &node->start_mark, "nested more than 64 levels deep (or an alias inside its own anchor)");
    switch (node->type) {
    case YAML_SEQUENCE_NODE: return convert_sequence(doc, source, from, node, depth, out);
    case YAML_MAPPING_NODE: return convert_mapping(doc, source, from, node, depth, out);
    default: return convert_scalar(doc, source, node, out);
    }
}

static wn_status parser_failure(const char *source, const yaml_parser_t *parser)
{
    if (parser->error == YAML_MEMORY_ERROR) return wn__no_memory(0);
    if (parser->error == YAML_READER_ERROR)
        return wn__fail(WN_EUSAGE, "%s: %s at byte %zu", source, parser->problem, parser->problem_offset);
    return fail_at(source, &parser->problem_mark, parser->problem ? parser->problem : "no valid YAML");
}

/* One document from `parser`; *root NULL if it is empty. */
static wn_status load_tree(wn__yaml *doc, const char *source, yaml_parser_t *parser, wn__yaml_node **root)
{
    yaml_document_t loaded;
    if (!yaml_parser_load(parser, &loaded)) return parser_failure(source, parser);
    wn_status status = WN_OK;
    *root = NULL;
    if (yaml_document_get_root_node(&loaded)) status = convert(doc, source, &loaded, 1, 0, root);
    yaml_document_delete(&loaded);
    if (status != WN_OK || !*root) return status;

    if (!yaml_parser_load(parser, &loaded)) return parser_failure(source, parser);
    const yaml_node_t *second = yaml_document_get_root_node(&loaded);
    if (second) status = fail_at(source, &second->start_mark, "a second document; one file holds one");
    yaml_document_delete(&loaded);
    return status;
}

static wn_status parse_tree(wn__yaml *doc, const char *label, const char *text, size_t size, wn__yaml_node **root)
{
    const char *source = NULL;
    WN_TRY(add_source(doc, label, &source));
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) return wn__no_memory(sizeof(parser));
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    const wn_status status = load_tree(doc, source, &parser, root);
    yaml_parser_delete(&parser);
    return status;
}

/* Entries of the top mapping that hold nothing but anchors: "x-common: &common {...}". */
static void leave_out_notes(wn__yaml *doc)
{
    for (int i = doc->root->kind == WN__YAML_MAPPING ? doc->root->count - 1 : -1; i >= 0; i--)
        if (strncmp(doc->root->keys[i]->text, "x-", 2) == 0) wn__yaml_remove(doc, doc->root->keys[i]->text);
}

static wn_status parse_document(wn__yaml *doc, const char *label, const char *text, size_t size)
{
    WN_TRY(parse_tree(doc, label, text, size, &doc->root));
    if (!doc->root) return add_node(doc, doc->sources->name, &(yaml_mark_t){0}, WN__YAML_MAPPING, &doc->root);
    leave_out_notes(doc);
    return WN_OK;
}

wn_status wn__yaml_parse(const char *label, const char *text, size_t size, wn__yaml **out)
{
    wn__yaml *doc = WN_NEW(wn__yaml);
    if (!doc) return wn__no_memory(sizeof(*doc));
    const wn_status status = parse_document(doc, label, text, size);
    if (status != WN_OK) {
        wn__yaml_free(doc);
        return status;
    }
    *out = doc;
    return WN_OK;
}

wn_status wn__yaml_read(const char *path, wn__yaml **doc)
{
    char *text;
    size_t size;
    WN_TRY(wn__file_read(path, &text, &size));
    const wn_status status = wn__yaml_parse(path, text, size, doc);
    wn__free(text);
    return status;
}

void wn__yaml_free(wn__yaml *doc)
{
    if (!doc) return;
    for (wn__yaml_node *n = doc->all, *next; n; n = next) {
        next = n->next;
        wn__free(n->text);
        wn__free(n->keys);
        wn__free(n->children);
        wn__free(n);
    }
    for (yaml_source *s = doc->sources, *next; s; s = next) {
        next = s->next;
        wn__free(s);
    }
    wn__free(doc);
}

/* ---- looking */

const wn__yaml_node *wn__yaml_root(const wn__yaml *doc) { return doc->root; }
wn__yaml_kind wn__yaml_kind_of(const wn__yaml_node *node) { return node->kind; }
const char *wn__yaml_text(const wn__yaml_node *node) { return node->text; }
bool wn__yaml_quoted(const wn__yaml_node *node) { return node->quoted; }
int wn__yaml_count(const wn__yaml_node *node) { return node->count; }
const wn__yaml_node *wn__yaml_child(const wn__yaml_node *node, int index) { return node->children[index]; }
const wn__yaml_node *wn__yaml_key(const wn__yaml_node *node, int index) { return node->keys[index]; }
const char *wn__yaml_source(const wn__yaml_node *node) { return node->source; }
int wn__yaml_line(const wn__yaml_node *node) { return node->line; }
int wn__yaml_column(const wn__yaml_node *node) { return node->column; }

const char *wn__yaml_kind_name(wn__yaml_kind kind)
{
    static const char *const names[] = {[WN__YAML_SCALAR] = "value", [WN__YAML_SEQUENCE] = "list", [WN__YAML_MAPPING] = "mapping"};
    return names[kind];
}

bool wn__yaml_is_null(const wn__yaml_node *node)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    if (node->kind != WN__YAML_SCALAR || node->quoted) return false;
    for (size_t i = 0; i < sizeof(nulls) / sizeof(*nulls); i++)
        if (strcmp(node->text, nulls[i]) == 0) return true;
    return false;
}

static int find_index(const wn__yaml_node *node, const char *key)
{
    if (node->kind != WN__YAML_MAPPING) return -1;
    for (int i = 0; i < node->count; i++)
        if (strcmp(node->keys[i]->text, key) == 0) return i;
    return -1;
}

const wn__yaml_node *wn__yaml_find(const wn__yaml_node *node, const char *key)
{
    const int index = node ? find_index(node, key) : -1;
    return index < 0 ? NULL : node->children[index];
}

wn_status wn__yaml_fail(wn_status status, const wn__yaml_node *node, const char *format, ...)
{
    char text[1536], place[PLACE_TEXT];
    va_list arguments;
    va_start(arguments, format);
    wn__vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return wn__fail(status, "%s: %s", show_place(node->source, node->line, node->column, place), text);
}

/* ---- overriding */

/* What one --set is about: nodes made for it carry its text as their source. */
typedef struct yaml_override {
    wn__yaml *doc;
    const char *source;
    wn__yaml_node *value;
} yaml_override;

static wn_status add_entry(const yaml_override *o, wn__yaml_node *mapping, const char *key, wn__yaml_node *value)
{
    wn__yaml_node *node;
    WN_TRY(grow_mapping(mapping));
    WN_TRY(add_node(o->doc, o->source, &(yaml_mark_t){0}, WN__YAML_SCALAR, &node));
    node->text = wn__strdup(key);
    if (!node->text) return wn__no_memory(strlen(key));
    mapping->keys[mapping->count] = node;
    mapping->children[mapping->count++] = value;
    return WN_OK;
}

/* The place that `key` names in *at; made if it is an entry that does not exist. */
static wn_status find_place(const yaml_override *o, wn__yaml_node **at, const char *key, bool last, wn__yaml_node ***place)
{
    wn__yaml_node *node = *at;
    if (wn__yaml_is_null(node)) {
        WN_TRY(add_node(o->doc, o->source, &(yaml_mark_t){0}, WN__YAML_MAPPING, at));
        node = *at;
    }
    if (node->kind == WN__YAML_SCALAR) return wn__fail(WN_EUSAGE, "%s: '%s' lies under a value, not a mapping", o->source, key);
    if (node->kind == WN__YAML_SEQUENCE) {
        char *end;
        const long index = strtol(key, &end, 10);
        if (*end || end == key || index < 0 || index >= node->count)
            return wn__fail(WN_EUSAGE, "%s: '%s' picks no item of a list of %d (0 to %d)", o->source, key, node->count, node->count - 1);
        *place = &node->children[index];
        return WN_OK;
    }
    int index = find_index(node, key);
    if (index < 0) {
        wn__yaml_node *made = o->value;
        if (!last) WN_TRY(add_node(o->doc, o->source, &(yaml_mark_t){0}, WN__YAML_MAPPING, &made));
        WN_TRY(add_entry(o, node, key, made));
        index = node->count - 1;
    }
    assert(node->children);
    *place = &node->children[index];
    return WN_OK;
}

/* Cuts the first key off *path, up to a dot or in quotes; *path becomes NULL behind the last. */
static wn_status cut_key(const yaml_override *o, char **path, char **key)
{
    const char quote = **path == '"' || **path == '\'' ? **path : 0;
    *key = *path + (quote != 0);
    char *end = quote ? strchr(*key, quote) : strchr(*key, '.');
    if (quote && (!end || (end[1] != '.' && end[1] != 0)))
        return wn__fail(WN_EUSAGE, "%s: a key in quotes ends with its quote, and a dot or nothing behind it", o->source);
    *path = quote ? (end[1] ? end + 2 : NULL) : end ? end + 1 : NULL;
    if (end) *end = 0;
    return **key ? WN_OK : wn__fail(WN_EUSAGE, "%s: an empty key", o->source);
}

/* Walks `path`, which is cut at its dots. */
static wn_status put_at(const yaml_override *o, char *path)
{
    wn__yaml_node **at = &o->doc->root;
    int depth = 0;
    for (char *key; path;) {
        WN_TRY(cut_key(o, &path, &key));
        if (++depth > MAX_DEPTH) return wn__fail(WN_EUSAGE, "%s: more than 64 keys deep", o->source);
        WN_TRY(find_place(o, at, key, path == NULL, &at));
    }
    *at = o->value;
    return WN_OK;
}

static wn_status parse_value(yaml_override *o, const char *path, const char *value, const char *option)
{
    wn__text label = {0};
    if (option)
        wn__text_add(&label, "--%s %s", option, value);
    else
        wn__text_add(&label, "--set %s=%s", path, value);
    const wn_status status = label.failed ? wn__no_memory(0) : parse_tree(o->doc, label.data, value, strlen(value), &o->value);
    wn__text_release(&label);
    WN_TRY(status);
    o->source = o->doc->sources->name;
    if (o->value) return WN_OK;
    WN_TRY(add_node(o->doc, o->source, &(yaml_mark_t){0}, WN__YAML_SCALAR, &o->value));
    o->value->text = wn__strdup("");
    return o->value->text ? WN_OK : wn__no_memory(1);
}

static wn_status put(const yaml_override *o, const char *path)
{
    char *keys = wn__strdup(path);
    if (!keys) return wn__no_memory(strlen(path));
    const wn_status status = put_at(o, keys);
    wn__free(keys);
    return status;
}

wn_status wn__yaml_set_by(wn__yaml *doc, const char *path, const char *value, const char *option)
{
    yaml_override o = {.doc = doc};
    WN_TRY(parse_value(&o, path, value, option));
    return put(&o, path);
}

wn_status wn__yaml_set(wn__yaml *doc, const char *path, const char *value) { return wn__yaml_set_by(doc, path, value, NULL); }

wn_status wn__yaml_nest(wn__yaml *doc, const char *path)
{
    const yaml_override o = {.doc = doc, .source = doc->root->source, .value = doc->root};
    WN_TRY(add_node(doc, o.source, &(yaml_mark_t){0}, WN__YAML_MAPPING, &doc->root));
    return put(&o, path);
}

void wn__yaml_remove(wn__yaml *doc, const char *key)
{
    wn__yaml_node *root = doc->root;
    const int index = root->kind == WN__YAML_MAPPING ? find_index(root, key) : -1;
    if (index < 0) return;
    const size_t behind = (size_t)(root->count - index - 1) * sizeof *root->keys;
    memmove(root->keys + index, root->keys + index + 1, behind);
    memmove(root->children + index, root->children + index + 1, behind);
    root->count--; /* the nodes stay the document's */
}

/* ---- writing */

static int write_text(void *user, unsigned char *bytes, size_t size)
{
    wn__text *out = user;
    wn__text_add_bytes(out, bytes, size);
    return !out->failed;
}

/* All initializers of libyaml's events copy their arguments and return 0 only without memory. */
static bool emit_node(yaml_emitter_t *e, const wn__yaml_node *n);

static bool emit_scalar(yaml_emitter_t *e, const wn__yaml_node *n)
{
    const char *text = wn__yaml_is_null(n) ? "null" : n->text;
    const yaml_scalar_style_t style = n->quoted ? YAML_DOUBLE_QUOTED_SCALAR_STYLE : YAML_PLAIN_SCALAR_STYLE;
    yaml_event_t event;
    return yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text, (int)strlen(text), 1, 1, style) &&
           yaml_emitter_emit(e, &event);
}

static bool emit_sequence(yaml_emitter_t *e, const wn__yaml_node *n)
{
    bool flat = true;
    for (int i = 0; i < n->count; i++)
        flat &= n->children[i]->kind == WN__YAML_SCALAR;
    yaml_event_t event;
    bool fine = yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, flat ? YAML_FLOW_SEQUENCE_STYLE : YAML_BLOCK_SEQUENCE_STYLE) &&
                yaml_emitter_emit(e, &event);
    for (int i = 0; fine && i < n->count; i++)
        fine = emit_node(e, n->children[i]);
    return fine && yaml_sequence_end_event_initialize(&event) && yaml_emitter_emit(e, &event);
}

static bool emit_mapping(yaml_emitter_t *e, const wn__yaml_node *n)
{
    yaml_event_t event;
    bool fine = yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE) && yaml_emitter_emit(e, &event);
    for (int i = 0; fine && i < n->count; i++)
        fine = emit_node(e, n->keys[i]) && emit_node(e, n->children[i]);
    return fine && yaml_mapping_end_event_initialize(&event) && yaml_emitter_emit(e, &event);
}

static bool emit_node(yaml_emitter_t *e, const wn__yaml_node *n)
{
    switch (n->kind) {
    case WN__YAML_SEQUENCE: return emit_sequence(e, n);
    case WN__YAML_MAPPING: return emit_mapping(e, n);
    default: return emit_scalar(e, n);
    }
}

static bool emit_all(yaml_emitter_t *e, const wn__yaml_node *node)
{
    yaml_event_t event;
    return yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING) && yaml_emitter_emit(e, &event) &&
           yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1) && yaml_emitter_emit(e, &event) && emit_node(e, node) &&
           yaml_document_end_event_initialize(&event, 1) && yaml_emitter_emit(e, &event) && yaml_stream_end_event_initialize(&event) &&
           yaml_emitter_emit(e, &event);
}

wn_status wn__yaml_emit(const wn__yaml_node *node, wn__text *out)
{
    yaml_emitter_t e;
    if (!yaml_emitter_initialize(&e)) return wn__no_memory(sizeof(e));
    yaml_emitter_set_output(&e, write_text, out);
    yaml_emitter_set_unicode(&e, 1);
    yaml_emitter_set_width(&e, -1);
    const bool fine = emit_all(&e, node);
    const wn_status status =
        fine ? WN_OK : wn__fail(out->failed ? WN_ENOMEM : WN_EINVAL, "cannot write YAML: %s", e.problem ? e.problem : "");
    yaml_emitter_delete(&e);
    return status;
}
