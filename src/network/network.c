#include "network/network.h"

#include "base/fail.h"
#include "tensor/compression.h"

wn_status wn__network_make(const wn_graph *graph, wn__network *out)
{
    *out = (wn__network){.graph = graph};
    return wn__graph_make_params(graph, &out->params);
}

wn_status wn__network_start(wn__network *n, wn__device *device, const wn__executor_options *options)
{
    wn__network_stop(n);
    return wn__executor_new(n->graph, wn__network_params(n), device, options, &n->ex);
}

wn_status wn__network_start_stored(wn__network *n, wn__device *device, const wn__executor_options *options)
{
    wn__network_stop(n);
    if (device->compressed) WN_TRY(wn__params_compress_masked(wn__network_params(n)));
    return wn__network_start(n, device, options);
}

bool wn__network_is_masked(const wn__params *params)
{
    for (int i = 0; i < params->count; i++)
        if (params->item[i].mask || params->item[i].pattern) return true;
    return false;
}

void wn__network_stop(wn__network *n)
{
    wn__executor_free(n->ex);
    n->ex = NULL;
}

void wn__network_release(wn__network *n)
{
    wn__network_stop(n);
    wn__params_release(&n->params);
    *n = (wn__network){0};
}
