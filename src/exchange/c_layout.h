/* Where the tensors of a network lie in the scratch memory of its C source. */
#ifndef WN_EXCHANGE_C_LAYOUT_H
#define WN_EXCHANGE_C_LAYOUT_H

#include "exchange/inference.h"

/* Distances in floats. A tensor of the target "small" is packed; of "simd" its rows have gaps behind them and its planes have rows of gaps, where windows
 * of stride 1 find their zeros, and its ends have room for lanes that reach over. */
typedef struct wn__c_tensor {
    int64_t row, plane;    /* from row to row, from channel to channel */
    int64_t before, after; /* zeros in front of the first plane and behind the last, for windows; 0: no gap is read */
    int64_t first;         /* where channel 0 begins in the scratch memory */
    int64_t room, begin;   /* floats in all, and where they begin */
} wn__c_tensor;

/* A copy that a convolution of a stride reads: one plane of `rows` for each channel and phase of rows (ny) and columns (nx). */
typedef struct wn__c_phases {
    int64_t ny, nx, rows, row;
    int64_t first, room; /* 0: none is needed */
} wn__c_phases;

typedef struct wn__c_layout {
    wn__c_tensor *tensor; /* (ops) */
    wn__c_phases *phases; /* (ops) */
    int64_t scratch;      /* floats */
} wn__c_layout;

wn_status wn__c_layout_make(const wn__inference *p, bool simd, wn__c_layout *out);
void wn__c_layout_release(wn__c_layout *l); /* accepts a zeroed one */

#endif
