/* Networks of one architecture as vectors: chosen entries of chosen parameters, one after the other.
 *
 * Parts run in the order of the parameters, entries in ascending flat positions, as compressed parameters store them; so a vector means the same
 * whichever form a network has. An entry that a network does not store is zero there.
 */
#ifndef WN_ANALYSIS_SPACE_H
#define WN_ANALYSIS_SPACE_H

#include "tensor/param.h"

typedef struct wn__space_part {
    int param;             /* index into the parameters */
    int64_t offset, count; /* of its entries in the vector */
    int64_t *entry;        /* (count) flat positions, ascending; NULL: all of them */
} wn__space_part;

typedef struct wn__space {
    wn__space_part *part;
    int parts;
    int64_t size; /* of vectors */
} wn__space;

typedef enum wn__space_kind {
    WN__SPACE_ACTIVE,    /* trained entries that are active in one network at least: of the union of masks */
    WN__SPACE_ALL,       /* every trained entry, active or not */
    WN__SPACE_STATISTICS /* running means and variances of batch norms */
} wn__space_kind;

/* From networks of the same names and shapes, in either form. */
wn_status wn__space_make(const wn__params *const *network, int networks, wn__space_kind kind, wn__space *out);
void wn__space_release(wn__space *s); /* accepts a zeroed one */

/* vector (size) from values or gradients. */
void wn__space_values(const wn__space *s, const wn__params *params, float *vector);
void wn__space_gradient(const wn__space *s, const wn__params *params, float *vector);
/* Values of the network from a vector, its other entries left as they are. What its masks and patterns do not let through is dropped. */
void wn__space_set(const wn__space *s, const float *vector, wn__params *params);
/* The same for gradients. */
void wn__space_set_gradient(const wn__space *s, const float *vector, wn__params *params);
/* The space's entries become the masks of dense weights: WN_EINVAL if one is compressed. */
wn_status wn__space_mask(const wn__space *s, wn__params *params);

/* One float array per parameter, as the executor's Hessian-vector products want them: of trained parameters, NULL for others. */
typedef struct wn__param_arrays {
    float **item; /* (count) */
    int count;
} wn__param_arrays;
wn_status wn__param_arrays_make(const wn__params *params, wn__param_arrays *out);
void wn__param_arrays_release(wn__param_arrays *a); /* accepts a zeroed one */
void wn__space_to_arrays(const wn__space *s, const float *vector, const wn__params *params, wn__param_arrays *to); /* others: zero */
void wn__space_from_arrays(const wn__space *s, const wn__param_arrays *from, const wn__params *params, float *vector);

/* Sums in double, in the order of entries. */
double wn__vector_dot(const float *a, const float *b, int64_t n);
double wn__vector_distance(const float *a, const float *b, int64_t n);
double wn__vector_cosine(const float *a, const float *b, int64_t n); /* NaN if one is zero */

#endif
