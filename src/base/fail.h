/* Failing with a message, forwarding a failure. */
#ifndef WN_BASE_FAIL_H
#define WN_BASE_FAIL_H

#include "winnow/core.h"

/* wn__fail(status, format, ...): set the thread's message and give `status`. The message says what, where and what would be valid. */
#define wn__fail(status, ...) (wn__set_message(__VA_ARGS__), wn__failure(status))
/* wn__fail_errno(format, ...): like wn__fail for a failed system call: maps errno (ENOSPC, ENOENT, ENOMEM, ...) to a status and appends
 * its text. */
#define wn__fail_errno(...) wn__no_success(wn__set_errno_message(__VA_ARGS__))
/* wn__fail_within(status, format, ...): prefix the current message with context ("recipe.yaml:12: ") and give `status`. */
#define wn__fail_within(status, ...) (wn__prefix_message(__VA_ARGS__), wn__failure(status))

/* What the macros call. They are macros so that compilers and analyzers see which status comes out, and that it is not WN_OK. */
void wn__set_message(const char *format, ...) WN_PRINTF(1, 2);
wn_status wn__set_errno_message(const char *format, ...) WN_PRINTF(1, 2);
void wn__prefix_message(const char *format, ...) WN_PRINTF(1, 2);
static inline wn_status wn__failure(wn_status status) { return status; }
static inline wn_status wn__no_success(wn_status status) { return status != WN_OK ? status : WN_EIO; }

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
