#include "base/alloc.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/options.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

enum { HUGE = 8 << 20 }; /* bytes from which huge pages are asked for */

/* Lies in the WN__ALIGN bytes before each block. */
typedef struct header {
    void *raw; /* what the allocator gave, 2 * WN__ALIGN bytes more than size */
    size_t size;
} header;

/* Process-wide by nature: they describe the process' memory. */
static atomic_llong calls, blocks, bytes, peak, fail_countdown;
static wn_allocator allocator; /* the caller's; zeros: calloc and free */

static bool must_fail(void) { return atomic_load(&fail_countdown) > 0 && atomic_fetch_sub(&fail_countdown, 1) == 1; }

static void count_bytes(long long change)
{
    const long long now = atomic_fetch_add(&bytes, change) + change;
    long long highest = atomic_load(&peak);
    while (now > highest && !atomic_compare_exchange_weak(&peak, &highest, now))
        ;
}

static void *take(size_t size)
{
    if (!allocator.allocate) return calloc(1, size); /* not aligned_alloc: large blocks come zeroed from the system for free */
    void *raw = allocator.allocate(allocator.user, size);
    return raw ? memset(raw, 0, size) : NULL;
}

static void give_back(void *raw, size_t size)
{
    if (allocator.release)
        allocator.release(allocator.user, raw, size);
    else
        free(raw);
}

wn_status wn_set_allocator(const wn_allocator *options)
{
    WN__COMPLETE(wn_allocator, options);
    if (!options->allocate != !options->release) return wn__fail(WN_EINVAL, "allocator: one of allocate and release is missing");
    const long long held = atomic_load(&blocks);
    if (held > 0)
        return wn__fail(WN_EINVAL, "allocator: the library holds %lld blocks of memory; set it before anything else, or when all is freed",
                        held);
    allocator = *options;
    return WN_OK;
}

static header *header_of(void *pointer) { return (header *)((char *)pointer - WN__ALIGN); }

/* Large blocks in huge pages, where the system has them: with pages of 4 kB, looking up addresses takes several percent of a training step. */
static void ask_for_huge_pages(char *block, size_t size)
{
#ifdef MADV_HUGEPAGE
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), before = (page - (uintptr_t)block % page) % page;
    madvise(block + before, (size - before) / page * page, MADV_HUGEPAGE); /* only a wish */
#else
    (void)block, (void)size;
#endif
}

void *wn__alloc(size_t size)
{
    atomic_fetch_add(&calls, 1);
    if (must_fail() || size > (size_t)PTRDIFF_MAX - 2 * WN__ALIGN) return NULL;
    char *raw = take(size + 2 * WN__ALIGN);
    if (!raw) return NULL;
    if (size >= HUGE) ask_for_huge_pages(raw, size);
    char *pointer = raw + 2 * WN__ALIGN - (uintptr_t)raw % WN__ALIGN;
    *header_of(pointer) = (header){.raw = raw, .size = size};
    atomic_fetch_add(&blocks, 1);
    count_bytes((long long)size);
    return pointer;
}

/* Allocates at 0, 8, 16, 32, ... elements: the count alone tells what there is room for. */
wn_status wn__make_room(void *array, int64_t count, size_t size)
{
    void *items;
    if (count > 0 && (count < 8 || (count & (count - 1)) != 0)) return WN_OK;
    const size_t wanted = (size_t)(count ? 2 * count : 8) * size;
    memcpy(&items, array, sizeof items); /* a pointer of any type */
    items = wn__realloc(items, wanted);
    if (!items) return wn__no_memory(wanted);
    memcpy(array, &items, sizeof items);
    return WN_OK;
}

void *wn__alloc_array(int64_t count, size_t size)
{
    size_t total;
    if (count < 0 || __builtin_mul_overflow((size_t)count, size, &total)) return NULL;
    return wn__alloc(total);
}

void *wn__realloc(void *old, size_t size)
{
    char *pointer = wn__alloc(size);
    if (!pointer || !old) return pointer;
    const size_t kept = header_of(old)->size < size ? header_of(old)->size : size;
    memcpy(pointer, old, kept);
    wn__free(old);
    return pointer;
}

void wn__free(void *pointer)
{
    if (!pointer) return;
    const header h = *header_of(pointer);
    count_bytes(-(long long)h.size);
    give_back(h.raw, h.size + 2 * WN__ALIGN);
    atomic_fetch_sub(&blocks, 1);
}

char *wn__strdup(const char *text)
{
    const size_t size = strlen(text) + 1;
    char *copy = wn__alloc(size);
    return copy ? memcpy(copy, text, size) : NULL;
}

void wn__set_memory_message(size_t wanted)
{
    wn__set_message("out of memory: %.1f MB wanted, %.1f MB in use", (double)wanted * 1e-6, (double)atomic_load(&bytes) * 1e-6);
}

wn__alloc_stats wn__alloc_statistics(void)
{
    return (wn__alloc_stats){.calls = atomic_load(&calls), .bytes = atomic_load(&bytes), .peak = atomic_load(&peak)};
}

void wn__alloc_reset_peak(void) { atomic_store(&peak, atomic_load(&bytes)); }

wn__resident_memory wn__resident(void)
{
    wn__resident_memory memory = {0};
    char line[256];
    FILE *status = fopen("/proc/self/status", "re");
    while (status && fgets(line, sizeof line, status)) {
        long long kilobytes;
        if (sscanf(line, "VmRSS: %lld", &kilobytes) == 1) memory.now = kilobytes * 1024;
        if (sscanf(line, "VmHWM: %lld", &kilobytes) == 1) memory.peak = kilobytes * 1024;
        if (sscanf(line, "RssFile: %lld", &kilobytes) == 1) memory.program = kilobytes * 1024;
    }
    if (status) fclose(status);
    return memory;
}

int64_t wn__memory_available(void)
{
    char line[256];
    long long kilobytes = 0;
    FILE *info = fopen("/proc/meminfo", "re");
    while (info && fgets(line, sizeof line, info))
        if (sscanf(line, "MemAvailable: %lld", &kilobytes) == 1) break;
    if (info) fclose(info);
    return kilobytes * 1024;
}

/* 5 is the kernel's word for "the most so far". */
void wn__resident_reset_peak(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "we");
    if (!file) return;
    fputs("5", file);
    fclose(file);
}

void wn__alloc_trim(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

int64_t wn__memory_expected(void) { return atomic_load(&bytes) + wn__resident().program; }

int64_t wn__peak_expected(void)
{
    const wn__resident_memory now = wn__resident();
    const int64_t expected = atomic_load(&bytes) + now.program;
    return expected > now.peak ? expected : now.peak;
}

void wn__alloc_fail_at(int64_t n) { atomic_store(&fail_countdown, n); }
