/* Curves of loss and error between two networks, and what of them is a barrier.
 *
 * On the line w(a) = (1 - a) A + a B, with E the loss or the error:
 *     barrier = max over a in [0,1] of E(w(a)) - (E(A) + E(B)) / 2      (Frankle, Dziugaite, Roy, Carbin 2020: error instability)
 *     excess  = max over a in [0,1] of E(w(a)) - ((1 - a) E(A) + a E(B))
 * The two agree where both ends are equally good; two networks of different quality have a positive barrier even on a straight slope, but no
 * excess. An error barrier below 2 % is called linearly connected there.
 */
#ifndef WN_ANALYSIS_BARRIER_H
#define WN_ANALYSIS_BARRIER_H

#include <stdint.h>

typedef struct wn__barrier {
    double barrier, excess; /* NaN if an end is missing or not finite; a point between that is not finite makes them infinite */
    double at;              /* where the maximum of `barrier` is */
} wn__barrier;
/* value (points) at position (points) ascending, which must hold 0 and 1. */
wn__barrier wn__barrier_measure(const double *position, const double *value, int64_t points);

/* `points` positions evenly from `first` to `last`, those next to 0 and 1 moved onto them exactly where they are meant. */
void wn__even_positions(double first, double last, int64_t points, double *position);

#endif
