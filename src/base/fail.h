/* Failing with a message, forwarding a failure. */
#ifndef WN_BASE_FAIL_H
#define WN_BASE_FAIL_H

#include "winnow/core.h"

/* Set the thread's message and return `status`. The message says what, where and what would be valid. */
wn_status wn__fail(wn_status status, const char *format, ...) WN_PRINTF(2, 3);
/* Like wn__fail for a failed system call: maps errno (ENOSPC, ENOENT, EACCES, ...) to a status and appends its text. */
wn_status wn__fail_errno(const char *format, ...) WN_PRINTF(1, 2);
/* Prefix the current message with context ("recipe.yaml:12: ") and return `status`. */
wn_status wn__fail_within(wn_status status, const char *format, ...) WN_PRINTF(2, 3);

#define WN_TRY(expr)                                        \
    do {                                                    \
        wn_status wn_try_status_ = (expr);                  \
        if (wn_try_status_ != WN_OK) return wn_try_status_; \
    } while (0)
/* For functions with clean-up labels: wants a local `wn_status status`. */
#define WN_TRY_OR(label, expr)                      \
    do {                                            \
        if ((status = (expr)) != WN_OK) goto label; \
    } while (0)

#endif
