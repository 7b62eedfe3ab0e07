/* What this machine can do, measured: the bounds that a step's time is compared with. All threads of the pool at once. */
#ifndef WN_MEASURE_RATES_H
#define WN_MEASURE_RATES_H

#include "base/threads.h"

typedef struct wn__rates {
    double loading;    /* floating-point operations a second where each multiply-add loads one operand from the second cache */
    double arithmetic; /* the same with most operands in registers and the others in the first cache */
    double bytes;      /* read and written a second, arrays far larger than the caches */
} wn__rates;

/* Takes about half a second; the best of several rounds. */
wn_status wn__rates_measure(wn__pool *pool, wn__rates *out);

#endif
