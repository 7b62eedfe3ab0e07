#include "sparse/gradual.h"

#include <math.h>

#include "base/alloc.h"
#include "base/elementary.h"
#include "base/fail.h"
#include "sparse/score.h"

const wn__setting wn__gradual_settings[] = {
    WN_SETTING_STEPS(wn__gradual_rule, begin, "20%", "first pruning"),
    WN_SETTING_STEPS(wn__gradual_rule, end, "75%", "last pruning: the asked-for sparsity is reached"),
    WN_SETTING_STEPS(wn__gradual_rule, interval, "100it", "from one pruning to the next"),
    WN_SETTING_FLOAT(wn__gradual_rule, power, 3, 0.01, 100, "sparsity is this power of the part of the time left away from the end"),
    WN_SETTING_FLOAT(wn__gradual_rule, initial, 0, 0, 0.999, "sparsity that the first pruning makes"),
    {0},
};

wn_status wn__gradual_resolve(const wn__gradual_rule *rule, int64_t steps_per_epoch, int64_t total, wn__gradual *out)
{
    const wn__gradual how = {.begin = wn__steps_resolve(rule->begin, steps_per_epoch, total),
                             .end = wn__steps_resolve(rule->end, steps_per_epoch, total),
                             .interval = wn__steps_resolve(rule->interval, steps_per_epoch, total),
                             .power = rule->power,
                             .initial = rule->initial};
    if (how.interval < 1) return wn__fail(WN_EUSAGE, "gradual: interval of %lld steps, must be at least 1", (long long)how.interval);
    if (how.end <= how.begin)
        return wn__fail(WN_EUSAGE, "gradual: begins at step %lld and ends at step %lld", (long long)how.begin, (long long)how.end);
    if (how.end + 1 >= total)
        return wn__fail(WN_EUSAGE, "gradual: the last pruning is at step %lld of %lld: nothing is trained afterwards", (long long)how.end,
                        (long long)total);
    *out = how;
    return WN_OK;
}

bool wn__gradual_is_due(const wn__gradual *how, int64_t step)
{
    if (step == how->end) return true;
    return step >= how->begin && step < how->end && (step - how->begin) % how->interval == 0;
}

double wn__gradual_sparsity(const wn__gradual *how, double sparsity, int64_t step)
{
    if (step >= how->end || sparsity <= how->initial) return sparsity;
    const double left = (double)(how->end - step) / (double)(how->end - how->begin);
    return sparsity + (how->initial - sparsity) * wn__exp(how->power * wn__ln(left));
}

wn_status wn__gradual_prune(const wn__gradual_run *run, int64_t step, wn__params *params)
{
    const wn__gradual *how = &run->when;
    const wn__prune *last = &run->last;
    wn__prune now = *last;
    wn__scores scores = {0};
    int64_t *keep = WN_NEW_ARRAY(int64_t, params->count);
    if (!keep) return wn__no_memory((size_t)params->count * sizeof *keep);
    now.sparsity = wn__gradual_sparsity(how, last->sparsity, step);
    for (int i = 0; last->keep && i < params->count; i++) {
        const double all = (double)wn__param_entries(&params->item[i]), end = 1 - (double)last->keep[i] / all;
        keep[i] = llround((1 - wn__gradual_sparsity(how, end, step)) * all);
    }
    now.keep = last->keep ? keep : NULL;
    wn_status status = wn__scores_magnitude(params, run->selection, &scores);
    if (status == WN_OK) status = wn__masks_prune(params, run->selection, (const float *const *)scores.score, &now);
    wn__scores_release(&scores);
    wn__free(keep);
    return status;
}
