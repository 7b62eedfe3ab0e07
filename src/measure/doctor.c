#include "winnow/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/backend.h"
#include "backend/sparse/choice.h"
#include "base/cpu.h"
#include "base/fail.h"
#include "base/lapack.h"
#include "base/locale.h"
#include "base/threads.h"
#include "io/libraries.h"
#include "measure/rates.h"
#include "sparse/basis/basis.h"

static void visit_program(wn_fact_visit visit, void *user)
{
    visit(user, "program", "version", wn_version());
#ifdef __clang__
    visit(user, "program", "compiler", "clang " __clang_version__);
#else
    visit(user, "program", "compiler", "gcc " __VERSION__);
#endif
}

static void visit_cpu(wn_fact_visit visit, void *user)
{
    char features[512];
    visit(user, "cpu", "name", wn__cpu_name());
    visit(user, "cpu", "features", wn__cpu_features(features, sizeof features));
    visit(user, "cpu", "instruction set in use", wn__isa_name(wn__isa_in_use()));
}

static void visit_threads(wn_fact_visit visit, void *user)
{
    char number[32];
    snprintf(number, sizeof number, "%d", wn__cpu_count());
    visit(user, "threads", "CPUs this process may use", number);
    snprintf(number, sizeof number, "%ld", sysconf(_SC_NPROCESSORS_ONLN));
    visit(user, "threads", "CPUs of the machine", number);
}

static void visit_rates(wn_fact_visit visit, void *user)
{
    wn__pool *pool;
    wn__rates rates;
    char text[64];
    if (wn__pool_new(0, &pool) != WN_OK) return;
    if (wn__rates_measure(pool, &rates) == WN_OK) {
        wn__snprintf(text, sizeof text, "%.0f GFLOP/s", 1e-9 * rates.arithmetic);
        visit(user, "rates", "operands in registers", text);
        wn__snprintf(text, sizeof text, "%.0f GFLOP/s", 1e-9 * rates.loading);
        visit(user, "rates", "a load per multiply-add", text);
        wn__snprintf(text, sizeof text, "%.1f GB/s", 1e-9 * rates.bytes);
        visit(user, "rates", "memory, read and written", text);
    }
    wn__pool_free(pool);
}

static void visit_backends(wn_fact_visit visit, void *user)
{
    for (const wn__backend *const *b = wn__backends; *b; b++) {
        char version[160] = "", text[400];
        if ((*b)->describe) (*b)->describe(version, sizeof version);
        snprintf(text, sizeof text, "%s%s%s", (*b)->summary, version[0] ? ": " : "", version);
        visit(user, "backend", (*b)->name, text);
    }
    if (!wn__backend_find("onednn")) visit(user, "backend", "onednn", "not in this build");
}

/* As execvp would find it. */
static const char *find_program(const char *name, char *path, size_t size)
{
    const char *folders = getenv("PATH");
    for (const char *folder = folders ? folders : "/usr/local/bin:/usr/bin:/bin"; *folder;) {
        const int length = (int)strcspn(folder, ":");
        snprintf(path, size, "%.*s/%s", length, folder, name);
        if (length > 0 && access(path, X_OK) == 0) return path;
        folder += length + (folder[length] == ':');
    }
    return "not found";
}

wn_status wn_check_environment(void)
{
    wn__kernels kernels;
    WN_TRY(wn__isa_status());
    return wn__kernels_asked(WN__KERNELS_MEASURED, &kernels);
}

wn_status wn_doctor(wn_fact_visit visit, void *user)
{
    if (!visit) return wn_check_environment();
    visit_program(visit, user);
    visit_cpu(visit, user);
    visit_threads(visit, user);
    visit_rates(visit, user);
    visit_backends(visit, user);
    for (int i = 0;; i++) {
        const wn__library library = wn__library_get(i);
        if (!library.name) break;
        visit(user, "library", library.name, library.version ? library.version : "not in this build");
    }
    visit(user, "library", "LAPACK", wn__lapack_version() ? wn__lapack_version() : "not in this build");
    visit(user, "library", "FFTW", wn__dct_version() ? wn__dct_version() : "not in this build");
    char path[1024];
    visit(user, "tool", "gnuplot", find_program("gnuplot", path, sizeof path));
    return wn_check_environment();
}
