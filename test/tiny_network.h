/* Small networks on devices, for tests of whole networks: the parts by themselves, or all in one. */
#ifndef WN_TEST_TINY_NETWORK_H
#define WN_TEST_TINY_NETWORK_H

#include "base/alloc.h"
#include "base/rng.h"
#include "nn/executor/executor.h"
#include "nn/init.h"
#include "test.h"

/* ---- parts */

/* The backend's device, and the pool that it runs on; a test of a backend that the build or the CPU lacks is skipped. */
static inline wn__device *tiny_device(const char *backend, int threads, wn__dtype dtype, wn__pool **pool)
{
    const wn__backend *b = wn__backend_find(backend);
    wn__device *device = NULL;
    if (!b) SKIP("this backend is not in the build");
    CHECK_OK(wn__pool_new(threads, pool));
    const wn_status status = b->open(b, &(wn__device_options){.dtype = dtype, .pool = *pool}, &device);
    if (status == WN_EUNSUPPORTED) {
        wn__pool_free(*pool);
        SKIP(wn_error_message());
    }
    CHECK_OK(status);
    return device;
}

static inline void tiny_device_close(wn__device *device, wn__pool *pool)
{
    device->close(device);
    wn__pool_free(pool);
}

/* As a network's parameters are where nothing is said. */
static inline wn__params tiny_params(const wn_graph *graph, uint64_t seed)
{
    wn__params params;
    CHECK_OK(wn__graph_make_params(graph, &params));
    CHECK_OK(wn__init_params(&params, &(wn__init_options){0}, seed));
    return params;
}

/* Standard normal numbers of a stream; to be freed. */
static inline float *tiny_numbers(int64_t count, uint64_t seed)
{
    wn__rng rng = wn__rng_make(seed, WN__FOR_TEST, 0, 0);
    float *x = WN_NEW_ARRAY(float, count);
    CHECK(x != NULL);
    for (int64_t i = 0; i < count; i++)
        x[i] = (float)wn__rng_normal(&rng);
    return x;
}

static inline int64_t tiny_image_size(const wn_graph *graph) { return graph->c * graph->h * graph->w; }
static inline float *tiny_images(const wn_graph *graph, int64_t n, uint64_t seed) { return tiny_numbers(n * tiny_image_size(graph), seed); }

/* ---- all in one */

typedef struct tiny_network {
    wn_graph *graph;
    wn__params params;
    wn__pool *pool;
    wn__device *device;
    wn__executor *ex; /* NULL before tiny_prepare */
} tiny_network;

/* Takes the graph; the executor comes later, so that parameters and device may be changed before. */
static inline tiny_network tiny_make(wn_graph *graph, uint64_t seed, const char *backend, int threads, wn__dtype dtype)
{
    tiny_network t = {.graph = graph, .params = tiny_params(graph, seed)};
    t.device = tiny_device(backend, threads, dtype, &t.pool);
    return t;
}

static inline void tiny_prepare(tiny_network *t, wn__executor_options how)
{
    CHECK_OK(wn__executor_new(t->graph, &t->params, t->device, &how, &t->ex));
}

static inline void tiny_release(tiny_network *t)
{
    wn__executor_free(t->ex);
    tiny_device_close(t->device, t->pool);
    wn__params_release(&t->params);
    wn_graph_free(t->graph);
}

/* ---- a training step, for comparing backends and numbers of threads */

enum { TINY_CLASSES = 10, TINY_BATCH = 70 };

/* A residual network of 3 x 12 x 12 images, with most kinds of nodes. */
static inline wn_graph *tiny_residual(void)
{
    wn_graph *g = wn_graph_new("small", 3, 12, 12);
    int x = wn_graph_conv(g, wn_graph_input(g), "first", (wn_conv){.out = 16, .kernel = 3, .pad = 1});
    x = wn_graph_relu(g, wn_graph_batch_norm(g, x, "norm"));
    const int y = wn_graph_batch_norm(g, wn_graph_conv(g, x, "second", (wn_conv){.out = 16, .kernel = 3, .pad = 1}), "norm2");
    x = wn_graph_max_pool(g, wn_graph_relu(g, wn_graph_add(g, x, y)), 3, 2, 1);
    x = wn_graph_relu(g, wn_graph_conv(g, x, "third", (wn_conv){.out = 24, .kernel = 3, .stride = 2, .bias = true}));
    CHECK_OK(wn_graph_finish(g, wn_graph_linear(g, wn_graph_dropout(g, x, 0.2), "last", TINY_CLASSES, true)));
    return g;
}

typedef struct tiny_case {
    wn_graph *(*build)(void); /* with TINY_CLASSES outputs */
    const char *backend;
    wn__dtype dtype;
    int64_t band_bytes; /* of the device; 0: as it is */
} tiny_case;

/* Of half the sum of squares of the logits. */
static inline wn_status tiny_pull_to_zero(void *arg, const float *logits, int64_t first, int64_t n, float *dlogits)
{
    (void)arg, (void)first;
    memcpy(dlogits, logits, (size_t)(n * TINY_CLASSES) * sizeof(float));
    return WN_OK;
}

/* All gradients of a step, one after the other; to be freed. */
static inline float *tiny_gradients(tiny_case c, int threads, int64_t *count)
{
    tiny_network t = tiny_make(c.build(), 1, c.backend, threads, c.dtype);
    const int64_t values = TINY_BATCH * tiny_image_size(t.graph);
    wn__rng rng = wn__rng_make(2, WN__FOR_TEST, 0, 0);
    float *images = WN_NEW_ARRAY(float, values), *all = WN_NEW_ARRAY(float, wn_graph_parameter_count(t.graph));
    CHECK(images && all);
    for (int64_t i = 0; i < values; i++)
        images[i] = -1 + 2 * wn__rng_uniform(&rng);
    if (c.band_bytes) t.device->band_bytes = c.band_bytes;
    tiny_prepare(&t, (wn__executor_options){.batch = TINY_BATCH, .training = true});
    CHECK_OK(wn__executor_gradients(t.ex, images, TINY_BATCH, (wn__step_info){.training = true}, tiny_pull_to_zero, NULL));
    *count = 0;
    for (int i = 0; i < t.params.count; i++) {
        const wn__param *p = &t.params.item[i];
        if (!p->grad) continue;
        memcpy(all + *count, p->grad, (size_t)p->stored * sizeof(float));
        *count += p->stored;
    }
    tiny_release(&t);
    wn__free(images);
    return all;
}

/* Two to `most` threads give the bits that one gives. */
static inline void tiny_check_thread_counts(tiny_case c, int most)
{
    int64_t count, again;
    float *one = tiny_gradients(c, 1, &count);
    for (int threads = 2; threads <= most; threads++) {
        float *more = tiny_gradients(c, threads, &again);
        CHECK_EQ_INT(again, count);
        for (int64_t i = 0; i < count; i++)
            if (memcmp(&one[i], &more[i], sizeof(float)) != 0)
                WN_TEST_FAIL("gradient %lld is %.9g with %d threads, %.9g with one", (long long)i, (double)more[i], threads,
                             (double)one[i]);
        wn__free(more);
    }
    wn__free(one);
}

#endif
