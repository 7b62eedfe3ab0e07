/* One operation by itself, with buffers of its own and made-up numbers: for measurements. */
#ifndef WN_BACKEND_TRIAL_H
#define WN_BACKEND_TRIAL_H

#include "backend/backend.h"

typedef struct wn__trial {
    wn__device *device; /* borrowed */
    wn__op *op;
    wn__op_args args;
    wn__phase phase;
    wn_status status; /* of the phase that runs */
} wn__trial;

/* A convolution or linear layer. The pattern (NULL: none) is borrowed; devices without `compressed` are given the dense weight, with zeros
 * where it stores nothing. */
wn_status wn__trial_new(wn__device *device, const wn__op_desc *desc, const wn__pattern *pattern, wn__trial **out);
void wn__trial_free(wn__trial *t); /* accepts NULL */

/* The phase on all images, on the device's threads as an executor runs it, and how long it took. */
wn_status wn__trial_run(wn__trial *t, wn__phase phase, double *seconds);

#endif
