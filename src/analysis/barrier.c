#include "analysis/barrier.h"

#include <math.h>

static double value_at(const double *position, const double *value, int64_t points, double wanted)
{
    for (int64_t i = 0; i < points; i++)
        if (position[i] == wanted) return value[i];
    return NAN;
}

wn__barrier wn__barrier_measure(const double *position, const double *value, int64_t points)
{
    const double first = value_at(position, value, points, 0), last = value_at(position, value, points, 1);
    if (!isfinite(first) || !isfinite(last)) return (wn__barrier){NAN, NAN, NAN};
    wn__barrier b = {-INFINITY, -INFINITY, 0};
    for (int64_t i = 0; i < points; i++) {
        const double a = position[i], v = isfinite(value[i]) ? value[i] : INFINITY;
        if (a < 0 || a > 1) continue;
        const double above_mean = v - (first + last) / 2, above_line = v - ((1 - a) * first + a * last);
        if (above_mean > b.barrier) b.at = a;
        b.barrier = fmax(b.barrier, above_mean);
        b.excess = fmax(b.excess, above_line);
    }
    return b;
}

void wn__even_positions(double first, double last, int64_t points, double *position)
{
    for (int64_t i = 0; i < points; i++) {
        const double a = points > 1 ? first + (last - first) * (double)i / (double)(points - 1) : first, whole = round(a);
        position[i] = fabs(a - whole) < 1e-9 ? whole + 0.0 : a; /* no -0 */
    }
}
