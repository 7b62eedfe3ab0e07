/* Networks whose numbers look like trained ones: weights by fan-in, statistics of batch norm from data, masks. */
#ifndef WN_TEST_MADE_NETWORK_H
#define WN_TEST_MADE_NETWORK_H

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/rng.h"
#include "winnow/network.h"

static inline float *made_inputs(int64_t n, int64_t each)
{
    float *x = WN_NEW_ARRAY(float, n *each);
    for (int64_t i = 0; x && i < n; i++) {
        wn__rng r = wn__rng_make(7, WN__FOR_TEST, 0, (uint64_t)i);
        for (int64_t k = 0; k < each; k++)
            x[i * each + k] = (float)wn__rng_normal(&r);
    }
    return x;
}

/* Running statistics move to those of made inputs. */
static inline wn_status made_statistics(wn_network *net, const wn_network_info *info, int passes)
{
    enum { BATCH = 8 };
    static int32_t label[BATCH];
    float *x = made_inputs(BATCH, info->channels * info->height * info->width);
    const wn_targets targets = {.kind = WN_TARGET_CLASS, .width = 1, .classes = label};
    wn_status status = x ? WN_OK : wn__no_memory(1);
    for (int i = 0; status == WN_OK && i < passes; i++)
        status = wn_network_loss_gradients(net, x, &targets, BATCH, NULL);
    wn__free(x);
    return status;
}

/* `recipe` as of wn_network_from_recipe; sparsity NULL: dense. */
static inline wn_status made_network(const char *recipe, const char *backend, const char *sparsity, int passes, wn_network **net)
{
    const wn_network_options options = {.size = sizeof options, .backend = backend, .seed = 3};
    const wn_network_prune_options prune = {.size = sizeof prune, .mask = "{scope: layer}", .sparsity = sparsity};
    wn_network_info info = {.size = sizeof info};
    WN_TRY(wn_network_from_recipe(recipe, &options, net));
    WN_TRY(wn_network_look(*net, &info));
    if (sparsity) WN_TRY(wn_network_prune(*net, &prune));
    return made_statistics(*net, &info, passes);
}

/* Whatever windows there are: strides larger than they are, borders wider than needed, batch norms that stand alone, a ReLU that several read. */
static inline wn_graph *made_odd_graph(void)
{
    wn_graph *g = wn_graph_new("odd one", 2, 11, 9);
    int x = wn_graph_conv(g, wn_graph_input(g), "a", (wn_conv){.out = 6, .kernel_h = 5, .kernel_w = 3, .pad = 2, .bias = true});
    x = wn_graph_dropout(g, wn_graph_relu(g, x), 0.3);
    const int branch = wn_graph_batch_norm(g, wn_graph_conv(g, x, "b", (wn_conv){.out = 6, .kernel = 1, .pad = 1, .stride = 3}), "bn");
    int other = wn_graph_max_pool(g, wn_graph_conv(g, x, "c", (wn_conv){.out = 6, .kernel = 3, .pad = 1, .groups = 3}), 3, 3, 1);
    other = wn_graph_conv(g, other, "d", (wn_conv){.out = 6, .kernel_h = 1, .kernel_w = 2, .pad = 0, .stride = 1});
    const int pooled = wn_graph_avg_pool(g, wn_graph_clipped_relu(g, wn_graph_batch_norm(g, branch, "bn2"), 0.5), 2, 1, 1);
    x = wn_graph_linear(g, wn_graph_relu(g, pooled), "e", 7, false);
    const int y = wn_graph_linear(g, other, "f", 7, true);
    x = wn_graph_batch_norm(g, wn_graph_add(g, x, y), "bn3");
    if (wn_graph_finish(g, wn_graph_add(g, wn_graph_relu(g, x), wn_graph_dropout(g, x, 0.1))) == WN_OK) return g;
    wn_graph_free(g);
    return NULL;
}

static inline wn_status made_odd_network(wn_network **net)
{
    wn_network_info info = {.size = sizeof info};
    wn_graph *g = made_odd_graph();
    WN_TRY(wn_network_from_graph(g, NULL, net));
    WN_TRY(wn_network_look(*net, &info));
    return made_statistics(*net, &info, 20);
}

#endif
