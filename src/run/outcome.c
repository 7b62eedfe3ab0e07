#include "run/outcome.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/log.h"
#include "sparse/prune/selection.h"

enum { FIRST_STEPS = 100 }; /* so many may pass without any success */

/* Training accuracy over the last epoch within two standard deviations of guessing. */
static void tell_chance(const wn__recipe *r, const wn__stage *stage, const wn__train_result *reached)
{
    const double chance = 1 / (double)r->data.facts.sample.classes;
    if (wn__recipe_targets(r) != WN_TARGET_CLASS || r->train_images < 1 || reached->steps < r->clock.steps_per_epoch ||
        reached->steps < FIRST_STEPS)
        return;
    for (int m = 0; m < reached->metrics.count; m++) {
        const double score = reached->train[m], spread = sqrt(chance * (1 - chance) / (double)r->train_images);
        if (strcmp(reached->metrics.metric[m]->name, "accuracy") != 0 || isnan(score) || score > chance + 2 * spread) continue;
        wn__log(WN_LOG_WARNING, "%s: has learned nothing: %.1f %% of its training samples are right, by chance %.1f %% were", stage->label,
                100 * score, 100 * chance);
    }
}

static void tell_empty_layers(const wn__stage *stage, const wn__params *params)
{
    const char *first = NULL;
    int empty = 0;
    if (!stage->train.spec.thinning.kind) return; /* other masks are told of where they are made */
    for (int i = 0; i < params->count; i++) {
        const wn__param *p = &params->item[i];
        if (p->role != WN__WEIGHT || p->active > 0) continue;
        if (!first) first = p->name;
        empty++;
    }
    if (empty == 1) wn__log(WN_LOG_WARNING, "%s: no weight is left in %s", stage->label, first);
    if (empty > 1) wn__log(WN_LOG_WARNING, "%s: no weight is left in %d layers, the first of them %s", stage->label, empty, first);
}

static void tell_thresholds(const wn__stage *stage, const wn__params *params)
{
    if (stage->train.spec.thinning.kind != WN__THIN_THRESHOLD) return;
    const wn__sparsity s = wn__sparsity_measure(params, NULL);
    const double reached = 1 - (double)s.selected_active / (double)s.selected;
    if (reached >= 0.01) return;
    wn__log(WN_LOG_WARNING, "%s: its thresholds pruned next to nothing (%.2f %%): mask.threshold.start decides how much", stage->label,
            100 * reached);
}

void wn__outcome_tell(const wn__recipe *recipe, const wn__stage *stage, const wn__params *params, const wn__train_result *reached)
{
    tell_chance(recipe, stage, reached);
    tell_empty_layers(stage, params);
    tell_thresholds(stage, params);
}
