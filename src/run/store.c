#include "run/store.h"

#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/cpu.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/stop.h"
#include "io/json_file.h"
#include "recipe/data_record.h"

const char *const wn__stage_state_names[] = {"waiting", "interrupted", "running", "failed", "done"};

enum { FOLDER_DIGITS = 16, PATH = 4096 };

json_t *wn__json_real_or_null(double value) { return value - value == 0 ? json_real(value) : json_null(); }

char *wn__store_stage_folder(const char *root, const char *identity)
{
    char name[64];
    snprintf(name, sizeof name, "stages/%.*s", FOLDER_DIGITS, identity);
    return wn__path_join(root, name);
}

char *wn__store_experiment_folder(const char *root, const char *name) { return wn__path_join(root, name); }

/* A file of a stage's folder. False if the path is too long to exist. */
static bool stage_path(char path[PATH], const char *root, const char *identity, const char *file)
{
    const int length = snprintf(path, PATH, "%s/stages/%.*s%s%s", root, FOLDER_DIGITS, identity, file[0] ? "/" : "", file);
    return length > 0 && length < PATH;
}

static wn_status need_path(char path[PATH], const char *root, const char *identity, const char *file)
{
    return stage_path(path, root, identity, file) ? WN_OK : wn__fail(WN_EINVAL, "%s: the name of the store is too long", root);
}

static wn_status load_result(const char *path, const char *identity, json_t **result)
{
    json_t *json;
    WN_TRY(wn__json_load(path, &json));
    const char *found = json_string_value(json_object_get(json, "identity"));
    json_t *value = json_object_get(json, "result");
    wn_status status = WN_OK;
    if (!found || strncmp(found, identity, strlen(identity)) != 0 || !json_is_object(value))
        status = wn__fail(WN_EFORMAT, "%s: no result of stage %s", path, identity);
    else
        *result = json_incref(value);
    json_decref(json);
    return status;
}

/* identity: or its first digits. A damaged file is none; without memory to read it, it is one. */
static bool has_result(const char *path, const char *identity)
{
    json_t *result;
    if (!wn__file_exists(path)) return false;
    const wn_status status = load_result(path, identity, &result);
    if (status == WN_OK) json_decref(result);
    return status != WN_EFORMAT;
}

bool wn__store_is_done(const char *root, const char *identity)
{
    char path[PATH];
    return stage_path(path, root, identity, "done.json") && has_result(path, identity);
}

static bool has_file(const char *folder, const char *file)
{
    char path[PATH];
    return snprintf(path, sizeof path, "%s/%s", folder, file) < PATH && wn__file_exists(path);
}

static bool is_locked(const char *folder)
{
    char path[PATH];
    wn__lock lock;
    if (!has_file(folder, "lock") || snprintf(path, sizeof path, "%s/lock", folder) >= PATH) return false;
    const wn_status status = wn__lock_take(&lock, path);
    if (status == WN_OK) wn__lock_release(&lock);
    return status == WN_EBUSY;
}

wn__stage_state wn__store_folder_state(const char *folder)
{
    char path[PATH];
    if (snprintf(path, sizeof path, "%s/done.json", folder) < PATH && has_result(path, wn__base_name(folder))) return WN__STATE_DONE;
    if (is_locked(folder)) return WN__STATE_RUNNING;
    if (has_file(folder, "failed.json")) return WN__STATE_FAILED;
    return has_file(folder, "stage.json") ? WN__STATE_INTERRUPTED : WN__STATE_WAITING;
}

wn__stage_state wn__store_state(const char *root, const char *identity)
{
    char path[PATH];
    return stage_path(path, root, identity, "") ? wn__store_folder_state(path) : WN__STATE_WAITING;
}

/* ---- beginning */

/* Another process may run the stage: wait until it ends, however it ends. */
static wn_status take_lock(const char *path, const char *label, const wn_stop *stop, wn__lock *lock)
{
    const struct timespec pause = {0, 200000000};
    wn_status status = wn__lock_take(lock, path);
    if (status == WN_EBUSY) wn__log(WN_LOG_INFO, "%s: another process runs it; waiting", label);
    while (status == WN_EBUSY) {
        if (wn__stop_wanted(stop)) return wn__fail(WN_ESTOPPED, "%s: stopped while waiting for another process", label);
        nanosleep(&pause, NULL);
        status = wn__lock_take(lock, path);
    }
    return status;
}

static const char *compiler(void)
{
#ifdef __clang__
    return "clang " __clang_version__;
#else
    return "gcc " __VERSION__;
#endif
}

static int add_sparse(json_t *environment, const wn__backend *sparse)
{
    char version[256] = "";
    if (sparse->describe) sparse->describe(version, sizeof version);
    return json_object_set_new(environment, "sparse_backend", json_string(sparse->name)) ||
           json_object_set_new(environment, "sparse_backend_version", json_string(version));
}

json_t *wn__environment(const wn__agenda *plan, const wn__stage *stage)
{
    char version[256] = "";
    const wn__backend *backend = stage ? wn__stage_backend(plan, stage) : plan->machine.backend;
    if (backend->describe) backend->describe(version, sizeof version);
    json_t *environment =
        json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:i, s:s}", "version", wn_version(), "numerics", WN__NUMERICS, "cpu", wn__cpu_name(),
                  "isa", wn__isa_name(wn__isa_in_use()), "backend", backend->name, "backend_version", version, "dtype",
                  wn__dtype_names[plan->recipe->top.dtype], "threads", plan->machine.threads, "compiler", compiler());
    if (!environment || stage || !plan->machine.sparse || add_sparse(environment, plan->machine.sparse) == 0) return environment;
    json_decref(environment);
    return NULL;
}

static wn_status save_and_drop(const char *path, json_t *json)
{
    if (!json) return wn__no_memory(256);
    const wn_status status = wn__json_save(path, json);
    json_decref(json);
    return status;
}

static wn_status write_stage_file(const char *path, const wn__agenda *plan, const wn__stage *stage)
{
    json_t *parents = json_array();
    for (int i = 0; i < stage->parents; i++)
        if (json_array_append_new(parents, json_string(plan->stage[stage->parent[i]].identity)) != 0) return wn__no_memory(128);
    return save_and_drop(path,
                         json_pack("{s:s, s:s, s:s, s:o, s:O}", "identity", stage->identity, "kind", wn__stage_kind_names[stage->kind],
                                   "label", stage->label, "parents", parents, "inputs", stage->inputs));
}

static wn_status check_stage_file(const char *path, const wn__stage *stage)
{
    json_t *json;
    const wn_status status = wn__json_load(path, &json);
    if (status == WN_EFORMAT) return WN_OK; /* damaged: it is written again */
    WN_TRY(status);
    const char *identity = json_string_value(json_object_get(json, "identity"));
    const bool same = identity && strcmp(identity, stage->identity) == 0;
    json_decref(json);
    return same ? WN_OK : wn__fail(WN_EMISMATCH, "%s: belongs to another stage than \"%s\" (%s)", path, stage->label, stage->identity);
}

static wn_status prepare_folder(const char *root, const wn__agenda *plan, const wn__stage *stage)
{
    char path[PATH];
    WN_TRY(need_path(path, root, stage->identity, "stage.json"));
    if (wn__file_exists(path)) WN_TRY(check_stage_file(path, stage));
    WN_TRY(write_stage_file(path, plan, stage));
    WN_TRY(need_path(path, root, stage->identity, "failed.json"));
    WN_TRY(wn__remove_tree(path));
    WN_TRY(need_path(path, root, stage->identity, "environment.json"));
    json_t *environment = wn__environment(plan, stage);
    if (environment) json_object_set_new(environment, "seed", json_integer((json_int_t)stage->seed));
    if (environment && json_object_get(stage->inputs, "data")) wn__data_add_record(environment, plan->recipe);
    return save_and_drop(path, environment);
}

static void tell_of_damage(const char *root, const wn__stage *stage)
{
    char path[PATH];
    if (stage_path(path, root, stage->identity, "done.json") && wn__file_exists(path))
        wn__log(WN_LOG_WARNING, "%s: %s is damaged; the stage is run as if it had not been done", stage->label, path);
}

wn_status wn__store_begin(const char *root, const wn__agenda *plan, const wn__stage *stage, const wn_stop *stop, wn__lock *lock, bool *done)
{
    char path[PATH];
    WN_TRY(need_path(path, root, stage->identity, ""));
    WN_TRY(wn__make_folders(path));
    WN_TRY(need_path(path, root, stage->identity, "lock"));
    WN_TRY(take_lock(path, stage->label, stop, lock));
    *done = wn__store_is_done(root, stage->identity);
    if (!*done) tell_of_damage(root, stage);
    const wn_status status = *done ? WN_OK : prepare_folder(root, plan, stage);
    if (status != WN_OK) wn__lock_release(lock);
    return status;
}

/* ---- ending */

wn_status wn__store_finish(const char *root, const wn__stage *stage, json_t *result)
{
    char path[PATH];
    const wn_status status = need_path(path, root, stage->identity, "done.json");
    if (status != WN_OK) {
        json_decref(result);
        return status;
    }
    return save_and_drop(
        path, json_pack("{s:s, s:s, s:o}", "identity", stage->identity, "kind", wn__stage_kind_names[stage->kind], "result", result));
}

void wn__store_note_failure(const char *root, const wn__stage *stage, wn_status status)
{
    char path[PATH], message[2048];
    snprintf(message, sizeof message, "%s", wn_error_message());
    json_t *json = json_pack("{s:s, s:i, s:s}", "label", stage->label, "status", (int)status, "message", message);
    if (json && stage_path(path, root, stage->identity, "failed.json") && wn__json_save(path, json) != WN_OK)
        wn__log(WN_LOG_WARNING, "%s", wn_error_message()); /* the first failure is the one to report */
    json_decref(json);
    (void)wn__fail(status, "%s", message);
}

wn_status wn__store_failure(const char *root, const wn__stage *stage, wn_status *status, char *message, size_t size)
{
    char path[PATH];
    json_t *json;
    WN_TRY(need_path(path, root, stage->identity, "failed.json"));
    WN_TRY(wn__json_load(path, &json));
    const char *text = json_string_value(json_object_get(json, "message"));
    snprintf(message, size, "%s", text ? text : "");
    *status = (wn_status)json_integer_value(json_object_get(json, "status"));
    json_decref(json);
    return WN_OK;
}

wn_status wn__store_result(const char *root, const char *identity, json_t **result)
{
    char path[PATH];
    WN_TRY(need_path(path, root, identity, "done.json"));
    return load_result(path, identity, result);
}

wn_status wn__store_remove_folder(const char *folder)
{
    char path[PATH];
    wn__lock lock;
    if (!wn__folder_exists(folder)) return WN_OK;
    if (snprintf(path, sizeof path, "%s/lock", folder) >= PATH) return wn__fail(WN_EINVAL, "%s: the name is too long", folder);
    if (wn__lock_take(&lock, path) != WN_OK) return wn__fail(WN_EBUSY, "%s: a process is at work on this stage", folder);
    const wn_status status = wn__remove_tree(folder);
    wn__lock_release(&lock);
    return status;
}

wn_status wn__store_remove(const char *root, const char *identity)
{
    char path[PATH];
    WN_TRY(need_path(path, root, identity, ""));
    return wn__store_remove_folder(path);
}
