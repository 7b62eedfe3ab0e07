/* NumPy's format of one array: the header of npy files, which npz files hold too. */
#ifndef WN_IO_NPY_H
#define WN_IO_NPY_H

#include "winnow/core.h"

enum { WN__NPY_DIMS = 4 };

/* What an array is, as its header says. */
typedef struct wn__npy_shape {
    char kind;     /* 'u' unsigned, 'i' signed, 'f' floating, 'b' truth values */
    int item_size; /* bytes of an element, little-endian */
    int dims;
    int64_t dim[WN__NPY_DIMS];
    int64_t bytes; /* of all elements, in C order */
} wn__npy_shape;

/* The next `count` bytes of the file. */
typedef wn_status (*wn__npy_more)(void *user, int64_t count, void *out);
/* Reads up to the first element. WN_EFORMAT, with the label, for what is no array of 1 to 4 sizes in C order. */
wn_status wn__npy_header(const char *label, wn__npy_more more, void *user, wn__npy_shape *shape);
/* A .npy file. *data: its elements, free with wn__free; NULL: the shape alone is wanted. */
wn_status wn__npy_read(const char *path, wn__npy_shape *shape, void **data);

#endif
