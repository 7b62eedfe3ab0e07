/* What a sweep writes: trials as tables, and the stages that it refers to. */
#include "base/alloc.h"
#include "base/fail.h"
#include "io/json_file.h"
#include "run/store.h"
#include "sweep/sweep.h"

wn_status wn__sweep_prepare_folder(const wn__sweep *s)
{
    wn__text text = {0};
    WN_TRY(wn__make_folders(s->folder));
    wn_status status = wn__yaml_emit(wn__yaml_root(s->base.recipe->doc), &text);
    if (status == WN_OK) status = wn__file_write(s->recipe_copy, text.data ? text.data : "", text.size);
    wn__text_release(&text);
    return status;
}

static wn_status save_text(const wn__sweep *s, const char *name, const wn__text *text)
{
    char *path = wn__path_join(s->folder, name);
    const wn_status status = path && !text->failed ? wn__file_write(path, text->data ? text->data : "", text->size) : wn__no_memory(64);
    wn__free(path);
    return status;
}

static bool add_stage(json_t *known, const char *identity)
{
    return json_object_get(known, identity) || json_object_set_new(known, identity, json_true()) == 0;
}

static wn_status save_stages(const wn__sweep *s, const char *path, json_t *known)
{
    const char *identity;
    json_t *unused, *list = json_array(), *file = json_pack("{s:o}", "stages", list);
    bool fine = file != NULL;
    for (int t = 0; t < s->trials; t++)
        for (int i = 0; i < s->trial[t].stages; i++)
            fine = fine && add_stage(known, s->trial[t].stage[i]);
    json_object_foreach(known, identity, unused) fine = fine && json_array_append_new(list, json_pack("{s:s}", "identity", identity)) == 0;
    const wn_status status = fine ? wn__json_save(path, file) : wn__no_memory(1024);
    json_decref(file);
    return status;
}

/* All that trials refer to, so that gc leaves it alone. */
static wn_status write_stages(const wn__sweep *s, bool keep)
{
    char *path = wn__path_join(s->folder, "stages.json");
    json_t *known = json_object(), *before = NULL, *stage;
    size_t index;
    if (keep && path && wn__file_exists(path) && wn__json_load(path, &before) == WN_OK)
        json_array_foreach(json_object_get(before, "stages"), index, stage)
            add_stage(known, json_string_value(json_object_get(stage, "identity")));
    const wn_status status = path && known ? save_stages(s, path, known) : wn__no_memory(64);
    json_decref(before);
    json_decref(known);
    wn__free(path);
    return status;
}

wn_status wn__sweep_write(const wn__sweep *s, bool complete, bool keep)
{
    static const struct {
        const char *name;
        wn_sweep_format format;
    } files[] = {{"trials.json", WN_SWEEP_JSON}, {"trials.csv", WN_SWEEP_CSV}};
    WN_TRY(write_stages(s, keep));
    for (int i = 0; i < 2; i++) {
        wn__text text = {0};
        wn_status status = wn__sweep_show(s, complete, files[i].format, &text);
        if (status == WN_OK) status = save_text(s, files[i].name, &text);
        wn__text_release(&text);
        WN_TRY(status);
    }
    return WN_OK;
}
