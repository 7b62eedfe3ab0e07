/* A tensor of a safetensors file. */
#ifndef WN_IO_ST_TENSOR_H
#define WN_IO_ST_TENSOR_H

#include "winnow/core.h"

typedef enum wn__st_dtype {
    WN__ST_F32,
    WN__ST_F64,
    WN__ST_BF16,
    WN__ST_F16,
    WN__ST_I64,
    WN__ST_I32,
    WN__ST_U8,
    WN__ST_BOOL,
    WN__ST_I16,
    WN__ST_I8,
    WN__ST_DTYPES,                /* how many */
    WN__ST_OTHER = WN__ST_DTYPES, /* any other one that a file may name: its bytes are kept, and not read */
} wn__st_dtype;
const char *wn__st_dtype_name(wn__st_dtype dtype); /* "F32" */
int wn__st_dtype_size(wn__st_dtype dtype);         /* bytes of an element; 0 of other types */

/* Makes elements first .. first + count - 1 of a tensor, always the same ones for the same `arg`. */
typedef void (*wn__st_fill)(const void *arg, int64_t first, int64_t count, void *out);

typedef struct wn__st_tensor {
    const char *name; /* borrowed until wn__safetensors_close, as is data */
    wn__st_dtype dtype;
    int ndim; /* 0..WN_MAX_DIMS; 0 is a scalar */
    int64_t dim[WN_MAX_DIMS];
    int64_t count;     /* elements */
    const void *data;  /* little-endian; aligned to the element in files written here, not always in files of others */
    wn__st_fill fill;  /* writer only: not NULL: `data` is its argument */
    int order;         /* reader only: which it is in the header */
    const char *other; /* of WN__ST_OTHER: its name, "F8_E4M3", and */
    int64_t bytes;     /* its size */
    /* Reader only: of a compressed tensor and of its mask, the same of both; `data` is NULL until it is expanded. */
    const struct wn__st_packed *packed;
} wn__st_tensor;

/* Element i of a tensor as float: F32, F64, BF16, F16; 0 for other dtypes. */
float wn__st_float(const wn__st_tensor *tensor, int64_t i);
bool wn__st_is_float(wn__st_dtype dtype); /* one of these four */
/* Bits of the nearest number of F16 or BF16, ties to even. What is too large for F16 becomes infinite. */
uint16_t wn__st_half(wn__st_dtype dtype, float value);
bool wn__st_is_infinite_half(wn__st_dtype dtype, uint16_t bits);
int64_t wn__st_bytes(const wn__st_tensor *tensor);
const char *wn__st_type(const wn__st_tensor *tensor); /* as the file names it */

#endif
