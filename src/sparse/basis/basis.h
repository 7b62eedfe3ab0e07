/* Bases of a layer's weights: coefficients c = B' w instead of the entries w (Alabdulmohsin et al. 2021; docs/bases.md).
 *
 * The square ones here are orthonormal: w = B c, and the gradient of c is B' times that of w. They have as many coefficients as the weight has
 * entries, in the weight's own shape.
 *     canonical   w itself
 *     dct         cosines (DCT-II) along the axes of `over`
 *     haar        Haar wavelets along the axes of `over`, all levels; their lengths must be powers of two
 *     random      blocks of `block` entries, in the order of the weight, under a random rotation from Gaussian numbers
 * The others follow from trained weights, and are maps of src/sparse/basis/basis_map.h alone:
 *     svd         singular values trained, singular vectors fixed
 *     low-rank    two thin factors, both trained
 * `units` is no basis in this sense: filters and neurons as a whole (src/sparse/basis/units.h).
 */
#ifndef WN_SPARSE_BASIS_BASIS_H
#define WN_SPARSE_BASIS_BASIS_H

#include <pthread.h>

#include "base/settings.h"
#include "tensor/param.h"

typedef enum wn__basis_kind {
    WN__BASIS_CANONICAL,
    WN__BASIS_DCT,
    WN__BASIS_HAAR,
    WN__BASIS_RANDOM,
    WN__BASIS_SVD,
    WN__BASIS_LOW_RANK,
    WN__BASIS_UNITS
} wn__basis_kind;
extern const char *const wn__basis_names[]; /* "canonical", "dct", "haar", "random", "svd", "low-rank", "units", NULL */

typedef enum wn__basis_over { WN__OVER_TAPS, WN__OVER_CHANNELS, WN__OVER_BOTH } wn__basis_over;
typedef enum wn__basis_unfit { WN__UNFIT_ERROR, WN__UNFIT_LEAVE } wn__basis_unfit;
typedef enum wn__unit_score { WN__UNIT_L2, WN__UNIT_L1, WN__UNIT_GAMMA } wn__unit_score;
typedef enum wn__unit_links { WN__LINKS_INSIDE, WN__LINKS_TIED } wn__unit_links;

/* As a recipe states it. */
typedef struct wn__basis_spec {
    int kind;      /* wn__basis_kind */
    int over;      /* wn__basis_over: kernel taps (kh, kw), channels (out, in), or both. Weights without taps: channels */
    int unfit;     /* wn__basis_unfit: of haar, an axis whose length is no power of two is an error, or stays as it is */
    int64_t block; /* of random */
    int64_t seed;  /* of random: beside the replicate's */
    int score;     /* of units: wn__unit_score */
    int links;     /* of units: wn__unit_links */
} wn__basis_spec;
extern const wn__setting wn__dct_basis_settings[], wn__haar_basis_settings[], wn__random_basis_settings[], wn__units_settings[];
/* The rows that a kind knows over wn__basis_spec; ended by name NULL. */
const wn__setting *wn__basis_settings(int kind);
wn_status wn__basis_defaults(int kind, wn__basis_spec *out);

/* What identities hold of the library that a kind computes with; NULL: none. WN_EUNSUPPORTED where the build lacks it. */
wn_status wn__basis_library(int kind, const char **name);

/* Are the coefficients other numbers than the weights? */
static inline bool wn__basis_maps(int kind) { return kind != WN__BASIS_CANONICAL && kind != WN__BASIS_UNITS; }
/* Do they follow from trained weights? */
static inline bool wn__basis_is_fitted(int kind) { return kind == WN__BASIS_SVD || kind == WN__BASIS_LOW_RANK; }

/* ---- square bases */

typedef struct wn__transform wn__transform;
/* Of a weight with p's shape; `index` is the parameter's in its network, seed the replicate's. A weight that the basis does not fit: WN_EUSAGE.
 * The coefficients of canonical are the weights. */
wn_status wn__transform_new(const wn__basis_spec *spec, const wn__param *p, int index, uint64_t seed, wn__transform **out);
void wn__transform_free(wn__transform *t); /* accepts NULL */
/* (count) each, apart. Calls of one transform from several threads wait for each other: it has scratch of its own, and allocates nothing. */
void wn__transform_analyse(const wn__transform *t, const float *weight, float *coefficient);
void wn__transform_synthesise(const wn__transform *t, const float *coefficient, float *weight);

/* For the kinds' files. */
struct wn__transform {
    const struct wn__transform_type *type;
    int ndim;
    int64_t dim[WN_MAX_DIMS], count;
    bool along[WN_MAX_DIMS]; /* axes of dct and haar */
    float *scratch;          /* (count) */
    pthread_mutex_t *lock;   /* of scratch */
    void *state;             /* of the type */
};
typedef struct wn__transform_type {
    wn_status (*init)(wn__transform *t, const wn__basis_spec *spec, int index, uint64_t seed); /* NULL: nothing to do */
    void (*release)(wn__transform *t);                                                         /* NULL: nothing to do */
    void (*analyse)(const wn__transform *t, const float *weight, float *coefficient);
    void (*synthesise)(const wn__transform *t, const float *coefficient, float *weight);
} wn__transform_type;
extern const wn__transform_type wn__transform_dct, wn__transform_haar, wn__transform_random;
const char *wn__dct_version(void); /* NULL: not in this build */

#endif
