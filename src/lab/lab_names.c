#include "lab/lab_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "io/json_file.h"
#include "run/stage.h"
#include "run/store_names.h"
#include "run/stored_network.h"
#include "sparse/basis/basis.h"
#include "train/trainer.h"

void wn__lab_stage_release(wn__lab_stage *s)
{
    wn__free(s->identity);
    wn__free(s->label);
    wn__free(s->folder);
    *s = (wn__lab_stage){0};
}

/* --- stages -------------------------------------------------------------------------------------------------------------------- */

/* As the stage's own file says: its inputs name the basis. */
static bool has_coefficients(const char *folder)
{
    char *path = wn__path_join(folder, "stage.json");
    json_t *json = NULL;
    int kind = 0;
    if (path && wn__json_load(path, &json) == WN_OK) {
        const char *basis = json_string_value(json_object_get(json_object_get(json_object_get(json, "inputs"), "basis"), "kind"));
        while (wn__basis_names[kind] && !(basis && strcmp(basis, wn__basis_names[kind]) == 0))
            kind++;
        if (!wn__basis_names[kind]) kind = 0;
    }
    json_decref(json);
    wn__free(path);
    return wn__basis_maps(kind);
}

wn_status wn__lab_find_stage(const wn_lab_options *o, const char *name, wn__lab_stage *out)
{
    wn__stored_network found;
    WN_TRY(wn__store_find_network(o->out, o->experiment, name, &found));
    *out = (wn__lab_stage){found.identity, found.label, found.folder, has_coefficients(found.folder)};
    return WN_OK;
}

/* --- the experiment of a stage ------------------------------------------------------------------------------------------------- */

/* What is no list lists nothing. */
static wn_status lists_stage(const char *folder, const char *identity, bool *listed)
{
    char *path = wn__path_join(folder, "stages.json");
    json_t *json = NULL, *stage;
    size_t index;
    *listed = false;
    if (!path) return wn__no_memory(strlen(folder));
    const wn_status status = wn__file_exists(path) ? wn__json_load(path, &json) : WN_OK;
    json_array_foreach(json_object_get(json, "stages"), index, stage)
    {
        const char *text = json_string_value(json_object_get(stage, "identity"));
        *listed = *listed || (text && strcmp(text, identity) == 0);
    }
    json_decref(json);
    wn__free(path);
    return status == WN_ENOMEM ? status : WN_OK;
}

/* WN_EMISMATCH if the plan does not have the stage. */
static wn_status open_one(const char *folder, const wn_lab_options *o, const wn__lab_stage *stage, wn__experiment *out, int *index)
{
    WN_TRY(wn__experiment_reopen(folder, &WN_OPTIONS(wn_stage_options, .stop = o->stop), out));
    if (o->data_folder) out->context.data_folder = o->data_folder;
    *index = wn__agenda_find(out->plan, stage->identity);
    const bool small = *index >= 0 && out->plan->stage[*index].train.small.config;
    if (*index >= 0 && !small) return WN_OK;
    wn__experiment_close(out);
    if (small) return wn__fail(WN_EUNSUPPORTED, "%s: its network has other widths than the recipe's", stage->label);
    return wn__fail(
        WN_EMISMATCH,
        "%s: this build on this machine would train it as another stage (version, backend or instruction set differ), so it cannot "
        "be replayed here",
        stage->label);
}

/* WN_ENOTFOUND: it has no such stage. */
static wn_status try_experiment(const char *root, const char *name, const wn_lab_options *o, const wn__lab_stage *stage,
                                wn__experiment *out, int *index)
{
    bool listed;
    char *folder = wn__path_join(root, name);
    wn_status status = folder ? lists_stage(folder, stage->identity, &listed) : wn__no_memory(strlen(root));
    if (status == WN_OK) status = listed ? open_one(folder, o, stage, out, index) : WN_ENOTFOUND;
    wn__free(folder);
    return status;
}

wn_status wn__lab_open_experiment(const wn_lab_options *o, const wn__lab_stage *stage, wn__experiment *out, int *index)
{
    char **names, *root;
    int count = 0;
    wn_status status = WN_ENOTFOUND;
    WN_TRY(wn__store_root(o->out, o->experiment, &root));
    const wn_status listed = wn__list_folder(root, &names, &count);
    if (listed != WN_OK) {
        wn__free(root);
        return listed;
    }
    for (int i = 0; i < count && status != WN_OK && status != WN_ENOMEM; i++) {
        const wn_status tried = try_experiment(root, names[i], o, stage, out, index);
        if (tried != WN_ENOTFOUND) status = tried;
    }
    wn__free_names(names, count);
    if (status == WN_ENOTFOUND)
        status = wn__fail(WN_ENOTFOUND, "%s: no experiment of %s has this stage any more, so it cannot be replayed", stage->label, root);
    wn__free(root);
    return status;
}

/* --- points -------------------------------------------------------------------------------------------------------------------- */

char *wn__lab_weights_path(const char *folder, int64_t step)
{
    char name[64];
    snprintf(name, sizeof name, "weights-%lld.safetensors", (long long)step);
    return wn__path_join(folder, name);
}

/* *path of a state becomes that of the weights that it makes, which are made if they are not there. */
static wn_status make_weights(wn__context *c, int index, const char *folder, int64_t step, char **path)
{
    char *target = wn__lab_weights_path(folder, step);
    if (!target) return wn__no_memory(64);
    const wn_status status = wn__file_exists(target) ? WN_OK : wn__stage_state_as_network(c, index, *path, target);
    wn__free(*path);
    *path = status == WN_OK ? target : NULL;
    if (status != WN_OK) wn__free(target);
    return status;
}

/* The file of the state before `point`, a step or "start". */
static wn_status find_point(const wn_lab_options *o, const wn__lab_stage *stage, const char *point, char **path)
{
    char *end;
    errno = 0;
    const bool start = strcmp(point, "start") == 0;
    const long long step = start ? 0 : strtoll(point, &end, 10);
    if (!start && (end == point || *end || errno || step < 0))
        return wn__fail(WN_EUSAGE, "%s@%s: a point is a step, a step with + behind it, start or final", stage->label, point);
    if (!start) {
        *path = (stage->coefficients ? wn__lab_weights_path : wn__train_step_path)(stage->folder, step);
        if (!*path) return wn__no_memory(64);
        if (wn__file_exists(*path)) return WN_OK;
        wn__free(*path);
        *path = NULL;
    }
    wn__experiment e;
    int index;
    WN_TRY(wn__lab_open_experiment(o, stage, &e, &index));
    const wn__train_plan *t = &e.plan->stage[index].train;
    wn_status status = WN_OK;
    if (!start && (step < t->spec.first || step > t->spec.last))
        status = wn__fail(WN_EUSAGE, "%s@%lld: it trains from step %lld to %lld", stage->label, step, (long long)t->spec.first,
                          (long long)t->spec.last);
    const int64_t before = start ? t->spec.first : (int64_t)step;
    if (status == WN_OK) status = wn__stage_point(&e.context, index, before, path);
    if (status == WN_OK && stage->coefficients) status = make_weights(&e.context, index, stage->folder, before, path);
    wn__experiment_close(&e);
    return status;
}

/* "500+": the weights before step 500 under the masks behind it. Made of both states. */
static wn_status find_updated(const wn_lab_options *o, const wn__lab_stage *stage, const char *point, char **path)
{
    char before[32], after[32], name[64], *state = NULL, *next = NULL;
    const long long step = strtoll(point, NULL, 10);
    wn__experiment e;
    int index;
    snprintf(before, sizeof before, "%.*s", (int)strlen(point) - 1, point);
    snprintf(after, sizeof after, "%lld", step + 1);
    snprintf(name, sizeof name, "updated-%lld.safetensors", step);
    if (stage->coefficients) return wn__fail(WN_EUNSUPPORTED, "%s@%s: the topology of coefficients does not change", stage->label, point);
    wn_status status = find_point(o, stage, before, &state);
    if (status == WN_OK) status = find_point(o, stage, after, &next);
    if (status == WN_OK && !(*path = wn__path_join(stage->folder, name))) status = wn__no_memory(64);
    if (status == WN_OK && !wn__file_exists(*path)) {
        status = wn__lab_open_experiment(o, stage, &e, &index);
        if (status == WN_OK) {
            status = wn__stage_updated_network(&e.context, state, next, *path);
            wn__experiment_close(&e);
        }
    }
    wn__free(state);
    wn__free(next);
    if (status != WN_OK) {
        wn__free(*path);
        *path = NULL;
    }
    return status;
}

static wn_status find_stage_network(const wn_lab_options *o, const char *name, char **path, char **label)
{
    char *copy = wn__strdup(name), *at = copy ? strrchr(copy, '@') : NULL;
    wn__lab_stage stage = {0};
    wn__text called = {0};
    if (!copy) return wn__no_memory(strlen(name));
    if (at) *at = 0;
    const char *point = at ? at + 1 : "final";
    wn_status status = wn__lab_find_stage(o, copy, &stage);
    if (status == WN_OK) {
        const bool final = strcmp(point, "final") == 0;
        wn__text_add(&called, "%s%s%s", stage.label, final ? "" : "@", final ? "" : point);
        if (final)
            *path = wn__train_final_path(stage.folder);
        else if (*point && point[strlen(point) - 1] == '+')
            status = find_updated(o, &stage, point, path);
        else
            status = find_point(o, &stage, point, path);
        if (status == WN_OK && (!*path || called.failed)) status = wn__no_memory(64);
    }
    wn__lab_stage_release(&stage);
    wn__free(copy);
    if (status == WN_OK)
        *label = called.data;
    else
        wn__text_release(&called);
    return status;
}

wn_status wn__lab_find_network(const wn_lab_options *o, const char *name, char **path, char **label)
{
    if (!wn__folder_exists(name) && !wn__file_exists(name)) return find_stage_network(o, name, path, label);
    *path = wn__folder_exists(name) ? wn__train_final_path(name) : wn__strdup(name);
    *label = wn__strdup(name);
    if (*path && *label) return WN_OK;
    wn__free(*path);
    wn__free(*label);
    *path = *label = NULL;
    return wn__no_memory(strlen(name));
}
