#include "sparse/dense_to_sparse/alternation.h"

#include <string.h>

#include "base/fail.h"
#include "sparse/prune/score.h"

static const char *const momentum_names[] = {"reset", "keeps", NULL};

const wn__setting wn__alternation_settings[] = {
    WN_SETTING_STEPS(wn__alternation_rule, begin, "10%", "first sparse phase"),
    WN_SETTING_STEPS(wn__alternation_rule, sparse, "5%", "length of a sparse phase"),
    WN_SETTING_STEPS(wn__alternation_rule, dense, "5%", "length of a dense phase"),
    WN_SETTING_STEPS(wn__alternation_rule, last_dense, "75%", "the last dense phase begins"),
    WN_SETTING_STEPS(wn__alternation_rule, final, "85%", "the last sparse phase begins, which stays"),
    WN_SETTING_CHOICE(wn__alternation_rule, momentum, "reset", momentum_names,
                      "the optimizer's when a dense phase begins: zero, or as it is"),
    {0},
};

wn_status wn__alternation_resolve(const wn__alternation_rule *rule, int64_t steps_per_epoch, int64_t total, wn__alternation *out)
{
    const wn__alternation how = {.begin = wn__steps_resolve(rule->begin, steps_per_epoch, total),
                                 .sparse = wn__steps_resolve(rule->sparse, steps_per_epoch, total),
                                 .dense = wn__steps_resolve(rule->dense, steps_per_epoch, total),
                                 .last_dense = wn__steps_resolve(rule->last_dense, steps_per_epoch, total),
                                 .final = wn__steps_resolve(rule->final, steps_per_epoch, total),
                                 .momentum = rule->momentum};
    if (how.sparse < 1 || how.dense < 1)
        return wn__fail(WN_EUSAGE, "alternating: phases of %lld sparse and %lld dense steps, must be at least 1", (long long)how.sparse,
                        (long long)how.dense);
    if (how.last_dense < how.begin || how.final <= how.last_dense)
        return wn__fail(WN_EUSAGE, "alternating: begins at step %lld, last dense phase at %lld, final one at %lld; must be in this order",
                        (long long)how.begin, (long long)how.last_dense, (long long)how.final);
    if (how.final >= total)
        return wn__fail(WN_EUSAGE, "alternating: the final sparse phase begins at step %lld of %lld: nothing is trained in it",
                        (long long)how.final, (long long)total);
    *out = how;
    return WN_OK;
}

bool wn__alternation_is_sparse(const wn__alternation *how, int64_t step)
{
    if (step < how->begin) return false;
    if (step >= how->last_dense) return step >= how->final;
    return (step - how->begin) % (how->sparse + how->dense) < how->sparse;
}

int64_t wn__alternation_sparse_steps(const wn__alternation *how, int64_t total)
{
    int64_t count = 0;
    for (int64_t step = 0; step < total; step++)
        count += wn__alternation_is_sparse(how, step);
    return count;
}

static bool is_masked(const wn__selection *selection, const wn__params *params)
{
    for (int i = 0; i < params->count; i++)
        if (selection->selected[i] && params->item[i].mask) return true;
    return false;
}

static wn_status open_masks(const wn__selection *selection, wn__params *params)
{
    for (int i = 0; i < params->count; i++)
        if (selection->selected[i]) WN_TRY(wn__param_set_mask(&params->item[i], NULL));
    params->version++;
    return WN_OK;
}

static void reset_slots(wn__params *params)
{
    for (int i = 0; i < params->count; i++) {
        wn__param *p = &params->item[i];
        for (int s = 0; s < WN__AVERAGE; s++)
            if (p->slot[s]) memset(p->slot[s], 0, (size_t)p->stored * sizeof(float));
    }
}

wn_status wn__alternation_enter(const wn__alternation *how, const wn__prune *last, const wn__selection *selection, int64_t step,
                                wn__params *params, bool *changed, bool *restarts)
{
    const bool sparse = wn__alternation_is_sparse(how, step);
    *changed = sparse != is_masked(selection, params);
    *restarts = *changed && !sparse && how->momentum == WN__MOMENTUM_RESET;
    if (!*changed) return WN_OK;
    if (*restarts) reset_slots(params);
    if (!sparse) return open_masks(selection, params);
    wn__scores scores = {0};
    wn_status status = wn__scores_magnitude(params, selection, &scores);
    if (status == WN_OK) status = wn__masks_prune(params, selection, (const float *const *)scores.score, last);
    wn__scores_release(&scores);
    return status;
}
