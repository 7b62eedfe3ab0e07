/* Soft-label caches: one for all stages with the same teacher and stream. */
#include <string.h>

#include "base/fail.h"
#include "data/world.h"
#include "plan/agenda_parts.h"

static int64_t epoch_of(const wn__recipe *r, int64_t step, bool end)
{
    const int64_t per = r->clock.steps_per_epoch;
    return end ? (step + per - 1) / per : step / per;
}

static bool same_files(const wn__teacher_files *a, const wn__teacher_files *b)
{
    bool same = (a ? a->count : 0) == (b ? b->count : 0);
    for (int i = 0; same && a && i < a->count; i++)
        same = strcmp(a->file[i].file, b->file[i].file) == 0 && strcmp(a->file[i].arch, b->file[i].arch) == 0 &&
               strcmp(a->file[i].names, b->file[i].names) == 0;
    return same;
}

static bool same_cache(const wn__stage *a, const wn__stage *b)
{
    const wn__train_plan *x = &a->train, *y = &b->train;
    return a->seed == b->seed && x->teacher.stage == y->teacher.stage && x->teacher.dtype == y->teacher.dtype &&
           same_files(x->teacher.files, y->teacher.files) && x->dense_stream == y->dense_stream && x->order == y->order &&
           x->third == y->third;
}

/* A cache holds the outputs for samples that come back. */
static bool wants_cache(const wn__agenda *plan, const wn__stage *s)
{
    if (plan->recipe->top.world == WN__WORLD_IDEAL) return false;
    return s->kind == WN__STAGE_TRAIN && s->train.spec.loss.soft && s->train.cache_mode != WN__CACHE_OFF;
}

static wn_status add_cache(wn__agenda *plan, int first_user)
{
    const wn__stage user = plan->stage[first_user];
    int64_t first = INT64_MAX, end = 0;
    int users = 0;
    bool forced = false;
    for (int i = first_user; i < plan->stages; i++) {
        const wn__stage *s = &plan->stage[i];
        if (!wants_cache(plan, s) || !same_cache(&user, s)) continue;
        const wn__train_plan *t = &s->train;
        const int64_t from = epoch_of(plan->recipe, t->spec.first + t->spec.data_offset, false);
        const int64_t last = t->spec.soft_until < t->spec.last ? t->spec.soft_until : t->spec.last;
        const int64_t to = epoch_of(plan->recipe, last + t->spec.data_offset, true);
        first = from < first ? from : first;
        end = to > end ? to : end;
        forced = forced || t->cache_mode == WN__CACHE_ON;
        users++;
    }
    if (users < 2 && !forced) return WN_OK;
    wn__stage draft = {.kind = WN__STAGE_SOFT_LABELS, .seed = user.seed};
    draft.cache = (wn__cache_plan){.teacher = user.train.teacher,
                                   .dense_stream = user.train.dense_stream,
                                   .order = user.train.order,
                                   .third = user.train.third,
                                   .first_epoch = first,
                                   .end_epoch = end};
    WN_TRY(wn__stage_add_parent(&draft, user.train.teacher.stage));
    int cache;
    WN_TRY(wn__agenda_add_stage(plan, &draft, "soft labels", &cache));
    for (int i = first_user; i < plan->stages; i++) {
        wn__stage *s = &plan->stage[i];
        if (!wants_cache(plan, s) || !same_cache(&user, s)) continue;
        s->train.cache = cache;
        WN_TRY(wn__stage_add_parent(s, cache));
    }
    return WN_OK;
}

wn_status wn__agenda_add_caches(wn__agenda *plan)
{
    const int stages = plan->stages;
    for (int i = 0; i < stages; i++) {
        if (!wants_cache(plan, &plan->stage[i]) || plan->stage[i].train.cache >= 0) continue;
        bool seen = false; /* a single user earlier on that needs none */
        for (int j = 0; j < i; j++)
            seen = seen || (wants_cache(plan, &plan->stage[j]) && same_cache(&plan->stage[i], &plan->stage[j]));
        if (!seen) WN_TRY(add_cache(plan, i));
    }
    return WN_OK;
}
