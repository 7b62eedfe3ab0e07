/* A masked parameter in the form of a compressed one, which is what topology updates work on. Coefficients of a basis stay masked while they
 * are trained, because the weight is made from the whole array.
 *
 *     wn__twin_take(&t);   // of what the parameter is now
 *     ...                  // t.set.item[0] is looked at and changed
 *     wn__twin_return(&t); // and the parameter becomes that
 */
#ifndef WN_SPARSE_DYNAMIC_TWIN_H
#define WN_SPARSE_DYNAMIC_TWIN_H

#include "tensor/compression.h"

typedef struct wn__twin {
    wn__params *params; /* borrowed */
    int index;
    wn__params set; /* of one parameter, compressed; with slots as far as `index` has them */
} wn__twin;

/* A parameter without mask, or one that stores more or less than its shape: WN_EINVAL. */
wn_status wn__twin_make(wn__params *params, int index, wn__twin *out);
void wn__twin_release(wn__twin *t); /* accepts a zeroed one */

/* Pattern, values, gradient and slots. */
wn_status wn__twin_take(wn__twin *t);
/* Mask, values and slots. */
void wn__twin_return(wn__twin *t);

#endif
