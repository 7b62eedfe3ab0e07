/* IDX files of unsigned bytes (the format of MNIST): 00 00 08 ndim, ndim big-endian u32 sizes, bytes in row order. */
#ifndef WN_IO_IDX_H
#define WN_IO_IDX_H

#include "winnow/core.h"

#define WN__IDX_MAX_DIMS 3

typedef struct wn__idx {
    int ndim; /* 1 (labels) or 3 (images) */
    int64_t dim[WN__IDX_MAX_DIMS];
    int64_t count;       /* product of dim */
    const uint8_t *data; /* inside the bytes that were given; borrowed */
} wn__idx;

/* Read the header and check that exactly its data follows. WN_EFORMAT names `label`, and says what was expected and found. */
wn_status wn__idx_parse(const char *label, const void *bytes, size_t size, wn__idx *out);

#endif
