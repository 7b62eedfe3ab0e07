/* Samples that come one after the other, from a generator or from disk: of sets that are endless or too large for memory. */
#ifndef WN_DATA_SAMPLE_STREAM_H
#define WN_DATA_SAMPLE_STREAM_H

#include "winnow/core.h"

typedef struct wn__sample_stream wn__sample_stream;
struct wn__sample_stream {
    int64_t count; /* samples 0 .. count - 1 */
    /* Samples first .. first + n - 1: pixels (n,C,H,W), labels (n). The same bytes whenever and in whatever order they are asked for; may be called from
     * several threads. Reading on is cheap, far back may not be. */
    wn_status (*read)(wn__sample_stream *stream, int64_t first, int64_t n, uint8_t *pixels, int32_t *labels);
    void (*close)(wn__sample_stream *stream);
};

#endif
