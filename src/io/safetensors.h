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
#include "io/digest.h"
#include "io/st_tensor.h"

typedef struct wn__safetensors wn__safetensors;

/* The whole file in memory, checked: sizes, offsets (no holes, no overlaps), dtypes, CRCs. WN_EFORMAT names file, tensor and fault. */
wn_status wn__safetensors_open(const char *path, wn__safetensors **file);
/* The same over bytes in memory, which are copied; `label` stands for the file name in messages. */
wn_status wn__safetensors_parse(const char *label, const void *bytes, size_t size, wn__safetensors **file);
/* ... which are taken over, also on failure: memory of wn__alloc. */
wn_status wn__safetensors_take(const char *label, char *bytes, size_t size, wn__safetensors **file);
/* ... and a compressed one is left as it is: its tensors are `packed` until they are expanded, without data that could be read. */
wn_status wn__safetensors_take_packed(const char *label, char *bytes, size_t size, wn__safetensors **file);
wn_status wn__safetensors_expand(wn__safetensors *file); /* does nothing where nothing is packed */
/* A file that another reader has made: `tensors` is taken over, as is `bytes`, where names and data are; also on failure. Without metadata. */
wn_status wn__safetensors_adopt(const char *label, char *bytes, wn__st_tensor *tensors, int count, wn__safetensors **file);
void wn__safetensors_close(wn__safetensors *file); /* accepts NULL */

/* SHA-256 of a file by which keys tell it: of a compressed one that of the file that it stands for, so that the two are one; of any other, whatever is in it,
 * that of its bytes. */
wn_status wn__safetensors_sha256(const char *path, char text[WN__SHA256_TEXT]);

/* Changes of what was read, for files whose names and masks are others (network/weights_file.h). Texts are copied; `data`, memory of wn__alloc, is
 * taken over, also on failure. The first `length` bytes of all names are hidden: tensors are found with and without them. */
void wn__safetensors_hide_prefix(wn__safetensors *file, size_t length);
wn_status wn__safetensors_rename(wn__safetensors *file, int index, const char *name); /* behind the hidden prefix */
wn_status wn__safetensors_replace(wn__safetensors *file, int index, wn__st_dtype dtype, void *data);
wn_status wn__safetensors_add_meta(wn__safetensors *file, const char *key, const char *value); /* a key that is not there */

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
/* A tensor of F32 that was added becomes F16 or BF16, rounded now. Nothing happens where there is none of this name, or it or `dtype` is of another type. WN_EINVAL: a
 * number that F16 does not reach. */
wn_status wn__st_writer_set_type(wn__st_writer *w, const char *name, wn__st_dtype dtype);
wn_status wn__st_writer_meta(wn__st_writer *w, const char *key, const char *value);
bool wn__st_writer_has_meta(const wn__st_writer *w, const char *key);
wn_status wn__st_writer_meta_int(wn__st_writer *w, const char *key, int64_t value);
/* Tensors with masks are written compressed (io/compressed_tensors.h), which readers do not see. */
void wn__st_writer_compress(wn__st_writer *w);
/* Through wn__replace: the old file stays until the new one is complete on disk. Same calls, same bytes. */
wn_status wn__st_writer_write(wn__st_writer *w, const char *path);
/* The same bytes behind those of `out`, which the caller releases, after a failure as well. */
wn_status wn__st_writer_write_text(wn__st_writer *w, const char *label, wn__text *out);
/* The file that it would write, open in memory. */
wn_status wn__st_writer_open(wn__st_writer *w, const char *label, wn__safetensors **file);

#endif
