#include "analysis/eigen.h"

#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/fail.h"

#ifdef WN_HAVE_LAPACK

#include <lapacke.h>

bool wn__eigen_available(void) { return true; }

static wn_status check(lapack_int info, const char *what)
{
    if (info == LAPACK_WORK_MEMORY_ERROR || info == LAPACK_TRANSPOSE_MEMORY_ERROR) return wn__fail(WN_ENOMEM, "%s: out of memory", what);
    if (info != 0) return wn__fail(WN_EINVAL, "%s: no eigenvalues were found (code %d): are all numbers finite?", what, (int)info);
    return WN_OK;
}

/* LAPACK's columns are our rows, so that nothing is transposed: its upper triangle is our lower one. */
wn_status wn__eigen_symmetric(double *matrix, int64_t n, bool vectors, double *values)
{
    return check(LAPACKE_dsyevd(LAPACK_COL_MAJOR, vectors ? 'V' : 'N', 'U', (lapack_int)n, matrix, (lapack_int)n, values), "dsyevd");
}

wn_status wn__eigen_tridiagonal(double *diagonal, double *off, int64_t n, double *first, double *last)
{
    double *z = WN_NEW_ARRAY(double, n *n);
    if (!z) return wn__no_memory((size_t)(n * n) * sizeof(double));
    const wn_status status = check(LAPACKE_dstev(LAPACK_COL_MAJOR, 'V', (lapack_int)n, diagonal, off, z, (lapack_int)n), "dstev");
    for (int64_t k = 0; status == WN_OK && k < n; k++) {
        first[k] = z[k * n] * z[k * n];
        last[k] = fabs(z[k * n + n - 1]);
    }
    wn__free(z);
    return status;
}

#else

bool wn__eigen_available(void) { return false; }

static wn_status refuse(void)
{
    return wn__fail(WN_EUNSUPPORTED, "eigenvalues need LAPACK, which is not in this build (Debian: liblapacke-dev)");
}

wn_status wn__eigen_symmetric(double *matrix, int64_t n, bool vectors, double *values)
{
    (void)matrix, (void)n, (void)vectors, (void)values;
    return refuse();
}

wn_status wn__eigen_tridiagonal(double *diagonal, double *off, int64_t n, double *first, double *last)
{
    (void)diagonal, (void)off, (void)n, (void)first, (void)last;
    return refuse();
}

#endif
