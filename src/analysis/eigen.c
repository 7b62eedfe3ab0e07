#include "analysis/eigen.h"

#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/lapack.h"

bool wn__eigen_available(void) { return wn__lapack_version() != NULL; }

#ifdef WN_HAVE_LAPACK

static wn_status check(lapack_int info, const char *what)
{
    if (info == LAPACK_WORK_MEMORY_ERROR || info == LAPACK_TRANSPOSE_MEMORY_ERROR) return wn__fail(WN_ENOMEM, "%s: out of memory", what);
    if (info != 0) return wn__fail(WN_EINVAL, "%s: no eigenvalues were found (code %d): are all numbers finite?", what, (int)info);
    return WN_OK;
}

/* LAPACK's columns are our rows, so that nothing is transposed: its upper triangle is our lower one. */
wn_status wn__eigen_symmetric(double *matrix, int64_t n, bool vectors, double *values)
{
    const wn__lapack *lapack;
    WN_TRY(wn__lapack_get("eigenvalues", &lapack));
    return check(lapack->dsyevd(LAPACK_COL_MAJOR, vectors ? 'V' : 'N', 'U', (lapack_int)n, matrix, (lapack_int)n, values), "dsyevd");
}

wn_status wn__eigen_tridiagonal(double *diagonal, double *off, int64_t n, double *first, double *last)
{
    const wn__lapack *lapack;
    WN_TRY(wn__lapack_get("eigenvalues", &lapack));
    double *z = WN_NEW_ARRAY(double, n *n);
    if (!z) return wn__no_memory((size_t)(n * n) * sizeof(double));
    const wn_status status = check(lapack->dstev(LAPACK_COL_MAJOR, 'V', (lapack_int)n, diagonal, off, z, (lapack_int)n), "dstev");
    for (int64_t k = 0; status == WN_OK && k < n; k++) {
        first[k] = z[k * n] * z[k * n];
        last[k] = fabs(z[k * n + n - 1]);
    }
    wn__free(z);
    return status;
}

#else

wn_status wn__eigen_symmetric(double *matrix, int64_t n, bool vectors, double *values)
{
    (void)matrix, (void)n, (void)vectors, (void)values;
    return wn__lapack_missing("eigenvalues");
}

wn_status wn__eigen_tridiagonal(double *diagonal, double *off, int64_t n, double *first, double *last)
{
    (void)diagonal, (void)off, (void)n, (void)first, (void)last;
    return wn__lapack_missing("eigenvalues");
}

#endif
