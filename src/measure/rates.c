#include "measure/rates.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/rng.h"
#include "kernels/lanes_product.h"

enum {
    ROUNDS = 6,
    PIXEL = 16,
    WINDOW = 8192, /* pixels: 512 KiB, in the second cache and beyond the first */
    NARROW = 256,  /* pixels: 16 KiB, in the first cache */
    ROWS = 64,
    ENTRIES = 96, /* of a row */
    REPEATS = 40,
    STREAM = 1 << 24 /* floats that a thread copies: 64 MiB */
};

typedef struct load { /* a thread's */
    float *in, *out, *from, *to;
    int32_t far[ROWS * ENTRIES], near[ROWS * ENTRIES], entry[ROWS * ENTRIES];
    int64_t begin[ROWS + 1];
    float value[ROWS * ENTRIES];
} load;

typedef struct rates {
    const wn__lane_products *kernels;
    const wn__lane_tile *tile;
    const wn__lane_dense_tile *dense;
    load *thread;
} rates;

/* Numbers of its own: all pages that were never written are one, which is always in cache. */
static float *filled(int64_t count)
{
    float *array = WN_NEW_ARRAY(float, count);
    for (int64_t i = 0; array && i < count; i++)
        array[i] = 1;
    return array;
}

/* The largest tile for stride 1. */
static void choose_tiles(rates *r)
{
    r->tile = r->kernels->tile;
    r->dense = r->kernels->dense;
    for (const wn__lane_tile *t = r->kernels->tile; t->rows; t++)
        if (t->stride == 1 && t->rows == 1 && t->columns > r->tile->columns) r->tile = t;
    for (const wn__lane_dense_tile *t = r->kernels->dense; t->rows; t++)
        if (t->stride == 1 && t->rows == 1 && t->columns <= 4 && t->columns > r->dense->columns) r->dense = t;
}

static wn_status prepare_load(load *l, uint64_t thread)
{
    wn__rng rng = wn__rng_make(0, WN__FOR_TEST, thread, 0);
    l->in = filled((WINDOW + 64) * PIXEL);
    l->out = WN_NEW_ARRAY(float, ROWS * 64 * PIXEL);
    l->from = filled(STREAM);
    l->to = WN_NEW_ARRAY(float, STREAM);
    if (!l->in || !l->out || !l->from || !l->to) return wn__no_memory((size_t)STREAM * sizeof(float));
    for (int i = 0; i < ROWS * ENTRIES; i++) {
        l->far[i] = (int32_t)wn__rng_below(&rng, WINDOW);
        l->near[i] = (int32_t)wn__rng_below(&rng, NARROW);
        l->entry[i] = i;
        l->value[i] = 1e-3f;
    }
    for (int r = 0; r <= ROWS; r++)
        l->begin[r] = r * ENTRIES;
    return WN_OK;
}

static void run_loading(void *arg, int64_t thread, int worker)
{
    (void)worker;
    const rates *r = arg;
    load *l = &r->thread[thread];
    const wn__lane_product job = {.a = {.rows = ROWS, .begin = l->begin, .end = l->begin + 1, .offset = l->far, .value = l->value},
                                  .in = l->in,
                                  .out = l->out,
                                  .out_column = 1,
                                  .out_plane = 64};
    for (int i = 0; i < REPEATS; i++)
        r->tile->product(&job);
}

static void run_arithmetic(void *arg, int64_t thread, int worker)
{
    (void)worker;
    const rates *r = arg;
    load *l = &r->thread[thread];
    const wn__lane_product job = {
        .a = {.rows = ROWS, .entries = ENTRIES, .row_stride = ENTRIES, .offset = l->near, .entry = l->entry, .value = l->value},
        .in = l->in,
        .out = l->out,
        .out_column = 1,
        .out_plane = 64};
    for (int i = 0; i < REPEATS; i++)
        r->dense->product(&job);
}

static void run_stream(void *arg, int64_t thread, int worker)
{
    (void)worker;
    const rates *r = arg;
    memcpy(r->thread[thread].to, r->thread[thread].from, (size_t)STREAM * sizeof(float));
}

static double least_seconds(wn__pool *pool, wn__chunk_body body, rates *r)
{
    double least = INFINITY;
    for (int i = 0; i < ROUNDS; i++) {
        const double start = wn__seconds();
        wn__parallel_for(pool, wn__pool_threads(pool), body, r);
        const double seconds = wn__seconds() - start;
        if (seconds < least) least = seconds;
    }
    return least;
}

wn_status wn__rates_measure(wn__pool *pool, wn__rates *out)
{
    const int threads = wn__pool_threads(pool);
    rates r = {.kernels = wn__lane_products_in_use(), .thread = WN_NEW_ARRAY(load, threads)};
    if (!r.thread) return wn__no_memory((size_t)threads * sizeof(load));
    wn_status status = WN_OK;
    for (int i = 0; status == WN_OK && i < threads; i++)
        status = prepare_load(&r.thread[i], (uint64_t)i);
    if (status == WN_OK) {
        choose_tiles(&r);
        const double pixels = (double)threads * REPEATS * ROWS * ENTRIES * PIXEL * 2;
        out->loading = pixels * r.tile->columns / least_seconds(pool, run_loading, &r);
        out->arithmetic = pixels * r.dense->columns / least_seconds(pool, run_arithmetic, &r);
        out->bytes = 2.0 * threads * STREAM * sizeof(float) / least_seconds(pool, run_stream, &r);
    }
    for (int i = 0; i < threads; i++) {
        wn__free(r.thread[i].in);
        wn__free(r.thread[i].out);
        wn__free(r.thread[i].from);
        wn__free(r.thread[i].to);
    }
    wn__free(r.thread);
    return status;
}
