#include "recipe/data_path.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/text.h"
#include "data/of_path.h"

/* In double quotes, as YAML has it. */
void wn__recipe_add_quoted(wn__text *t, const char *text)
{
    wn__text_add(t, "\"");
    for (; *text; text++)
        wn__text_add(t, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    wn__text_add(t, "\"");
}

/* The tree on one line: "[{flip: {p: 0.5}}]". */
static void add_flow(wn__text *t, const wn__yaml_node *node)
{
    const wn__yaml_kind kind = wn__yaml_kind_of(node);
    if (kind == WN__YAML_SCALAR) {
        wn__recipe_add_quoted(t, wn__yaml_text(node));
        return;
    }
    wn__text_add(t, kind == WN__YAML_MAPPING ? "{" : "[");
    for (int i = 0; i < wn__yaml_count(node); i++) {
        if (i > 0) wn__text_add(t, ", ");
        if (kind == WN__YAML_MAPPING) wn__text_add(t, "%s: ", wn__yaml_text(wn__yaml_key(node, i)));
        add_flow(t, wn__yaml_child(node, i));
    }
    wn__text_add(t, kind == WN__YAML_MAPPING ? "}" : "]");
}

/* The section's key for the other set, too. */
static void keep_list(wn__text *t, const wn__yaml_node *section, const char *key)
{
    const wn__yaml_node *list = wn__yaml_find(section, key);
    if (!list) return;
    wn__text_add(t, ", %s: ", key);
    add_flow(t, list);
}

static const char *text_of(const wn__yaml_node *section, const char *key)
{
    const wn__yaml_node *node = section ? wn__yaml_find(section, key) : NULL;
    return node ? wn__yaml_text(node) : NULL;
}

/* A section for the other set. */
static void write_section(wn__text *t, const wn__dataset_type *type, const char *key, const char *path, const wn__yaml_node *old,
                          const char *input)
{
    const char *set = text_of(old, "set"), *normalize = text_of(old, "normalize");
    int channels, height, width;
    wn__text_add(t, "{set: %s, %s: ", type->name, key);
    wn__recipe_add_quoted(t, path);
    if (set && (!normalize || strcmp(normalize, "dataset") == 0)) normalize = set;
    if (normalize) wn__text_add(t, ", normalize: %s", normalize);
    if (old && !input) keep_list(t, old, "augment"); /* weights are not trained on */
    if (old) keep_list(t, old, "evaluate");
    if (input && wn__settings_find(type->settings, "size") && sscanf(input, "%dx%dx%d", &channels, &height, &width) == 3)
        wn__text_add(t, ", size: %d, channels: %d", height, channels);
    wn__text_add(t, "}");
}

/* Other files that the section names are of the data that it had. */
static wn_status forget_files(wn__yaml *doc, const wn__dataset_type *type, const char *key)
{
    for (const char *const *name = type->places; name && *name; name++) {
        const wn__setting *row = wn__settings_find(type->settings, *name);
        wn__text place = {0};
        if (!row || row->type != WN__SETTING_TEXT || strcmp(*name, key) == 0) continue;
        wn__text_add(&place, "data.%s", *name);
        const wn_status status = place.failed ? wn__no_memory(place.size) : wn__yaml_set(doc, place.data, "\"\"");
        wn__text_release(&place);
        WN_TRY(status);
    }
    return WN_OK;
}

/* Weights were trained on so many of other samples. */
static wn_status forget_split(wn__yaml *doc, const wn__dataset_type *type)
{
    WN_TRY(wn__yaml_set(doc, "data.train_size", "0"));
    return wn__yaml_set(doc, "data.validation", type->validation ? type->validation : "none");
}

wn_status wn__recipe_use_data(wn__yaml *doc, const char *path, const char *input)
{
    const wn__dataset_type *type;
    const char *key;
    WN_TRY(wn__dataset_of_path(path, &type, &key));
    const wn__yaml_node *old = wn__yaml_find(wn__yaml_root(doc), "data");
    const char *set = text_of(old, "set");
    wn__text text = {0}, place = {0};
    const bool same = set && strcmp(set, type->name) == 0;
    wn__text_add(&place, same ? "data.%s" : "data", key);
    if (same)
        wn__recipe_add_quoted(&text, path);
    else
        write_section(&text, type, key, path, old, input);
    wn_status status = text.failed || place.failed ? wn__no_memory(text.size) : wn__yaml_set_by(doc, place.data, text.data, "data");
    if (status == WN_OK && same) status = forget_files(doc, type, key);
    if (status == WN_OK && same && input) status = forget_split(doc, type);
    wn__log(WN_LOG_INFO, "%s is read as data: {set: %s, %s: ...}", path, type->name, key);
    wn__text_release(&text);
    wn__text_release(&place);
    return status;
}
