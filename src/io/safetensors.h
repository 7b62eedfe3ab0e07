/* safetensors: named tensors in one file, read by many other programs.
 *
 * Layout (https://github.com/huggingface/safetensors): u64 little-endian header length, JSON header, tensor bytes without holes.
 * Files written here also carry the metadata key "winnow.crc32": a JSON object in text with the CRC32 (zlib) of each tensor's bytes
 * and one of everything else in the header. It is verified when the file is opened; a file without it loads with a log note.
 *
 *     wn__safetensors *file;
 *     WN_TRY(wn__safetensors_open("final.safetensors", &file));
 *     WN_TRY(wn__safetensors_floats(file, "conv1.weight", 4, dims, weights));
 *     wn__safetensors_close(file);
 */
#ifndef WN_IO_SAFETENSORS_H
#define WN_IO_SAFETENSORS_H

#include "base/text.h"

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
    WN__ST_DTYPES /* how many */
} wn__st_dtype;
const char *wn__st_dtype_name(wn__st_dtype dtype); /* "F32" */
int wn__st_dtype_size(wn__st_dtype dtype);         /* bytes of an element */

/* Makes elements first .. first + count - 1 of a tensor, always the same ones for the same `arg`. */
typedef void (*wn__st_fill)(const void *arg, int64_t first, int64_t count, void *out);

typedef struct wn__st_tensor {
    const char *name; /* borrowed until wn__safetensors_close, as is data */
    wn__st_dtype dtype;
    int ndim; /* 0..WN_MAX_DIMS; 0 is a scalar */
    int64_t dim[WN_MAX_DIMS];
    int64_t count;    /* elements */
    const void *data; /* little-endian; aligned to the element in files written here, not always in files of others */
    wn__st_fill fill; /* writer only: not NULL: `data` is its argument */
} wn__st_tensor;

typedef struct wn__safetensors wn__safetensors;

/* The whole file in memory, checked: sizes, offsets (no holes, no overlaps), dtypes, CRCs. WN_EFORMAT names file, tensor and fault. */
wn_status wn__safetensors_open(const char *path, wn__safetensors **file);
/* The same over bytes in memory, which are copied; `label` stands for the file name in messages. */
wn_status wn__safetensors_parse(const char *label, const void *bytes, size_t size, wn__safetensors **file);
/* ... which are taken over, also on failure: memory of wn__alloc. */
wn_status wn__safetensors_take(const char *label, char *bytes, size_t size, wn__safetensors **file);
/* A file that another reader has made: `tensors` is taken over, as is `bytes`, where names and data are; also on failure. Without metadata. */
wn_status wn__safetensors_adopt(const char *label, char *bytes, wn__st_tensor *tensors, int count, wn__safetensors **file);
void wn__safetensors_close(wn__safetensors *file); /* accepts NULL */

int wn__safetensors_count(const wn__safetensors *file);
const wn__st_tensor *wn__safetensors_at(const wn__safetensors *file, int index);          /* in order of their bytes in the file */
const wn__st_tensor *wn__safetensors_find(const wn__safetensors *file, const char *name); /* NULL if absent */
bool wn__safetensors_has_crc(const wn__safetensors *file);

/* Metadata text, NULL if absent; borrowed until close. Entries by index are sorted by key and leave out the CRCs. */
const char *wn__safetensors_meta(const wn__safetensors *file, const char *key);
int wn__safetensors_meta_count(const wn__safetensors *file);
void wn__safetensors_meta_at(const wn__safetensors *file, int index, const char **key, const char **value);

/* The tensor `name`, which must have this shape (ndim -1: any): WN_EMISMATCH with both shapes otherwise, WN_ENOTFOUND if absent. */
wn_status wn__safetensors_need(const wn__safetensors *file, const char *name, int ndim, const int64_t *dim, const wn__st_tensor **tensor);
/* ... and its values as float; out (count). F32, F64, BF16 and F16 are converted; other dtypes: WN_EMISMATCH. */
wn_status wn__safetensors_floats(const wn__safetensors *file, const char *name, int ndim, const int64_t *dim, float *out);
/* Element i of a tensor as float: F32, F64, BF16, F16; 0 for other dtypes. */
float wn__st_float(const wn__st_tensor *tensor, int64_t i);
bool wn__st_is_float(wn__st_dtype dtype); /* one of these four */
/* ... and its bytes as they are, when the dtype is `dtype` (WN_EMISMATCH otherwise). */
wn_status wn__safetensors_bytes(const wn__safetensors *file, const char *name, wn__st_dtype dtype, int ndim, const int64_t *dim, void *out);

/* Writer: collect, then write once. Tensors are laid out by falling element size, within a size in the order of adding.
 * Adding a name or key twice is WN_EINVAL. */
typedef struct wn__st_writer wn__st_writer;
wn_status wn__st_writer_new(wn__st_writer **out);
void wn__st_writer_free(wn__st_writer *w); /* accepts NULL */
/* `data` is borrowed until the write; name and dims are copied. */
wn_status wn__st_writer_add(wn__st_writer *w, const char *name, wn__st_dtype dtype, int ndim, const int64_t *dim, const void *data);
/* A tensor that is in no memory: `fill` makes it piece by piece, twice (checksum, file). `arg` is borrowed until the write. */
wn_status wn__st_writer_add_filled(wn__st_writer *w, const char *name, wn__st_dtype dtype, int ndim, const int64_t *dim, wn__st_fill fill,
                                   const void *arg);
wn_status wn__st_writer_meta(wn__st_writer *w, const char *key, const char *value);
wn_status wn__st_writer_meta_int(wn__st_writer *w, const char *key, int64_t value);
/* Through wn__replace: the old file stays until the new one is complete on disk. Same calls, same bytes. */
wn_status wn__st_writer_write(wn__st_writer *w, const char *path);
/* The same bytes behind those of `out`, which the caller releases, after a failure as well. */
wn_status wn__st_writer_write_text(wn__st_writer *w, const char *label, wn__text *out);

#endif
