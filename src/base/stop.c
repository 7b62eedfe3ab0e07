#include "base/stop.h"

#include <signal.h>
#include <stdatomic.h>

#include "base/alloc.h"

/* Process-wide, since a signal handler has nowhere else to write. */
static volatile sig_atomic_t stop_requested;

struct wn_stop {
    atomic_bool requested; /* lock-free, so that signal handlers may set it */
};

void wn_request_stop(void) { stop_requested = 1; }

bool wn_stop_requested(void) { return stop_requested != 0; }

wn_stop *wn_stop_new(void) { return WN_NEW(wn_stop); }

void wn_stop_free(wn_stop *stop) { wn__free(stop); }

void wn_stop_request(wn_stop *stop)
{
    if (stop) atomic_store(&stop->requested, true);
}

bool wn__stop_wanted(const wn_stop *stop) { return wn_stop_requested() || (stop && atomic_load(&stop->requested)); }
