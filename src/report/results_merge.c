/* Results of several runs of one experiment (other seeds, other rows) as one. JSON in, JSON out: what a newer program writes is kept. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/arguments.h"
#include "base/fail.h"
#include "base/files.h"
#include "base/log.h"
#include "base/settings.h"
#include "io/json_file.h"
#include "methods/method.h"
#include "report/recipe_difference.h"
#include "report/report_data.h"
#include "run/results_writer.h"
#include "winnow/report.h"

typedef struct found_row {
    json_t *row;        /* borrowed from its results */
    const char *folder; /* where it was found first */
} found_row;

typedef struct merged {
    const char *out;
    json_t *root;
    wn__yaml *recipe; /* resolved, of all */
    json_t *all;      /* results that the rows are borrowed from */
    found_row *row;   /* (rows) of all, in any order */
    int rows;
} merged;

static wn_status load(const char *folder, json_t **root)
{
    wn__results *checked;
    WN_TRY(wn__results_read(folder, NULL, &checked)); /* says what is wrong */
    *root = json_incref(checked->root);
    wn__results_free(checked);
    return WN_OK;
}

static bool equal(const json_t *a, const json_t *b) { return a == b || json_equal(a, b); } /* both may be missing */

/* ---- how they were trained */

static wn_status read_recipe(const json_t *root, const char *folder, wn__yaml **recipe)
{
    const char *name = wn__json_text(root, "resolved");
    char *path = wn__path_join(folder, name ? name : "resolved.yaml");
    wn_status status = path ? WN_OK : wn__no_memory(strlen(folder));
    if (path && !wn__file_exists(path))
        status = wn__fail(WN_ENOTFOUND, "%s: is missing; without it nobody knows how these results were trained", path);
    if (status == WN_OK) status = wn__yaml_read(path, recipe);
    wn__free(path);
    return status;
}

/* Published contents are not written down. */
static const char *contents_text(const json_t *contents) { return contents ? json_string_value(contents) : "as published"; }

/* The headline and the keys of the recipe; and the network, whose file the recipe only names. */
static wn_status check_same(const merged *m, const json_t *other, const wn__yaml *recipe, const char *folder)
{
    static const char *const sizes[] = {"parameters", "inference_flops", NULL};
    const json_t *mine = json_object_get(m->root, "model"), *its = json_object_get(other, "model");
    const wn__metric *headline, *before;
    WN_TRY(wn__results_headline(other, &headline));
    WN_TRY(wn__results_headline(m->root, &before));
    if (headline != before)
        return wn__fail(WN_EMISMATCH, "%s: another headline than before: %s against %s", folder, headline->name, before->name);
    wn__text keys = {0};
    wn_status status = wn__recipe_differences(recipe, m->recipe, &keys);
    if (status == WN_OK && keys.size > 0) status = wn__fail(WN_EMISMATCH, "%s: another experiment than before: %s", folder, keys.data);
    wn__text_release(&keys);
    const json_t *contents[] = {json_object_get(json_object_get(other, "data"), "contents"),
                                json_object_get(json_object_get(m->root, "data"), "contents")};
    if (status == WN_OK && !equal(contents[0], contents[1]))
        status = wn__fail(WN_EMISMATCH, "%s: other data than before: contents %s against %s", folder, contents_text(contents[0]),
                          contents_text(contents[1]));
    const json_t *files[] = {json_object_get(mine, "file"), json_object_get(its, "file")}; /* older results have none */
    if (status == WN_OK && files[0] && files[1] && !equal(files[0], files[1]))
        status = wn__fail(WN_EMISMATCH, "%s: another network than before: its file has other contents", folder);
    for (int i = 0; sizes[i] && status == WN_OK; i++)
        if (!equal(json_object_get(mine, sizes[i]), json_object_get(its, sizes[i])))
            status = wn__fail(WN_EMISMATCH, "%s: another network than before: %s %.0f against %.0f", folder, sizes[i],
                              wn__json_number(its, sizes[i]), wn__json_number(mine, sizes[i]));
    return status;
}

static void tell_machine(const merged *m, const json_t *other, const char *folder)
{
    static const char *const facts[] = {
        "version", "numerics", "cpu", "isa", "backend", "backend_version", "sparse_backend", "sparse_backend_version", NULL};
    const json_t *mine = json_object_get(m->root, "environment"), *its = json_object_get(other, "environment");
    wn__text text = {0};
    for (int i = 0; facts[i]; i++) {
        json_t *a = json_object_get(its, facts[i]), *b = json_object_get(mine, facts[i]);
        if (equal(a, b)) continue;
        char *shown[] = {a ? json_dumps(a, JSON_ENCODE_ANY) : NULL, b ? json_dumps(b, JSON_ENCODE_ANY) : NULL};
        wn__text_add(&text, "%s%s %s against %s", text.size ? ", " : "", facts[i], shown[0] ? shown[0] : "none",
                     shown[1] ? shown[1] : "none");
        free(shown[0]); /* jansson's own allocations */
        free(shown[1]);
    }
    if (text.data) wn__log(WN_LOG_WARNING, "%s: was made otherwise than before: %s", folder, text.data);
    wn__text_release(&text);
}

/* ---- one more experiment */

static json_t *find_method(const json_t *methods, const char *name)
{
    size_t i;
    json_t *method;
    json_array_foreach(methods, i, method)
    {
        const char *known = wn__json_text(method, "name");
        if (known && name && strcmp(known, name) == 0) return method;
    }
    return NULL;
}

/* Rows of both are equal in both recipes; those of the other alone are taken over. */
static wn_status add_methods(merged *m, const json_t *other, const wn__yaml *recipe)
{
    json_t *methods = json_object_get(m->root, "methods"), *method;
    const wn__yaml_node *rows = wn__yaml_find(wn__yaml_root(recipe), "methods"), *mine = wn__yaml_find(wn__yaml_root(m->recipe), "methods");
    size_t i;
    json_array_foreach(json_object_get(other, "methods"), i, method)
    {
        if (!find_method(methods, wn__json_text(method, "name")) && json_array_append(methods, method))
            return wn__no_memory(sizeof *methods);
    }
    for (int k = 0; rows && k < wn__yaml_count(rows); k++) {
        const char *name = wn__yaml_text(wn__yaml_key(rows, k));
        wn__text path = {0}, node = {0};
        if (mine && wn__yaml_find(mine, name)) continue;
        const char quote = strchr(name, '\'') ? '"' : '\'';
        wn__text_add(&path, "methods.%c%s%c", quote, name, quote);
        wn_status status = wn__yaml_emit(wn__yaml_child(rows, k), &node);
        if (status == WN_OK) status = path.failed || node.failed ? wn__no_memory(path.size) : wn__yaml_set(m->recipe, path.data, node.data);
        wn__text_release(&path);
        wn__text_release(&node);
        WN_TRY(status);
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

/* What was compared, in the results and in the recipe. */
static wn_status add_compared(merged *m, const json_t *other)
{
    static const char *const lists[] = {"methods", "sparsity", "seeds", NULL};
    json_t *mine = json_object_get(m->root, "compare");
    for (int i = 0; lists[i]; i++) {
        char key[32];
        json_t *list = json_object_get(mine, lists[i]);
        WN_TRY(add_items(list, json_object_get(json_object_get(other, "compare"), lists[i])));
        if (!list) continue;
        char *text = json_dumps(list, JSON_REAL_PRECISION(15));
        snprintf(key, sizeof key, "compare.%s", lists[i]);
        const wn_status status = text ? wn__yaml_set(m->recipe, key, text) : wn__no_memory(sizeof key);
        free(text); /* jansson's own allocation */
        WN_TRY(status);
    }
    json_t *skipped = json_object_get(other, "skipped");
    if (skipped && !json_object_get(m->root, "skipped")) return json_object_set(m->root, "skipped", skipped) ? wn__no_memory(64) : WN_OK;
    return add_items(json_object_get(m->root, "skipped"), skipped);
}

/* ---- its rows */

/* Where sparsity is learned, that of a row is a mean over the seeds of its run. */
static bool is_learned(const merged *m, const json_t *row)
{
    const char *mask = wn__json_text(find_method(json_object_get(m->root, "methods"), wn__json_text(row, "method")), "mask");
    return mask && strcmp(mask, wn__method_mask_names[WN__MASK_LEARNED]) == 0;
}

static const found_row *find_same(const merged *m, const json_t *row)
{
    const bool learned = is_learned(m, row);
    for (int i = 0; i < m->rows; i++) {
        const json_t *known = m->row[i].row;
        if (equal(json_object_get(known, "method"), json_object_get(row, "method")) &&
            equal(json_object_get(known, "seed"), json_object_get(row, "seed")) &&
            (learned || wn__json_number(known, "sparsity") == wn__json_number(row, "sparsity")))
            return &m->row[i];
    }
    return NULL;
}

/* Where files lie, what was measured, and shares of what a run's rows have in common. */
static bool is_incidental(const char *key)
{
    static const char *const keys[] = {"sparsity",       "stage",         "stages",  "metrics",       "confusion",
                                       "timing",         "weights",       "seconds", "seconds_total", "train_flops_total",
                                       "teacher_images", "teacher_users", NULL};
    for (int i = 0; keys[i]; i++)
        if (strcmp(keys[i], key) == 0) return true;
    return false;
}

static wn_status check_equal(const found_row *known, json_t *row, const char *folder)
{
    const char *key;
    json_t *value;
    char sparsity[32];
    json_object_foreach(row, key, value)
    {
        const json_t *other = json_object_get(known->row, key);
        if (!other || is_incidental(key) || equal(other, value)) continue;
        char *mine = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15)),
             *its = json_dumps(other, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15));
        const wn_status status =
            wn__fail(WN_EMISMATCH, "%s: %s at %s with seed %lld has two results: %s %.60s, in %s %.60s", folder,
                     wn__json_text(row, "method"), wn__show_sparsity(wn__json_number(row, "sparsity"), sparsity, sizeof sparsity),
                     (long long)json_integer_value(json_object_get(row, "seed")), key, mine ? mine : "", known->folder, its ? its : "");
        free(mine); /* jansson's own allocations */
        free(its);
        return status;
    }
    return WN_OK;
}

static wn_status add_rows(merged *m, const json_t *other, const char *folder)
{
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(other, "rows"), i, row)
    {
        const char *state = wn__json_text(row, "state");
        if (!state || strcmp(state, "done") != 0) continue;
        const found_row *known = find_same(m, row);
        if (known) {
            WN_TRY(check_equal(known, row, folder));
            continue;
        }
        found_row *all = wn__realloc(m->row, (size_t)(m->rows + 1) * sizeof *all);
        if (!all) return wn__no_memory((size_t)(m->rows + 1) * sizeof *all);
        m->row = all;
        all[m->rows++] = (found_row){row, folder};
    }
    return WN_OK;
}

static wn_status join(merged *m, const json_t *other, const wn__yaml *recipe, const char *folder)
{
    WN_TRY(check_same(m, other, recipe, folder));
    tell_machine(m, other, folder);
    WN_TRY(add_methods(m, other, recipe));
    WN_TRY(add_compared(m, other));
    WN_TRY(add_rows(m, other, folder));
    if (json_is_true(json_object_get(other, "short_budget"))) json_object_set_new(m->root, "short_budget", json_true());
    if (!json_is_true(json_object_get(other, "complete"))) json_object_set_new(m->root, "complete", json_false());
    return WN_OK;
}

static wn_status add_experiment(merged *m, const char *folder)
{
    json_t *other;
    wn__yaml *recipe = NULL;
    WN_TRY(load(folder, &other));
    const wn_status kept = json_array_append_new(m->all, other) ? wn__no_memory(sizeof *other) : WN_OK;
    WN_TRY(kept);
    WN_TRY(read_recipe(other, folder, &recipe));
    if (!m->root) m->root = json_deep_copy(other);
    wn_status status = m->root ? WN_OK : wn__no_memory(sizeof *other);
    if (status == WN_OK && !m->recipe) status = read_recipe(other, folder, &m->recipe);
    if (status == WN_OK) status = join(m, other, recipe, folder);
    wn__yaml_free(recipe);
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
    const found_row *found;
} place;

static int compare_places(const void *left, const void *right)
{
    const place *a = left, *b = right;
    if (a->method != b->method) return a->method < b->method ? -1 : 1;
    if (a->sparsity != b->sparsity) return a->sparsity < b->sparsity ? -1 : 1;
    return (a->seed > b->seed) - (a->seed < b->seed);
}

/* Rows whose sparsity is learned get the mean over all seeds, so that they share a cell. */
static wn_status settle_sparsity(const merged *m, json_t *row)
{
    double sum = 0;
    int count = 0;
    if (!is_learned(m, row)) return WN_OK;
    for (int i = 0; i < m->rows; i++) {
        const double reached = wn__json_number(m->row[i].row, "sparsity_selected");
        if (!equal(json_object_get(m->row[i].row, "method"), json_object_get(row, "method")) || isnan(reached)) continue;
        sum += reached;
        count++;
    }
    if (!count) return WN_OK;
    return json_object_set_new(row, "sparsity", json_real(wn__learned_sparsity(sum / count))) ? wn__no_memory(64) : WN_OK;
}

/* Methods as they are listed, then sparsities, then seeds. Caller frees. */
static wn_status order_rows(const merged *m, place **out)
{
    const json_t *methods = json_object_get(json_object_get(m->root, "compare"), "methods");
    place *places = WN_NEW_ARRAY(place, m->rows);
    wn_status status = places ? WN_OK : wn__no_memory((size_t)m->rows * sizeof *places);
    for (int i = 0; status == WN_OK && i < m->rows; i++) {
        json_t *row = m->row[i].row;
        status = settle_sparsity(m, row);
        places[i] = (place){method_number(methods, row), wn__json_number(row, "sparsity"), json_integer_value(json_object_get(row, "seed")),
                            &m->row[i]};
    }
    if (status == WN_OK && m->rows > 0) qsort(places, (size_t)m->rows, sizeof *places, compare_places);
    *out = places;
    return status;
}

/* ---- writing */

static wn_status make_folder(const merged *m, const char *name)
{
    char *folder = wn__path_join(m->out, name);
    const wn_status status = folder ? wn__make_folders(folder) : wn__no_memory(strlen(m->out));
    wn__free(folder);
    return status;
}

/* A stage's file that the row names goes along, if it is there: <out>/<key>/<stage><ending>. */
static wn_status copy_file(const merged *m, const char *folder, json_t *row, const char *key, const char *ending)
{
    const char *file = wn__json_text(row, key), *stage = wn__json_text(row, "stage");
    char name[64] = "";
    if (stage) snprintf(name, sizeof name, "%s/%.16s%s", key, stage, ending);
    char *from = file && stage ? wn__path_join(folder, file) : NULL, *to = wn__path_join(m->out, name), *text = NULL;
    size_t size;
    wn_status status = to ? WN_OK : wn__no_memory(sizeof name);
    json_object_del(row, key);
    if (status == WN_OK && from && wn__file_exists(from)) {
        status = wn__file_read(from, &text, &size);
        if (status == WN_OK) status = make_folder(m, key);
        if (status == WN_OK) status = wn__file_write(to, text, size);
        if (status == WN_OK && json_object_set_new(row, key, json_string(name))) status = wn__no_memory(sizeof name);
    }
    wn__free(text);
    wn__free(from);
    wn__free(to);
    return status;
}

static wn_status take_rows(merged *m)
{
    place *places = NULL;
    json_t *rows = json_array();
    wn_status status = rows && !json_object_set_new(m->root, "rows", rows) ? order_rows(m, &places) : wn__no_memory(sizeof *rows);
    for (int i = 0; status == WN_OK && i < m->rows; i++) {
        json_t *row = places[i].found->row;
        json_object_del(row, "timing");
        json_object_del(row, "weights");
        status = copy_file(m, places[i].found->folder, row, "metrics", ".jsonl");
        if (status == WN_OK) status = copy_file(m, places[i].found->folder, row, "confusion", ".json");
        if (status == WN_OK && json_array_append(rows, row)) status = wn__no_memory(sizeof *row);
    }
    wn__free(places);
    return status;
}

/* recipe.yaml of the first; resolved.yaml with all rows. */
static wn_status write_recipes(const merged *m, const char *first)
{
    const char *name = wn__json_text(m->root, "recipe");
    char *from = name ? wn__path_join(first, name) : NULL, *to = name ? wn__path_join(m->out, name) : NULL;
    char *resolved = wn__path_join(m->out, "resolved.yaml"), *text = NULL;
    wn__text yaml = {0};
    size_t size;
    wn_status status = resolved ? WN_OK : wn__no_memory(strlen(m->out));
    if (status == WN_OK && from && to && wn__file_exists(from)) status = wn__file_read(from, &text, &size);
    if (status == WN_OK && text) status = wn__file_write(to, text, size);
    if (status == WN_OK) status = wn__yaml_emit(wn__yaml_root(m->recipe), &yaml);
    if (status == WN_OK) status = wn__file_write(resolved, yaml.data, yaml.size);
    if (status == WN_OK && json_object_set_new(m->root, "resolved", json_string("resolved.yaml"))) status = wn__no_memory(64);
    wn__text_release(&yaml);
    wn__free(text);
    wn__free(from);
    wn__free(to);
    wn__free(resolved);
    return status;
}

static wn_status write_results(const merged *m)
{
    wn__results *checked;
    char *path = wn__path_join(m->out, "results.json");
    wn_status status = path ? wn__json_save(path, m->root) : wn__no_memory(strlen(m->out));
    if (status == WN_OK) status = wn__results_read(m->out, NULL, &checked); /* more seeds than a report takes */
    if (status == WN_OK)
        wn__results_free(checked);
    else if (path)
        wn__remove_tree(path);
    wn__free(path);
    return status;
}

static wn_status write_all(merged *m, const char *first)
{
    wn_status status = wn__make_folders(m->out);
    if (status == WN_OK) status = take_rows(m);
    if (status == WN_OK) status = write_recipes(m, first);
    return status == WN_OK ? write_results(m) : status;
}

/* A folder of its own: none of those that are read, under whatever name, nor one that a run fills. */
static wn_status check_out(const char *const *folders, int count, const char *out)
{
    struct stat mine, its;
    const bool there = stat(out, &mine) == 0;
    char *stages = wn__path_join(out, "stages.json");
    if (!stages) return wn__no_memory(strlen(out));
    const bool runs = wn__file_exists(stages);
    wn__free(stages);
    if (runs) return wn__fail(WN_EINVAL, "%s: is the folder of an experiment; merged results need a folder of their own", out);
    for (int i = 0; there && i < count; i++)
        if (stat(folders[i], &its) == 0 && its.st_dev == mine.st_dev && its.st_ino == mine.st_ino)
            return wn__fail(WN_EINVAL, "%s: merged results need a folder of their own", out);
    return WN_OK;
}

wn_status wn_report_merge(const char *const *folders, int count, const char *out)
{
    if (count < 1) return wn__fail(WN_EINVAL, "no results to merge");
    WN__NEED_TEXTS(count, folders);
    WN__NEED(out);
    WN_TRY(check_out(folders, count, out));
    merged m = {.out = out, .all = json_array()};
    wn_status status = m.all ? WN_OK : wn__no_memory(64);
    for (int i = 0; status == WN_OK && i < count; i++)
        status = add_experiment(&m, folders[i]);
    if (status == WN_OK) status = write_all(&m, folders[0]);
    wn__free(m.row);
    json_decref(m.all);
    json_decref(m.root);
    wn__yaml_free(m.recipe);
    return status;
}
