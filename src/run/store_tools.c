/* Looking at the store: status, differences, removal of what nobody refers to. */
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/arguments.h"
#include "base/fail.h"
#include "base/locale.h"
#include "io/json_file.h"
#include "run/results_writer.h"
#include "run/store.h"
#include "run/store_names.h"
#include "winnow/experiment.h"

static const char *or_default(const char *out) { return out ? out : WN__STORE_DEFAULT; }

/* A store that was named must be there; without a name there may be none yet. */
static wn_status check_store(const char *out)
{
    return !out || wn__folder_exists(out) ? WN_OK : wn__fail(WN_ENOTFOUND, "%s: there is no such store", out);
}

/* ---- which stages are referred to */

/* Adds the identities of an experiment's stages.json as keys of `used`. Folders without that file are no experiments. */
static wn_status add_used(const char *folder, json_t *used)
{
    char *path = wn__path_join(folder, "stages.json");
    json_t *json, *stage;
    size_t index;
    if (!path) return wn__no_memory(64);
    wn_status status = wn__file_exists(path) ? wn__json_load(path, &json) : WN_ENOTFOUND;
    wn__free(path);
    if (status == WN_ENOTFOUND) return WN_OK;
    WN_TRY(status);
    json_array_foreach(json_object_get(json, "stages"), index, stage)
    {
        const char *identity = json_string_value(json_object_get(stage, "identity"));
        if (status == WN_OK && identity) status = json_object_set_new(used, identity, json_true()) == 0 ? WN_OK : wn__no_memory(64);
    }
    json_decref(json);
    return status;
}

/* Over all experiments of the store, or one. */
static wn_status find_used(const char *root, const char *experiment, json_t *used)
{
    char **names;
    int count;
    if (experiment) return add_used(experiment, used);
    if (!wn__folder_exists(root)) return WN_OK;
    WN_TRY(wn__list_folder(root, &names, &count));
    wn_status status = WN_OK;
    for (int i = 0; i < count && status == WN_OK; i++) {
        char *folder = wn__path_join(root, names[i]);
        status = !folder ? wn__no_memory(64) : wn__folder_exists(folder) ? add_used(folder, used) : WN_OK;
        wn__free(folder);
    }
    wn__free_names(names, count);
    return status;
}

/* ---- walking over stored stages */

static int64_t folder_bytes(const char *folder)
{
    int64_t bytes = 0;
    char **names;
    int count;
    if (wn__list_folder(folder, &names, &count) != WN_OK) return 0;
    for (int i = 0; i < count; i++) {
        char *path = wn__path_join(folder, names[i]);
        struct stat info;
        if (path && lstat(path, &info) == 0) bytes += S_ISDIR(info.st_mode) ? folder_bytes(path) : (int64_t)info.st_blocks * 512;
        wn__free(path);
    }
    wn__free_names(names, count);
    return bytes;
}

typedef wn_status (*stage_call)(void *arg, const wn_stored_stage *stage);

static wn_status visit_folder(const char *folder, const json_t *used, bool only_used, stage_call call, void *arg)
{
    char *path = wn__path_join(folder, "stage.json");
    json_t *json = NULL;
    if (!path) return wn__no_memory(64);
    const wn_status read = wn__file_exists(path) ? wn__json_load(path, &json) : WN_ENOTFOUND;
    const bool readable = read == WN_OK;
    wn__free(path);
    if (read == WN_ENOMEM) return read;
    const char *identity = json_string_value(json_object_get(json, "identity"));
    const char *kind = json_string_value(json_object_get(json, "kind")), *label = json_string_value(json_object_get(json, "label"));
    const bool is_used = identity && json_object_get(used, identity);
    wn_status status = WN_OK;
    if (is_used || !only_used) {
        const wn_stored_stage stage = {
            .identity = identity ? identity : "",
            .kind = kind ? kind : "",
            .label = label      ? label
                     : readable ? ""
                                : "(unreadable)",
            .state = wn__stage_state_names[wn__store_folder_state(folder)],
            .path = folder,
            .bytes = folder_bytes(folder),
            .used = is_used,
        };
        status = call(arg, &stage);
    }
    json_decref(json);
    return status;
}

static wn_status visit_stages(const char *root, const json_t *used, bool only_used, stage_call call, void *arg)
{
    char *stages = wn__path_join(root, "stages");
    char **names = NULL;
    int count = 0;
    if (!stages) return wn__no_memory(64);
    wn_status status = wn__folder_exists(stages) ? wn__list_folder(stages, &names, &count) : WN_OK;
    for (int i = 0; i < count && status == WN_OK; i++) {
        char *folder = wn__path_join(stages, names[i]);
        status = folder ? visit_folder(folder, used, only_used, call, arg) : wn__no_memory(64);
        wn__free(folder);
    }
    wn__free_names(names, count);
    wn__free(stages);
    return status;
}

/* ---- status */

typedef struct status_user {
    wn_stored_visit visit;
    void *user;
} status_user;

static wn_status show_stage(void *arg, const wn_stored_stage *stage)
{
    const status_user *u = arg;
    if (u->visit) u->visit(u->user, stage);
    return WN_OK;
}

wn_status wn_store_status(const char *out, const char *experiment, wn_stored_visit visit, void *user)
{
    char *root, *folder = NULL;
    status_user u = {visit, user};
    WN_TRY(check_store(out));
    WN_TRY(wn__store_root(out, experiment, &root));
    json_t *used = json_object();
    wn_status status = used ? WN_OK : wn__no_memory(64);
    if (status == WN_OK && experiment) status = wn__store_find_experiment(root, experiment, &folder);
    if (status == WN_OK) status = find_used(root, folder, used);
    if (status == WN_OK) status = visit_stages(root, used, experiment != NULL, show_stage, &u);
    json_decref(used);
    wn__free(folder);
    wn__free(root);
    return status;
}

/* ---- gc */

typedef struct gc_user {
    bool dry_run;
    wn_stored_visit visit;
    void *user;
    int64_t bytes;
} gc_user;

static wn_status collect_stage(void *arg, const wn_stored_stage *stage)
{
    gc_user *g = arg;
    if (stage->used || strcmp(stage->state, wn__stage_state_names[WN__STATE_RUNNING]) == 0) return WN_OK;
    if (!g->dry_run) {
        const wn_status status = wn__store_remove_folder(stage->path);
        if (status == WN_EBUSY) return WN_OK; /* somebody began it just now */
        WN_TRY(status);
    }
    g->bytes += stage->bytes;
    if (g->visit) g->visit(g->user, stage);
    return WN_OK;
}

wn_status wn_store_gc(const char *out, bool dry_run, wn_stored_visit visit, void *user, int64_t *bytes)
{
    const char *root = or_default(out);
    gc_user g = {dry_run, visit, user, 0};
    WN_TRY(check_store(out));
    json_t *used = json_object();
    wn_status status = used ? find_used(root, NULL, used) : wn__no_memory(64);
    if (status == WN_OK) status = visit_stages(root, used, false, collect_stage, &g);
    json_decref(used);
    if (status == WN_OK && bytes) *bytes = g.bytes;
    return status;
}

/* ---- diff: both sides are flattened to "key" -> text, in order */

static wn_status put(json_t *flat, const char *key, const char *value)
{
    return json_object_set_new(flat, key, json_string(value)) == 0 ? WN_OK : wn__no_memory(64);
}

static wn_status flatten_yaml(const wn__yaml_node *node, const char *prefix, json_t *flat)
{
    char key[512];
    if (wn__yaml_kind_of(node) == WN__YAML_SCALAR) return put(flat, prefix, wn__yaml_text(node));
    if (wn__yaml_kind_of(node) == WN__YAML_SEQUENCE) {
        wn__text list = {0};
        wn_status status = wn__yaml_emit(node, &list);
        while (list.size > 0 && list.data[list.size - 1] == '\n')
            list.data[--list.size] = 0;
        if (status == WN_OK) status = put(flat, prefix, list.data ? list.data : "");
        wn__text_release(&list);
        return status;
    }
    for (int i = 0; i < wn__yaml_count(node); i++) {
        snprintf(key, sizeof key, "%s%s%s", prefix, prefix[0] ? "." : "", wn__yaml_text(wn__yaml_key(node, i)));
        WN_TRY(flatten_yaml(wn__yaml_child(node, i), key, flat));
    }
    return WN_OK;
}

static wn_status flatten_recipe(const char *folder, const char *name, json_t *flat)
{
    char *path = wn__path_join(folder, name);
    wn__yaml *doc = NULL;
    wn_status status = path ? wn__yaml_read(path, &doc) : wn__no_memory(64);
    if (status == WN_OK) status = flatten_yaml(wn__yaml_root(doc), "", flat);
    wn__yaml_free(doc);
    wn__free(path);
    return status;
}

/* Numbers that a reader compares, %s for the headline's key; seconds differ always and say nothing. */
static const char *const compared_keys[] = {"state",     "test_%s",    "test_loss",       "test_%s_at_best_validation", "validation_%s",
                                            "pruned_%s", "parameters", "inference_flops", "train_flops_total",          "stage"};

static wn_status flatten_row(const json_t *row, const wn__metric *headline, json_t *flat)
{
    const char *method = json_string_value(json_object_get(row, "method"));
    char shown[32], key[512], name[96], text[64];
    wn__show_sparsity(json_number_value(json_object_get(row, "sparsity")), shown, sizeof shown);
    for (size_t i = 0; i < sizeof compared_keys / sizeof *compared_keys; i++) {
        wn__snprintf(name, sizeof name, compared_keys[i], headline->key); /* NOLINT: formats are those above */
        const json_t *value = json_object_get(row, name);
        if (!value || json_is_null(value)) continue;
        snprintf(key, sizeof key, "%s %s seed %lld: %s", method ? method : "?", shown,
                 (long long)json_integer_value(json_object_get(row, "seed")), name);
        wn__snprintf(text, sizeof text, "%.10g", json_number_value(value));
        WN_TRY(put(flat, key, json_is_string(value) ? json_string_value(value) : text));
    }
    return WN_OK;
}

static wn_status flatten_results(const char *folder, json_t *flat)
{
    char *path = wn__path_join(folder, "results.json");
    json_t *json = NULL, *row;
    const wn__metric *headline;
    size_t index;
    wn_status status = path ? wn__json_load(path, &json) : wn__no_memory(64);
    if (status == WN_OK) status = wn__results_headline(json, &headline);
    if (status == WN_OK)
        json_array_foreach(json_object_get(json, "rows"), index, row) if (status == WN_OK) status = flatten_row(row, headline, flat);
    json_decref(json);
    wn__free(path);
    return status;
}

/* One side: what was written, what that means with all defaults, what came out. */
typedef struct side {
    json_t *written, *resolved, *results;
} side;

static void side_release(side *s)
{
    json_decref(s->written);
    json_decref(s->resolved);
    json_decref(s->results);
}

static wn_status read_side(const char *root, const char *experiment, side *s)
{
    char *folder;
    *s = (side){json_object(), json_object(), json_object()};
    if (!s->written || !s->resolved || !s->results) return wn__no_memory(64);
    WN_TRY(wn__store_find_experiment(root, experiment, &folder));
    wn_status status = flatten_recipe(folder, "resolved.yaml", s->resolved);
    if (status == WN_OK) status = flatten_recipe(folder, "written.yaml", s->written);
    if (status == WN_ENOTFOUND) status = flatten_recipe(folder, "recipe.yaml", s->written);
    if (status == WN_ENOTFOUND) status = WN_OK; /* merged results have none of their own */
    if (status == WN_OK) status = flatten_results(folder, s->results);
    wn__free(folder);
    return status;
}

typedef struct differences {
    side left, right;
    wn_difference_visit visit;
    void *user;
} differences;

static void compare(const differences *d, wn_difference_kind kind, const char *key, const char *left, const char *right)
{
    if (left && right && strcmp(left, right) == 0) return;
    if (left || right) d->visit(d->user, &(wn_difference){key, left, right, kind});
}

static const char *text_of(json_t *flat, const char *key) { return json_string_value(json_object_get(flat, key)); }

/* A key that somebody wrote: as both wrote it, or what it means on both sides. */
static void compare_written(const differences *d, const char *key)
{
    const char *left = text_of(d->left.written, key), *right = text_of(d->right.written, key);
    const bool both = left && right;
    const char *means_left = text_of(d->left.resolved, key), *means_right = text_of(d->right.resolved, key);
    compare(d, WN_DIFFERENCE_WRITTEN, key, both || !means_left ? left : means_left, both || !means_right ? right : means_right);
}

static bool is_written(const differences *d, const char *key) { return text_of(d->left.written, key) || text_of(d->right.written, key); }

/* Keys of the left side, then those of the right one alone. */
static void show_written(const differences *d)
{
    const char *key;
    json_t *value;
    json_object_foreach(d->left.written, key, value) compare_written(d, key);
    json_object_foreach(d->right.written, key, value) if (!text_of(d->left.written, key)) compare_written(d, key);
}

static void show_flat(const differences *d, wn_difference_kind kind, json_t *left, json_t *right)
{
    const char *key;
    json_t *value;
    const bool results = kind == WN_DIFFERENCE_RESULT;
    json_object_foreach(left, key, value) if (results || !is_written(d, key))
        compare(d, kind, key, json_string_value(value), text_of(right, key));
    json_object_foreach(right, key, value) if (!text_of(left, key) && (results || !is_written(d, key)))
        compare(d, kind, key, NULL, json_string_value(value));
}

wn_status wn_store_diff(const char *out, const char *left, const char *right, wn_difference_visit visit, void *user)
{
    const char *root = or_default(out);
    differences d = {.visit = visit, .user = user};
    WN__NEED(left);
    WN__NEED(right);
    wn_status status = read_side(root, left, &d.left);
    if (status == WN_OK) status = read_side(root, right, &d.right);
    if (status == WN_OK && visit) {
        show_written(&d);
        show_flat(&d, WN_DIFFERENCE_RESULT, d.left.results, d.right.results);
        show_flat(&d, WN_DIFFERENCE_DEFAULT, d.left.resolved, d.right.resolved);
    }
    side_release(&d.left);
    side_release(&d.right);
    return status;
}
