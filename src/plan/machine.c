/* What stages run on. */
#include "plan/agenda.h"

const wn__backend *wn__teacher_backend(const wn__agenda *plan, const wn__teacher_plan *teacher)
{
    const bool masked = teacher->stage >= 0 && plan->stage[teacher->stage].train.mask >= 0;
    return wn__machine_backend(&plan->machine, masked && teacher->dtype == WN__F32);
}

const wn__backend *wn__score_backend(const wn__machine *machine, const wn__scoring *scoring)
{
    if (!wn__saliency_needs_tangents(scoring->score)) return machine->backend;
    for (int i = 0; wn__backends[i]; i++)
        if (wn__backends[i]->tangents) return wn__backends[i];
    return machine->backend;
}

const wn__backend *wn__stage_backend(const wn__agenda *plan, const wn__stage *stage)
{
    if (stage->kind == WN__STAGE_MASK) return wn__score_backend(&plan->machine, &stage->mask.section.scoring);
    if (stage->kind == WN__STAGE_SOFT_LABELS) return wn__teacher_backend(plan, &stage->cache.teacher);
    if (stage->kind == WN__STAGE_TRAIN && stage->train.backend) return stage->train.backend;
    const bool masked = stage->kind == WN__STAGE_EVALUATE ? !wn__basis_maps(plan->stage[stage->evaluate.mask].mask.section.basis.kind)
                                                          : stage->train.mask >= 0 && !stage->train.coefficients;
    return wn__machine_backend(&plan->machine, masked);
}
