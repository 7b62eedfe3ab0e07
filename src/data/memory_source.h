/* Samples that are in memory as a whole: reading hands out where they lie. */
#ifndef WN_DATA_MEMORY_SOURCE_H
#define WN_DATA_MEMORY_SOURCE_H

#include "base/threads.h"
#include "data/sample_source.h"

typedef struct wn__memory_part {
    int64_t n;
    void *inputs;  /* (n), each wn__sample_input_bytes */
    void *targets; /* (n), each wn__sample_target_width of 4 bytes */
} wn__memory_part;

typedef struct wn__memory_source {
    wn__sample_source source;
    size_t input_bytes, target_bytes; /* of one sample */
    int height, width;
    wn__memory_part train, test;
    bool owned; /* the parts are freed with the source */
} wn__memory_source;

/* Without samples yet: wn__memory_source_make_room. Close with wn__source_close(&r->source). */
wn_status wn__memory_source_new(const wn__sample_spec *spec, wn__memory_source **out);
/* Zeroed room for n samples of a part, which must have none. */
wn_status wn__memory_source_make_room(wn__memory_source *r, wn__part part, int64_t n);
/* A copy of some samples of a source: these ranges of its training part, one behind the other, and all of its test part. The pool may be NULL. */
wn_status wn__memory_source_copy(wn__sample_source *from, const char *what, const wn__sample_spec *spec, const wn__range *train, int ranges,
                                 wn__pool *pool, wn__memory_source **out);

#endif
