/* Numbers as people read them, and the nearest of several names: what messages, tables and the program share. */
#ifndef WINNOW_SHOW_H
#define WINNOW_SHOW_H

#include "winnow/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* "1,234,567" / "1.2 GB" / "2 h 05 min" into the caller's buffer, which is returned; NULL does nothing. */
WN_API char *wn_show_count(int64_t count, char *buffer, size_t size);
WN_API char *wn_show_bytes(int64_t bytes, char *buffer, size_t size);
WN_API char *wn_show_seconds(double seconds, char *buffer, size_t size);

/* The name in `names` (count of them) nearest to `wrong` by edit distance, or NULL if none is near, or there are none: for "did you mean". */
WN_API const char *wn_nearest_name(const char *wrong, const char *const *names, int count);

#ifdef __cplusplus
}
#endif
#endif
