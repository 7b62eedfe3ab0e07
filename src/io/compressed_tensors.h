/* Tensors of a file, compressed and back. Of a tensor NAME (F32, F16 or BF16) with a mask NAME_mask (U8) of its shape a compressed file holds
 *
 *     NAME.values    as NAME (active)  what the mask leaves, zeros included
 *     NAME.gap_low   U8            the two streams of gaps between active entries (io/gaps.h)
 *     NAME.gap_high  U8
 *
 * in their places, and the metadata WN__COMPRESSED_KEY, {"NAME": {"shape": [16, 3, 3, 3], "low_bits": 3}, ...}. All else is as it was. Tensors whose masked entries are
 * not all +0 stay as they are. Expanded, the tensors stand in the order that they had, so that a file made of them again is the same to the byte. */
#ifndef WN_IO_COMPRESSED_TENSORS_H
#define WN_IO_COMPRESSED_TENSORS_H

#include "io/gaps.h"
#include "io/st_tensor.h"

#define WN__COMPRESSED_KEY "winnow.compressed"

typedef struct wn__st_packed {
    wn__gaps gaps;
    const void *values; /* (gaps.count) of the tensor's type, of any alignment */
} wn__st_packed;

typedef struct wn__compressed_tensors {
    wn__st_tensor *tensor; /* (count) names and data are borrowed from those given, or in `owned` */
    int count;
    char *text;   /* of the metadata; NULL: nothing is compressed. Freed with the rest */
    void **owned; /* (owneds) */
    int owneds;
} wn__compressed_tensors;

/* Both release `out` after a failure. */
wn_status wn__tensors_compress(const wn__st_tensor *tensors, int count, wn__compressed_tensors *out);
/* The tensors of the file, `packed` where they or what they mask is compressed. WN_EFORMAT names the tensor: the text says what is not there. */
wn_status wn__tensors_list(const wn__st_tensor *tensors, int count, const char *text, wn__compressed_tensors *out);
/* Data of the packed ones among `tensor` (count), which `out` listed and owns the memory of. WN_EFORMAT names the tensor: counts do not fit. */
wn_status wn__tensors_expand(wn__compressed_tensors *out, wn__st_tensor *tensor, int count);
void wn__compressed_tensors_release(wn__compressed_tensors *c); /* accepts a zeroed one */

#endif
