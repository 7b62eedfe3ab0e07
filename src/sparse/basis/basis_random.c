/* A random rotation of blocks of entries: Gaussian rows made orthonormal one after the other, in double precision and twice over, which is
 * the Q of a QR decomposition of them. Ours instead of LAPACK's, because the basis is in no file: its seed must give the same numbers
 * wherever they are made. The blocks of a weight share one rotation; what is left at its end has one of its own. */
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "base/rng.h"
#include "sparse/basis/basis.h"

typedef struct rotation {
    int64_t n;
    float *row; /* (n, n) basis vectors */
} rotation;

typedef struct rotations {
    rotation whole, rest;
} rotations;

static double dot(const double *a, const double *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Row k without what it has of the rows before it; a second pass takes away what rounding left. */
static void make_orthonormal(double *q, int64_t k, int64_t n)
{
    double *row = q + k * n;
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t j = 0; j < k; j++) {
            const double part = dot(row, q + j * n, n);
            for (int64_t i = 0; i < n; i++)
                row[i] -= part * q[j * n + i];
        }
        const double norm = sqrt(dot(row, row, n));
        for (int64_t i = 0; i < n; i++)
            row[i] /= norm;
    }
}

static wn_status draw(rotation *r, int64_t n, uint64_t seed, uint64_t a, uint64_t b)
{
    wn__rng rng = wn__rng_make(seed, WN__FOR_BASIS, a, b);
    double *q = WN_NEW_ARRAY(double, n *n);
    r->n = n;
    r->row = WN_NEW_ARRAY(float, n *n);
    if (q && r->row) {
        for (int64_t i = 0; i < n * n; i++)
            q[i] = wn__rng_normal(&rng);
        for (int64_t k = 0; k < n; k++)
            make_orthonormal(q, k, n);
        for (int64_t i = 0; i < n * n; i++)
            r->row[i] = (float)q[i];
    }
    wn__free(q);
    return q && r->row ? WN_OK : wn__no_memory((size_t)(n * n) * sizeof(double));
}

static wn_status init(wn__transform *t, const wn__basis_spec *spec, int index, uint64_t seed)
{
    const int64_t block = spec->block < t->count ? spec->block : t->count;
    rotations *r = t->state = WN_NEW(rotations);
    if (!r) return wn__no_memory(sizeof *r);
    WN_TRY(draw(&r->whole, block, seed, (uint64_t)index, 2 * (uint64_t)spec->seed));
    return t->count % block ? draw(&r->rest, t->count % block, seed, (uint64_t)index, 2 * (uint64_t)spec->seed + 1) : WN_OK;
}

static void release(wn__transform *t)
{
    rotations *r = t->state;
    if (r) {
        wn__free(r->whole.row);
        wn__free(r->rest.row);
    }
    wn__free(r);
}

static void project(const rotation *r, const float *weight, float *coefficient)
{
    for (int64_t k = 0; k < r->n; k++) {
        double sum = 0;
        for (int64_t i = 0; i < r->n; i++)
            sum += (double)r->row[k * r->n + i] * (double)weight[i];
        coefficient[k] = (float)sum;
    }
}

/* Pruned coefficients cost nothing. */
static void compose(const rotation *r, const float *coefficient, float *weight)
{
    memset(weight, 0, (size_t)r->n * sizeof *weight);
    for (int64_t k = 0; k < r->n; k++) {
        const float c = coefficient[k], *row = r->row + k * r->n;
        for (int64_t i = 0; c != 0 && i < r->n; i++)
            weight[i] += c * row[i];
    }
}

static void each_block(const wn__transform *t, const float *from, float *to, void (*apply)(const rotation *, const float *, float *))
{
    const rotations *r = t->state;
    int64_t first = 0;
    for (; first + r->whole.n <= t->count; first += r->whole.n)
        apply(&r->whole, from + first, to + first);
    if (first < t->count) apply(&r->rest, from + first, to + first);
}

static void analyse(const wn__transform *t, const float *weight, float *coefficient) { each_block(t, weight, coefficient, project); }
static void synthesise(const wn__transform *t, const float *coefficient, float *weight) { each_block(t, coefficient, weight, compose); }

const wn__transform_type wn__transform_random = {init, release, analyse, synthesise};
