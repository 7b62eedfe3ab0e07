#include "sparse/basis/factors.h"

#include <math.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/lapack.h"

void wn__factors_release(wn__factors *f)
{
    wn__free(f->left);
    wn__free(f->value);
    wn__free(f->right);
    *f = (wn__factors){0};
}

#ifdef WN_HAVE_LAPACK

typedef struct work {
    double *a, *u, *v, *s;
} work;

/* Rows of w are LAPACK's columns: it sees w' = right diag left', with `right` as rows of ours and left' as our (m,k). */
static wn_status decompose(const float *w, int64_t m, int64_t n, int64_t k, work *k_)
{
    const wn__lapack *lapack;
    WN_TRY(wn__lapack_get("singular values", &lapack));
    k_->a = WN_NEW_ARRAY(double, m *n);
    k_->u = WN_NEW_ARRAY(double, k *n);
    k_->v = WN_NEW_ARRAY(double, k *m);
    k_->s = WN_NEW_ARRAY(double, k);
    if (!k_->a || !k_->u || !k_->v || !k_->s) return wn__no_memory((size_t)(m * n) * sizeof(double));
    for (int64_t i = 0; i < m * n; i++)
        k_->a[i] = (double)w[i];
    const lapack_int info = lapack->dgesdd(LAPACK_COL_MAJOR, 'S', (lapack_int)n, (lapack_int)m, k_->a, (lapack_int)n, k_->s, k_->u,
                                           (lapack_int)n, k_->v, (lapack_int)k);
    if (info == LAPACK_WORK_MEMORY_ERROR) return wn__fail(WN_ENOMEM, "dgesdd: out of memory");
    if (info != 0) return wn__fail(WN_EDIVERGED, "dgesdd: no singular values were found (code %d): are all weights finite?", (int)info);
    return WN_OK;
}

/* v is (m,k) in our order; signs are free, and chosen. */
static void take_row(const work *w, int64_t i, wn__factors *f)
{
    double largest = 0;
    for (int64_t r = 0; r < f->m; r++)
        if (fabs(w->v[r * f->k + i]) > fabs(largest)) largest = w->v[r * f->k + i];
    const double sign = largest < 0 ? -1 : 1;
    for (int64_t r = 0; r < f->m; r++)
        f->left[i * f->m + r] = (float)(sign * w->v[r * f->k + i]);
    for (int64_t c = 0; c < f->n; c++)
        f->right[i * f->n + c] = (float)(sign * w->u[i * f->n + c]);
    f->value[i] = (float)w->s[i];
}

wn_status wn__factors_make(const float *w, int64_t m, int64_t n, wn__factors *out)
{
    const int64_t k = m < n ? m : n;
    wn__factors f = {.m = m, .n = n, .k = k};
    work room = {0};
    wn_status status = decompose(w, m, n, k, &room);
    f.left = WN_NEW_ARRAY(float, k *m);
    f.right = WN_NEW_ARRAY(float, k *n);
    f.value = WN_NEW_ARRAY(float, k);
    if (status == WN_OK && !(f.left && f.right && f.value)) status = wn__no_memory((size_t)(k * (m + n)) * sizeof(float));
    for (int64_t i = 0; status == WN_OK && i < k; i++)
        take_row(&room, i, &f);
    wn__free(room.a);
    wn__free(room.u);
    wn__free(room.v);
    wn__free(room.s);
    if (status == WN_OK)
        *out = f;
    else
        wn__factors_release(&f);
    return status;
}

#else

wn_status wn__factors_make(const float *w, int64_t m, int64_t n, wn__factors *out)
{
    (void)w, (void)m, (void)n, (void)out;
    return wn__lapack_missing("singular values");
}

#endif
