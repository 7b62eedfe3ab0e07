#include "tensor/compression.h"

#include <assert.h>
#include <string.h>

#include "base/check.h"
#include "base/fail.h"

#define ARRAYS (2 + WN__SLOTS)

/* The arrays that run over stored entries; some may be NULL. */
static void arrays_of(wn__param *p, float **array[ARRAYS])
{
    array[0] = &p->value;
    array[1] = &p->grad;
    for (int s = 0; s < WN__SLOTS; s++)
        array[2 + s] = &p->slot[s];
}

/* New arrays of `capacity` entries beside those that the parameter has. */
static wn_status new_arrays(wn__param *p, int64_t capacity, float *made[ARRAYS])
{
    float **array[ARRAYS];
    bool failed = false;
    arrays_of(p, array);
    for (int i = 0; i < ARRAYS; i++) {
        made[i] = *array[i] && !failed ? WN_NEW_ARRAY(float, capacity) : NULL;
        failed = failed || (*array[i] && !made[i]);
    }
    if (!failed) return WN_OK;
    for (int i = 0; i < ARRAYS; i++)
        wn__free(made[i]);
    return wn__no_memory((size_t)capacity * sizeof(float));
}

static void take_arrays(wn__param *p, float *made[ARRAYS])
{
    float **array[ARRAYS];
    arrays_of(p, array);
    for (int i = 0; i < ARRAYS; i++) {
        wn__free(*array[i]);
        *array[i] = made[i];
    }
}

static void bump(wn__params *set)
{
    set->version++;
    set->topology++;
}

/* --- dense to compressed ------------------------------------------------------------------------------------------------------- */

static wn_status check_compressible(const wn__param *p, const wn__pattern *pattern)
{
    if (p->pattern) return wn__fail(WN_EINVAL, "%s is compressed already", p->name);
    if (p->map) return wn__fail(WN_EINVAL, "%s is stored as %s and cannot be compressed", p->name, p->map->name);
    if (p->role != WN__WEIGHT) return wn__fail(WN_EINVAL, "%s is no weight of a layer and cannot be compressed", p->name);
    if (!p->mask && !pattern) return wn__fail(WN_EINVAL, "%s has no mask to compress it by", p->name);
    if (pattern && (pattern->rows != p->dim[0] || pattern->columns != p->count / p->dim[0]))
        return wn__fail(WN_EMISMATCH, "%s: pattern of %lld x %lld for %lld x %lld weights", p->name, (long long)pattern->rows,
                        (long long)pattern->columns, (long long)p->dim[0], (long long)(p->count / p->dim[0]));
    return WN_OK;
}

/* The new arrays first: a failure changes nothing. */
static wn_status shrink_arrays(wn__param *p, const wn__pattern *pattern, const void *values)
{
    float **array[ARRAYS], *made[ARRAYS];
    WN_TRY(new_arrays(p, pattern->stored, made));
    arrays_of(p, array);
    for (int i = 0; i < ARRAYS; i++)
        if (made[i] && !values) wn__pattern_gather(pattern, *array[i], made[i]);
    if (values && pattern->stored) memcpy(made[0], values, (size_t)pattern->stored * sizeof *made[0]);
    take_arrays(p, made);
    return WN_OK;
}

wn_status wn__params_compress(wn__params *set, wn__param *p, wn__pattern *pattern)
{
    return wn__params_compress_values(set, p, pattern, NULL);
}

wn_status wn__params_compress_values(wn__params *set, wn__param *p, wn__pattern *pattern, const void *values)
{
    WN_TRY(check_compressible(p, pattern));
    wn__pattern *own = WN_NEW(wn__pattern);
    if (!own) return wn__no_memory(sizeof *own);
    wn_status status = WN_OK;
    if (pattern)
        *own = *pattern;
    else
        status = wn__pattern_from_mask(p->dim[0], p->count / p->dim[0], p->mask, own);
    if (status == WN_OK) status = shrink_arrays(p, own, values);
    if (status != WN_OK) {
        if (!pattern) wn__pattern_release(own);
        wn__free(own);
        return status;
    }
    if (pattern) *pattern = (wn__pattern){0};
    wn__free(p->mask);
    p->mask = NULL;
    p->pattern = own;
    p->stored = p->active = p->capacity = own->stored;
    WN__INVARIANT(wn__param_is_valid(p));
    bump(set);
    return WN_OK;
}

wn_status wn__params_compress_masked(wn__params *set)
{
    for (int i = 0; i < set->count; i++)
        if (set->item[i].mask && set->item[i].role == WN__WEIGHT && !set->item[i].map)
            WN_TRY(wn__params_compress(set, &set->item[i], NULL));
    return WN_OK;
}

/* --- compressed to dense ------------------------------------------------------------------------------------------------------- */

wn_status wn__params_spread(wn__params *set, wn__param *p)
{
    wn__pattern *pattern = p->pattern;
    float **array[ARRAYS], *made[ARRAYS];
    if (!pattern) return wn__fail(WN_EINVAL, "%s is dense", p->name);
    WN_TRY(new_arrays(p, p->count, made));
    arrays_of(p, array);
    for (int i = 0; i < ARRAYS; i++)
        if (made[i]) wn__pattern_scatter(pattern, *array[i], made[i]);
    take_arrays(p, made);
    p->pattern = NULL;
    p->stored = p->active = p->capacity = p->count;
    wn__pattern_release(pattern);
    wn__free(pattern);
    WN__INVARIANT(wn__param_is_valid(p));
    bump(set);
    return WN_OK;
}

void wn__param_spread(const wn__param *from, const float *stored, float *dense)
{
    if (from->pattern)
        wn__pattern_scatter(from->pattern, stored, dense);
    else
        memcpy(dense, stored, (size_t)from->count * sizeof *dense);
}

wn_status wn__param_weight(const wn__param *p, float *weight)
{
    if (p->map) return p->map->materialise(p, p->value, weight);
    wn__param_spread(p, p->value, weight);
    return WN_OK;
}

static wn_status copy_mask(const wn__param *from, wn__param *to)
{
    if (!from->pattern) return from->mask ? wn__param_set_mask(to, from->mask) : WN_OK;
    uint8_t *mask = wn__alloc((size_t)from->count);
    if (!mask) return wn__no_memory((size_t)from->count);
    wn__pattern_mask(from->pattern, mask);
    const wn_status status = wn__param_set_mask(to, mask);
    wn__free(mask);
    return status;
}

static wn_status copy_dense(const wn__param *from, wn__param *to)
{
    wn__param_spread(from, from->value, to->value);
    for (int s = 0; s < WN__SLOTS; s++) {
        if (!from->slot[s]) continue;
        if (!(to->slot[s] = WN_NEW_ARRAY(float, to->count))) return wn__no_memory((size_t)to->count * sizeof(float));
        wn__param_spread(from, from->slot[s], to->slot[s]);
    }
    return copy_mask(from, to);
}

wn_status wn__params_copy_dense(const wn__params *set, wn__params *out)
{
    for (int i = 0; i < set->count; i++) {
        const wn__param *p = &set->item[i];
        if (p->map) return wn__fail(WN_EINVAL, "%s is stored as %s", p->name, p->map->name);
        WN_TRY(wn__params_add(out, p->name, p->role, p->ndim, p->dim));
        WN_TRY(copy_dense(p, &out->item[i]));
    }
    return WN_OK;
}

/* --- topology updates ---------------------------------------------------------------------------------------------------------- */

wn_status wn__params_reserve(wn__params *set, wn__param *p, int64_t capacity)
{
    float **array[ARRAYS], *made[ARRAYS];
    assert(p->pattern);
    if (capacity <= p->capacity) return WN_OK;
    WN_TRY(wn__pattern_reserve(p->pattern, capacity)); /* more room than the arrays have does no harm */
    WN_TRY(new_arrays(p, capacity, made));
    arrays_of(p, array);
    for (int i = 0; i < ARRAYS; i++)
        if (made[i] && p->stored) memcpy(made[i], *array[i], (size_t)p->stored * sizeof(float));
    take_arrays(p, made);
    p->capacity = capacity;
    bump(set); /* arrays moved */
    return WN_OK;
}

/* Take out of both lists what is in both. Both ascend in the same order, so one walk does. */
static void cancel_regrown(const wn__pattern *pattern, wn__topology_update *u)
{
    int64_t drops = 0, grows = 0, d = 0;
    for (int64_t g = 0; g < u->grows; g++) {
        const int64_t position = u->grow[g];
        const bool in_range = position >= 0 && position < pattern->rows * pattern->columns;
        const int64_t entry = in_range ? wn__pattern_find(pattern, position / pattern->columns, position % pattern->columns) : -1;
        while (entry >= 0 && d < u->drops && u->drop[d] < entry)
            u->drop[drops++] = u->drop[d++];
        if (entry >= 0 && d < u->drops && u->drop[d] == entry)
            d++;
        else
            u->grow[grows++] = position;
    }
    while (d < u->drops)
        u->drop[drops++] = u->drop[d++];
    u->drops = drops;
    u->grows = grows;
}

static void move(float *array, int64_t to, int64_t from, int64_t count)
{
    if (to != from && count > 0) memmove(array + to, array + from, (size_t)count * sizeof *array);
}

/* Close the gaps that dropped entries leave, run by run. */
static void drop_values(float *array, int64_t stored, const int64_t *drop, int64_t drops)
{
    int64_t kept = drops ? drop[0] : stored;
    for (int64_t i = 0; i < drops; i++) {
        const int64_t first = drop[i] + 1, end = i + 1 < drops ? drop[i + 1] : stored;
        move(array, kept, first, end - first);
        kept += end - first;
    }
}

/* Open a zero at each grown position of the new pattern, run by run from the end: nothing is overwritten before it was moved. */
static void grow_values(float *array, const wn__pattern *next, const int64_t *grow, int64_t grows)
{
    int64_t end = next->stored;
    for (int64_t i = grows - 1; i >= 0; i--) {
        const int64_t place = wn__pattern_find(next, grow[i] / next->columns, grow[i] % next->columns);
        move(array, place + 1, place - i, end - place - 1);
        array[place] = 0.0f;
        end = place;
    }
}

wn_status wn__params_update_topology(wn__params *set, wn__param *p, wn__topology_update *u)
{
    float **array[ARRAYS];
    if (!p->pattern) return wn__fail(WN_EINVAL, "%s is dense: it has no pattern to change", p->name);
    if (u->regrown == WN__REGROWN_KEEPS) cancel_regrown(p->pattern, u);
    const int64_t before = p->stored;
    WN_TRY(wn__params_reserve(set, p, before - u->drops + u->grows));
    WN_TRY(wn__pattern_change(p->pattern, u->drop, u->drops, u->grow, u->grows));
    arrays_of(p, array);
    for (int i = 0; i < ARRAYS; i++) {
        if (!*array[i]) continue;
        drop_values(*array[i], before, u->drop, u->drops);
        grow_values(*array[i], p->pattern, u->grow, u->grows);
    }
    p->stored = p->active = p->pattern->stored;
    WN__INVARIANT(wn__param_is_valid(p));
    bump(set);
    return WN_OK;
}

/* Entries of `a` that `b` lacks, as numbers, or as positions; `list` NULL only counts. */
static int64_t list_missing(const wn__pattern *a, const wn__pattern *b, bool positions, int64_t *list)
{
    int64_t count = 0;
    for (int64_t r = 0; r < a->rows; r++) {
        int64_t k = b->row_start[r];
        for (int64_t e = a->row_start[r]; e < a->row_start[r + 1]; e++) {
            while (k < b->row_start[r + 1] && b->column[k] < a->column[e])
                k++;
            if (k < b->row_start[r + 1] && b->column[k] == a->column[e]) continue;
            if (list) list[count] = positions ? r * a->columns + a->column[e] : e;
            count++;
        }
    }
    return count;
}

wn_status wn__params_set_pattern(wn__params *set, wn__param *p, const wn__pattern *next)
{
    const wn__pattern *now = p->pattern;
    if (!now) return wn__fail(WN_EINVAL, "%s is dense: it has no pattern to change", p->name);
    if (now->rows != next->rows || now->columns != next->columns)
        return wn__fail(WN_EMISMATCH, "%s: pattern of %lld x %lld for %lld x %lld weights", p->name, (long long)next->rows,
                        (long long)next->columns, (long long)now->rows, (long long)now->columns);
    if (wn__pattern_equal(now, next)) return WN_OK;
    wn__topology_update u = {.drops = list_missing(now, next, false, NULL), .grows = list_missing(next, now, true, NULL)};
    u.drop = WN_NEW_ARRAY(int64_t, u.drops);
    u.grow = WN_NEW_ARRAY(int64_t, u.grows);
    wn_status status = u.drop && u.grow ? WN_OK : wn__no_memory((size_t)(u.drops + u.grows) * sizeof(int64_t));
    if (status == WN_OK) {
        list_missing(now, next, false, u.drop);
        list_missing(next, now, true, u.grow);
        status = wn__params_update_topology(set, p, &u);
    }
    wn__free(u.drop);
    wn__free(u.grow);
    return status;
}

wn_status wn__params_set_mask(wn__params *set, wn__param *p, const uint8_t *mask)
{
    if (!p->pattern) return wn__param_set_mask(p, mask);
    const int64_t rows = p->pattern->rows, columns = p->pattern->columns;
    wn__pattern next;
    WN_TRY(mask ? wn__pattern_from_mask(rows, columns, mask, &next) : wn__pattern_full(rows, columns, &next));
    const wn_status status = wn__params_set_pattern(set, p, &next);
    wn__pattern_release(&next);
    return status;
}
