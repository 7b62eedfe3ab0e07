/* TensorBoard event files: scalars and texts.
 *
 * TFRecord framing (u64 length, masked CRC32C of it, data, masked CRC32C of the data) around Event messages; see
 * tensorflow/core/util/event.proto and lib/io/record_writer. A TensorBoard finds files whose name contains "tfevents".
 */
#ifndef WN_IO_EVENTS_H
#define WN_IO_EVENTS_H

#include "base/files.h"

typedef struct wn__events {
    wn__append file;
} wn__events;

/* As wn__append_open: `length` is where an interrupted writer last synced, -1 for the end, 0 for a fresh start.
 * An empty file gets the version record first. `wall_time`: seconds since 1970, 0 if times shall not matter. */
wn_status wn__events_open(wn__events *e, const char *path, int64_t length, double wall_time);
/* From `step` on, what earlier files of the folder hold is void: what a process writes first that goes on from a checkpoint. */
wn_status wn__events_start(wn__events *e, int64_t step, double wall_time);
wn_status wn__events_scalar(wn__events *e, const char *tag, int64_t step, double wall_time, float value);
wn_status wn__events_sync(wn__events *e, int64_t *length);
wn_status wn__events_close(wn__events *e); /* accepts a zeroed e */

/* CRC-32C (Castagnoli), as in RFC 3720: "123456789" gives e3069283. */
uint32_t wn__crc32c(const void *data, size_t size);

#endif
