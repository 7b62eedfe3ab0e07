#include "run/experiment.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arguments.h"
#include "base/fail.h"
#include "base/files.h"
#include "base/log.h"
#include "io/json_file.h"
#include "recipe/data_record.h"
#include "run/fastest.h"
#include "run/store.h"

/* Threads of a stage and stages side by side, within the CPUs unless forced. */
static wn_status share_cpus(const wn_run_options *o, const wn__recipe *r, int *threads, int *jobs)
{
    const int cpus = wn__cpu_count();
    *jobs = o->jobs > 1 ? o->jobs : 1;
    if (o->threads < 0 || o->jobs < 0) return wn__fail(WN_EUSAGE, "threads %d, jobs %d: neither can be negative", o->threads, o->jobs);
    *threads = wn__machine_threads(o->threads, r->top.threads, *jobs, o->force);
    if (o->force || *jobs == 1 || (int64_t)*jobs * *threads <= cpus) return WN_OK;
    return wn__fail(WN_EUSAGE, "%d jobs of %d thread%s are more than %d CPU%s; force allows more", *jobs, *threads,
                    *threads == 1 ? "" : "s", cpus, cpus == 1 ? "" : "s");
}

static wn_status name_folders(wn__experiment *e, const char *root)
{
    e->root = wn__strdup(root);
    e->folder = e->root ? wn__store_experiment_folder(root, e->recipe->folder_name) : NULL;
    if (!e->folder) return wn__no_memory(strlen(root));
    const size_t most = sizeof((wn_run_summary){0}).folder - 1;
    if (strlen(e->folder) <= most) return WN_OK;
    return wn__fail(WN_EINVAL, "%s: the path is too long, at most %zu letters are possible", e->folder, most);
}

static wn_status settle_data(wn__experiment *e, int threads)
{
    char *environment = wn__path_join(e->folder, "environment.json");
    if (!environment) return wn__no_memory(64);
    const wn_status status = wn__data_settle(e->recipe, e->context.data_folder, threads, environment);
    wn__free(environment);
    return status;
}

/* e->context knows the data folder already. keep: what is chosen for the store is written into it. */
static wn_status plan_it(wn__experiment *e, const char *root, int threads, bool keep)
{
    wn__machine machine;
    wn__recipe *r = e->recipe;
    WN_TRY(name_folders(e, root));
    WN_TRY(settle_data(e, threads));
    WN_TRY(wn__fastest_settle(r, root, threads, keep));
    const wn_status status = wn__machine_choose(r->top.backend, (wn__dtype)r->top.dtype, threads, &machine);
    const wn__yaml_node *top = wn__yaml_root(r->doc), *node = wn__yaml_find(top, "backend");
    if (status != WN_OK) return wn__fault_at(node ? node : top, "", status);
    r->top.backend = wn__machine_name(&machine);
    r->top.threads = threads;
    WN_TRY(wn__agenda_make(r, &machine, &e->plan));
    e->context.recipe = r;
    e->context.plan = e->plan;
    e->context.root = e->root;
    e->context.machine = machine;
    e->context.stages = e->plan->stages;
    return WN_OK;
}

static wn_status open_experiment(const wn_run_options *options, bool keep, wn__experiment *out)
{
    const wn__recipe_source source = {.path = options->recipe, .set = options->set, .sets = options->sets, .seeds = options->seeds};
    wn__experiment e = {.context = {.data_folder = options->data_folder,
                                    .progress = options->progress,
                                    .user = options->user,
                                    .stop = options->stop,
                                    .checkpoint_seconds = options->checkpoint_seconds}};
    int threads;
    WN__NEED_COUNT(options->checkpoint_seconds);
    wn_status status = wn__recipe_read(&source, &e.recipe);
    if (status == WN_OK) status = share_cpus(options, e.recipe, &threads, &e.jobs);
    if (status == WN_OK) status = plan_it(&e, options->out ? options->out : WN__STORE_DEFAULT, threads, keep);
    if (status != WN_OK) {
        wn__experiment_close(&e);
        return status;
    }
    *out = e;
    return WN_OK;
}

wn_status wn__experiment_open(const wn_run_options *options, wn__experiment *out) { return open_experiment(options, true, out); }
wn_status wn__experiment_look(const wn_run_options *options, wn__experiment *out) { return open_experiment(options, false, out); }

/* ---- the folder */

static wn_status write_text(const char *folder, const char *name, const char *text, size_t size)
{
    char *path = wn__path_join(folder, name);
    if (!path) return wn__no_memory(64);
    const wn_status status = wn__file_write(path, text, size);
    wn__free(path);
    return status;
}

static wn_status write_json(const char *folder, const char *name, json_t *json)
{
    char *path = wn__path_join(folder, name);
    const wn_status status = path && json ? wn__json_save(path, json) : wn__no_memory(64);
    json_decref(json);
    wn__free(path);
    return status;
}

/* One name, one folder: a changed recipe takes it over. Nothing is lost but the list of what the former one made. */
static void note_other_recipe(const wn__experiment *e, const wn__text *resolved)
{
    char *path = wn__path_join(e->folder, "resolved.yaml"), *former;
    size_t size;
    if (path && wn__file_exists(path) && wn__file_read(path, &former, &size) == WN_OK) {
        if (size != resolved->size || memcmp(former, resolved->data, size) != 0)
            wn__log(WN_LOG_INFO, "%s: held another recipe; stages that only that one needs stay in the store until gc", e->folder);
        wn__free(former);
    }
    wn__free(path);
}

/* With what options changed: the keys that somebody wrote, which diff shows first. */
static wn_status write_written(const wn__experiment *e, const char *name)
{
    wn__text text = {0};
    WN_TRY(wn__yaml_emit(wn__yaml_root(e->recipe->doc), &text));
    const wn_status status = write_text(e->folder, name, text.data ? text.data : "", text.size);
    wn__text_release(&text);
    return status;
}

static wn_status write_recipe(const wn__experiment *e, const char *recipe_path)
{
    wn__text text = {0};
    char *data = NULL;
    size_t size = 0;
    wn_status status = WN_OK;
    if (recipe_path) {
        WN_TRY(wn__file_read(recipe_path, &data, &size));
        status = write_text(e->folder, "recipe.yaml", data, size);
        wn__free(data);
    }
    if (status == WN_OK) status = write_written(e, recipe_path ? "written.yaml" : "recipe.yaml");
    WN_TRY(status);
    WN_TRY(wn__recipe_write(e->recipe, &text));
    note_other_recipe(e, &text);
    status = write_text(e->folder, "resolved.yaml", text.data, text.size);
    wn__text_release(&text);
    return status;
}

static json_t *stage_list(const wn__agenda *plan)
{
    json_t *list = json_array();
    for (int i = 0; list && i < plan->stages; i++) {
        const wn__stage *s = &plan->stage[i];
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:s}", "identity", s->identity, "kind", wn__stage_kind_names[s->kind], "label", s->label));
    }
    return json_pack("{s:o}", "stages", list);
}

/* ---- runs as TensorBoard shows them: links by label */

static void remove_links(const char *folder)
{
    char **names;
    int count;
    if (wn__list_folder(folder, &names, &count) != WN_OK) return;
    for (int i = 0; i < count; i++) {
        char *path = wn__path_join(folder, names[i]);
        struct stat about;
        if (path && lstat(path, &about) == 0 && S_ISLNK(about.st_mode)) unlink(path);
        wn__free(path);
    }
    wn__free_names(names, count);
}

static void link_stage(const char *folder, const wn__stage *stage)
{
    char *to = wn__store_stage_folder("../..", stage->identity), *label = wn__strdup(stage->label);
    for (char *c = label; c && *c; c++)
        if (*c == '/') *c = '-';
    char *path = label ? wn__path_join(folder, label) : NULL;
    if (to && path && symlink(to, path) != 0 && errno != EEXIST) wn__log(WN_LOG_DEBUG, "%s: no link to %s", path, to);
    wn__free(to);
    wn__free(path);
    wn__free(label);
}

/* NAME/tensorboard/LABEL leads to the training stage's folder: runs have their labels for names there. A store without links does without. */
static wn_status link_runs(const wn__experiment *e)
{
    char *folder = wn__path_join(e->folder, "tensorboard");
    wn_status status = folder ? wn__make_folders(folder) : wn__no_memory(64);
    if (status == WN_OK) remove_links(folder);
    for (int i = 0; status == WN_OK && i < e->plan->stages; i++)
        if (e->plan->stage[i].kind == WN__STAGE_TRAIN) link_stage(folder, &e->plan->stage[i]);
    wn__free(folder);
    return status;
}

static wn_status write_files(const wn__experiment *e, const char *recipe_path)
{
    WN_TRY(write_recipe(e, recipe_path));
    json_t *environment = wn__environment(e->plan, NULL);
    if (environment) wn__data_add_record(environment, e->recipe);
    if (environment && e->context.data_folder) json_object_set_new(environment, "data_folder", json_string(e->context.data_folder));
    WN_TRY(write_json(e->folder, "environment.json", environment));
    WN_TRY(write_json(e->folder, "stages.json", stage_list(e->plan)));
    return link_runs(e);
}

/* Behind the lines that say how many threads there are: these may differ. */
static const char *skip_threads(const char *line)
{
    if (strncmp(line, "threads:", 8) != 0) return line;
    const char *end = strchr(line, '\n');
    return end ? end + 1 : "";
}

static bool is_same_recipe(const char *a, const char *b)
{
    for (;;) {
        a = skip_threads(a);
        b = skip_threads(b);
        const size_t length = strcspn(a, "\n");
        if (strcspn(b, "\n") != length || memcmp(a, b, length) != 0) return false;
        if (!a[length] || !b[length]) return a[length] == b[length];
        a += length + 1;
        b += length + 1;
    }
}

/* The folder is that of this recipe, whoever wrote it. */
static wn_status check_recipe(const wn__experiment *e)
{
    char *path = wn__path_join(e->folder, "resolved.yaml"), *there = NULL;
    wn__text text = {0};
    size_t size;
    wn_status status = path ? wn__file_read(path, &there, &size) : wn__no_memory(64);
    if (status == WN_OK) status = wn__recipe_write(e->recipe, &text);
    if (status == WN_OK && !is_same_recipe(there, text.data))
        status = wn__fail(WN_EBUSY,
                          "%s: another recipe of the name \"%s\" is run just now; wait for its end, or use another name: --set name=...",
                          e->folder, e->recipe->top.name);
    wn__text_release(&text);
    wn__free(there);
    wn__free(path);
    return status;
}

/* Alone, one writes the folder; then all who share it look at what was written. */
wn_status wn__experiment_write_folder(wn__experiment *e, const char *recipe_path)
{
    WN_TRY(wn__make_folders(e->folder));
    char *path = wn__path_join(e->folder, "lock");
    if (!path) return wn__no_memory(64);
    wn_status status = wn__lock_take(&e->lock, path);
    if (status == WN_OK) {
        status = write_files(e, recipe_path);
        wn__lock_release(&e->lock);
    } else if (status == WN_EBUSY) {
        status = WN_OK;
    }
    if (status == WN_OK) status = wn__lock_share(&e->lock, path);
    e->locked = status == WN_OK;
    wn__free(path);
    return status == WN_OK ? check_recipe(e) : status;
}

/* ---- again from the folder */

static wn_status parent_folder(const char *folder, char **parent)
{
    char *copy = wn__strdup(folder);
    if (!copy) return wn__no_memory(strlen(folder));
    size_t length = strlen(copy);
    while (length > 1 && copy[length - 1] == '/')
        copy[--length] = 0;
    *parent = wn__path_folder(copy);
    wn__free(copy);
    return *parent ? WN_OK : wn__no_memory(length);
}

/* The data folder that the experiment was started with. */
static wn_status read_data_folder(const char *folder, wn__experiment *e)
{
    char *path = wn__path_join(folder, "environment.json");
    json_t *environment;
    if (!path) return wn__no_memory(64);
    const wn_status status = wn__json_load(path, &environment);
    wn__free(path);
    WN_TRY(status);
    const char *data_folder = json_string_value(json_object_get(environment, "data_folder"));
    if (data_folder) {
        e->data_folder = wn__strdup(data_folder);
        e->context.data_folder = e->data_folder;
    }
    json_decref(environment);
    return data_folder && !e->data_folder ? wn__no_memory(64) : WN_OK;
}

static wn_status reopen(const char *folder, wn__experiment *e)
{
    char *path = wn__path_join(folder, "resolved.yaml"), *root = NULL;
    if (!path) return wn__no_memory(64);
    const wn__recipe_source source = {.path = path};
    wn_status status = wn__recipe_read(&source, &e->recipe);
    if (status == WN_OK) status = parent_folder(folder, &root);
    if (status == WN_OK) status = read_data_folder(folder, e);
    if (status == WN_OK) status = plan_it(e, root, (int)e->recipe->top.threads, true);
    wn__free(root);
    wn__free(path);
    return status;
}

wn_status wn__experiment_reopen(const char *folder, const wn_stage_options *options, wn__experiment *out)
{
    wn__experiment e = {.jobs = 1};
    const wn_status status = reopen(folder, &e);
    if (status != WN_OK) {
        wn__experiment_close(&e);
        return status;
    }
    if (options) {
        e.context.progress = options->progress;
        e.context.user = options->user;
        e.context.stop = options->stop;
        e.context.checkpoint_seconds = options->checkpoint_seconds;
    }
    *out = e;
    return WN_OK;
}

void wn__experiment_close(wn__experiment *e)
{
    wn__context_release(&e->context);
    wn__agenda_free(e->plan);
    wn__recipe_free(e->recipe);
    wn__free(e->root);
    wn__free(e->folder);
    wn__free(e->data_folder);
    if (e->locked) wn__lock_release(&e->lock);
    *e = (wn__experiment){0};
}

bool wn__experiment_is_idle(const wn__experiment *e, int stage)
{
    const wn__agenda *plan = e->plan;
    if (plan->stage[stage].kind != WN__STAGE_SOFT_LABELS) return false;
    for (int i = 0; i < plan->stages; i++)
        if (plan->stage[i].kind == WN__STAGE_TRAIN && plan->stage[i].train.cache == stage &&
            !wn__store_is_done(e->root, plan->stage[i].identity))
            return false;
    return true;
}
