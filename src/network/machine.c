#include "network/machine.h"

#include <assert.h>
#include <string.h>

#include "base/fail.h"
#include "base/log.h"
#include "base/text.h"

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
        const bool fastest = strcmp(backend, WN__BACKEND_FASTEST) == 0;
        wn__text names = {0};
        for (int i = 0; wn__backends[i]; i++)
            wn__text_add(&names, ", %s", wn__backends[i]->name);
        const wn_status status =
            wn__fail(WN_EUSAGE, "backend: \"%s\" is %s; valid: auto%s", backend,
                     fastest ? "of a recipe as a whole, for run, train and sweep" : "not in this build", names.data ? names.data : "");
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

/* ---- devices */

wn_status wn__devices_pool(wn__devices *d, wn__pool **out)
{
    if (!d->pool) WN_TRY(wn__pool_new(d->threads, &d->pool));
    *out = d->pool;
    return WN_OK;
}

wn_status wn__devices_get(wn__devices *d, const wn__backend *backend, wn__dtype dtype, wn__device **out)
{
    wn__device_options options = {.dtype = dtype, .kernels = d->kernels, .dense = d->dense};
    for (int i = 0; i < d->count; i++)
        if (d->device[i]->backend == backend && d->device[i]->dtype == dtype) {
            *out = d->device[i];
            return WN_OK;
        }
    assert(d->count < WN__MOST_DEVICES);
    WN_TRY(wn__devices_pool(d, &options.pool));
    WN_TRY(backend->open(backend, &options, &d->device[d->count]));
    *out = d->device[d->count++];
    return WN_OK;
}

void wn__devices_release(wn__devices *d)
{
    while (d->count > 0) {
        d->count--;
        d->device[d->count]->close(d->device[d->count]);
    }
    wn__pool_free(d->pool);
    d->pool = NULL;
}
