/* Winnow: data of your own under a name of your own, which recipes then take as any data set: `data: {set: NAME}`.
 *
 *     static int read_ring(void *user, const wn_source_sample *s)
 *     {
 *         float *input = s->input, *target = s->target;
 *         if (input) ... channels * height * width numbers of sample s->index of s->part ...
 *         *target = ...;
 *         return 0;
 *     }
 *     const wn_source ring = {.size = sizeof ring, .name = "ring", .version = "1", .input = WN_INPUT_FLOATS, .channels = 2, .height = 1, .width = 1,
 *                             .target = WN_TARGET_VALUES, .outputs = 1, .train_count = 5000, .test_count = 1000, .read = read_ring};
 *     if (wn_source_register(&ring) != WN_OK) ... wn_error_message() ...
 *     wn_experiment_run(&options, &summary); // a recipe with data: {set: ring, validation: last-500}
 *
 * Register before a recipe that names the source is read, and unregister when nothing uses it any more. Any thread may do
 * both, also while others list data sets; names and texts that a listing gave are gone with the source.
 *
 * Reading. `read` gives sample `index` of a part. It is pure: the same bytes whenever it's asked, in any order. Threads of Winnow call it at once, unless
 * there is a `seek`; training takes samples again and again, so only what is read ahead is in memory. Validation is a part of the training samples, by the
 * recipe's data.validation.
 *
 * Streams. With `seek` a source is a stream: one thread at a time reads sample after sample of a part. `seek` comes before each read that does not go on
 * where the part's last read ended, such as the first. Epochs take the samples in their order, unshuffled: shuffle what you store.
 *
 * Failures. What `read` and `seek` return ends the run with that status if it's one of wn_status, else with WN_EIO; 0 is success. The text that they leave in
 * s->message is part of wn_error_message(), with the code. WN_ESTOPPED saves and stops as wn_request_stop does; a read that waits for long
 * should look at wn_stop_requested(), or return by itself. Targets that cannot be (winnow/sample.h) are
 * refused with the sample's number.
 *
 * Keys of results. `version` stands for all that samples are made of: change it whenever they change, and stages are trained anew. It is part of their keys,
 * with counts, sizes and kinds. Without a version nothing is kept beyond the registration: results count for it alone, so that a later one, and another process,
 * trains anew and continues nothing. Workers of wn_run_options.worker register the same source themselves, and need a version.
 *
 * Pixels are augmented and normalised as any images; normalize: dataset is by `mean` and `std`. Floats are taken as they are.
 * Networks take pixels and floats today, and one target a sample: tokens and WN_TARGET_POSITIONS are registered and listed, and refused where a network would
 * be trained. */
#ifndef WINNOW_SOURCE_H
#define WINNOW_SOURCE_H

#include "winnow/sample.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum wn_source_part { WN_SOURCE_TRAIN, WN_SOURCE_TEST } wn_source_part;

/* The sample that is wanted, and where it goes. */
typedef struct wn_source_sample {
    wn_source_part part;
    int64_t index; /* 0 .. count - 1 */
    void *input;   /* channels * height * width uint8_t pixels, floats or int32_t tokens; NULL: the target alone is wanted */
    void *target;  /* one int32_t class; int32_t classes by position; or `outputs` floats */
    char *message; /* room for a text that says what went wrong; "" at first */
    size_t message_size;
} wn_source_sample;

/* Texts, names and numbers are copied; `user` must live until the source is unregistered. */
typedef struct wn_source {
    size_t size;         /* sizeof(wn_source) */
    const char *name;    /* letters, digits, - and _: at most 60 */
    const char *version; /* see above: one line, not empty; NULL: none */
    const char *summary; /* one line for listings; NULL: none */
    wn_input_kind input;
    int channels, height, width; /* pixels: 1 or 3 channels; tokens: 1, 1, steps */
    int vocabulary;              /* of tokens */
    wn_target_kind target;
    int outputs;                    /* what a network for it gives: classes, or values */
    int64_t positions;              /* of WN_TARGET_POSITIONS */
    const char *const *class_names; /* (outputs) of classes; NULL: "0", "1", ... */
    const float *mean, *std;        /* (channels) of pixels / 255, for normalize: dataset; NULL: 0 and 1 */
    int64_t train_count, test_count;
    int (*read)(void *user, const wn_source_sample *sample);
    int (*seek)(void *user, const wn_source_sample *next); /* of streams: the next read is this sample's; its input and target are NULL */
    void *user;
} wn_source;

/* WN_EINVAL: a name that is taken or cannot be, no read, no samples, inputs or targets that cannot be. */
WN_API WN_NODISCARD wn_status wn_source_register(const wn_source *source);
/* WN_ENOTFOUND: no such source. WN_EBUSY: a recipe or a network uses it. */
WN_API WN_NODISCARD wn_status wn_source_unregister(const char *name);

#ifdef __cplusplus
}
#endif
#endif
