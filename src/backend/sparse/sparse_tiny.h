/* Convolutions over images of few pixels: which ones have kernels of their own, and those. */
#ifndef WN_BACKEND_SPARSE_SPARSE_TINY_H
#define WN_BACKEND_SPARSE_SPARSE_TINY_H

#include "backend/sparse/sparse_device.h"

/* By shape and instruction set alone. */
bool wn__sparse_tiny_suits(const wn__op_desc *desc);
wn_status wn__sparse_tiny(wn__sparse *device, const wn__op_desc *desc, wn__op **out); /* one that suits */

/* Whoever wants the same bits takes the entries, forward, by tiles of so many input channels, then by tap; 0 if it doesn't suit. */
int64_t wn__sparse_tiny_tile(const wn__op_desc *desc, const wn__pattern *pattern /* NULL: all entries */);

#endif
