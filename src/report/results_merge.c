/* Results of several runs of one experiment (other seeds, other rows) as one. JSON in, JSON out: what a newer program writes is kept. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "base/log.h"
#include "io/json_file.h"
#include "report/report_data.h"
#include "winnow/report.h"

typedef struct merged {
    const char *out;
    json_t *root;
    json_t *rows; /* of all, in any order */
} merged;

static wn_status load(const char *folder, json_t **root)
{
    wn__results *checked;
    WN_TRY(wn__results_read(folder, &checked)); /* says what is wrong */
    *root = json_incref(checked->root);
    wn__results_free(checked);
    return WN_OK;
}

static bool equal(const json_t *a, const json_t *b) { return a == b || json_equal(a, b); } /* both may be missing */

/* ---- one more experiment */

static wn_status check_same(const merged *m, const json_t *other, const char *folder)
{
    static const char *const sections[] = {"data", "model", "train", "mask", NULL};
    for (int i = 0; sections[i]; i++)
        if (!equal(json_object_get(m->root, sections[i]), json_object_get(other, sections[i])))
            return wn__fail(WN_EMISMATCH, "%s: another experiment: \"%s\" differs", folder, sections[i]);
    static const char *const facts[] = {"numerics", "isa", "backend", "backend_version", "sparse_backend_version", NULL};
    const json_t *mine = json_object_get(m->root, "environment"), *its = json_object_get(other, "environment");
    for (int i = 0; facts[i]; i++)
        if (!equal(json_object_get(mine, facts[i]), json_object_get(its, facts[i])))
            wn__log(WN_LOG_WARNING, "%s: made with another \"%s\"", folder, facts[i]);
    return WN_OK;
}

static json_t *find_method(const json_t *methods, const json_t *like)
{
    size_t i;
    json_t *method;
    json_array_foreach(methods, i, method)
    {
        if (equal(json_object_get(method, "name"), json_object_get(like, "name"))) return method;
    }
    return NULL;
}

static wn_status add_methods(const merged *m, const json_t *other, const char *folder)
{
    json_t *methods = json_object_get(m->root, "methods"), *method;
    size_t i;
    json_array_foreach(json_object_get(other, "methods"), i, method)
    {
        const json_t *known = find_method(methods, method);
        if (known && !equal(known, method))
            return wn__fail(WN_EMISMATCH, "%s: another experiment: method \"%s\" differs", folder, wn__json_text(method, "name"));
        if (!known && json_array_append(methods, method)) return wn__no_memory(sizeof *methods);
    }
    return WN_OK;
}

/* Items of a list that are not in another one yet. */
static wn_status add_items(json_t *to, const json_t *from)
{
    size_t i, j;
    json_t *item, *known;
    json_array_foreach(from, i, item)
    {
        bool found = false;
        json_array_foreach(to, j, known) found = found || equal(known, item);
        if (!found && json_array_append(to, item)) return wn__no_memory(sizeof *to);
    }
    return WN_OK;
}

static wn_status add_compared(const merged *m, const json_t *other)
{
    static const char *const lists[] = {"methods", "sparsity", "seeds", NULL};
    json_t *mine = json_object_get(m->root, "compare");
    for (int i = 0; lists[i]; i++)
        WN_TRY(add_items(json_object_get(mine, lists[i]), json_object_get(json_object_get(other, "compare"), lists[i])));
    return WN_OK;
}

/* The learning curve goes along, if it is there: <out>/metrics/<stage>.jsonl. */
static wn_status copy_metrics(const merged *m, const char *folder, json_t *row)
{
    const char *metrics = wn__json_text(row, "metrics"), *stage = wn__json_text(row, "stage");
    char name[64] = "";
    if (stage) snprintf(name, sizeof name, "metrics/%.16s.jsonl", stage);
    char *from = metrics && stage ? wn__path_join(folder, metrics) : NULL, *to = wn__path_join(m->out, name), *text = NULL;
    size_t size;
    wn_status status = to ? WN_OK : wn__no_memory(sizeof name);
    json_object_del(row, "metrics");
    if (status == WN_OK && from && wn__file_exists(from)) {
        status = wn__file_read(from, &text, &size);
        if (status == WN_OK) status = wn__file_write(to, text, size);
        if (status == WN_OK && json_object_set_new(row, "metrics", json_string(name))) status = wn__no_memory(sizeof name);
    }
    wn__free(text);
    wn__free(from);
    wn__free(to);
    return status;
}

static wn_status add_rows(const merged *m, const json_t *other, const char *folder)
{
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(other, "rows"), i, row)
    {
        if (strcmp(wn__json_text(row, "state") ? wn__json_text(row, "state") : "", "done") != 0) continue;
        json_object_del(row, "timing");
        json_object_del(row, "weights");
        WN_TRY(copy_metrics(m, folder, row));
        if (json_array_append(m->rows, row)) return wn__no_memory(sizeof *row);
    }
    return WN_OK;
}

static wn_status add_experiment(merged *m, const char *folder)
{
    json_t *other;
    WN_TRY(load(folder, &other));
    if (!m->root) m->root = json_deep_copy(other);
    wn_status status = m->root ? check_same(m, other, folder) : wn__no_memory(sizeof *other);
    if (status == WN_OK) status = add_methods(m, other, folder);
    if (status == WN_OK) status = add_compared(m, other);
    if (status == WN_OK) status = add_rows(m, other, folder);
    if (status == WN_OK && json_is_true(json_object_get(other, "short_budget"))) json_object_set_new(m->root, "short_budget", json_true());
    json_decref(other);
    return status;
}

/* ---- order */

static int method_number(const json_t *methods, const json_t *row)
{
    size_t i;
    json_t *name;
    json_array_foreach(methods, i, name)
    {
        if (equal(name, json_object_get(row, "method"))) return (int)i;
    }
    return -1;
}

typedef struct place {
    int method;
    double sparsity;
    json_int_t seed;
    json_t *row;
} place;

static int compare_places(const void *left, const void *right)
{
    const place *a = left, *b = right;
    if (a->method != b->method) return a->method < b->method ? -1 : 1;
    if (a->sparsity != b->sparsity) return a->sparsity < b->sparsity ? -1 : 1;
    return (a->seed > b->seed) - (a->seed < b->seed);
}

/* Methods as they are listed, then sparsities, then seeds. */
static wn_status order_rows(const merged *m)
{
    const json_t *methods = json_object_get(json_object_get(m->root, "compare"), "methods");
    const size_t count = json_array_size(m->rows);
    place *places = WN_NEW_ARRAY(place, (int64_t)count);
    json_t *ordered = json_array();
    wn_status status = places && ordered ? WN_OK : wn__no_memory(count * sizeof *places);
    for (size_t i = 0; status == WN_OK && i < count; i++) {
        json_t *row = json_array_get(m->rows, i);
        places[i] = (place){method_number(methods, row), json_number_value(json_object_get(row, "sparsity")),
                            json_integer_value(json_object_get(row, "seed")), row};
    }
    if (status == WN_OK) qsort(places, count, sizeof *places, compare_places);
    for (size_t i = 0; status == WN_OK && i < count; i++)
        if (json_array_append(ordered, places[i].row)) status = wn__no_memory(sizeof *ordered);
    if (status == WN_OK && json_object_set(m->root, "rows", ordered)) status = wn__no_memory(sizeof *ordered);
    json_decref(ordered);
    wn__free(places);
    return status;
}

/* ---- all of them */

static wn_status copy_recipe(const merged *m, const char *folder, const char *key)
{
    const char *name = wn__json_text(m->root, key);
    char *from = name ? wn__path_join(folder, name) : NULL, *to = name ? wn__path_join(m->out, name) : NULL, *text = NULL;
    size_t size;
    wn_status status = WN_OK;
    if (from && to && wn__file_exists(from)) status = wn__file_read(from, &text, &size);
    if (status == WN_OK && text) status = wn__file_write(to, text, size);
    wn__free(text);
    wn__free(from);
    wn__free(to);
    return status;
}

static wn_status write(const merged *m)
{
    wn__results *checked;
    char *path = wn__path_join(m->out, "results.json");
    wn_status status = path ? wn__json_save(path, m->root) : wn__no_memory(strlen(m->out));
    if (status == WN_OK) status = wn__results_read(m->out, &checked); /* two rows of one seed */
    if (status == WN_OK)
        wn__results_free(checked);
    else if (path)
        wn__remove_tree(path);
    wn__free(path);
    return status;
}

wn_status wn_report_merge(const char *const *folders, int count, const char *out)
{
    if (count < 1) return wn__fail(WN_EINVAL, "no results to merge");
    for (int i = 0; i < count; i++)
        if (strcmp(folders[i], out) == 0) return wn__fail(WN_EINVAL, "%s: merged results need a folder of their own", out);
    char *curves = wn__path_join(out, "metrics");
    merged m = {out, NULL, json_array()};
    wn_status status = curves && m.rows ? wn__make_folders(curves) : wn__no_memory(strlen(out));
    for (int i = 0; status == WN_OK && i < count; i++)
        status = add_experiment(&m, folders[i]);
    if (status == WN_OK) status = order_rows(&m);
    if (status == WN_OK) status = copy_recipe(&m, folders[0], "recipe");
    if (status == WN_OK) status = copy_recipe(&m, folders[0], "resolved");
    if (status == WN_OK) status = write(&m);
    json_decref(m.rows);
    json_decref(m.root);
    wn__free(curves);
    return status;
}
