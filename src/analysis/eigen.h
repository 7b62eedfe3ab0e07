/* Eigenvalues through LAPACK. Without it in the build everything here is WN_EUNSUPPORTED. */
#ifndef WN_ANALYSIS_EIGEN_H
#define WN_ANALYSIS_EIGEN_H

#include "winnow/core.h"

bool wn__eigen_available(void);

/* Of a symmetric matrix (n,n), of which one triangle is enough (column <= row): values (n), ascending. With `vectors` row k of the matrix
 * becomes the unit vector of values[k], otherwise the matrix is destroyed. */
wn_status wn__eigen_symmetric(double *matrix, int64_t n, bool vectors, double *values);
/* Of a tridiagonal matrix: diagonal (n) becomes the values, ascending, off (n - 1) is destroyed; first (n): squares of the first components of the
 * unit vectors, which sum to 1 (weights of Gauss quadrature); last (n): absolute values of the last components. */
wn_status wn__eigen_tridiagonal(double *diagonal, double *off, int64_t n, double *first, double *last);

#endif
