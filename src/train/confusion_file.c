#include "train/confusion_file.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "io/json_file.h"
#include "io/jsonl.h"

static void add_counts(wn__text *t, const int64_t *counts, int64_t classes)
{
    for (int64_t k = 0; k < classes; k++) {
        wn__text_add(t, k ? ",\n    [" : "\n    [");
        for (int64_t p = 0; p < classes; p++)
            wn__text_add(t, "%s%lld", p ? ", " : "", (long long)counts[k * classes + p]);
        wn__text_add(t, "]");
    }
}

wn_status wn__confusion_write(const char *folder, const wn__evaluation *e, const char *const *names)
{
    wn__text t = {0};
    char *path = wn__path_join(folder, WN__CONFUSION_FILE);
    wn__text_add(&t, "{\n  \"format\": \"%s\",\n  \"version\": %d,\n  \"split\": \"test\",\n", WN__CONFUSION_FORMAT, WN__CONFUSION_VERSION);
    if (names) {
        wn__text_add(&t, "  \"names\": ");
        wn__json_text_array(&t, names, e->classes);
        wn__text_add(&t, ",\n");
    }
    wn__text_add(&t, "  \"counts\": [");
    add_counts(&t, e->confusion, e->classes);
    wn__text_add(&t, "\n  ]\n}\n");
    const wn_status status = path && !t.failed ? wn__file_write(path, t.data, t.size) : wn__no_memory(t.size);
    wn__text_release(&t);
    wn__free(path);
    return status;
}

static wn_status read_counts(const json_t *rows, wn__confusion *c)
{
    for (int64_t k = 0; k < c->classes; k++) {
        const json_t *row = json_array_get(rows, (size_t)k);
        if ((int64_t)json_array_size(row) != c->classes)
            return wn__fail(WN_EFORMAT, "line %lld of \"counts\" is no list of %lld", (long long)k, (long long)c->classes);
        for (int64_t p = 0; p < c->classes; p++) {
            const json_t *count = json_array_get(row, (size_t)p);
            if (!json_is_integer(count) || json_integer_value(count) < 0 || json_integer_value(count) > INT32_MAX)
                return wn__fail(WN_EFORMAT, "\"counts\" has something else than numbers of samples");
            c->counts[k * c->classes + p] = json_integer_value(count);
        }
    }
    return WN_OK;
}

static wn_status read_names(const json_t *names, wn__confusion *c)
{
    if (!names) return WN_OK;
    if ((int64_t)json_array_size(names) != c->classes) return wn__fail(WN_EFORMAT, "\"names\" is no list of %lld", (long long)c->classes);
    c->names = WN_NEW_ARRAY(char *, c->classes);
    if (!c->names) return wn__no_memory((size_t)c->classes * sizeof *c->names);
    for (int64_t k = 0; k < c->classes; k++) {
        const char *name = json_string_value(json_array_get(names, (size_t)k));
        if (!name) return wn__fail(WN_EFORMAT, "\"names\" has something else than texts");
        if (!(c->names[k] = wn__strdup(name))) return wn__no_memory(strlen(name));
    }
    return WN_OK;
}

static wn_status read_file(const json_t *root, wn__confusion *c)
{
    const char *format = json_string_value(json_object_get(root, "format"));
    const json_t *counts = json_object_get(root, "counts");
    const size_t classes = json_array_size(counts);
    if (!format || strcmp(format, WN__CONFUSION_FORMAT) != 0 || wn__json_number(root, "version") != WN__CONFUSION_VERSION)
        return wn__fail(WN_EFORMAT, "no counts of classes, or of another version");
    if (classes < 1 || classes > WN__MOST_CONFUSED) return wn__fail(WN_EFORMAT, "%zu classes, must be 1 to %d", classes, WN__MOST_CONFUSED);
    c->classes = (int64_t)classes;
    c->counts = WN_NEW_ARRAY(int64_t, c->classes * c->classes);
    if (!c->counts) return wn__no_memory(classes * classes * sizeof *c->counts);
    WN_TRY(read_counts(counts, c));
    return read_names(json_object_get(root, "names"), c);
}

wn_status wn__confusion_read(const char *path, wn__confusion *out)
{
    json_t *root;
    *out = (wn__confusion){0};
    WN_TRY(wn__json_load(path, &root));
    wn_status status = read_file(root, out);
    json_decref(root);
    if (status == WN_OK) return WN_OK;
    wn__confusion_release(out);
    return wn__fail_within(status, "%s: ", path);
}

void wn__confusion_release(wn__confusion *c)
{
    for (int64_t k = 0; c->names && k < c->classes; k++)
        wn__free(c->names[k]);
    wn__free(c->names);
    wn__free(c->counts);
    *c = (wn__confusion){0};
}
