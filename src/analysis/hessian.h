/* Curvature: a symmetric matrix known by its products with vectors, its eigenvalues, and the Hessian of a loss as such a matrix. */
#ifndef WN_ANALYSIS_HESSIAN_H
#define WN_ANALYSIS_HESSIAN_H

#include "analysis/gradient.h"

/* product (n) = M vector (n) */
typedef struct wn__symmetric {
    int64_t n;
    wn_status (*multiply)(void *arg, const float *vector, float *product);
    void *arg;
} wn__symmetric;

/* --- all of it */

/* Row `index` (n): M times the index-th unit vector. `unit` (n) is scratch. */
wn_status wn__symmetric_row(const wn__symmetric *m, int64_t index, float *unit, float *row);
/* Eigenvalues (n), ascending, of the mean of the rows (n,n) and their transpose; *asymmetry = |M - M'| / |M| (Frobenius), the error of the rows.
 * `rows` is destroyed. */
wn_status wn__symmetric_values(double *rows, int64_t n, double *values, double *asymmetry);

/* --- a part of it: Lanczos with full reorthogonalisation (Golub and Welsch 1969; Ubaru, Chen, Saad 2017) */

/* From a start vector of independent signs drawn by (seed, probe): `steps` values and weights (weights sum to 1: a Gauss quadrature of the spectrum), values
 * ascending; and how far from an eigenvalue each may be. Fewer than `steps` where the vectors end early: *reached. */
typedef struct wn__quadrature {
    double *value, *weight, *bound; /* (steps) */
    int64_t steps, reached;
} wn__quadrature;
typedef wn_status (*wn__lanczos_progress)(void *user, int64_t done);
wn_status wn__lanczos(const wn__symmetric *m, int64_t steps, uint64_t seed, uint64_t probe, wn__lanczos_progress progress, void *user,
                      wn__quadrature *out);
void wn__quadrature_release(wn__quadrature *q); /* accepts a zeroed one */
/* Density at x of values with weights, each a normal distribution of width sigma. */
double wn__spectrum_density(const double *value, const double *weight, int64_t n, double sigma, double x);

/* --- the Hessian of the loss on a sample, over a space */

typedef struct wn__hessian {
    wn__executor *ex; /* borrowed, as all but the arrays: with tangents (exact), else training (differences of gradients) */
    wn__params *params;
    const wn__sample *sample;
    const wn__space *space; /* of entries that the parameters store */
    bool exact;
    double length;                     /* of the step of differences, along unit vectors */
    wn__param_arrays vector, product;  /* exact */
    float *centre, *moved, *gradients; /* (size) differences */
} wn__hessian;
/* length 0: 0.002 times the norm of the weights. The parameters are restored after each product. */
wn_status wn__hessian_make(wn__executor *ex, wn__params *params, const wn__sample *sample, const wn__space *space, bool exact,
                           double length, wn__hessian *out);
void wn__hessian_release(wn__hessian *h); /* accepts a zeroed one */
wn__symmetric wn__hessian_matrix(wn__hessian *h);

#endif
