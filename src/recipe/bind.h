/* Settings tables bound to YAML: reading with errors that name file, line, column and the valid keys; writing; identity slices.
 *
 * A mapping is described by up to three tables of plain settings and by special keys, whose values have a shape of their own:
 *
 *     static const wn__special keys[] = {{"optimizer", read_optimizer}, {0}};
 *     const wn__schema schema = {.what = "train", .table = {{train_settings, &recipe->train}}, .special = keys, .arg = recipe};
 *     WN_TRY(wn__schema_read(&schema, node));
 */
#ifndef WN_RECIPE_BIND_H
#define WN_RECIPE_BIND_H

#include <jansson.h>

#include "base/settings.h"
#include "io/yaml_doc.h"

typedef struct wn__special {
    const char *name;
    wn_status (*read)(void *arg, const wn__yaml_node *value);
} wn__special;

typedef struct wn__schema_table {
    const wn__setting *rows; /* NULL: no such table */
    void *config;
} wn__schema_table;

enum { WN__MOST_TABLES = 3, WN__MOST_KEYS = 64 };
typedef struct wn__schema {
    const char *what; /* "train": where, in messages */
    wn__schema_table table[WN__MOST_TABLES];
    const wn__special *special; /* NULL or ended by name NULL */
    void *arg;                  /* of special keys */
} wn__schema;

/* Faults that are told together: the first fault's status, a line for each. */
typedef struct wn__faults {
    wn__text text;
    wn_status status; /* WN_OK: none so far */
} wn__faults;
/* Takes the current failure, if `status` is one. False if reading cannot go on: no memory. */
bool wn__faults_take(wn__faults *faults, wn_status status);
/* Fails with what was taken; WN_OK if there is nothing. Releases it. */
wn_status wn__faults_end(wn__faults *faults);

/* Fields that the mapping does not name stay as they are. WN_EUSAGE with the places of all faults, a line each. */
wn_status wn__schema_read(const wn__schema *schema, const wn__yaml_node *mapping);

/* One plain setting of the schema's first table, by name. */
wn_status wn__schema_set(const wn__schema *schema, const char *name, const wn__yaml_node *value);

/* The text of a scalar that is neither a list nor a mapping nor empty. */
wn_status wn__scalar_text(const wn__yaml_node *node, const char *what, const char **text);
/* One scalar or a list of scalars: how many (at most `most`), and each. */
wn_status wn__scalar_list(const wn__yaml_node *node, const char *what, int most, const char **texts, int *count);
/* The same, however many: in a list that the caller frees. */
wn_status wn__scalar_list_new(const wn__yaml_node *node, const char *what, const char ***texts, int *count);
/* The i-th item of what wn__scalar_list read: the node itself if it is one scalar. */
const wn__yaml_node *wn__list_item(const wn__yaml_node *node, int i);

/* "adam" or "{adam: {beta1: 0.8}}": a choice with settings of its own. */
typedef struct wn__variant {
    const char *name;
    const wn__yaml_node *name_node;
    const wn__yaml_node *settings; /* NULL: none were given */
} wn__variant;
wn_status wn__variant_read(const wn__yaml_node *node, const char *what, wn__variant *out);
/* Index of `name` among NULL-terminated names; otherwise WN_EUSAGE at `node`: "what: unknown ... valid: ...". */
wn_status wn__choice_read(const wn__yaml_node *node, const char *what, const char *name, const char *const *names, int *index);
/* Fails with "what "wrong"; valid: ...; did you mean ...?" at `node`. */
wn_status wn__unknown_at(const wn__yaml_node *node, const char *what, const char *wrong, const char *const *names, int count);

/* The current failure again, with the node's place and `prefix` in front; memory failures stay as they are. */
wn_status wn__fault_at(const wn__yaml_node *node, const char *prefix, wn_status status);

/* A configuration that the caller frees. `rows` may be NULL; *config gets `size` zeroed bytes with the rows' defaults. */
wn_status wn__config_new(const wn__setting *rows, size_t size, void **config);

/* What relative times are measured against. */
typedef struct wn__clock {
    int64_t steps_per_epoch, total;
} wn__clock;

/* YAML text in block style. */
typedef struct wn__yaml_out {
    wn__text text;
    int indent, items; /* items: of the list that is open */
    const wn__clock *clock;
} wn__yaml_out;
void wn__out_open(wn__yaml_out *out, const char *key); /* "key:", deeper from here */
void wn__out_close(wn__yaml_out *out);
void wn__out_value(wn__yaml_out *out, const char *key, const char *value); /* quoted where needed */
void wn__out_list(wn__yaml_out *out, const char *key, const char *const *items, int count);
void wn__out_list_open(wn__yaml_out *out, const char *key); /* the same, item by item */
void wn__out_item(wn__yaml_out *out, const char *item);
void wn__out_list_close(wn__yaml_out *out);
/* All rows; times in steps, with what was written as a comment; times that are not set and empty texts are left out. */
void wn__out_table(wn__yaml_out *out, const wn__setting *rows, const void *config);
/* The rows that have another value than their default. */
void wn__out_changed(wn__yaml_out *out, const wn__setting *rows, const void *config);

/* All rows as texts into a JSON object; times in steps, unset ones left out. */
wn_status wn__slice_table(json_t *object, const wn__setting *rows, const void *config, const wn__clock *clock);
/* Like json_object_set_new with the failure reported. */
wn_status wn__slice_set(json_t *object, const char *key, json_t *value);

#endif
