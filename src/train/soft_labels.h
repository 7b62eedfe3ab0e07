/* Soft labels: the teacher's logits for a stream of batches, live or from a cache file; both give the same bytes.
 *
 * Teacher in evaluation mode, on the same augmented batch as the student (Ma et al. 2021). The cache holds float32 logits of every
 * (epoch, sample) of epochs [first, end): 64-byte header, then per epoch samples x classes floats and their CRC32 (padded to 8 bytes).
 * It is made batch by batch as training would, so that the teacher sees the same batches: a backend may choose its code by batch size
 * (oneDNN's float32 logits of one image alone differ in the last bits from those of the image in a batch of 16 or more). It is written
 * an epoch at a time: making it can be killed at any time and goes on where it was.
 */
#ifndef WN_TRAIN_SOFT_LABELS_H
#define WN_TRAIN_SOFT_LABELS_H

#include "data/loader.h"
#include "nn/executor/executor.h"
#include "train/teacher.h"

typedef struct wn__soft_cache_spec {
    const wn__loader_options *loader; /* the retrain stream; borrowed */
    int64_t first_epoch, end_epoch;
    int64_t classes;
    const wn_stop *stop;  /* may be NULL */
    const char *identity; /* teacher, precision and stream: any text; a cache of another identity is WN_EMISMATCH */
} wn__soft_cache_spec;

/* Bytes of the whole file, known before it is made. */
int64_t wn__soft_cache_bytes(const wn__soft_cache_spec *spec);
typedef void (*wn__soft_cache_progress)(void *user, int64_t epochs_done, int64_t epochs);
/* Make or finish the file: epochs whose checksum is right stay, all from the first other one on are made. WN_ESTOPPED on request (what is done is kept), WN_ENOSPACE if the disk cannot hold it (checked first). */
wn_status wn__soft_cache_make(const char *path, const wn__soft_cache_spec *spec, const wn__teacher *teacher,
                              wn__soft_cache_progress progress, void *user);

typedef struct wn__soft_cache wn__soft_cache;
/* Opens a finished file; WN_EFORMAT if it is incomplete or damaged (each epoch's CRC is checked when it is first read). */
wn_status wn__soft_cache_open(const char *path, const wn__soft_cache_spec *spec, wn__soft_cache **out);
void wn__soft_cache_close(wn__soft_cache *cache); /* accepts NULL */
/* logits (batch->n, classes) of a batch of the stream. WN_EINVAL outside the epochs. */
wn_status wn__soft_cache_read(wn__soft_cache *cache, const wn__batch *batch, float *logits);
bool wn__soft_cache_is_damaged(const wn__soft_cache *cache); /* a read found it so; NULL is not */

#endif
