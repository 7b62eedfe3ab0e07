/* Descriptions of operations that tests write briefly, and numbers for them. */
#ifndef WN_TEST_OP_DESC_H
#define WN_TEST_OP_DESC_H

#include "backend/backend.h"
#include "base/alloc.h"
#include "base/rng.h"
#include "test.h"

static inline float *floats(int64_t n)
{
    float *x = WN_NEW_ARRAY(float, n + 1);
    CHECK(x != NULL);
    return x;
}

static inline float *draw(wn__rng *r, int64_t n, float low, float high)
{
    float *x = floats(n);
    for (int64_t i = 0; i < n; i++)
        x[i] = low + (high - low) * wn__rng_uniform(r);
    return x;
}

/* What was left out as usual, and the sizes that follow. */
static inline wn__op_desc complete(wn__op_desc d)
{
    const bool window = d.kind == WN__OP_CONV || d.kind == WN__OP_MAX_POOL || d.kind == WN__OP_AVG_POOL;
    if (!d.inputs) d.inputs = 1;
    if (!d.groups) d.groups = 1;
    if (!d.stride) d.stride = 1;
    if (!d.kernel_w) d.kernel_w = d.kernel_h;
    if (!d.out_c) d.out_c = d.in_c;
    d.out_h = window ? (d.in_h + 2 * d.pad - d.kernel_h) / d.stride + 1 : d.kind == WN__OP_LINEAR ? 1 : d.in_h;
    d.out_w = window ? (d.in_w + 2 * d.pad - d.kernel_w) / d.stride + 1 : d.kind == WN__OP_LINEAR ? 1 : d.in_w;
    d.eps = 1e-5f;
    d.momentum = 0.1f;
    d.node = 7;
    d.input_gradient = true;
    return d;
}

#endif
