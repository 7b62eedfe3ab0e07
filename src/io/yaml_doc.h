/* YAML documents as trees whose nodes know their line and column (through libyaml).
 *
 * One document per file. Duplicate keys, keys that are empty or no scalars, and unknown anchors are errors with file, line and column. Aliases are
 * unfolded: each use is a copy of its anchor's node. A document that unfolds to more than 100,000 nodes or 64 levels is refused, so
 * aliases of aliases cannot exhaust memory. Merge keys ("<<: *base") are unfolded likewise. Entries of the top mapping whose key begins with "x-" hold
 * anchors alone and are left out. Tags are ignored: a scalar is a text, and the schema that reads it knows its type.
 */
#ifndef WN_IO_YAML_DOC_H
#define WN_IO_YAML_DOC_H

#include "base/text.h"

typedef enum wn__yaml_kind { WN__YAML_SCALAR, WN__YAML_SEQUENCE, WN__YAML_MAPPING } wn__yaml_kind;
typedef struct wn__yaml wn__yaml;           /* a document: owns its nodes */
typedef struct wn__yaml_node wn__yaml_node; /* borrowed until wn__yaml_free */

/* WN_EUSAGE with "file:line:column: fault" if it is no valid YAML. An empty file is an empty mapping. */
wn_status wn__yaml_read(const char *path, wn__yaml **doc);
/* The same over text in memory; `label` stands for the file name in messages. */
wn_status wn__yaml_parse(const char *label, const char *text, size_t size, wn__yaml **doc);
void wn__yaml_free(wn__yaml *doc); /* accepts NULL */
const wn__yaml_node *wn__yaml_root(const wn__yaml *doc);

wn__yaml_kind wn__yaml_kind_of(const wn__yaml_node *node);
const char *wn__yaml_kind_name(wn__yaml_kind kind);                        /* "value", "list", "mapping": as messages to users say it */
const char *wn__yaml_text(const wn__yaml_node *node);                      /* of a scalar; NULL for others */
bool wn__yaml_quoted(const wn__yaml_node *node);                           /* a scalar in quotes or a block: `"10"`, not `10` */
bool wn__yaml_is_null(const wn__yaml_node *node);                          /* an unquoted scalar that is empty, ~ or null */
int wn__yaml_count(const wn__yaml_node *node);                             /* items or entries; 0 for a scalar */
const wn__yaml_node *wn__yaml_child(const wn__yaml_node *node, int index); /* i-th item, or value of the i-th entry */
const wn__yaml_node *wn__yaml_key(const wn__yaml_node *node, int index);   /* key of the i-th entry of a mapping */
const wn__yaml_node *wn__yaml_find(const wn__yaml_node *node, const char *key); /* NULL if absent, or no mapping, or node is NULL */
const char *wn__yaml_source(const wn__yaml_node *node);                         /* file name, or "--set train.epochs=10" */
int wn__yaml_line(const wn__yaml_node *node);                                   /* from 1 */
int wn__yaml_column(const wn__yaml_node *node);                                 /* from 1 */

/* Fails with "recipe.yaml:12:3: ..." or "--set train.epochs=x: ..." in front of the message; returns `status`. */
wn_status wn__yaml_fail(wn_status status, const wn__yaml_node *node, const char *format, ...) WN_PRINTF(3, 4);

/* Override for `--set path=value`: `path` is keys joined by dots ("train.epochs", "compare.methods"; one that has dots itself stands in quotes:
 * "sweep.space.'topology.alpha'"), a number picks an item of a list;
 * `value` is YAML ("10", "[a, b]", "{sgd: {momentum: 0.9}}"). Missing mappings are made. The new nodes' source is the --set text.
 * With aliases only the named place changes. */
wn_status wn__yaml_set(wn__yaml *doc, const char *path, const char *value);
/* The same for another option, whose name stands in messages: "--seeds 0-4"; NULL: --set. */
wn_status wn__yaml_set_by(wn__yaml *doc, const char *path, const char *value, const char *option);

/* The whole document as what stands at `path` of a larger one; its nodes stay where they are in its text. */
wn_status wn__yaml_nest(wn__yaml *doc, const char *path);

/* Take the entry `key` out of the document's top mapping; nothing happens if it has none. */
void wn__yaml_remove(wn__yaml *doc, const char *key);

/* The tree as YAML text in block style, lists of scalars inline; parsing it again gives an equal tree. */
wn_status wn__yaml_emit(const wn__yaml_node *node, wn__text *out);

#endif
