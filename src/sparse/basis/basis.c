#include "sparse/basis/basis.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/lapack.h"

const char *const wn__basis_names[] = {"canonical", "dct", "haar", "random", "svd", "low-rank", "units", NULL};
static const char *const over_names[] = {"taps", "channels", "both", NULL};
static const char *const unfit_names[] = {"error", "leave", NULL};
static const char *const score_names[] = {"l2", "l1", "gamma", NULL};
static const char *const links_names[] = {"inside", "tied", NULL};

#define OVER(fallback)                                            \
    WN_SETTING_CHOICE(wn__basis_spec, over, fallback, over_names, \
                      "axes: a kernel's taps, output and input channels, or all; weights without taps: channels")
static const wn__setting none[] = {{0}};
const wn__setting wn__dct_basis_settings[] = {OVER("taps"), {0}};
const wn__setting wn__haar_basis_settings[] = {OVER("channels"),
                                               WN_SETTING_CHOICE(wn__basis_spec, unfit, "error", unfit_names,
                                                                 "an axis whose length is no power of two: an error, or it stays as it is"),
                                               {0}};
const wn__setting wn__random_basis_settings[] = {
    WN_SETTING_INT(wn__basis_spec, block, 64, 1, 1024, "entries that are rotated together"),
    WN_SETTING_INT(wn__basis_spec, seed, 0, 0, 1e15, "another seed is another basis; the replicate's own counts too"),
    {0}};
const wn__setting wn__units_settings[] = {
    WN_SETTING_CHOICE(wn__basis_spec, score, "l2", score_names,
                      "of a filter or neuron: root mean square or mean size of its weights, or size of its batch norm's scale"),
    WN_SETTING_CHOICE(wn__basis_spec, links, "inside", links_names,
                      "channels that a residual link adds: all stay, or the same go in all layers of the link"),
    {0}};
static const wn__setting *const settings[] = {none, wn__dct_basis_settings, wn__haar_basis_settings, wn__random_basis_settings, none,
                                              none, wn__units_settings};

const wn__setting *wn__basis_settings(int kind) { return settings[kind]; }

wn_status wn__basis_defaults(int kind, wn__basis_spec *out)
{
    *out = (wn__basis_spec){.kind = kind};
    return wn__settings_defaults(settings[kind], out);
}

wn_status wn__basis_library(int kind, const char **name)
{
    static _Thread_local char lapack[48];
    const char *version = wn__basis_is_fitted(kind) ? wn__lapack_version() : NULL;
    if (version) snprintf(lapack, sizeof lapack, "LAPACK %s", version);
    *name = kind == WN__BASIS_DCT ? wn__dct_version() : version ? lapack : NULL;
    if (*name) return WN_OK;
    if (kind == WN__BASIS_DCT) return wn__fail(WN_EUNSUPPORTED, "basis dct needs FFTW, which is not in this build (Debian: libfftw3-dev)");
    return wn__basis_is_fitted(kind) ? wn__lapack_missing(wn__basis_names[kind]) : WN_OK;
}

/* ---- square bases */

static void copy(const wn__transform *t, const float *from, float *to) { memcpy(to, from, (size_t)t->count * sizeof *to); }
static const wn__transform_type canonical = {.analyse = copy, .synthesise = copy};

/* Axes 0 and 1 are channels, the others taps; what has no taps is seen along its channels. */
static void choose_axes(wn__transform *t, int over)
{
    int64_t taps = 1;
    for (int d = 2; d < t->ndim; d++)
        taps *= t->dim[d];
    if (taps == 1) over = WN__OVER_CHANNELS;
    for (int d = 0; d < t->ndim; d++)
        t->along[d] = over == WN__OVER_BOTH || (over == WN__OVER_TAPS) == (d >= 2);
}

static wn_status init(wn__transform *t, const wn__basis_spec *spec, const wn__param *p, int index, uint64_t seed)
{
    static const wn__transform_type *const types[] = {&canonical, &wn__transform_dct, &wn__transform_haar, &wn__transform_random};
    if (spec->kind < 0 || spec->kind > WN__BASIS_RANDOM)
        return wn__fail(WN_EINVAL, "%s is no basis with as many coefficients as weights", wn__basis_names[spec->kind]);
    if (p->role != WN__WEIGHT) return wn__fail(WN_EINVAL, "%s: only weights of layers have a basis", p->name);
    t->ndim = p->ndim;
    t->count = p->count;
    memcpy(t->dim, p->dim, sizeof t->dim);
    choose_axes(t, spec->over);
    t->scratch = WN_NEW_ARRAY(float, t->count);
    if (!t->scratch) return wn__no_memory((size_t)t->count * sizeof(float));
    if (!(t->lock = WN_NEW(pthread_mutex_t))) return wn__no_memory(sizeof *t->lock);
    pthread_mutex_init(t->lock, NULL);
    t->type = types[spec->kind];
    const wn_status status = t->type->init ? t->type->init(t, spec, index, seed) : WN_OK;
    return status == WN_EUSAGE ? wn__fail_within(status, "%s: ", p->name) : status;
}

wn_status wn__transform_new(const wn__basis_spec *spec, const wn__param *p, int index, uint64_t seed, wn__transform **out)
{
    wn__transform *t = WN_NEW(wn__transform);
    if (!t) return wn__no_memory(sizeof *t);
    const wn_status status = init(t, spec, p, index, seed);
    if (status != WN_OK)
        wn__transform_free(t);
    else
        *out = t;
    return status;
}

void wn__transform_free(wn__transform *t)
{
    if (!t) return;
    if (t->type && t->type->release) t->type->release(t);
    if (t->lock) pthread_mutex_destroy(t->lock);
    wn__free(t->lock);
    wn__free(t->scratch);
    wn__free(t);
}

void wn__transform_analyse(const wn__transform *t, const float *weight, float *coefficient)
{
    pthread_mutex_lock(t->lock);
    t->type->analyse(t, weight, coefficient);
    pthread_mutex_unlock(t->lock);
}

void wn__transform_synthesise(const wn__transform *t, const float *coefficient, float *weight)
{
    pthread_mutex_lock(t->lock);
    t->type->synthesise(t, coefficient, weight);
    pthread_mutex_unlock(t->lock);
}
