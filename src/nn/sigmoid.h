/* The logistic function without overflow or cancellation: 1 - s(x) is s(-x). */
#ifndef WN_NN_SIGMOID_H
#define WN_NN_SIGMOID_H

#include "base/elementary.h"

static inline double wn__sigmoid(double x)
{
    const double e = wn__exp(x < 0 ? x : -x);
    return (x < 0 ? e : 1) / (1 + e);
}

/* ln(1 + e^x) = -ln(s(-x)) */
static inline double wn__softplus(double x) { return (x > 0 ? x : 0) + wn__ln(1 + wn__exp(x < 0 ? x : -x)); }

#endif
