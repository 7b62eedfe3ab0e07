/* Arrays in npz files (NumPy: a zip of npy files), read piece by piece through libzip, so that none is ever whole in memory. */
#ifndef WN_IO_NPZ_H
#define WN_IO_NPZ_H

#include "io/npy.h"

typedef struct wn__npz_array wn__npz_array;

bool wn__npz_available(void); /* whether this build reads npz files */
/* The array `name` of the file. WN_EUNSUPPORTED without libzip; no zip, a truncated one, an array that is not there, of another layout or shorter than
 * its shape: WN_EFORMAT with the file. */
wn_status wn__npz_open(const char *path, const char *name, wn__npz_array **out);
void wn__npz_close(wn__npz_array *array); /* accepts NULL */
const wn__npy_shape *wn__npz_shape_of(const wn__npz_array *array);
/* Elements as bytes [first, first + count). Reading on is cheap; going back begins a packed array from its start again. A fault of the packed data, or at
 * the end a checksum that is wrong: WN_EFORMAT. */
wn_status wn__npz_read(wn__npz_array *array, int64_t first, int64_t count, void *out);
/* Every array of the file read to its end: WN_EFORMAT if a checksum is wrong. */
wn_status wn__npz_verify(const char *path);

#endif
