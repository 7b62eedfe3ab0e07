/* Gradients of all entries of weights, stored or not, over a batch that comes in micro-batches.
 *
 * What an earlier micro-batch's gradients were made from is gone when a later one runs, and the sum of all is as large as the dense network. So a
 * part of it at a time is added up: as many rows, of one weight after the other, as fit into the window. Whoever wants others runs the micro-batches again.
 */
#ifndef WN_NN_EXECUTOR_GRADIENT_WINDOW_H
#define WN_NN_EXECUTOR_GRADIENT_WINDOW_H

#include "backend/backend.h"
#include "base/threads.h"
#include "tensor/param.h"

/* Rows [first, end) of a weight. */
typedef struct wn__gradient_strip {
    int64_t first, end;
    float *sum; /* (end - first, columns) */
} wn__gradient_strip;

typedef struct wn__gradient_window {
    float *memory;
    int64_t room;              /* floats */
    wn__gradient_strip *strip; /* per parameter; empty: not in the window */
    int *order;                /* (count) the parameters that are looked at, one after the other */
    int count;
} wn__gradient_window;

/* Room for as many numbers as values and gradients of the compressed weights have, and for a row at least. Nothing happens if there is a window. */
wn_status wn__gradient_window_make(wn__gradient_window *w, const wn__params *params);
void wn__gradient_window_release(wn__gradient_window *w); /* accepts a zeroed one */

/* The window begins with a row of the weight at place `from` of the order. */
void wn__gradient_window_place(wn__gradient_window *w, const wn__params *params, int from, int64_t row);
/* Add a micro-batch's part to a strip that is not empty, in any number of threads with the same bits; `first`: to nothing. */
wn_status wn__gradient_window_add(const wn__gradient_strip *strip, const wn__param *p, wn__op *op, const wn__op_args *args, bool first,
                                  wn__pool *pool);

#endif
