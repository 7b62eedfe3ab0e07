/* Option structs of the public API. Each begins with its size as the caller knows it, so that fields can be added at its end: an older caller's
 * struct is shorter, and what it lacks is zero, which always means the default. A field that is added never lies in what was padding. */
#ifndef WN_BASE_OPTIONS_H
#define WN_BASE_OPTIONS_H

#include "base/fail.h"

/* The caller's options as the library knows them: `size` bytes to `out`. given NULL: zeros. WN_EINVAL: its size is not set, or fields that this
 * library does not know are not zero. `name` is that of the struct. */
wn_status wn__options_take(const void *given, const char *name, size_t size, void *out);
/* The same the other way, for results: as much of `own` (size bytes) as the caller's struct has room for; zeros to what only the caller knows. */
wn_status wn__options_give(const void *own, const char *name, size_t size, void *theirs);

/* First line of a public function: from here on its parameter `options` points to the library's copy, options##_own. */
#define WN__COMPLETE(type, options)                                                 \
    type options##_own;                                                             \
    WN_TRY(wn__options_take(options, #type, sizeof options##_own, &options##_own)); \
    options = &options##_own
/* The next line, for a struct of options that `options` points to. */
#define WN__COMPLETE_WITHIN(type, options, member)                                                    \
    type options##_##member;                                                                          \
    WN_TRY(wn__options_take(options->member, #type, sizeof options##_##member, &options##_##member)); \
    options##_own.member = &options##_##member

#endif
