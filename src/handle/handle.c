/* What all calls of a handle share. */
#include "handle/handle.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/stop.h"
#include "data/targets.h"

/* ---- what every call asks */

wn_status wn__handle_enter(const wn_network *net)
{
    if (net->process == getpid()) return WN_OK;
    return wn__fail(WN_EINVAL, "the network was opened by process %ld and its threads are there: open it again behind the fork",
                    (long)net->process);
}

wn_status wn__handle_goes_on(const wn_network *net, const char *call)
{
    return wn__stop_wanted(net->stop) ? wn__fail(WN_ESTOPPED, "%s: stopped on request", call) : WN_OK;
}

wn_status wn__handle_may_change(const wn_network *net, const char *what)
{
    const int others = atomic_load_explicit(&net->shared->handles, memory_order_acquire) - 1;
    if (others == 0) return WN_OK;
    return wn__fail(WN_EBUSY, "%s changes weights that %d other open %s: close %s first", what, others,
                    others == 1 ? "handle uses" : "handles use", others == 1 ? "it" : "them");
}

wn_status wn__handle_may_change_numbers(const wn_network *net, const char *what)
{
    WN_TRY(wn__handle_may_change(net, what));
    wn__file_traits_forget_types(&net->shared->traits);
    return WN_OK;
}

/* Is there a weight whose mask the device would rather have as stored entries? Clones meet none: they share the form that weights have. */
static bool is_to_compress(const wn__device *device, const wn__params *params)
{
    for (int i = 0; device->compressed && i < params->count; i++)
        if (params->item[i].mask && params->item[i].role == WN__WEIGHT && !params->item[i].map) return true;
    return false;
}

const wn__backend *wn__handle_backend(const wn_network *net)
{
    bool masked = false;
    for (int i = 0; i < net->net.params.count; i++)
        masked = masked || net->net.params.item[i].pattern || (net->net.params.item[i].mask && !net->net.params.item[i].map);
    return wn__machine_backend(&net->machine, masked);
}

void wn__handle_stop(wn_network *net)
{
    wn__network_stop(&net->net);
    wn__network_stop(&net->quick.net);
}

void wn__handle_replace(wn_network *net, wn__params *params)
{
    wn__params *own = &net->net.params;
    wn__handle_stop(net);
    params->version += own->version; /* another one for whoever knew the old */
    params->topology += own->topology;
    wn__params_release(own);
    *own = *params;
    *params = (wn__params){0};
    net->training.passed = false;
}

wn_status wn__handle_ready(wn_network *net, int64_t n)
{
    wn__device *device;
    wn__executor_options how = net->how;
    WN_TRY(wn__devices_get(&net->devices, wn__handle_backend(net), net->dtype, &device));
    how.training = how.training || n > 0;
    if (how.batch < n) how.batch = n;
    const bool same = net->net.ex && net->device == device && how.training == net->how.training && how.batch == net->how.batch;
    if (same && !is_to_compress(device, &net->net.params)) return WN_OK;
    WN_TRY(wn__network_start_stored(&net->net, device, &how));
    net->device = device;
    net->how = how;
    return WN_OK;
}

/* ---- pieces of recipes */

wn_status wn__handle_section(const char *path, const char *text, wn__recipe **out)
{
    const wn__recipe_source source = {.text = text ? text : "", .label = path, .at = path};
    return wn__recipe_read_parts(&source, out);
}

/* ---- samples */

static wn_status check_targets(const char *call, const wn_targets *t, int64_t n, int64_t outputs)
{
    for (int64_t i = 0; i < n; i++)
        if (wn__target_check(t->kind, t->width, outputs, wn__targets_at(t, i)) != WN_OK)
            return wn__fail_within(WN_EINVAL, "%s: sample %" PRId64 " has ", call, i);
    return WN_OK;
}

wn_status wn__handle_check_samples(const wn_network *net, const char *call, const float *x, const wn_targets *targets, int64_t n)
{
    const int64_t outputs = wn__graph_classes(net->net.graph);
    if (n < 1) return wn__fail(WN_EINVAL, "%s: n is %" PRId64 ", must be 1 or more", call, n);
    WN_TRY(wn__need(call, "x", x));
    WN_TRY(wn__need(call, "targets", targets));
    if (targets->kind < WN_TARGET_CLASS || targets->kind > WN_TARGET_POSITIONS)
        return wn__fail(WN_EINVAL, "%s: targets of kind %d, which there is not", call, (int)targets->kind);
    if (targets->kind == WN_TARGET_POSITIONS)
        return wn__fail(WN_EUSAGE, "%s: targets of the kind positions: a network has outputs for whole samples", call);
    const bool classes = wn__target_is_classes(targets->kind);
    const int64_t width = targets->kind == WN_TARGET_CLASS ? 1 : outputs;
    WN_TRY(classes ? wn__need(call, "targets->classes", targets->classes) : wn__need(call, "targets->values", targets->values));
    if (targets->width != width)
        return wn__fail(WN_EINVAL, "%s: targets (%s) of width %" PRId64 ", must be %" PRId64, call, wn__target_kind_name(targets->kind),
                        targets->width, width);
    WN_TRY(check_targets(call, targets, n, outputs));
    return wn__handle_goes_on(net, call);
}

/* ---- training */

void wn__training_restart(wn_network *net)
{
    wn__updater_free(net->training.updater);
    net->training.updater = NULL;
    net->training.passed = false;
}

void wn__training_release(wn_network *net)
{
    wn__training_restart(net);
    wn__recipe_free(net->training.recipe);
    wn__free(net->training.row_loss);
    wn__free(net->training.outputs);
}
