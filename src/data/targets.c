#include "data/targets.h"

#include <string.h>

#include "base/alloc.h"

bool wn__target_is_classes(wn_target_kind kind) { return kind == WN_TARGET_CLASS || kind == WN_TARGET_POSITIONS; }

const char *wn__target_kind_name(wn_target_kind kind)
{
    static const char *const names[] = {[WN_TARGET_CLASS] = "class",
                                        [WN_TARGET_DISTRIBUTION] = "distribution",
                                        [WN_TARGET_CLASSES] = "classes",
                                        [WN_TARGET_VALUES] = "values",
                                        [WN_TARGET_POSITIONS] = "positions"};
    return names[kind];
}

wn_status wn__targets_alloc(wn_target_kind kind, int64_t width, int64_t n, wn_targets *out)
{
    wn_targets t = {.kind = kind, .width = width};
    void *memory = wn__alloc_array(n, (size_t)width * sizeof(int32_t));
    if (!memory) return wn__no_memory((size_t)n * (size_t)width * sizeof(int32_t));
    if (wn__target_is_classes(kind))
        t.classes = memory;
    else
        t.values = memory;
    *out = t;
    return WN_OK;
}

void wn__targets_release(wn_targets *t)
{
    wn__free((int32_t *)t->classes);
    wn__free((float *)t->values);
    *t = (wn_targets){0};
}

wn_targets wn__targets_from(const wn_targets *t, int64_t first)
{
    wn_targets part = *t;
    if (t->classes) part.classes += first * t->width;
    if (t->values) part.values += first * t->width;
    return part;
}

int32_t *wn__targets_classes(const wn_targets *t, int64_t sample) { return (int32_t *)t->classes + sample * t->width; }
float *wn__targets_values(const wn_targets *t, int64_t sample) { return (float *)t->values + sample * t->width; }

void *wn__targets_at(const wn_targets *t, int64_t sample)
{
    return t->classes ? (void *)wn__targets_classes(t, sample) : (void *)wn__targets_values(t, sample);
}

void wn__targets_copy(const wn_targets *to, int64_t at, const wn_targets *from, int64_t first, int64_t n)
{
    const size_t bytes = (size_t)(n * from->width) * sizeof(int32_t);
    if (wn__target_is_classes(from->kind))
        memcpy(wn__targets_classes(to, at), wn__targets_classes(from, first), bytes);
    else
        memcpy(wn__targets_values(to, at), wn__targets_values(from, first), bytes);
}
