/* Option structs of the public API. Each begins with its size as the caller knows it, so that fields can be added at its end: an older caller's
 * struct is shorter, and what it lacks is zero, which always means the default. A field that is added never lies in what was padding. */
#ifndef WN_BASE_OPTIONS_H
#define WN_BASE_OPTIONS_H

#include "winnow/core.h"

/* The caller's options as the library knows them: `size` bytes to `out`. given NULL: zeros. WN_EINVAL: its size is not set, or fields that this
 * library does not know are not zero. `name` is that of the struct. */
wn_status wn__options_take(const void *given, const char *name, size_t size, void *out);

#endif
