#include "analysis/hessian.h"

#include <math.h>
#include <string.h>

#include "analysis/eigen.h"
#include "base/elementary.h"
#include "base/fail.h"

/* --- all of it ----------------------------------------------------------------------------------------------------------------- */

wn_status wn__symmetric_row(const wn__symmetric *m, int64_t index, float *unit, float *row)
{
    memset(unit, 0, (size_t)m->n * sizeof *unit);
    unit[index] = 1;
    return m->multiply(m->arg, unit, row);
}

wn_status wn__symmetric_values(double *rows, int64_t n, double *values, double *asymmetry)
{
    double difference = 0, size = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j <= i; j++) {
            const double a = rows[i * n + j], b = rows[j * n + i];
            difference += i == j ? 0 : 2 * (a - b) * (a - b);
            size += i == j ? a * a : a * a + b * b;
            rows[i * n + j] = rows[j * n + i] = 0.5 * (a + b);
        }
    *asymmetry = size > 0 ? sqrt(difference / size) : 0;
    return wn__eigen_symmetric(rows, n, false, values);
}

/* --- Lanczos ------------------------------------------------------------------------------------------------------------------- */

void wn__quadrature_release(wn__quadrature *q)
{
    wn__free(q->value);
    wn__free(q->weight);
    wn__free(q->bound);
    *q = (wn__quadrature){0};
}

typedef struct iteration {
    const wn__symmetric *m;
    float *basis, *product; /* (steps, n), (n) */
    double *diagonal, *off; /* (steps) */
    int64_t done;
} iteration;

static void draw_start(float *v, int64_t n, uint64_t seed, uint64_t probe)
{
    wn__rng rng = wn__rng_make(seed, WN__FOR_STREAM, 0x6c616e63u, probe);
    const float size = (float)(1 / sqrt((double)n));
    for (int64_t i = 0; i < n; i++)
        v[i] = wn__rng_u32(&rng) & 1 ? size : -size;
}

/* Twice is enough (Parlett). */
static void make_orthogonal(iteration *it)
{
    const int64_t n = it->m->n;
    for (int round = 0; round < 2; round++)
        for (int64_t k = 0; k <= it->done; k++) {
            const float *b = it->basis + k * n;
            const double part = wn__vector_dot(b, it->product, n);
            for (int64_t i = 0; i < n; i++)
                it->product[i] = (float)(it->product[i] - part * b[i]);
        }
}

/* One step; *ended: what is left of the product is rounding, the vectors so far hold all that the start can reach. */
static wn_status advance(iteration *it, int64_t steps, bool *ended)
{
    const int64_t n = it->m->n;
    const float *current = it->basis + it->done * n;
    WN_TRY(it->m->multiply(it->m->arg, current, it->product));
    const double size = sqrt(wn__vector_dot(it->product, it->product, n));
    it->diagonal[it->done] = wn__vector_dot(current, it->product, n);
    make_orthogonal(it);
    const double left = sqrt(wn__vector_dot(it->product, it->product, n));
    if (!isfinite(left)) return wn__fail(WN_EDIVERGED, "a product with the Hessian is not finite");
    it->off[it->done++] = left;
    *ended = it->done == n || left <= 1e-6 * size || left == 0;
    if (*ended || it->done == steps) return WN_OK;
    float *next = it->basis + it->done * n;
    for (int64_t i = 0; i < n; i++)
        next[i] = (float)(it->product[i] / left);
    return WN_OK;
}

static wn_status read_quadrature(iteration *it, wn__quadrature *q)
{
    const double beyond = it->off[it->done - 1];
    q->reached = it->done;
    memcpy(q->value, it->diagonal, (size_t)it->done * sizeof *q->value);
    WN_TRY(wn__eigen_tridiagonal(q->value, it->off, it->done, q->weight, q->bound));
    for (int64_t k = 0; k < it->done; k++)
        q->bound[k] *= beyond;
    return WN_OK;
}

wn_status wn__lanczos(const wn__symmetric *m, int64_t steps, uint64_t seed, uint64_t probe, wn__lanczos_progress progress, void *user,
                      wn__quadrature *out)
{
    if (steps > m->n) steps = m->n;
    iteration it = {
        m, WN_NEW_ARRAY(float, steps * m->n), WN_NEW_ARRAY(float, m->n), WN_NEW_ARRAY(double, steps), WN_NEW_ARRAY(double, steps), 0};
    wn__quadrature q = {WN_NEW_ARRAY(double, steps), WN_NEW_ARRAY(double, steps), WN_NEW_ARRAY(double, steps), steps, 0};
    bool whole = it.basis && it.product && it.diagonal && it.off && q.value && q.weight && q.bound, ended = false;
    wn_status status = whole ? WN_OK : wn__no_memory((size_t)(steps * m->n) * sizeof(float));
    if (status == WN_OK) draw_start(it.basis, m->n, seed, probe);
    while (status == WN_OK && it.done < steps && !ended) {
        status = advance(&it, steps, &ended);
        if (status == WN_OK && progress) status = progress(user, it.done);
    }
    if (status == WN_OK) status = read_quadrature(&it, &q);
    wn__free(it.basis);
    wn__free(it.product);
    wn__free(it.diagonal);
    wn__free(it.off);
    if (status == WN_OK)
        *out = q;
    else
        wn__quadrature_release(&q);
    return status;
}

double wn__spectrum_density(const double *value, const double *weight, int64_t n, double sigma, double x)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        const double z = (x - value[i]) / sigma;
        sum += weight[i] * wn__exp(-0.5 * z * z);
    }
    return sum / (sigma * 2.50662827463100050242);
}

/* --- the Hessian --------------------------------------------------------------------------------------------------------------- */

static wn_status multiply_exactly(void *arg, const float *vector, float *product)
{
    wn__hessian *h = arg;
    wn__space_to_arrays(h->space, vector, h->params, &h->vector);
    WN_TRY(wn__sample_hessian_vector(h->ex, h->sample, &h->vector, &h->product));
    wn__space_from_arrays(h->space, &h->product, h->params, product);
    return WN_OK;
}

static wn_status gradient_at(wn__hessian *h, const float *vector, double length, float *gradient)
{
    for (int64_t i = 0; i < h->space->size; i++)
        h->moved[i] = (float)(h->centre[i] + length * vector[i]);
    wn__space_set(h->space, h->moved, h->params);
    WN_TRY(wn__sample_gradient(h->ex, h->sample, NULL, NULL));
    wn__space_gradient(h->space, h->params, gradient);
    return WN_OK;
}

static wn_status multiply_by_differences(void *arg, const float *vector, float *product)
{
    wn__hessian *h = arg;
    const int64_t n = h->space->size;
    const double norm = sqrt(wn__vector_dot(vector, vector, n));
    if (norm == 0) {
        memset(product, 0, (size_t)n * sizeof *product);
        return WN_OK;
    }
    const double length = h->length / norm;
    wn_status status = gradient_at(h, vector, length, h->gradients);
    if (status == WN_OK) status = gradient_at(h, vector, -length, product);
    wn__space_set(h->space, h->centre, h->params);
    for (int64_t i = 0; status == WN_OK && i < n; i++)
        product[i] = (float)(((double)h->gradients[i] - product[i]) / (2 * length));
    return status;
}

wn_status wn__hessian_make(wn__executor *ex, wn__params *params, const wn__sample *sample, const wn__space *space, bool exact,
                           double length, wn__hessian *out)
{
    wn__hessian h = {.ex = ex, .params = params, .sample = sample, .space = space, .exact = exact, .length = length};
    wn_status status = WN_OK;
    if (exact) {
        status = wn__param_arrays_make(params, &h.vector);
        if (status == WN_OK) status = wn__param_arrays_make(params, &h.product);
    } else {
        h.centre = WN_NEW_ARRAY(float, space->size);
        h.moved = WN_NEW_ARRAY(float, space->size);
        h.gradients = WN_NEW_ARRAY(float, space->size);
        if (!h.centre || !h.moved || !h.gradients) status = wn__no_memory((size_t)space->size * sizeof(float));
    }
    if (status == WN_OK && !exact) {
        wn__space_values(space, params, h.centre);
        if (h.length <= 0) h.length = 0.002 * sqrt(wn__vector_dot(h.centre, h.centre, space->size));
        if (h.length <= 0) h.length = 0.002;
    }
    if (status == WN_OK)
        *out = h;
    else
        wn__hessian_release(&h);
    return status;
}

void wn__hessian_release(wn__hessian *h)
{
    wn__param_arrays_release(&h->vector);
    wn__param_arrays_release(&h->product);
    wn__free(h->centre);
    wn__free(h->moved);
    wn__free(h->gradients);
    *h = (wn__hessian){0};
}

wn__symmetric wn__hessian_matrix(wn__hessian *h)
{
    return (wn__symmetric){h->space->size, h->exact ? multiply_exactly : multiply_by_differences, h};
}
