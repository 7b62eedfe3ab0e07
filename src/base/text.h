/* Growing text. */
#ifndef WN_BASE_TEXT_H
#define WN_BASE_TEXT_H

#include <stdarg.h>

#include "winnow/core.h"
#include "winnow/show.h"

typedef struct wn__text {
    char *data; /* always terminated once anything was added; NULL before */
    size_t size, capacity;
    bool failed; /* out of memory: later additions are ignored; ask once at the end */
} wn__text;
void wn__text_add(wn__text *t, const char *format, ...) WN_PRINTF(2, 3);
void wn__text_add_list(wn__text *t, const char *format, va_list arguments);
void wn__text_add_bytes(wn__text *t, const void *data, size_t size);
/* "; did you mean "b"? valid: a, b, c", the nearest to `wrong` first if one is near. */
void wn__text_add_valid(wn__text *t, const char *wrong, const char *const *names, int count);
void wn__text_release(wn__text *t);

/* Shell-style match of the whole name: * ? [abc]; with the prefix "re:" a POSIX extended regular expression that may match anywhere. */
wn_status wn__name_matches(const char *pattern, const char *name, bool *matches);

#endif
