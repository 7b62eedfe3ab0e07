#include "data/stratify.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/locale.h"

/* FNV-1a, then the finalizer of MurmurHash3: names that differ in one digit are far apart. */
uint64_t wn__name_hash(const char *name)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * 0x100000001b3u;
    h = (h ^ (h >> 33)) * 0xff51afd7ed558ccdu;
    h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53u;
    return h ^ (h >> 33);
}

/* A sample and how far it stands within its class, 0 to 1. */
typedef struct placed {
    wn__stratum sample;
    int64_t index;
    double place;
} placed;

static int by_hash(const placed *a, const placed *b)
{
    if (a->sample.hash != b->sample.hash) return a->sample.hash < b->sample.hash ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

static int by_class(const void *left, const void *right)
{
    const placed *a = left, *b = right;
    if (a->sample.label != b->sample.label) return a->sample.label < b->sample.label ? -1 : 1;
    return by_hash(a, b);
}

static int by_place(const void *left, const void *right)
{
    const placed *a = left, *b = right;
    if (a->place != b->place) return a->place < b->place ? -1 : 1;
    return by_hash(a, b);
}

wn_status wn__stratified_order(int64_t n, const wn__stratum *samples, int64_t *order)
{
    placed *p = WN_NEW_ARRAY(placed, n);
    if (!p) return wn__no_memory((size_t)n * sizeof *p);
    for (int64_t i = 0; i < n; i++)
        p[i] = (placed){samples[i], i, 0};
    qsort(p, (size_t)n, sizeof *p, by_class);
    for (int64_t first = 0, end = 0; first < n; first = end) {
        while (end < n && p[end].sample.label == p[first].sample.label)
            end++;
        for (int64_t i = first; i < end; i++)
            p[i].place = ((double)(i - first) + 0.5) / (double)(end - first);
    }
    qsort(p, (size_t)n, sizeof *p, by_place);
    for (int64_t i = 0; i < n; i++)
        order[i] = p[i].index;
    wn__free(p);
    return WN_OK;
}

wn_status wn__stands_by_class(int64_t n, int classes, int32_t (*label_of)(const void *set, int64_t i), const void *set, bool *by_class)
{
    bool *seen = WN_NEW_ARRAY(bool, classes);
    if (!seen) return wn__no_memory((size_t)classes);
    *by_class = classes > 1;
    for (int64_t i = 0; *by_class && i < n; i++) {
        const int32_t label = label_of(set, i);
        *by_class = !seen[label] || (i > 0 && label_of(set, i - 1) == label);
        seen[label] = true;
    }
    wn__free(seen);
    return WN_OK;
}

bool wn__share_of(const char *text, int64_t n, int64_t *count)
{
    char *end;
    if (*text < '0' || *text > '9') return false;
    const double value = wn__strtod(text, &end);
    if (*end == 0 && strspn(text, "0123456789") == strlen(text))
        *count = strtoll(text, NULL, 10);
    else if (strcmp(end, "%") == 0 && value <= 100)
        *count = (int64_t)((double)n * value / 100 + 0.5);
    else
        return false;
    return true;
}
