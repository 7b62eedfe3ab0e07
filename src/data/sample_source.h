/* Where samples come from: one interface for images in memory, generators, files that are decoded as they are needed, text, and the caller's own.
 *
 * A source gives any sample of its two parts, training and test; validation is a range of the training part. Reading is pure: the same bytes whenever a
 * sample is asked for. Loader threads read at once, each with a scratch of its own, so only what is read ahead is in memory.
 *
 * How sources and the loader's orders (data/loader.h) go together:
 *
 *     pictures     an image may have any size: `read` tells it, and the loader makes it fit before the network sees it
 *     floats       arrays of one size, as the network sees them
 *     text         a sample is a window of tokens, its target the class of each position: sample i begins at token i * steps. Windows in any order are
 *                  ordinary samples; parallel streams with a state that is carried on are the loader's order WN__SAMPLES_IN_STREAMS
 *     a stream     that can only read on gives sample after sample under a lock and seeks where it must: in_order keeps the loader to its order
 *     a split      by hash or by class is a source in front of another one that reads the same samples in another order: parts stay ranges
 */
#ifndef WN_DATA_SAMPLE_SOURCE_H
#define WN_DATA_SAMPLE_SOURCE_H

#include "io/pixels.h"
#include "winnow/sample.h"

typedef enum wn__part { WN__PART_TRAIN, WN__PART_VALIDATION, WN__PART_TEST } wn__part;
const char *wn__part_name(wn__part part); /* "train", "validation", "test" */

typedef struct wn__range {
    int64_t first, count;
} wn__range;

/* What each sample of a data set is. */
typedef struct wn__sample_spec {
    wn_input_kind input;
    int channels, height, width; /* as the network sees it; tokens: 1, 1, steps */
    int vocabulary;              /* of tokens */
    wn_target_kind target;
    int classes;                    /* the k of winnow/sample.h: outputs of the network, at each position */
    int64_t positions;              /* of POSITIONS */
    const char *const *class_names; /* (classes), or NULL */
} wn__sample_spec;

/* Elements of an input; bytes of one; numbers of a target, of 4 bytes each. */
int64_t wn__sample_elements(const wn__sample_spec *spec);
int64_t wn__sample_input_bytes(const wn__sample_spec *spec);
int64_t wn__sample_target_width(const wn__sample_spec *spec);
/* WN_EINVAL if no sample can be so. */
wn_status wn__sample_spec_check(const wn__sample_spec *spec);
/* WN_EUSAGE unless each sample is of one class; `what` wants that: "label noise". */
wn_status wn__sample_needs_class(const wn__sample_spec *spec, const char *what);

/* Memory of one thread for what it reads; zeroed at first. */
typedef struct wn__scratch {
    void *memory;
    size_t size;
    wn__pixels pixels; /* what pictures are decoded into */
} wn__scratch;
void *wn__scratch_take(wn__scratch *scratch, size_t bytes); /* what was taken before is lost; NULL: there is no memory */
void wn__scratch_release(wn__scratch *scratch);

/* An input as it was read: bytes (channels, height, width), floats of the same, or int32 tokens (steps). Lies in the source or in the scratch, until that
 * reads again. */
typedef struct wn__sample_input {
    const void *data;
    int height, width; /* an image's own */
} wn__sample_input;

typedef struct wn__sample_source wn__sample_source;
struct wn__sample_source {
    int64_t train_count, test_count;
    bool in_order; /* reading on is cheap, all else is not: samples are taken in their order, by one thread */
    /* part: TRAIN or TEST. target: (width) int32 classes or floats, written. input NULL: the target alone is wanted. */
    wn_status (*read)(wn__sample_source *source, wn__part part, int64_t index, wn__scratch *scratch, wn__sample_input *input, void *target);
    /* What stays with a sample wherever it stands, such as its path; lives as long as the source. NULL: samples have no names. */
    const char *(*name)(const wn__sample_source *source, wn__part part, int64_t index);
    void (*close)(wn__sample_source *source);
};

int64_t wn__source_count(const wn__sample_source *source, wn__part part); /* of VALIDATION: as of TRAIN, which holds it */
/* As source->read, of any part; WN_EINVAL for an index that is not there, with `what` in front. */
wn_status wn__source_read(wn__sample_source *source, const char *what, wn__part part, int64_t index, wn__scratch *scratch,
                          wn__sample_input *input, void *target);
void wn__source_close(wn__sample_source *source); /* accepts NULL */

#endif
