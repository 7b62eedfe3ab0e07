#include "run/teachers.h"

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "network/network_file.h"
#include "network/weights_file.h"
#include "plan/teacher.h"
#include "run/store.h"

static wn_status load_file(const wn__teacher_file *from, wn__params *params)
{
    wn__safetensors *file;
    WN_TRY(wn__weights_open(from->file, from->names, &file));
    const wn_status status = wn__network_read(file, WN__PART_VALUES | WN__PART_MASKS, NULL, params);
    wn__safetensors_close(file);
    return status == WN_OK ? WN_OK : wn__fail_within(status, "teacher %s: ", from->file);
}

static wn_status load_stage(wn__context *c, int stage, wn__params *params)
{
    char *folder = wn__store_stage_folder(c->root, c->plan->stage[stage].identity);
    char *path = folder ? wn__path_join(folder, "final.safetensors") : NULL;
    const wn_status status = path ? wn__network_load(path, WN__PART_VALUES | WN__PART_MASKS, params) : wn__no_memory(64);
    wn__free(folder);
    wn__free(path);
    return wn__context_file_failed(c, stage, status);
}

/* from NULL: the plan's stage. */
static wn_status open_one(wn__context *c, const wn__teacher_plan *plan, const wn__teacher_file *from, wn__teachers *t)
{
    const int i = t->teacher.count++;
    if (from) WN_TRY(wn__teacher_graph(c->recipe, from, &t->graph[i]));
    WN_TRY(wn__network_make(t->graph[i] ? t->graph[i] : c->recipe->graph, &t->net[i]));
    WN_TRY(from ? load_file(from, &t->net[i].params) : load_stage(c, plan->stage, &t->net[i].params));
    WN_TRY(wn__context_start(c, &t->net[i], wn__teacher_backend(c->plan, plan), plan->dtype));
    t->teacher.ex[i] = t->net[i].ex;
    return WN_OK;
}

wn_status wn__teachers_open(wn__context *c, const wn__teacher_plan *plan, wn__teachers *out)
{
    const wn__recipe *r = c->recipe;
    out->teacher.outputs = wn__graph_classes(r->graph);
    if (!plan->files) return open_one(c, plan, NULL, out);
    for (int i = 0; i < plan->files->count; i++)
        WN_TRY(open_one(c, plan, &plan->files->file[i], out));
    if (out->teacher.count == 1) return WN_OK;
    out->teacher.room = WN_NEW_ARRAY(float, r->train.batch * out->teacher.outputs);
    return out->teacher.room ? WN_OK : wn__no_memory((size_t)(r->train.batch * out->teacher.outputs) * sizeof(float));
}

void wn__teachers_release(wn__teachers *t)
{
    for (int i = 0; i < t->teacher.count; i++) {
        wn__network_release(&t->net[i]);
        wn_graph_free(t->graph[i]);
    }
    wn__free(t->teacher.room);
    *t = (wn__teachers){0};
}
