/* Winnow: status codes, messages, version. Every other public header includes this one.
 *
 * Functions that can fail return a wn_status; results go through the last pointers and are written only on success.
 * The message that explains a failure is made once, where the fault is found, and is kept per thread:
 *
 *     if (wn_experiment_run(recipe, &options) != WN_OK) fprintf(stderr, "%s\n", wn_error_message());
 */
#ifndef WINNOW_CORE_H
#define WINNOW_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(WN_BUILDING) || defined(__GNUC__)
#define WN_API __attribute__((visibility("default")))
#else
#define WN_API
#endif
#define WN_NODISCARD __attribute__((warn_unused_result))
#define WN_PRINTF(format_index, first_argument) __attribute__((format(printf, format_index, first_argument)))

#define WN_VERSION "0.1.0"
#define WN_MAX_DIMS 6

/* One map makes the enum, the names and the texts: X(name, value, text). */
#define WN_STATUS_MAP(X)                                                   \
    X(OK, 0, "ok")                                                         \
    X(EINVAL, -1, "invalid argument")                                      \
    X(ENOMEM, -2, "out of memory")                                         \
    X(EIO, -3, "input or output failed")                                   \
    X(ENOSPACE, -4, "no space left on the device")                         \
    X(EFORMAT, -5, "damaged or foreign file")                              \
    X(ENOTFOUND, -6, "not found")                                          \
    X(EMISMATCH, -7, "parts do not belong together")                       \
    X(EUNSUPPORTED, -8, "not supported by this build, backend or machine") \
    X(EDIVERGED, -9, "training diverged")                                  \
    X(ESTOPPED, -10, "stopped on request, can be resumed")                 \
    X(ENETWORK, -11, "network failure")                                    \
    X(EBUSY, -12, "in use by another process")                             \
    X(EUSAGE, -13, "wrong usage or recipe")

typedef enum wn_status {
#define WN_STATUS_ENUM(name, value, text) WN_##name = value,
    WN_STATUS_MAP(WN_STATUS_ENUM)
#undef WN_STATUS_ENUM
} wn_status;

/* Name ("EFORMAT") and general text of a status; never NULL. */
WN_API const char *wn_status_name(wn_status status);
WN_API const char *wn_status_text(wn_status status);

/* The message of the last failure in the calling thread; "" if there was none. Valid until the next failure in this thread. */
WN_API const char *wn_error_message(void);

/* Version of the linked library, WN_VERSION of its headers. */
WN_API const char *wn_version(void);

/* CPUs that this process may use: its affinity mask and the quota of its control group. At least 1. */
WN_API int wn_cpu_count(void);

/* Log lines. The library never prints by itself: without a sink, log lines are dropped.
 * `text` has no newline and is borrowed for the call. */
typedef enum wn_log_level { WN_LOG_DEBUG, WN_LOG_INFO, WN_LOG_WARNING, WN_LOG_ERROR } wn_log_level;
typedef void (*wn_log_sink)(void *user, wn_log_level level, const char *text);
WN_API void wn_log_set_sink(wn_log_sink sink, void *user);

/* Ask running work to save and return WN_ESTOPPED at the next safe point. Async-signal-safe: call it from a handler. */
WN_API void wn_request_stop(void);
WN_API bool wn_stop_requested(void);

#ifdef __cplusplus
}
#endif
#endif
