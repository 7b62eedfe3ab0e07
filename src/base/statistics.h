/* Statistics over seeds: summaries with Student's t-interval, paired differences, verdicts on claims. */
#ifndef WN_BASE_STATISTICS_H
#define WN_BASE_STATISTICS_H

#include "winnow/core.h"

/* Regularised incomplete beta function I_x(a, b), a, b > 0, 0 <= x <= 1, by its continued fraction (Abramowitz and Stegun 26.5.8;
 * evaluated by Lentz's method). Absolute error below 1e-12 for a, b <= 1000. */
double wn__incomplete_beta(double x, double a, double b);
/* P(T <= t) for Student's t with `freedom` > 0 degrees of freedom. */
double wn__student_cdf(double t, double freedom);
/* The t with P(T <= t) = p, 0 < p < 1. Relative error below 1e-9 for p in [0.001, 0.999] and freedom in [1, 1000]. */
double wn__student_quantile(double p, double freedom);

/* n values in one line. With n < 2 there is no spread: sd and half_width are NaN; with n = 0 the mean is NaN too. */
typedef struct wn__summary {
    int n;
    double mean;
    double sd;         /* sample standard deviation (n - 1) */
    double half_width; /* of the 95 % t-interval: mean +- half_width */
} wn__summary;
wn__summary wn__summarise(const double *values /* (n) */, int n);
bool wn__has_spread(wn__summary s);
/* Of n >= 1 values, which are sorted by it. */
double wn__median(double *values /* (n) */, int n);

/* Of a statistic of n >= 2 things together and its values without each: n values with the statistic as mean, whose spread is the jackknife's (Tukey 1958), so
 * that summaries and paired differences of them have its interval. */
void wn__jackknife(double whole, const double *without /* (n) */, int n, double *values /* (n) */);

/* One value per seed; NaN values count as absent. */
typedef struct wn__by_seed {
    const int64_t *seeds; /* (n), each at most once */
    const double *values; /* (n) */
    int n;
} wn__by_seed;
/* Summary of a - b over the seeds that both have. */
wn__summary wn__paired_difference(wn__by_seed a, wn__by_seed b);

/* A claim about a paired difference a - b, fixed before the runs. `margin` >= 0 is in the unit of the difference. */
typedef enum wn__claim_kind {
    WN__CLAIM_BETTER,     /* a - b > margin */
    WN__CLAIM_NOT_WORSE,  /* a - b > -margin */
    WN__CLAIM_EQUIVALENT, /* |a - b| < margin; supported only by WN__EQUIVALENCE_SEEDS seeds or more */
} wn__claim_kind;
typedef enum wn__verdict { WN__UNDECIDED, WN__SUPPORTED, WN__CONTRADICTED } wn__verdict;
enum { WN__EQUIVALENCE_SEEDS = 5 };

/* Supported: the whole 95 % interval agrees with the claim. Contradicted: none of it does. Undecided otherwise, and without a spread. */
wn__verdict wn__judge(wn__claim_kind kind, wn__summary difference, double margin);
const char *wn__verdict_name(wn__verdict verdict);

#endif
