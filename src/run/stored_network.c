#include "run/stored_network.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arguments.h"
#include "base/fail.h"
#include "base/files.h"
#include "run/stage.h"
#include "run/store.h"
#include "run/store_names.h"
#include "train/trainer.h"
#include "winnow/show.h"

typedef struct search {
    const char *name;
    wn__stored_network found;
    char kind[32], state[32];
    int matches;
    char other[32];      /* identity of a second match */
    const char **labels; /* (count) of stages that train, owned */
    int count;
    bool failed;
} search;

void wn__stored_network_release(wn__stored_network *s)
{
    wn__free(s->identity);
    wn__free(s->label);
    wn__free(s->folder);
    *s = (wn__stored_network){0};
}

static void add_label(search *s, const char *label)
{
    char *copy = wn__strdup(label);
    if (!copy || wn__make_room(&s->labels, s->count, sizeof *s->labels) != WN_OK) {
        wn__free(copy);
        s->failed = true;
    } else {
        s->labels[s->count++] = copy;
    }
}

/* Training stages win over others of the same label. */
static void look_at(void *user, const wn_stored_stage *stage)
{
    search *s = user;
    const bool trains = strcmp(stage->kind, wn__stage_kind_names[WN__STAGE_TRAIN]) == 0;
    if (trains) add_label(s, stage->label);
    if (!wn__store_names_stage(s->name, stage->identity, stage->label) || (s->matches > 0 && !trains)) return;
    const bool replaces = s->matches == 0 || strcmp(s->kind, stage->kind) != 0;
    if (!replaces) {
        s->matches++;
        snprintf(s->other, sizeof s->other, "%.16s", stage->identity);
        return;
    }
    wn__stored_network_release(&s->found);
    s->matches = 1;
    s->found = (wn__stored_network){wn__strdup(stage->identity), wn__strdup(stage->label), wn__strdup(stage->path)};
    snprintf(s->kind, sizeof s->kind, "%s", stage->kind);
    snprintf(s->state, sizeof s->state, "%s", stage->state);
    s->failed = s->failed || !s->found.identity || !s->found.label || !s->found.folder;
}

static wn_status check_match(const search *s, const char *where)
{
    if (s->failed) return wn__no_memory(64);
    if (s->matches == 0) {
        const char *nearest = wn_nearest_name(s->name, s->labels, s->count);
        if (nearest) return wn__fail(WN_ENOTFOUND, "%s: neither a file nor a stage of %s; did you mean \"%s\"?", s->name, where, nearest);
        return wn__fail(WN_ENOTFOUND, "%s: neither a file nor a stage of %s (winnow status lists them)", s->name, where);
    }
    if (s->matches > 1)
        return wn__fail(
            WN_EUSAGE,
            "%s: several stages of %s are called so, %.16s and %s among them; say --experiment NAME, or name one by its cache key", s->name,
            where, s->found.identity, s->other);
    if (strcmp(s->kind, wn__stage_kind_names[WN__STAGE_TRAIN]) != 0)
        return wn__fail(WN_EUSAGE, "%s: a stage of kind %s holds no trained network", s->name, s->kind);
    if (strcmp(s->state, wn__stage_state_names[WN__STATE_DONE]) != 0) return wn__fail(WN_EUSAGE, "%s: is %s, not done", s->name, s->state);
    return WN_OK;
}

wn_status wn__store_find_network(const char *out, const char *experiment, const char *name, wn__stored_network *found)
{
    search s = {.name = name};
    char *root;
    WN_TRY(wn__store_root(out, experiment, &root));
    wn_status status = wn_store_status(root, experiment, look_at, &s);
    if (status == WN_ENOTFOUND && !out && !experiment) status = WN_OK; /* no store yet */
    if (status == WN_OK) status = check_match(&s, experiment ? experiment : root);
    for (int i = 0; i < s.count; i++)
        wn__free((char *)s.labels[i]);
    wn__free(s.labels);
    wn__free(root);
    if (status == WN_OK)
        *found = s.found;
    else
        wn__stored_network_release(&s.found);
    return status;
}

wn_status wn_store_weights(const char *out, const char *experiment, const char *name, char *path, size_t size)
{
    WN__NEED(name);
    WN__NEED(path);
    if (wn__folder_exists(name)) return wn__store_copy_path(wn__train_final_path(name), path, size);
    if (wn__file_exists(name)) return wn__store_copy_path(wn__strdup(name), path, size);
    wn__stored_network found = {0};
    WN_TRY(wn__store_find_network(out, experiment, name, &found));
    const wn_status status = wn__store_copy_path(wn__train_final_path(found.folder), path, size);
    wn__stored_network_release(&found);
    return status;
}
