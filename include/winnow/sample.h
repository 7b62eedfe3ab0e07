/* Winnow: what one sample of data is: an input of numbers and a target to compare the network's outputs with. */
#ifndef WINNOW_SAMPLE_H
#define WINNOW_SAMPLE_H

#include "winnow/core.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum wn_input_kind {
    WN_INPUT_PIXELS, /* bytes 0..255, (channels, rows, columns); normalised before the network sees them */
    WN_INPUT_FLOATS, /* the network sees them as they are */
    WN_INPUT_TOKENS  /* int32 numbers of a vocabulary, (1, 1, steps) */
} wn_input_kind;

typedef enum wn_target_kind {
    WN_TARGET_CLASS,        /* one of k classes */
    WN_TARGET_DISTRIBUTION, /* a probability for each of k classes, sum 1 (to 0.001): mixed or soft labels */
    WN_TARGET_CLASSES,      /* any of k classes: 0 or 1 for each. Parts between are learnt as such; metrics count those above 0.5 as 1 */
    WN_TARGET_VALUES,       /* k finite numbers */
    WN_TARGET_POSITIONS     /* one of k classes at each position; -1: not counted */
} wn_target_kind;

/* Targets of n samples, one after the other. */
typedef struct wn_targets {
    wn_target_kind kind;
    int64_t width;          /* numbers a sample: 1 of CLASS, k of DISTRIBUTION, CLASSES and VALUES, the positions of POSITIONS */
    const int32_t *classes; /* (n, width) of CLASS and POSITIONS, else NULL */
    const float *values;    /* (n, width) of the others, else NULL */
} wn_targets;

#ifdef __cplusplus
}
#endif
#endif
