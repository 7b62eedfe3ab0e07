/* What a network does not keep of the file that it was read from, so that files made from it are as that one: the types of its numbers, where they are
 * halves, and tensors that are none of the network's. */
#ifndef WN_NETWORK_FILE_TRAITS_H
#define WN_NETWORK_FILE_TRAITS_H

#include "io/safetensors.h"
#include "tensor/param.h"

typedef struct wn__file_traits {
    wn__st_tensor *tensor; /* (count) names and data are owned; without data: the network's own, of F16 or BF16 */
    int count;
} wn__file_traits;

/* Tensors that the network does not have are copied. Parts of its parameters ("NAME_mask", "NAME.momentum") are not among them. */
wn_status wn__file_traits_read(const char *label, const wn__safetensors *file, const wn__params *params, wn__file_traits *out);
/* To a file that has the parameters already. `values`: the type of all of their numbers, F32, F16 or BF16; WN__ST_OTHER: as they were. Borrowed until
 * the write. */
wn_status wn__file_traits_add(const wn__file_traits *o, const wn__params *params, wn__st_dtype values, wn__st_writer *w);
/* Names in the log what a file of another form does not hold; scalars, which count batches, are no loss. */
void wn__file_traits_tell_left_out(const char *label, const wn__file_traits *o, const char *why);
/* Numbers have changed: they are no halves any more. */
void wn__file_traits_forget_types(wn__file_traits *o);
void wn__file_traits_release(wn__file_traits *o); /* accepts a zeroed one */

#endif
