#include "base/elementary.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

static const double ln2_high = 0x1.62e42fefa38p-1, ln2_low = 0x1.ef35793c7673p-45; /* ln 2 in two parts, the first with 11 zero bits */

/* x = k ln 2 + r with |r| <= ln 2 / 2; the series of exp(r) to r^13. */
double wn__exp(double x)
{
    if (isnan(x)) return x;
    if (x < -708) return 0;
    if (x > 709.7) return INFINITY;
    static const double inverse_factorial[14] = {
        1.0,        1.0,         1.0 / 2,      1.0 / 6,       1.0 / 24,       1.0 / 120,       1.0 / 720,
        1.0 / 5040, 1.0 / 40320, 1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800};
    const double round_to_integer = 0x1.8p52;
    const double k = (x * 0x1.71547652b82fep0 + round_to_integer) - round_to_integer;
    const double r = (x - k * ln2_high) - k * ln2_low;
    double sum = inverse_factorial[13];
    for (int i = 12; i >= 0; i--)
        sum = sum * r + inverse_factorial[i];
    const uint64_t bits = (uint64_t)((int64_t)k + 1023) << 52;
    double scale;
    memcpy(&scale, &bits, sizeof scale);
    return sum * scale;
}

/* x = 2^k m with m in [sqrt(1/2), sqrt(2)), ln m = 2 artanh((m - 1) / (m + 1)). */
double wn__ln(double x)
{
    if (!(x > 0)) return x == 0 ? -INFINITY : NAN;
    if (x < DBL_MIN) return -INFINITY;
    if (x > DBL_MAX) return x;
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint64_t above_half_root = bits - 0x3FE6A09E667F3BCDu; /* bits of sqrt(1/2) */
    const int k = (int)((int64_t)above_half_root >> 52);
    bits -= (uint64_t)(int64_t)k << 52;
    double m;
    memcpy(&m, &bits, sizeof m);
    const double s = (m - 1) / (m + 1), z = s * s;
    double series = 0;
    for (int n = 23; n >= 3; n -= 2)
        series = (series + 1.0 / n) * z;
    return k * ln2_high + (2 * s + (2 * s * series + k * ln2_low));
}

double wn__cos_pi(double x)
{
    if (x > 0.5) return -wn__cos_pi(1 - x);
    const double z = -(0x1.921fb54442d18p1 * x) * (0x1.921fb54442d18p1 * x); /* -(pi x)^2 */
    double sum = 0;
    for (int n = 24; n >= 2; n -= 2)
        sum = (sum + 1) * z / (n * (n - 1));
    return 1 + sum;
}

double wn__power(double x, long long n)
{
    double product = 1;
    for (; n > 0; n >>= 1, x *= x)
        if (n & 1) product *= x;
    return product;
}
