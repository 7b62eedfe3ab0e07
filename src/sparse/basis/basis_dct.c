/* Cosines along some axes of a weight, through FFTW in single precision. With orthonormal factors, along one axis of length n,
 *     c_k = s_k sum_j w_j cos(pi (j + 1/2) k / n)        s_0 = sqrt(1/n), s_k = sqrt(2/n)
 * FFTW's own are 2 sum_j ... there (REDFT10) and c_0 + 2 sum_k ... back (REDFT01), so that both want 1 / sqrt(2n), and the constants once
 * more sqrt(1/2) on the way there, sqrt(2) back. Plans are estimated, never measured: the same steps in every run. */
#include "base/fail.h"
#include "sparse/basis/basis.h"

#ifdef WN_HAVE_FFTW

#include <fftw3.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

typedef struct plans {
    fftwf_plan analyse, synthesise; /* NULL: no axis is longer than 1 */
    float scale;                    /* product of 1 / sqrt(2n) */
} plans;

static pthread_mutex_t planning = PTHREAD_MUTEX_INITIALIZER; /* FFTW's planner keeps tables of its own */

const char *wn__dct_version(void) { return fftwf_version; }

/* Axes that are walked along, and all others. */
static void split_axes(const wn__transform *t, fftwf_iodim64 *along, int *rank, fftwf_iodim64 *beside, int *others)
{
    int64_t stride = 1;
    *rank = *others = 0;
    for (int d = t->ndim - 1; d >= 0; stride *= t->dim[d--]) {
        const fftwf_iodim64 axis = {.n = t->dim[d], .is = stride, .os = stride};
        if (t->along[d] && t->dim[d] > 1)
            along[(*rank)++] = axis;
        else
            beside[(*others)++] = axis;
    }
}

static wn_status init(wn__transform *t, const wn__basis_spec *spec, int index, uint64_t seed)
{
    (void)spec, (void)index, (void)seed;
    fftwf_iodim64 along[WN_MAX_DIMS], beside[WN_MAX_DIMS];
    fftwf_r2r_kind there[WN_MAX_DIMS], back[WN_MAX_DIMS];
    const unsigned how = FFTW_ESTIMATE | FFTW_UNALIGNED | FFTW_PRESERVE_INPUT;
    int rank, others;
    plans *p = t->state = WN_NEW(plans);
    float *other = WN_NEW_ARRAY(float, t->count); /* planning wants two arrays apart */
    if (!p || !other) {
        wn__free(other);
        return wn__no_memory((size_t)t->count * sizeof(float));
    }
    split_axes(t, along, &rank, beside, &others);
    double scale = 1;
    for (int i = 0; i < rank; i++) {
        there[i] = FFTW_REDFT10;
        back[i] = FFTW_REDFT01;
        scale /= sqrt(2.0 * (double)along[i].n);
    }
    p->scale = (float)scale;
    if (rank > 0) {
        pthread_mutex_lock(&planning);
        p->analyse = fftwf_plan_guru64_r2r(rank, along, others, beside, t->scratch, other, there, how);
        p->synthesise = fftwf_plan_guru64_r2r(rank, along, others, beside, t->scratch, other, back, how);
        pthread_mutex_unlock(&planning);
    }
    wn__free(other);
    if (rank > 0 && !(p->analyse && p->synthesise)) return wn__fail(WN_ENOMEM, "FFTW made no plan for %lld weights", (long long)t->count);
    return WN_OK;
}

static void release(wn__transform *t)
{
    plans *p = t->state;
    if (p) {
        pthread_mutex_lock(&planning);
        if (p->analyse) fftwf_destroy_plan(p->analyse);
        if (p->synthesise) fftwf_destroy_plan(p->synthesise);
        pthread_mutex_unlock(&planning);
    }
    wn__free(p);
}

/* The factors; `constant` goes to what lies at 0 of each axis. */
static void scale(const wn__transform *t, float *x, float all, float constant)
{
    for (int64_t i = 0; i < t->count; i++)
        x[i] *= all;
    int64_t inner = 1;
    for (int d = t->ndim - 1; d >= 0; inner *= t->dim[d--]) {
        if (!t->along[d] || t->dim[d] == 1) continue;
        for (int64_t first = 0; first < t->count; first += inner * t->dim[d])
            for (int64_t i = 0; i < inner; i++)
                x[first + i] *= constant;
    }
}

static void analyse(const wn__transform *t, const float *weight, float *coefficient)
{
    const plans *p = t->state;
    memcpy(t->scratch, weight, (size_t)t->count * sizeof *weight);
    if (p->analyse)
        fftwf_execute_r2r(p->analyse, t->scratch, coefficient);
    else
        memcpy(coefficient, weight, (size_t)t->count * sizeof *weight);
    if (p->analyse) scale(t, coefficient, p->scale, (float)M_SQRT1_2);
}

static void synthesise(const wn__transform *t, const float *coefficient, float *weight)
{
    const plans *p = t->state;
    if (!p->synthesise) {
        memcpy(weight, coefficient, (size_t)t->count * sizeof *weight);
        return;
    }
    memcpy(t->scratch, coefficient, (size_t)t->count * sizeof *weight);
    scale(t, t->scratch, p->scale, (float)M_SQRT2);
    fftwf_execute_r2r(p->synthesise, t->scratch, weight);
}

const wn__transform_type wn__transform_dct = {init, release, analyse, synthesise};

#else

const char *wn__dct_version(void) { return NULL; }

static wn_status init(wn__transform *t, const wn__basis_spec *spec, int index, uint64_t seed)
{
    const char *name;
    (void)t, (void)index, (void)seed;
    return wn__basis_library(spec->kind, &name);
}

const wn__transform_type wn__transform_dct = {.init = init};

#endif
