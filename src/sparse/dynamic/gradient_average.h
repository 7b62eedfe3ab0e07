/* The running average of a weight's gradient over all of its entries, stored or not: average = decay average + (1 - decay) gradient. */
#ifndef WN_SPARSE_DYNAMIC_GRADIENT_AVERAGE_H
#define WN_SPARSE_DYNAMIC_GRADIENT_AVERAGE_H

#include "nn/executor/executor.h"

/* Floats of scratch. */
int64_t wn__gradient_average_scratch(wn__pool *pool);
/* average (rows, columns). The same for any number of threads; pool may be NULL. */
wn_status wn__gradient_average(const wn__weight_gradient *gradient, double decay, wn__pool *pool, float *scratch, float *average);

#endif
