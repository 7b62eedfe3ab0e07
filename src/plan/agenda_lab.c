/* States that the recipe's section `lab` looks at are kept by the stages. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "plan/agenda_parts.h"

/* A state that `winnow lab study` looks at, if it lies inside of the stage. */
static wn_status keep_inside(wn__agenda *plan, int index, int64_t step)
{
    const wn__train_plan *t = &plan->stage[index].train;
    return step >= t->spec.first && step < t->spec.last ? wn__agenda_keep_point(plan, index, step) : WN_OK;
}

/* "rigl@2000" of this row, or "rigl@2000+": behind the topology update, for which the next state says the masks. */
static wn_status keep_named_point(wn__agenda *plan, const wn__agenda_row *row, const char *name)
{
    const char *own = plan->recipe->row[row->row].name, *at = strchr(name, '@');
    if (!at || strlen(own) != (size_t)(at - name) || strncmp(own, name, strlen(own)) != 0) return WN_OK;
    char *end = NULL;
    const bool start = strcmp(at + 1, "start") == 0;
    const int64_t step = start ? plan->stage[row->train].train.spec.first : strtoll(at + 1, &end, 10);
    WN_TRY(keep_inside(plan, row->train, step));
    return end && *end == '+' ? keep_inside(plan, row->train, step + 1) : WN_OK;
}

static wn_status keep_for_flow(wn__agenda *plan, int index)
{
    const wn__recipe *r = plan->recipe;
    for (int k = 0; k < r->lab.ats; k++) {
        const int64_t step = wn__steps_resolve(r->lab.at[k], r->clock.steps_per_epoch, r->clock.total);
        const wn__train_plan *t = &plan->stage[index].train;
        WN_TRY(keep_inside(plan, index, step));
        if (t->spec.rewires && wn__rewiring_is_due(&t->spec.rewiring, step)) WN_TRY(keep_inside(plan, index, step + 1));
    }
    return keep_inside(plan, index, plan->stage[index].train.spec.first);
}

/* Measurements of the section `lab` then need no training once more. */
wn_status wn__agenda_keep_for_lab(wn__agenda *plan)
{
    const wn__lab_section *l = &plan->recipe->lab;
    for (int i = 0; i < plan->rows; i++) {
        const wn__agenda_row *row = &plan->row[i];
        for (int k = 0; k < l->flows; k++)
            if (strcmp(l->flow[k], plan->recipe->row[row->row].name) == 0) WN_TRY(keep_for_flow(plan, row->train));
        for (int k = 0; k < l->compares; k++)
            WN_TRY(keep_named_point(plan, row, l->compare[k]));
        for (int k = 0; k < l->hessians; k++)
            WN_TRY(keep_named_point(plan, row, l->hessian[k]));
        for (int k = 0; k < l->ensembles; k++)
            WN_TRY(keep_named_point(plan, row, l->ensemble[k]));
        for (int k = 0; k < 2 * l->lines; k++)
            WN_TRY(keep_named_point(plan, row, l->line[k / 2][k % 2]));
    }
    return WN_OK;
}
