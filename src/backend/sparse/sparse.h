/* The sparse backend: training and inference whose cost shrinks with the zeros of the weights. float32; layouts and sums: sparse_device.h. */
#ifndef WN_BACKEND_SPARSE_SPARSE_H
#define WN_BACKEND_SPARSE_SPARSE_H

#include "backend/backend.h"

extern const wn__backend wn__backend_sparse;

#endif
