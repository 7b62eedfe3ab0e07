/* A network that runs: the parameters of a graph, and an executor of them on a device. Executors are made here and nowhere else, but for the
 * training loop and tests.
 *
 *     wn__network net = {0};
 *     wn_status status = wn__network_make(graph, &net);
 *     if (status == WN_OK) status = wn__network_load(path, WN__PART_VALUES | WN__PART_MASKS, &net.params);
 *     if (status == WN_OK) status = wn__network_start_stored(&net, device, &(wn__executor_options){.batch = 128});
 *     if (status == WN_OK) status = wn__executor_infer(net.ex, images, n, (wn__step_info){0}, logits);
 *     wn__network_release(&net);
 */
#ifndef WN_NETWORK_NETWORK_H
#define WN_NETWORK_NETWORK_H

#include "nn/executor/executor.h"

/* While there is an executor, which points into it, the struct stays where it is. */
typedef struct wn__network {
    const wn_graph *graph; /* borrowed */
    wn__params params;     /* owned */
    wn__params *others;    /* parameters that it runs in place of its own; NULL: none */
    wn__executor *ex;      /* owned; NULL before it is started */
} wn__network;

/* Zeroed parameters; `out` is to be released after a failure, too. */
wn_status wn__network_make(const wn_graph *graph, wn__network *out);
/* Over parameters that are borrowed, as are those that they hold. */
static inline wn__network wn__network_over(const wn_graph *graph, wn__params *params)
{
    return (wn__network){.graph = graph, .others = params};
}
static inline wn__params *wn__network_params(wn__network *n) { return n->others ? n->others : &n->params; }
/* An executor of the parameters as they are, in place of an earlier one. The device is borrowed. */
wn_status wn__network_start(wn__network *n, wn__device *device, const wn__executor_options *options);
/* The same; on a device that takes stored entries weights with masks are compressed first. */
wn_status wn__network_start_stored(wn__network *n, wn__device *device, const wn__executor_options *options);
/* Does any parameter have a mask or a pattern? */
bool wn__network_is_masked(const wn__params *params);
/* Ends the executor; the parameters stay. */
void wn__network_stop(wn__network *n);
void wn__network_release(wn__network *n); /* accepts a zeroed one */

#endif
