#include "backend/backend.h"

#define SLICE 4096 /* indices that one thread sums at a time */

void wn__reduce_sums(const double *partials, int64_t chunks, int64_t stride, int64_t length, double *out)
{
    for (int64_t i = 0; i < length; i++) {
        double sum = 0;
        for (int64_t chunk = 0; chunk < chunks; chunk++)
            sum += partials[chunk * stride + i];
        out[i] = sum;
    }
}

typedef struct sums_f32 {
    const float *partials;
    int64_t chunks, stride, length;
    float *out;
    bool accumulate;
} sums_f32;

/* Chunk after chunk over a slice that stays in cache; the sum itself is double, rounded once. */
static void sum_slice(void *arg, int64_t slice, int worker)
{
    (void)worker;
    const sums_f32 *s = arg;
    double sum[SLICE];
    const int64_t first = slice * SLICE, length = s->length - first < SLICE ? s->length - first : SLICE;
    for (int64_t i = 0; i < length; i++)
        sum[i] = s->accumulate ? s->out[first + i] : 0;
    for (int64_t chunk = 0; chunk < s->chunks; chunk++) {
        const float *partial = s->partials + chunk * s->stride + first;
        for (int64_t i = 0; i < length; i++)
            sum[i] += partial[i];
    }
    for (int64_t i = 0; i < length; i++)
        s->out[first + i] = (float)sum[i];
}

void wn__reduce_sums_f32(wn__pool *pool, const float *partials, int64_t chunks, int64_t stride, int64_t length, float *out, bool accumulate)
{
    sums_f32 s = {partials, chunks, stride, length, out, accumulate};
    wn__parallel_for(pool, (length + SLICE - 1) / SLICE, sum_slice, &s);
}

static void merge(wn__moments *into, const wn__moments *m)
{
    const double count = into->count + m->count;
    if (count == 0) return;
    const double delta = m->mean - into->mean;
    into->mean += delta * (m->count / count);
    into->m2 += m->m2 + delta * delta * (into->count * m->count / count);
    into->count = count;
}

void wn__reduce_moments(const wn__moments *partials, int64_t chunks, int64_t channels, wn__moments *out)
{
    for (int64_t c = 0; c < channels; c++) {
        wn__moments all = {0, 0, 0};
        for (int64_t chunk = 0; chunk < chunks; chunk++)
            merge(&all, &partials[chunk * channels + c]);
        out[c] = all;
    }
}
