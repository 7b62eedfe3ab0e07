/* exp, log and cos of our own: the C library picks its code by CPU, and with it the last bit; these give the same bits everywhere. */
#ifndef WN_BASE_ELEMENTARY_H
#define WN_BASE_ELEMENTARY_H

double wn__exp(double x); /* relative error below 4e-16; 0 below -708, infinite above 709.7; NaN for NaN */
double wn__ln(
    double x); /* of a normal positive x: relative error below 1e-15. Anything else: NaN, 0 and subnormals -infinity, infinity itself */
double wn__cos_pi(double x);             /* cos(pi x), 0 <= x <= 1; absolute error below 4e-16 */
double wn__power(double x, long long n); /* x^n, n >= 0, by squaring */

#endif
