/* Invariants: what must hold of our own data whenever a call returns. Checking one may take as long as the call itself, so only builds with
 * the option WINNOW_CHECKS do it (presets debug, asan, tsan and fuzz). */
#ifndef WN_BASE_CHECK_H
#define WN_BASE_CHECK_H

#include <assert.h>

#ifdef WN_CHECKS
#define WN__INVARIANT(condition) assert(condition)
#else
#define WN__INVARIANT(condition) ((void)(0 && (condition)))
#endif

#endif
