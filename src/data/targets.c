#include "data/targets.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

static const double SUM_MAY_BE_OFF = 1e-3; /* sums of floats, rounded ones in files */

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

static wn_status check_class(int32_t class, int32_t least, int64_t k, int64_t at, int64_t width)
{
    char place[40] = "";
    if (class >= least && class < k) return WN_OK;
    if (width > 1) snprintf(place, sizeof place, " at position %" PRId64, at);
    return wn__fail(WN_EFORMAT, "class %" PRId32 "%s, must be %" PRId32 " to %" PRId64, class, place, least, k - 1);
}

static wn_status check_sum(const float *value, int64_t width)
{
    double sum = 0;
    for (int64_t i = 0; i < width; i++)
        sum += value[i];
    return fabs(sum - 1) <= SUM_MAY_BE_OFF ? WN_OK : wn__fail(WN_EFORMAT, "probabilities that add up to %g, must be 1", sum);
}

wn_status wn__target_check(wn_target_kind kind, int64_t width, int64_t k, const void *target)
{
    const float *value = target;
    const int32_t *class = target, least = kind == WN_TARGET_POSITIONS ? -1 : 0;
    const bool classes = wn__target_is_classes(kind), any = kind == WN_TARGET_VALUES;
    for (int64_t i = 0; classes && i < width; i++)
        WN_TRY(check_class(class[i], least, k, i, width));
    for (int64_t i = 0; !classes && i < width; i++)
        if (any ? !isfinite(value[i]) : !(value[i] >= 0 && value[i] <= 1))
            return wn__fail(WN_EFORMAT, "%g as number %" PRId64 ", must be %s", (double)value[i], i, any ? "finite" : "0 to 1");
    return kind == WN_TARGET_DISTRIBUTION ? check_sum(value, width) : WN_OK;
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
