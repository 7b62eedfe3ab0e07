/* Running a stage of any kind. */
#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "run/stage.h"
#include "run/store.h"

static wn_status run_locked(wn__context *c, const wn__stage *stage)
{
    static wn_status (*const run[])(wn__context *, const wn__stage *, const char *, json_t *) = {wn__stage_train, wn__stage_soft_labels,
                                                                                                 wn__stage_mask, wn__stage_evaluate};
    json_t *result = json_object();
    char *folder = wn__store_stage_folder(c->root, stage->identity);
    if (stage->kind != WN__STAGE_TRAIN) wn__context_tell_units(c, stage->label, 0, 1);
    wn_status status = result && folder ? WN_OK : wn__no_memory(256);
    if (status == WN_OK && stage->kind != WN__STAGE_MASK) status = wn__context_load(c); /* masks ask for images themselves */
    const double start = wn__seconds();
    if (status == WN_OK) status = run[stage->kind](c, stage, folder, result);
    if (status == WN_OK) status = wn__context_check_data(c);
    if (status == WN_OK && !json_object_get(result, "seconds")) status = wn__slice_set(result, "seconds", json_real(wn__seconds() - start));
    if (status == WN_OK)
        status = wn__store_finish(c->root, stage, result);
    else
        json_decref(result);
    wn__free(folder);
    return status;
}

wn_status wn__stage_execute(wn__context *c, int index, bool *ran)
{
    const wn__stage *stage = &c->plan->stage[index];
    wn__lock lock;
    bool done;
    WN_TRY(wn__store_begin(c->root, c->plan, stage, c->stop, &lock, &done));
    wn_status status = WN_OK;
    if (!done) status = run_locked(c, stage);
    if (status != WN_OK && status != WN_ESTOPPED) wn__store_note_failure(c->root, stage, status);
    wn__lock_release(&lock);
    if (ran) *ran = !done;
    return status;
}
