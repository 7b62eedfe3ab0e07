#include "base/lapack.h"

#include "base/fail.h"

#ifdef WN_HAVE_LAPACK

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

static struct {
    pthread_once_t once;
    wn__lapack call;
    char version[48]; /* "": it cannot be loaded */
    char reason[256];
} lapack = {.once = PTHREAD_ONCE_INIT};

/* A pointer to a function, into `out`. */
static bool find(void *library, const char *name, void *out)
{
    *(void **)out = dlsym(library, name);
    if (!*(void **)out) snprintf(lapack.reason, sizeof lapack.reason, "%s has no %s", WN_LAPACK_LIBRARY, name);
    return *(void **)out != NULL;
}

static void open_lapack(void)
{
    lapack_int major = 0, minor = 0, patch = 0;
    wn__lapack *call = &lapack.call;
    void *library = dlopen(WN_LAPACK_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        snprintf(lapack.reason, sizeof lapack.reason, "%s", dlerror());
        return;
    }
    if (!find(library, "LAPACKE_ilaver", &call->ilaver) || !find(library, "LAPACKE_dgesdd", &call->dgesdd) ||
        !find(library, "LAPACKE_dsyevd", &call->dsyevd) || !find(library, "LAPACKE_dstev", &call->dstev))
        return;
    call->ilaver(&major, &minor, &patch);
    snprintf(lapack.version, sizeof lapack.version, "%d.%d.%d", (int)major, (int)minor, (int)patch);
}

const char *wn__lapack_version(void)
{
    pthread_once(&lapack.once, open_lapack);
    return lapack.version[0] ? lapack.version : NULL;
}

wn_status wn__lapack_missing(const char *what) { return wn__fail(WN_EUNSUPPORTED, "%s: LAPACK cannot be loaded: %s", what, lapack.reason); }

wn_status wn__lapack_get(const char *what, const wn__lapack **out)
{
    *out = &lapack.call;
    return wn__lapack_version() ? WN_OK : wn__lapack_missing(what);
}

#else

const char *wn__lapack_version(void) { return NULL; }

wn_status wn__lapack_missing(const char *what)
{
    return wn__fail(WN_EUNSUPPORTED, "%s: needs LAPACK, which is not in this build (Debian: liblapacke-dev)", what);
}

#endif
