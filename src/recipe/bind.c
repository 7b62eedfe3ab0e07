#include "recipe/bind.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/locale.h"

wn_status wn__unknown_at(const wn__yaml_node *node, const char *what, const char *wrong, const char *const *names, int count)
{
    wn__text valid = {0};
    wn__text_add_valid(&valid, wrong, names, count);
    const wn_status status = wn__yaml_fail(WN_EUSAGE, node, "%s \"%s\"%s", what, wrong, valid.data ? valid.data : "");
    wn__text_release(&valid);
    return status;
}

wn_status wn__fault_at(const wn__yaml_node *node, const char *prefix, wn_status status)
{
    char message[1024];
    if (status == WN_ENOMEM) return status;
    snprintf(message, sizeof message, "%s", wn_error_message());
    return wn__yaml_fail(WN_EUSAGE, node, "%s%s", prefix, message);
}

wn_status wn__choice_read(const wn__yaml_node *node, const char *what, const char *name, const char *const *names, int *index)
{
    int count = 0;
    for (; names[count]; count++)
        if (strcmp(names[count], name) == 0) {
            *index = count;
            return WN_OK;
        }
    return wn__unknown_at(node, what, name, names, count);
}

wn_status wn__scalar_text(const wn__yaml_node *node, const char *what, const char **text)
{
    const wn__yaml_kind kind = wn__yaml_kind_of(node);
    if (kind != WN__YAML_SCALAR) return wn__yaml_fail(WN_EUSAGE, node, "%s: a value is needed, not a %s", what, wn__yaml_kind_name(kind));
    if (wn__yaml_is_null(node)) return wn__yaml_fail(WN_EUSAGE, node, "%s: has no value", what);
    *text = wn__yaml_text(node);
    return WN_OK;
}

wn_status wn__scalar_list(const wn__yaml_node *node, const char *what, int most, const char **texts, int *count)
{
    const wn__yaml_kind kind = wn__yaml_kind_of(node);
    if (kind == WN__YAML_SCALAR) {
        *count = 1;
        return wn__scalar_text(node, what, texts);
    }
    if (kind == WN__YAML_MAPPING) return wn__yaml_fail(WN_EUSAGE, node, "%s: a list is needed, not a mapping", what);
    const int items = wn__yaml_count(node);
    if (items > most) return wn__yaml_fail(WN_EUSAGE, node, "%s: %d items, at most %d are possible", what, items, most);
    for (int i = 0; i < items; i++)
        WN_TRY(wn__scalar_text(wn__yaml_child(node, i), what, &texts[i]));
    *count = items;
    return WN_OK;
}

wn_status wn__scalar_list_new(const wn__yaml_node *node, const char *what, const char ***texts, int *count)
{
    const int most = wn__yaml_kind_of(node) == WN__YAML_SEQUENCE ? wn__yaml_count(node) : 1;
    const char **list = WN_NEW_ARRAY(const char *, most);
    if (!list) return wn__no_memory((size_t)most * sizeof *list);
    const wn_status status = wn__scalar_list(node, what, most, list, count);
    if (status == WN_OK)
        *texts = list;
    else
        wn__free(list);
    return status;
}

const wn__yaml_node *wn__list_item(const wn__yaml_node *node, int i)
{
    return wn__yaml_kind_of(node) == WN__YAML_SEQUENCE ? wn__yaml_child(node, i) : node;
}

wn_status wn__variant_read(const wn__yaml_node *node, const char *what, wn__variant *out)
{
    const wn__yaml_kind kind = wn__yaml_kind_of(node);
    if (kind == WN__YAML_MAPPING && wn__yaml_count(node) == 1) {
        out->name_node = wn__yaml_key(node, 0);
        out->settings = wn__yaml_child(node, 0);
        if (wn__yaml_is_null(out->settings)) out->settings = NULL; /* "{adam: }" */
        return wn__scalar_text(out->name_node, what, &out->name);
    }
    if (kind != WN__YAML_SCALAR)
        return wn__yaml_fail(WN_EUSAGE, node, "%s: a name or {name: {settings}} is needed, not a %s%s", what, wn__yaml_kind_name(kind),
                             kind == WN__YAML_MAPPING ? " of several" : "");
    out->name_node = node;
    out->settings = NULL;
    return wn__scalar_text(node, what, &out->name);
}

static int key_names(const wn__schema *schema, const char *names[WN__MOST_KEYS])
{
    int count = 0;
    for (const wn__special *s = schema->special; s && s->name; s++, count++)
        if (count < WN__MOST_KEYS) names[count] = s->name;
    for (int t = 0; t < WN__MOST_TABLES; t++)
        for (const wn__setting *row = schema->table[t].rows; row && row->name; row++, count++)
            if (count < WN__MOST_KEYS) names[count] = row->name;
    assert(count <= WN__MOST_KEYS);
    return count;
}

/* The text of a value, or of a list of numbers: "[0.08, 1]"; in `joined` if it is one. */
static wn_status value_text(const wn__setting *row, const wn__yaml_node *value, char *joined, size_t size, const char **text)
{
    const char *item[WN__MOST_NUMBERS];
    int count;
    if (row->type != WN__SETTING_NUMBERS || wn__yaml_kind_of(value) == WN__YAML_SCALAR) return wn__scalar_text(value, row->name, text);
    WN_TRY(wn__scalar_list(value, row->name, WN__MOST_NUMBERS, item, &count));
    size_t used = (size_t)snprintf(joined, size, "[");
    for (int i = 0; i < count && used < size; i++)
        used += (size_t)snprintf(joined + used, size - used, "%s%s", i ? ", " : "", item[i]);
    if (used < size) snprintf(joined + used, size - used, "]");
    *text = joined;
    return WN_OK;
}

static wn_status set_plain(const wn__schema *schema, const wn__schema_table *table, const char *name, const wn__yaml_node *value)
{
    const char *text = NULL;
    char joined[256], prefix[160];
    WN_TRY(value_text(wn__settings_find(table->rows, name), value, joined, sizeof joined, &text));
    const wn_status status = wn__settings_set(table->rows, table->config, name, text);
    snprintf(prefix, sizeof prefix, "%s.", schema->what);
    return status == WN_OK ? WN_OK : wn__fault_at(value, prefix, status);
}

wn_status wn__schema_set(const wn__schema *schema, const char *name, const wn__yaml_node *value)
{
    return set_plain(schema, &schema->table[0], name, value);
}

static wn_status read_entry(const wn__schema *schema, const wn__yaml_node *key, const wn__yaml_node *value)
{
    const char *name = wn__yaml_text(key);
    for (const wn__special *s = schema->special; s && s->name; s++)
        if (strcmp(s->name, name) == 0) return s->read(schema->arg, value);
    for (int t = 0; t < WN__MOST_TABLES; t++)
        if (schema->table[t].rows && wn__settings_find(schema->table[t].rows, name))
            return set_plain(schema, &schema->table[t], name, value);
    const char *names[WN__MOST_KEYS];
    const int count = key_names(schema, names);
    char what[160];
    snprintf(what, sizeof what, "%s: unknown key", schema->what);
    return wn__unknown_at(key, what, name, names, count);
}

static wn_status no_mapping(const wn__schema *schema, const wn__yaml_node *node, wn__yaml_kind kind)
{
    const char *names[WN__MOST_KEYS];
    const int count = key_names(schema, names);
    wn__text keys = {0};
    for (int i = 0; i < count; i++)
        wn__text_add(&keys, "%s%s", i ? ", " : "", names[i]);
    const wn_status status = wn__yaml_fail(WN_EUSAGE, node, "%s: a mapping is needed, not a %s; its keys are %s", schema->what,
                                           wn__yaml_kind_name(kind), keys.data ? keys.data : "none");
    wn__text_release(&keys);
    return status;
}

bool wn__faults_take(wn__faults *faults, wn_status status)
{
    const char *message = wn_error_message();
    if (status == WN_OK) return true;
    if (faults->status == WN_OK || status == WN_ENOMEM) faults->status = status;
    if (!faults->text.data || !strstr(faults->text.data, message)) /* what is read twice is told once */
        wn__text_add(&faults->text, "%s%s", faults->text.size > 0 ? "\n" : "", message);
    return status != WN_ENOMEM;
}

wn_status wn__faults_end(wn__faults *faults)
{
    const bool lost = faults->text.failed || faults->status == WN_ENOMEM;
    const wn_status status = lost ? wn__no_memory(64) : faults->status == WN_OK ? WN_OK : wn__fail(faults->status, "%s", faults->text.data);
    wn__text_release(&faults->text);
    return status;
}

wn_status wn__schema_read(const wn__schema *schema, const wn__yaml_node *mapping)
{
    const wn__yaml_kind kind = wn__yaml_kind_of(mapping);
    if (wn__yaml_is_null(mapping)) return WN_OK;
    if (kind != WN__YAML_MAPPING) return no_mapping(schema, mapping, kind);
    wn__faults faults = {.status = WN_OK};
    for (int i = 0; i < wn__yaml_count(mapping); i++)
        if (!wn__faults_take(&faults, read_entry(schema, wn__yaml_key(mapping, i), wn__yaml_child(mapping, i)))) break;
    return wn__faults_end(&faults);
}

/* ---- writing */

static void start_line(wn__yaml_out *out, const char *key) { wn__text_add(&out->text, "%*s%s:", out->indent, "", key); }

void wn__out_open(wn__yaml_out *out, const char *key)
{
    start_line(out, key);
    wn__text_add(&out->text, "\n");
    out->indent += 2;
}

void wn__out_close(wn__yaml_out *out) { out->indent -= 2; }

static bool is_plain(const char *value)
{
    if (!wn__is_alnum(value[0]) && value[0] != '/' && value[0] != '.') return false;
    if (strcmp(value, "null") == 0) return false;
    return strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./%+-") == strlen(value);
}

static void add_scalar(wn__yaml_out *out, const char *value)
{
    if (is_plain(value)) {
        wn__text_add(&out->text, "%s", value);
        return;
    }
    wn__text_add(&out->text, "\"");
    for (const char *c = value; *c; c++) {
        if (*c == '"' || *c == '\\') wn__text_add(&out->text, "\\");
        if ((unsigned char)*c < ' ')
            wn__text_add(&out->text, "\\x%02x", (unsigned)*c);
        else
            wn__text_add_bytes(&out->text, c, 1);
    }
    wn__text_add(&out->text, "\"");
}

static void add_value(wn__yaml_out *out, const char *key, const char *value, const char *comment)
{
    start_line(out, key);
    wn__text_add(&out->text, " ");
    add_scalar(out, value);
    wn__text_add(&out->text, "%s%s\n", comment ? "  # " : "", comment ? comment : "");
}

void wn__out_value(wn__yaml_out *out, const char *key, const char *value) { add_value(out, key, value, NULL); }

void wn__out_list(wn__yaml_out *out, const char *key, const char *const *items, int count)
{
    wn__out_list_open(out, key);
    for (int i = 0; i < count; i++)
        wn__out_item(out, items[i]);
    wn__out_list_close(out);
}

void wn__out_list_open(wn__yaml_out *out, const char *key)
{
    start_line(out, key);
    wn__text_add(&out->text, " [");
    out->items = 0;
}

void wn__out_item(wn__yaml_out *out, const char *item)
{
    if (out->items++ > 0) wn__text_add(&out->text, ", ");
    add_scalar(out, item);
}

void wn__out_list_close(wn__yaml_out *out) { wn__text_add(&out->text, "]\n"); }

enum { SHOWN = 1024 };

/* False if the row has nothing to show. `steps` gets the time in steps of a STEPS row. */
static bool show(const wn__setting *row, const void *config, const wn__clock *clock, char shown[SHOWN], char steps[40])
{
    const void *field = (const char *)config + row->offset;
    steps[0] = 0;
    if (row->type == WN__SETTING_STEPS) {
        const wn__steps *time = field;
        if (time->unit == 0) return false;
        snprintf(steps, 40, "%lldit", (long long)wn__steps_resolve(*time, clock->steps_per_epoch, clock->total));
    }
    wn__settings_show(row, config, shown, SHOWN);
    return row->type != WN__SETTING_TEXT || shown[0] != 0;
}

void wn__out_table(wn__yaml_out *out, const wn__setting *rows, const void *config)
{
    char shown[SHOWN], steps[40];
    for (const wn__setting *row = rows; row && row->name; row++) {
        if (!show(row, config, out->clock, shown, steps)) continue;
        const bool said_otherwise = steps[0] && strcmp(steps, shown) != 0;
        add_value(out, row->name, steps[0] ? steps : shown, said_otherwise ? shown : NULL);
    }
}

void wn__out_changed(wn__yaml_out *out, const wn__setting *rows, const void *config)
{
    char shown[SHOWN];
    for (const wn__setting *row = rows; row && row->name; row++)
        if (strcmp(wn__settings_show(row, config, shown, sizeof shown), row->fallback) != 0) add_value(out, row->name, shown, NULL);
}

wn_status wn__slice_set(json_t *object, const char *key, json_t *value)
{
    if (!object || !value || json_object_set_new(object, key, value) != 0) return wn__no_memory(64);
    return WN_OK;
}

wn_status wn__slice_table(json_t *object, const wn__setting *rows, const void *config, const wn__clock *clock)
{
    char shown[SHOWN], steps[40];
    for (const wn__setting *row = rows; row && row->name; row++)
        if (show(row, config, clock, shown, steps)) WN_TRY(wn__slice_set(object, row->name, json_string(steps[0] ? steps : shown)));
    return WN_OK;
}

wn_status wn__config_new(const wn__setting *rows, size_t size, void **config)
{
    *config = wn__alloc(size ? size : 1);
    if (!*config) return wn__no_memory(size);
    return rows ? wn__settings_defaults(rows, *config) : WN_OK;
}
