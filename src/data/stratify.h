/* Orders of samples for splits that are the same wherever a set lies and however it is sorted. */
#ifndef WN_DATA_STRATIFY_H
#define WN_DATA_STRATIFY_H

#include "winnow/core.h"

typedef struct wn__stratum {
    uint64_t hash; /* of the sample's name */
    int32_t label; /* the same for all where there are no classes */
} wn__stratum;

uint64_t wn__name_hash(const char *name);

/* order (n): a permutation whose every stretch holds the classes in about the shares that they have in the whole. Within a class it goes by hash, so
 * which samples come first does not depend on how they stood. */
wn_status wn__stratified_order(int64_t n, const wn__stratum *samples, int64_t *order);

/* Whether each class stands in one piece, so that samples at one end are of few classes. label_of: the class of sample i of `set`. */
wn_status wn__stands_by_class(int64_t n, int classes, int32_t (*label_of)(const void *set, int64_t i), const void *set, bool *by_class);

/* "5000" or "10%" of n samples, rounded; false if the text is neither. */
bool wn__share_of(const char *text, int64_t n, int64_t *count);

#endif
