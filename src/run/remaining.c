#include "run/remaining.h"

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"

/* Below this part of all work, or before these seconds, the speed so far says little. */
static const double least_part = 0.002, least_seconds = 2;

wn_status wn__remaining_start(const wn__experiment *e, wn__remaining *out)
{
    const int stages = e->plan->stages;
    wn__remaining r = {.work = WN_NEW_ARRAY(double, stages),
                       .part = WN_NEW_ARRAY(double, stages),
                       .first = WN_NEW_ARRAY(int64_t, stages),
                       .stages = stages,
                       .began = wn__seconds()};
    if (!r.work || !r.part || !r.first) {
        wn__remaining_release(&r);
        return wn__no_memory((size_t)stages * 24);
    }
    for (int i = 0; i < stages; i++)
        r.first[i] = -1;
    wn__experiment_work(e, r.work);
    *out = r;
    return WN_OK;
}

void wn__remaining_release(wn__remaining *r)
{
    wn__free(r->work);
    wn__free(r->part);
    wn__free(r->first);
    *r = (wn__remaining){0};
}

void wn__remaining_tell(wn__remaining *r, int stage, const wn_progress *p)
{
    if (!r->work || stage < 0) return;
    if (r->first[stage] < 0) r->first[stage] = p->step;
    const int64_t all = p->last_step - r->first[stage];
    if (all > 0) r->part[stage] = (double)(p->step - r->first[stage]) / (double)all;
}

void wn__remaining_ended(wn__remaining *r, int stage)
{
    if (r->work) r->part[stage] = 1;
}

double wn__remaining_seconds(const wn__remaining *r)
{
    const double seconds = wn__seconds() - r->began;
    double done = 0, all = 0;
    for (int i = 0; i < r->stages; i++) {
        done += r->part[i] * r->work[i];
        all += r->work[i];
    }
    return seconds < least_seconds || done <= least_part * all ? 0 : seconds * (all - done) / done;
}
