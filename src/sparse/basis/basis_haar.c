/* Haar wavelets, all levels, along axes whose lengths are powers of two: sums and differences of neighbours over sqrt(2), then again of the
 * sums. A coefficient's place along the axis: 0 the mean, 1 the coarsest difference, the finest in the upper half. */
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "sparse/basis/basis.h"

static wn_status init(wn__transform *t, const wn__basis_spec *spec, int index, uint64_t seed)
{
    static const char *const axis[] = {"outputs", "inputs", "rows of taps", "columns of taps"};
    (void)index, (void)seed;
    for (int d = 0; d < t->ndim; d++) {
        if (!t->along[d] || (t->dim[d] & (t->dim[d] - 1)) == 0) continue;
        if (spec->unfit == WN__UNFIT_ERROR)
            return wn__fail(WN_EUSAGE, "basis haar does not fit: %lld %s are no power of two (unfit: leave would leave that axis as it is)",
                            (long long)t->dim[d], axis[d < 4 ? d : 3]);
        t->along[d] = false;
    }
    return WN_OK;
}

/* One level over the first n rows of `inner` numbers: x to the sums, then the differences. */
static void part(float *x, float *scratch, int64_t n, int64_t inner)
{
    const float half = (float)M_SQRT1_2;
    for (int64_t i = 0; i < n / 2; i++)
        for (int64_t k = 0; k < inner; k++) {
            const float a = x[2 * i * inner + k], b = x[(2 * i + 1) * inner + k];
            scratch[i * inner + k] = half * (a + b);
            scratch[(n / 2 + i) * inner + k] = half * (a - b);
        }
    memcpy(x, scratch, (size_t)(n * inner) * sizeof *x);
}

static void join(float *x, float *scratch, int64_t n, int64_t inner)
{
    const float half = (float)M_SQRT1_2;
    for (int64_t i = 0; i < n / 2; i++)
        for (int64_t k = 0; k < inner; k++) {
            const float sum = x[i * inner + k], difference = x[(n / 2 + i) * inner + k];
            scratch[2 * i * inner + k] = half * (sum + difference);
            scratch[(2 * i + 1) * inner + k] = half * (sum - difference);
        }
    memcpy(x, scratch, (size_t)(n * inner) * sizeof *x);
}

static void walk(const wn__transform *t, float *x, bool there)
{
    int64_t inner = 1;
    for (int d = t->ndim - 1; d >= 0; inner *= t->dim[d--]) {
        const int64_t n = t->dim[d];
        for (int64_t first = 0; t->along[d] && first < t->count; first += n * inner) {
            for (int64_t level = n; there && level > 1; level /= 2)
                part(x + first, t->scratch, level, inner);
            for (int64_t level = 2; !there && level <= n; level *= 2)
                join(x + first, t->scratch, level, inner);
        }
    }
}

static void analyse(const wn__transform *t, const float *weight, float *coefficient)
{
    memcpy(coefficient, weight, (size_t)t->count * sizeof *weight);
    walk(t, coefficient, true);
}

static void synthesise(const wn__transform *t, const float *coefficient, float *weight)
{
    memcpy(weight, coefficient, (size_t)t->count * sizeof *weight);
    walk(t, weight, false);
}

const wn__transform_type wn__transform_haar = {init, NULL, analyse, synthesise};
