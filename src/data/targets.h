/* Targets of samples (winnow/sample.h) in memory of their own, and parts of them. */
#ifndef WN_DATA_TARGETS_H
#define WN_DATA_TARGETS_H

#include "winnow/sample.h"

bool wn__target_is_classes(wn_target_kind kind); /* int32 numbers of classes rather than floats */
/* A class, or a probability for each: what smoothing is of. */
static inline bool wn__target_is_one_class(wn_target_kind kind) { return kind == WN_TARGET_CLASS || kind == WN_TARGET_DISTRIBUTION; }
const char *wn__target_kind_name(wn_target_kind kind); /* "class", "distribution", "classes", "values", "positions" */

/* Of one sample: int32 classes or floats, `width` of them, of k outputs. WN_EFORMAT says which number there cannot be, and what could: "class 9, must be 0 to 3".
 * Parts of several classes are legal: losses take them. */
wn_status wn__target_check(wn_target_kind kind, int64_t width, int64_t k, const void *target);

/* One class each, of n samples; borrowed. */
static inline wn_targets wn__class_targets(const int32_t *classes)
{
    return (wn_targets){.kind = WN_TARGET_CLASS, .width = 1, .classes = classes};
}

/* Room for n samples, zeroed; release with wn__targets_release. */
wn_status wn__targets_alloc(wn_target_kind kind, int64_t width, int64_t n, wn_targets *out);
void wn__targets_release(wn_targets *t); /* of wn__targets_alloc alone; accepts a zeroed one */
/* Those from sample `first` on; borrowed from t. */
wn_targets wn__targets_from(const wn_targets *t, int64_t first);
/* Samples first .. first + n - 1 of `from` to those from `at` on of `to`, which has memory of its own, the same kind and width. */
void wn__targets_copy(const wn_targets *to, int64_t at, const wn_targets *from, int64_t first, int64_t n);
/* Where targets of wn__targets_alloc are written. */
int32_t *wn__targets_classes(const wn_targets *t, int64_t sample);
float *wn__targets_values(const wn_targets *t, int64_t sample);
void *wn__targets_at(const wn_targets *t, int64_t sample); /* whichever it is */

#endif
