#include "sparse/dense_to_sparse/gradual.h"

#include <math.h>

#include "base/alloc.h"
#include "base/elementary.h"
#include "base/fail.h"
#include "sparse/prune/score.h"

static const char *const pruned_names[] = {"stay", "return", NULL};
const wn__setting wn__gradual_settings[] = {
    WN_SETTING_STEPS(wn__gradual_rule, begin, "20%", "first pruning"),
    WN_SETTING_STEPS(wn__gradual_rule, end, "75%", "last pruning: the asked-for sparsity is reached"),
    WN_SETTING_STEPS(wn__gradual_rule, interval, "100it", "from one pruning to the next"),
    WN_SETTING_FLOAT(wn__gradual_rule, power, 3, 0.01, 100, "sparsity is this power of the part of the time left away from the end"),
    WN_SETTING_FLOAT(wn__gradual_rule, initial, 0, 0, 0.999, "sparsity that the first pruning makes"),
    WN_SETTING_CHOICE(wn__gradual_rule, pruned, "stay", pruned_names,
                      "what is pruned stays zero, or is trained on and may return (iterative hard thresholding)"),
    {0},
};

wn_status wn__gradual_resolve(const wn__gradual_rule *rule, int64_t steps_per_epoch, int64_t total, wn__gradual *out)
{
    const wn__gradual how = {.begin = wn__steps_resolve(rule->begin, steps_per_epoch, total),
                             .end = wn__steps_resolve(rule->end, steps_per_epoch, total),
                             .interval = wn__steps_resolve(rule->interval, steps_per_epoch, total),
                             .power = rule->power,
                             .initial = rule->initial,
                             .returns = rule->pruned == WN__PRUNED_RETURN};
    if (how.interval < 1) return wn__fail(WN_EUSAGE, "gradual: interval of %lld steps, must be at least 1", (long long)how.interval);
    if (how.end <= how.begin)
        return wn__fail(WN_EUSAGE, "gradual: begins at step %lld and ends at step %lld", (long long)how.begin, (long long)how.end);
    if (how.returns ? how.end >= total : how.end + 1 >= total)
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

/* Everything takes part again: the masks go, zeros stay. */
static wn_status unmask(const wn__selection *selection, wn__params *params)
{
    for (int i = 0; i < params->count; i++)
        if (selection->selected[i] && !params->item[i].pattern) WN_TRY(wn__param_set_mask(&params->item[i], NULL));
    return WN_OK;
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
    const bool open = how->returns && step < how->end;
    if (open) now.empty = WN__EMPTY_KEEP_ONE; /* a layer without weights would get no gradient to return by */
    wn_status status = how->returns ? unmask(run->selection, params) : WN_OK;
    if (status == WN_OK) status = wn__scores_magnitude(params, run->selection, &scores);
    if (status == WN_OK) status = wn__masks_prune(params, run->selection, (const float *const *)scores.score, &now);
    if (status == WN_OK && open) status = unmask(run->selection, params);
    wn__scores_release(&scores);
    wn__free(keep);
    return status;
}
