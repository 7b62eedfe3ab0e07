#include "sparse/prune/score.h"

#include <math.h>

wn_status wn__scores_magnitude(const wn__params *params, const wn__selection *selection, wn__scores *out)
{
    wn__scores s = {.score = WN_NEW_ARRAY(float *, params->count), .count = params->count};
    if (!s.score) return wn__no_memory((size_t)params->count * sizeof(float *));
    for (int i = 0; i < params->count; i++) {
        const wn__param *p = &params->item[i];
        if (!selection->selected[i]) continue;
        s.score[i] = WN_NEW_ARRAY(float, p->stored);
        if (!s.score[i]) {
            wn__scores_release(&s);
            return wn__no_memory((size_t)p->stored * sizeof(float));
        }
        for (int64_t e = 0; e < p->stored; e++)
            s.score[i][e] = fabsf(p->value[e]);
    }
    *out = s;
    return WN_OK;
}

void wn__scores_release(wn__scores *s)
{
    for (int i = 0; s->score && i < s->count; i++)
        wn__free(s->score[i]);
    wn__free(s->score);
    *s = (wn__scores){0};
}
