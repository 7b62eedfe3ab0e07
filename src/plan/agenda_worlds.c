/* Which samples of a real or ideal world the stages see. */
#include "base/fail.h"
#include "data/world.h"
#include "plan/agenda_parts.h"

static bool in_world(const wn__recipe *r) { return r->top.world != WN__WORLD_NONE; }
bool wn__agenda_shares_origin(const wn__recipe *r) { return in_world(r) && r->bootstrap.origin == WN__ORIGIN_SHARED; }

/* Samples of the ideal world before this one have been seen by the stage or by what it comes from. */
static int64_t seen_until(const wn__agenda *plan, int stage)
{
    if (stage < 0) return 0;
    const wn__stage *s = &plan->stage[stage];
    return s->kind == WN__STAGE_TRAIN ? s->train.fresh_end : s->kind == WN__STAGE_MASK ? s->mask.fresh_end : 0;
}

void wn__agenda_set_world(const wn__agenda *plan, wn__stage *draft)
{
    const wn__recipe *r = plan->recipe;
    wn__train_plan *t = &draft->train;
    if (!in_world(r)) return;
    const bool reuses = t->third || r->top.world == WN__WORLD_REAL;
    const int64_t some = r->bootstrap.train_images, per = r->clock.steps_per_epoch;
    t->spec.evaluate = (wn__evaluation_steps){r->bootstrap.every, r->bootstrap.early, reuses ? (some ? some : r->train_images) : 0};
    if (reuses) return;
    for (int i = 0; i < draft->parents; i++) {
        const int64_t seen = seen_until(plan, draft->parent[i]);
        if (seen > t->fresh_first) t->fresh_first = seen;
    }
    t->fresh_end = t->fresh_first + (t->spec.last + t->spec.data_offset + per - 1) / per * r->train_images;
}

/* Scores are of images of the first epoch. */
void wn__agenda_set_mask_world(const wn__agenda *plan, wn__stage *draft)
{
    const wn__recipe *r = plan->recipe;
    wn__mask_plan *m = &draft->mask;
    const bool scores = !m->drawn && m->shuffle_of < 0 && !m->section.file[0] && wn__saliency_needs_images(m->section.scoring.score);
    m->third = scores && wn__agenda_shares_origin(r);
    if (r->top.world != WN__WORLD_IDEAL) return;
    for (int i = 0; i < draft->parents; i++) {
        const int64_t seen = seen_until(plan, draft->parent[i]);
        if (seen > m->fresh_end) m->fresh_end = seen;
    }
    if (scores && !m->third && m->fresh_end < r->train_images) m->fresh_end = r->train_images;
}

/* A finite set may be too small for the ideal world. */
wn_status wn__agenda_check_world(const wn__agenda *plan)
{
    const wn__recipe *r = plan->recipe;
    const int64_t third = wn__agenda_shares_origin(r) ? r->train_images : 0;
    if (!in_world(r)) return WN_OK;
    for (int i = 0; i < plan->stages; i++) {
        const wn__stage *s = &plan->stage[i];
        const int64_t wanted = seen_until(plan, i) + third;
        if (wanted <= r->world_samples) continue;
        return wn__fail(WN_EUSAGE, "%s: the ideal world needs %lld samples that differ, %s has %lld%s", s->label, (long long)wanted,
                        r->data.type->name, (long long)r->world_samples,
                        s->kind == WN__STAGE_TRAIN && s->train.fresh_first > 0
                            ? "; what it comes from has seen others (bootstrap.origin: shared)"
                            : "; train for fewer epochs or with a smaller data.train_size");
    }
    return WN_OK;
}
