/* What networks run on: a choice of backends, and the devices of one pool of threads. */
#ifndef WN_NETWORK_MACHINE_H
#define WN_NETWORK_MACHINE_H

#include "backend/backend.h"

/* Where networks run, as far as results depend on it. */
typedef struct wn__machine {
    const wn__backend *backend;
    int threads;
    const wn__backend *sparse; /* of masked networks; NULL: the same */
} wn__machine;

/* Threads of each of `jobs` processes side by side: what was asked for; else (0) the recipe's, no more than there are CPUs unless forced, which is told;
 * else (0) the CPUs divided. */
int wn__machine_threads(int asked, int64_t recipe, int jobs, bool force);
/* In a recipe: settled by measurement before it is planned (run/fastest.h), and no backend here. */
#define WN__BACKEND_FASTEST "fastest"
/* The backend by name. "auto" is the best of the build for dense networks, and `sparse` for masked ones if all is float32. WN_EUSAGE lists the
 * valid ones. */
wn_status wn__machine_choose(const char *backend, wn__dtype dtype, int threads, wn__machine *out);
/* What a recipe writes as its backend, so that it chooses the same again. */
const char *wn__machine_name(const wn__machine *machine);
const wn__backend *wn__machine_backend(const wn__machine *machine, bool masked);

enum { WN__MOST_DEVICES = 6 }; /* the dense, the sparse and the reference backend, two types */
/* Opened when first asked for, once for each backend and type; all share the threads. */
typedef struct wn__devices {
    int threads; /* 0: as many as there are CPUs */
    wn__kernels kernels;
    const wn__backend *dense; /* as in wn__device_options */
    wn__pool *pool;           /* NULL before the first use */
    wn__device *device[WN__MOST_DEVICES];
    int count;
} wn__devices;
wn_status wn__devices_pool(wn__devices *d, wn__pool **out);
wn_status wn__devices_get(wn__devices *d, const wn__backend *backend, wn__dtype dtype, wn__device **out);
void wn__devices_release(wn__devices *d); /* accepts a zeroed one */

#endif
