/* Winnow: status codes, messages, version. Every other public header includes this one.
 *
 * Functions that can fail return a wn_status; results go through the last pointers and are written only on success. Callbacks and structs of options may
 * be NULL everywhere, other pointers where it is said: otherwise WN_EINVAL names the argument.
 * The message that explains a failure is made once, where the fault is found, and is kept per thread:
 *
 *     if (wn_experiment_run(&options, &summary) != WN_OK) fprintf(stderr, "%s\n", wn_error_message());
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

/* The version of these headers, as numbers (WN_VERSION_NUMBER: 100 for 0.1.0, 10203 for 1.2.3) and as text, "0.1.0". */
#define WN_VERSION_MAJOR 0
#define WN_VERSION_MINOR 1
#define WN_VERSION_PATCH 0
#define WN_VERSION_NUMBER (10000 * WN_VERSION_MAJOR + 100 * WN_VERSION_MINOR + WN_VERSION_PATCH)
#define WN_VERSION_TEXT(major, minor, patch) #major "." #minor "." #patch
#define WN_VERSION_JOIN(major, minor, patch) WN_VERSION_TEXT(major, minor, patch)
#define WN_VERSION WN_VERSION_JOIN(WN_VERSION_MAJOR, WN_VERSION_MINOR, WN_VERSION_PATCH)

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
    X(EBUSY, -12, "in use by another process or handle")                   \
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

/* Version of the linked library: WN_VERSION and WN_VERSION_NUMBER of its headers. */
WN_API const char *wn_version(void);
WN_API int wn_version_number(void);

/* Structs of options. Their first member is `size_t size`, the sizeof of the struct as the caller's header has it; zero in any other member means
 * the default, and NULL instead of a struct means all defaults. So a program and a library of different versions fit together: what a shorter struct
 * lacks has its default, and a longer one is taken if what is beyond is zero. WN_EINVAL otherwise, and for a size of 0. Texts, arrays and
 * structs that options point to are borrowed for the call.
 *
 *     wn_run_options options = {.size = sizeof options, .recipe = "demo.yaml"};
 *     wn_flops(&WN_OPTIONS(wn_flops_options, .model = "resnet20"), &result);    // the same as an expression; C only
 */
#ifndef __cplusplus
#define WN_OPTIONS(type, ...) ((type){.size = sizeof(type), __VA_ARGS__})
#endif

/* Where the library's memory comes from; zero in both functions: calloc and free. They are called by all threads, several at once. allocate gives
 * memory aligned for any type, zeroed or not, or NULL if there is none; release gets the size that was asked for. */
typedef struct wn_allocator {
    size_t size; /* sizeof(wn_allocator) */
    void *(*allocate)(void *user, size_t size);
    void (*release)(void *user, void *memory, size_t size);
    void *user;
} wn_allocator;
/* For the whole process, before anything else is called, or when all that the library gave has been freed; NULL: calloc and free. WN_EINVAL: one
 * function without the other, or the library holds memory. What the libraries below take by themselves does not come from here; see
 * docs/library.md. */
WN_API WN_NODISCARD wn_status wn_set_allocator(const wn_allocator *allocator);

/* CPUs that this process may use: its affinity mask and the quota of its control group. At least 1. */
WN_API int wn_cpu_count(void);

/* Log lines. The library never prints by itself: without a sink, log lines are dropped.
 * `text` has no newline and is borrowed for the call. */
typedef enum wn_log_level { WN_LOG_DEBUG, WN_LOG_INFO, WN_LOG_WARNING, WN_LOG_ERROR } wn_log_level;
typedef void (*wn_log_sink)(void *user, wn_log_level level, const char *text);
WN_API void wn_log_set_sink(wn_log_sink sink, void *user);

/* Ask all running work of the process, and all that begins later, to save and return WN_ESTOPPED at the next safe point. Async-signal-safe: call it
 * from a handler. */
WN_API void wn_request_stop(void);
WN_API bool wn_stop_requested(void);

/* The same for single calls: those whose options hold the stop, one or many. It must live until they have returned, and cannot be taken back: a
 * new run gets a new one. wn_stop_request is async-signal-safe and may be called from any thread. */
typedef struct wn_stop wn_stop;
WN_API wn_stop *wn_stop_new(void);          /* NULL if out of memory */
WN_API void wn_stop_request(wn_stop *stop); /* accepts NULL */
WN_API void wn_stop_free(wn_stop *stop);    /* accepts NULL */

#ifdef __cplusplus
}
#endif
#endif
