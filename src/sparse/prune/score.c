#include "sparse/prune/score.h"

#include <assert.h>
#include <math.h>

#include "base/fail.h"

wn_status wn__scores_new(const wn__params *params, const wn__selection *selection, wn__scores *out)
{
    assert(selection->count == params->count);
    wn__scores s = {.score = WN_NEW_ARRAY(float *, params->count), .count = params->count};
    if (!s.score) return wn__no_memory((size_t)params->count * sizeof(float *));
    for (int i = 0; i < params->count; i++) {
        if (!selection->selected[i]) continue;
        s.score[i] = WN_NEW_ARRAY(float, params->item[i].stored);
        if (s.score[i]) continue;
        wn__scores_release(&s);
        return wn__no_memory((size_t)params->item[i].stored * sizeof(float));
    }
    *out = s;
    return WN_OK;
}

wn_status wn__scores_magnitude(const wn__params *params, const wn__selection *selection, wn__scores *out)
{
    WN_TRY(wn__scores_new(params, selection, out));
    for (int i = 0; i < params->count; i++)
        for (int64_t e = 0; out->score[i] && e < params->item[i].stored; e++)
            out->score[i][e] = fabsf(params->item[i].value[e]);
    return WN_OK;
}

void wn__scores_release(wn__scores *s)
{
    for (int i = 0; s->score && i < s->count; i++)
        wn__free(s->score[i]);
    wn__free(s->score);
    *s = (wn__scores){0};
}
