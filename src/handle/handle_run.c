/* Inference. */
#include <inttypes.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "handle/handle.h"

/* Sizes of arrays of n samples can be counted. */
static wn_status check_count(const wn_network *net, const char *call, int64_t n)
{
    WN_TRY(wn__need_count(call, "n", n));
    const int64_t most = INT64_MAX / 8 / (net->net.graph->c * net->net.graph->h * net->net.graph->w + wn__graph_classes(net->net.graph));
    if (n > most) return wn__fail(WN_EINVAL, "%s: %" PRId64 " samples, at most %" PRId64, call, n, most);
    return WN_OK;
}

wn_status wn__handle_takes_pixels(const wn_network *net)
{
    const wn__normalize *how = &net->shared->normalize;
    const char *name = net->net.graph->name;
    if (!how->name)
        return wn__fail(WN_EUNSUPPORTED,
                        "%s: it is not known how pixels become its inputs; data.set or data.normalize among the settings says it", name);
    if (how->kind != WN__NORMALIZE_NOTHING) return WN_OK;
    return wn__fail(WN_EUNSUPPORTED, "%s: its inputs are no pixels: they are taken as they are", name);
}

wn_status wn_network_normalize(wn_network *net, const uint8_t *pixels, int64_t n, float *x)
{
    WN__ENTER(net);
    WN_TRY(check_count(net, "wn_network_normalize", n));
    if (n == 0) return WN_OK;
    WN__NEED(pixels);
    WN__NEED(x);
    const wn_graph *g = net->net.graph;
    const int64_t plane = g->h * g->w, image = g->c * plane;
    WN_TRY(wn__handle_takes_pixels(net));
    for (int64_t i = 0; i < n; i++)
        wn__normalize_image(&net->shared->normalize, (int)g->c, plane, pixels + i * image, x + i * image);
    return WN_OK;
}

wn_status wn_network_predict(wn_network *net, const float *x, int64_t n, float *y)
{
    WN__ENTER(net);
    WN_TRY(check_count(net, "wn_network_predict", n));
    if (n == 0) return WN_OK;
    WN__NEED(x);
    WN__NEED(y);
    WN_TRY(wn__handle_ready(net, 0));
    const wn_graph *g = net->net.graph;
    const int64_t image = g->c * g->h * g->w, outputs = wn__graph_classes(g);
    for (int64_t first = 0, piece; first < n; first += piece) {
        wn__executor *ex;
        piece = n - first < net->batch ? n - first : net->batch;
        WN_TRY(wn__handle_goes_on(net, "wn_network_predict"));
        WN_TRY(wn__handle_executor(net, x + first * image, piece, y + first * outputs, &ex));
        WN_TRY(wn__executor_infer(ex, x + first * image, piece, (wn__step_info){0}, y + first * outputs));
    }
    return WN_OK;
}

/* What runs n samples of zeros is what will run others. */
static wn_status visit_kernels(wn_network *net, float *x, int64_t n, float *y, wn_kernel_visit visit, void *user)
{
    wn__executor *ex;
    WN_TRY(wn_network_predict(net, x, n, y));
    WN_TRY(wn__handle_executor(net, x, n, y, &ex));
    return wn__executor_kernels(ex, n, visit, user);
}

wn_status wn_network_kernels(wn_network *net, int64_t n, wn_kernel_visit visit, void *user)
{
    WN__ENTER(net);
    if (n < 1 || n > net->batch)
        return wn__fail(WN_EINVAL, "wn_network_kernels: n is %" PRId64 ", must be 1 to the batch of %" PRId64, n, net->batch);
    if (!visit) return WN_OK;
    const wn_graph *g = net->net.graph;
    float *x = WN_NEW_ARRAY(float, n * g->c * g->h * g->w), *y = WN_NEW_ARRAY(float, n *wn__graph_classes(g));
    const wn_status status = x && y ? visit_kernels(net, x, n, y, visit, user) : wn__no_memory((size_t)n * sizeof(float));
    wn__free(x);
    wn__free(y);
    return status;
}
