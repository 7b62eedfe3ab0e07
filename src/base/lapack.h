/* LAPACK, opened by the first call that needs it and kept open: some of its makes start threads, and take memory for each, as soon as they are loaded. */
#ifndef WN_BASE_LAPACK_H
#define WN_BASE_LAPACK_H

#include "winnow/core.h"

/* "3.11.0"; NULL: it is not in this build, or cannot be loaded. Static. */
const char *wn__lapack_version(void);

#ifdef WN_HAVE_LAPACK
#include <lapacke.h>

typedef struct wn__lapack {
    __typeof__(LAPACKE_ilaver) *ilaver;
    __typeof__(LAPACKE_dgesdd) *dgesdd;
    __typeof__(LAPACKE_dsyevd) *dsyevd;
    __typeof__(LAPACKE_dstev) *dstev;
} wn__lapack;

/* `what` needs it ("eigenvalues"): named in the failure. */
wn_status wn__lapack_get(const char *what, const wn__lapack **out);
#endif

/* The failure where there is no version: WN_EUNSUPPORTED, with the reason. */
wn_status wn__lapack_missing(const char *what);

#endif
