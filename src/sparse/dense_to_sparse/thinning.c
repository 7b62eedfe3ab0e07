#include "sparse/dense_to_sparse/thinning.h"

wn_status wn__thinning_attach(const wn__thinning *t, wn__params *params)
{
    if (t->kind == WN__THIN_THRESHOLD) return wn__threshold_attach(&t->threshold, t->selection, params);
    if (t->kind == WN__THIN_N_OF_M) return wn__n_of_m_attach(&t->n_of_m, t->selection, params);
    return WN_OK;
}

wn_status wn__thinning_before_step(const wn__thinning *t, int64_t step, wn__params *params, bool *changed, bool *restarts)
{
    *changed = *restarts = false;
    if (t->kind != WN__THIN_ALTERNATING) return WN_OK;
    return wn__alternation_enter(&t->alternation, &t->last, t->selection, step, params, changed, restarts);
}

void wn__thinning_after_step(const wn__thinning *t, wn__params *params, bool *changed)
{
    *changed = false;
    for (int i = 0; t->kind == WN__THIN_THRESHOLD && i < params->count; i++) {
        wn__param *p = &params->item[i];
        if (!p->map || !p->map->active) continue;
        const int64_t active = p->map->active(p);
        *changed = *changed || active != p->active;
        p->active = active;
    }
}

bool wn__thinning_trains_all(const wn__thinning *t) { return t->kind == WN__THIN_N_OF_M; }
