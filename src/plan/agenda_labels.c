/* Labels of stages: unique in a plan, so that a label names one stage. */
#include <string.h>

#include "base/fail.h"
#include "plan/agenda_parts.h"

static const wn__stage *find_label(const wn__agenda *plan, const char *label)
{
    for (int i = 0; i < plan->stages; i++)
        if (strcmp(plan->stage[i].label, label) == 0) return &plan->stage[i];
    return NULL;
}

/* The stage whose identity an input is; NULL: it is none. */
static const wn__stage *stage_of(const wn__agenda *plan, const json_t *value)
{
    const char *text = json_string_value(value);
    for (int i = 0; text && i < plan->stages; i++)
        if (strcmp(plan->stage[i].identity, text) == 0) return &plan->stage[i];
    return NULL;
}

static void add_value(const char *key, const json_t *value, wn__text *out)
{
    const char *text = json_string_value(value);
    wn__text_add(out, "%s", key);
    for (size_t i = 0; i < json_array_size(value); i++)
        wn__text_add(out, " %s", json_string_value(json_array_get(value, i)));
    if (json_is_integer(value)) wn__text_add(out, " %lld", (long long)json_integer_value(value));
    if (text) wn__text_add(out, strlen(text) == WN__SHA256_TEXT - 1 ? " %.8s" : " %s", text); /* of a file's contents a few digits */
}

/* The first or last of `to` that differs from `from`; NULL: nothing does. */
static const char *find_difference(const json_t *from, const json_t *to, bool last)
{
    const char *key, *found = NULL;
    json_t *value;
    json_object_foreach((json_t *)to, key, value)
    {
        if (json_equal(value, json_object_get(from, key))) continue;
        found = key;
        if (!last) break;
    }
    return found;
}

/* "scope layer", "basis kind dct", "lr-rewind 20% round 1" (another parent), "without basis". Of a stage the last difference says most: machine, data
 * and network come first; of a part the first does. */
static void add_difference(const wn__agenda *plan, const json_t *from, const json_t *to, bool last, wn__text *out)
{
    const char *key = find_difference(from, to, last);
    const json_t *value = key ? json_object_get(to, key) : NULL;
    const wn__stage *parent = stage_of(plan, value);
    if (!key) {
        wn__text_add(out, "without %s", find_difference(to, from, last));
    } else if (parent) {
        wn__text_add(out, "%.*s", (int)(strstr(parent->label, " seed ") - parent->label), parent->label);
    } else if (json_is_object(value)) {
        wn__text_add(out, "%s ", key);
        add_difference(plan, json_object_get(from, key), value, false, out);
    } else {
        add_value(key, value, out);
    }
}

wn_status wn__agenda_label(const wn__agenda *plan, wn__stage *draft, const char *what)
{
    const unsigned long long seed = draft->seed;
    wn__text label = {0}, differs = {0};
    const wn__stage *other;
    wn__text_add(&label, "%s seed %llu", what, seed);
    while (!label.failed && !differs.failed && (other = find_label(plan, label.data)) != NULL) {
        wn__text_add(&differs, "%s", differs.size ? ", " : "");
        add_difference(plan, other->inputs, draft->inputs, true, &differs);
        label.size = 0;
        if (!differs.failed) wn__text_add(&label, "%s (%s) seed %llu", what, differs.data, seed);
    }
    const bool failed = label.failed || differs.failed;
    wn__text_release(&differs);
    if (failed) {
        wn__text_release(&label);
        return wn__no_memory(strlen(what));
    }
    draft->label = label.data;
    return WN_OK;
}
