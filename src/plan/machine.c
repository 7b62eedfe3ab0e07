/* What stages run on. */
#include <string.h>

#include "base/fail.h"
#include "base/log.h"
#include "base/threads.h"
#include "plan/agenda.h"

int wn__machine_threads(int asked, int64_t recipe, int jobs, bool force)
{
    const int cpus = wn__cpu_count(), share = cpus > jobs ? cpus / jobs : 1;
    if (asked > 0) return asked;
    if (recipe == 0) return share;
    if (recipe <= share || force) return (int)recipe;
    wn__log(WN_LOG_INFO, "threads: %lld of the recipe are more than %d CPU%s for %d process%s: %d", (long long)recipe, cpus,
            cpus == 1 ? "" : "s", jobs, jobs == 1 ? "" : "es", share);
    return share;
}

wn_status wn__machine_choose(const char *backend, wn__dtype dtype, int threads, wn__machine *out)
{
    const bool automatic = strcmp(backend, "auto") == 0;
    const wn__backend *found = automatic ? wn__backends[0] : wn__backend_find(backend);
    if (!found) {
        wn__text names = {0};
        for (int i = 0; wn__backends[i]; i++)
            wn__text_add(&names, ", %s", wn__backends[i]->name);
        const wn_status status =
            wn__fail(WN_EUSAGE, "backend: \"%s\" is not in this build; valid: auto%s", backend, names.data ? names.data : "");
        wn__text_release(&names);
        return status;
    }
    const wn__backend *sparse = automatic && dtype == WN__F32 ? wn__backend_find("sparse") : NULL;
    *out = (wn__machine){found, threads, sparse == found ? NULL : sparse};
    return WN_OK;
}

const char *wn__machine_name(const wn__machine *machine) { return machine->sparse ? "auto" : machine->backend->name; }

const wn__backend *wn__machine_backend(const wn__machine *machine, bool masked)
{
    return masked && machine->sparse ? machine->sparse : machine->backend;
}

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
