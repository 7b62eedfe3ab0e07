#include "tensor/param.h"

#include <string.h>

#include "base/check.h"
#include "base/fail.h"

bool wn__role_is_trained(wn__param_role role) { return role != WN__MEAN && role != WN__VARIANCE; }

/* Takes over the pattern, if there is one, on success. */
static wn_status make_param(wn__param *p, const char *name, wn__param_role role, int ndim, const int64_t *dim, wn__pattern *pattern)
{
    *p = (wn__param){.role = role, .ndim = ndim, .count = 1};
    for (int i = 0; i < ndim; i++) {
        p->dim[i] = dim[i];
        if (dim[i] < 1 || __builtin_mul_overflow(p->count, dim[i], &p->count))
            return wn__fail(WN_EINVAL, "parameter %s: dimension %d is %lld", name, i, (long long)dim[i]);
    }
    if (pattern && (ndim < 1 || pattern->rows != dim[0] || pattern->columns != p->count / dim[0]))
        return wn__fail(WN_EMISMATCH, "parameter %s: pattern of %lld x %lld for %lld x %lld weights", name, (long long)pattern->rows,
                        (long long)pattern->columns, (long long)(ndim < 1 ? 0 : dim[0]), (long long)(ndim < 1 ? 0 : p->count / dim[0]));
    p->stored = p->active = p->capacity = pattern ? pattern->stored : p->count;
    p->name = wn__strdup(name);
    if (pattern && !(p->pattern = WN_NEW(wn__pattern))) return wn__no_memory(sizeof(wn__pattern));
    p->value = WN_NEW_ARRAY(float, p->stored);
    if (wn__role_is_trained(role)) p->grad = WN_NEW_ARRAY(float, p->stored);
    if (!p->name || !p->value || (wn__role_is_trained(role) && !p->grad)) return wn__no_memory((size_t)p->stored * sizeof(float));
    if (pattern) {
        *p->pattern = *pattern;
        *pattern = (wn__pattern){0};
    }
    return WN_OK;
}

static void release_param(wn__param *p)
{
    if (p->map && p->map->release) p->map->release(p);
    wn__free(p->name);
    wn__free(p->value);
    wn__free(p->grad);
    wn__free(p->mask);
    wn__free(p->room);
    if (p->pattern) wn__pattern_release(p->pattern);
    wn__free(p->pattern);
    for (int i = 0; i < WN__SLOTS; i++)
        wn__free(p->slot[i]);
    *p = (wn__param){0};
}

static wn_status add(wn__params *set, const char *name, wn__param_role role, int ndim, const int64_t *dim, wn__pattern *pattern)
{
    WN_TRY(wn__make_room(&set->item, set->count, sizeof *set->item));
    wn__param *p = &set->item[set->count];
    const wn_status status = make_param(p, name, role, ndim, dim, pattern);
    if (status != WN_OK) {
        release_param(p);
        return status;
    }
    WN__INVARIANT(wn__param_is_valid(p));
    set->count++;
    set->version++;
    set->topology++;
    return WN_OK;
}

wn_status wn__params_add(wn__params *set, const char *name, wn__param_role role, int ndim, const int64_t *dim)
{
    return add(set, name, role, ndim, dim, NULL);
}

wn_status wn__params_add_compressed(wn__params *set, const char *name, int ndim, const int64_t *dim, wn__pattern *pattern)
{
    return add(set, name, WN__WEIGHT, ndim, dim, pattern);
}

wn_status wn__params_allocate_slots(wn__params *set, int slots)
{
    for (int i = 0; i < set->count; i++) {
        wn__param *p = &set->item[i];
        if (!wn__role_is_trained(p->role)) continue;
        for (int s = 0; s < slots; s++) {
            if (p->slot[s])
                memset(p->slot[s], 0, (size_t)p->stored * sizeof(float));
            else if (!(p->slot[s] = WN_NEW_ARRAY(float, p->capacity)))
                return wn__no_memory((size_t)p->capacity * sizeof(float));
        }
    }
    return WN_OK;
}

wn__param *wn__params_find(const wn__params *set, const char *name)
{
    for (int i = 0; i < set->count; i++)
        if (!strcmp(set->item[i].name, name)) return &set->item[i];
    return NULL;
}

static void copy_values(wn__param *to, const wn__param *from)
{
    if (to->pattern && from->pattern)
        wn__pattern_transfer(from->pattern, from->value, to->pattern, to->value);
    else if (to->pattern)
        wn__pattern_gather(to->pattern, from->value, to->value);
    else if (from->pattern)
        wn__pattern_scatter(from->pattern, from->value, to->value);
    else
        memcpy(to->value, from->value, (size_t)to->stored * sizeof(float));
    wn__param_apply_mask(to);
}

wn_status wn__params_copy_values(wn__params *to, const wn__params *from)
{
    if (to->count != from->count)
        return wn__fail(WN_EMISMATCH, "weights of another network: %d parameters, expected %d", from->count, to->count);
    for (int i = 0; i < to->count; i++) {
        const wn__param *a = &to->item[i], *b = &from->item[i];
        if (strcmp(a->name, b->name) || wn__param_entries(a) != wn__param_entries(b) || a->dim[0] != b->dim[0])
            return wn__fail(WN_EMISMATCH, "weights of another network: %s has %lld entries, expected %s with %lld", b->name,
                            (long long)wn__param_entries(b), a->name, (long long)wn__param_entries(a));
    }
    for (int i = 0; i < to->count; i++)
        copy_values(&to->item[i], &from->item[i]);
    to->version++;
    return WN_OK;
}

/* As 0 and 1; how many are 1. */
static int64_t copy_mask(const uint8_t *mask, int64_t count, uint8_t *out)
{
    int64_t active = 0;
    for (int64_t i = 0; i < count; i++) {
        const uint8_t one = mask[i] != 0;
        active += one;
        out[i] = one;
    }
    return active;
}

wn_status wn__param_set_mask(wn__param *p, const uint8_t *mask)
{
    if (p->pattern) return wn__fail(WN_EINVAL, "%s is compressed: it has a pattern and takes no mask", p->name);
    if (!mask) {
        wn__free(p->mask);
        p->mask = NULL;
        p->active = p->map && p->map->active ? p->map->active(p) : p->stored;
        WN__INVARIANT(wn__param_is_valid(p));
        return WN_OK;
    }
    if (!p->mask && !(p->mask = wn__alloc((size_t)p->stored))) return wn__no_memory((size_t)p->stored);
    p->active = copy_mask(mask, p->stored, p->mask);
    wn__param_apply_mask(p);
    return WN_OK;
}

/* By bits, without a branch that nothing could foresee. */
static void zero_masked(const uint8_t *mask, int64_t count, float *values)
{
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        bits &= 0u - (uint32_t)(mask[i] != 0);
        memcpy(&values[i], &bits, sizeof bits);
    }
}

void wn__param_apply_mask(wn__param *p)
{
    if (!p->mask) return;
    zero_masked(p->mask, p->stored, p->value);
    for (int s = 0; s < WN__SLOTS; s++)
        if (p->slot[s]) zero_masked(p->mask, p->stored, p->slot[s]);
    WN__INVARIANT(wn__param_is_valid(p));
}

static bool pattern_fits(const wn__param *p)
{
    const wn__pattern *q = p->pattern;
    return !p->mask && !p->map && q->rows == p->dim[0] && q->rows * q->columns == p->count && q->stored == p->stored &&
           p->active == p->stored && wn__pattern_is_valid(q);
}

static bool is_zero(const wn__param *p, int64_t entry)
{
    bool zero = p->value[entry] == 0;
    for (int s = 0; s < WN__SLOTS; s++)
        zero = zero && !(p->slot[s] && p->slot[s][entry] != 0);
    return zero;
}

static bool mask_fits(const wn__param *p)
{
    int64_t active = 0;
    for (int64_t e = 0; e < p->stored; e++) {
        if (p->mask[e] > 1 || (!p->mask[e] && !is_zero(p, e))) return false;
        active += p->mask[e];
    }
    return active == p->active;
}

bool wn__param_is_valid(const wn__param *p)
{
    if (p->stored < 0 || p->stored > p->capacity || p->active < 0) return false;
    if (p->pattern) return pattern_fits(p);
    if (!p->map && p->stored != p->count) return false;
    if (p->mask) return mask_fits(p);
    return p->map || p->active == p->stored;
}

bool wn__params_are_valid(const wn__params *set)
{
    for (int i = 0; i < set->count; i++)
        if (!wn__param_is_valid(&set->item[i])) return false;
    return true;
}

wn_status wn__params_set_map(wn__params *set, wn__param *p, const wn__param_map *map, void *map_state, int64_t stored)
{
    float **array[2 + WN__SLOTS] = {&p->value, &p->grad}, *made[2 + WN__SLOTS] = {NULL};
    if (p->map || p->mask || p->pattern || p->role != WN__WEIGHT)
        return wn__fail(WN_EINVAL, "%s: only a dense weight without mask can be stored as %s", p->name, map->name);
    for (int s = 0; s < WN__SLOTS; s++)
        array[2 + s] = &p->slot[s];
    bool failed = !(p->room || (p->room = WN_NEW_ARRAY(float, p->count)));
    for (int i = 0; i < 2 + WN__SLOTS; i++)
        failed = failed || (*array[i] && !(made[i] = WN_NEW_ARRAY(float, stored)));
    for (int i = 0; i < 2 + WN__SLOTS; i++) {
        wn__free(failed ? made[i] : *array[i]);
        if (!failed) *array[i] = made[i];
    }
    if (failed) return wn__no_memory((size_t)stored * sizeof(float));
    p->map = map;
    p->map_state = map_state;
    p->stored = p->capacity = p->active = stored;
    set->version++;
    set->topology++;
    WN__INVARIANT(wn__param_is_valid(p));
    return WN_OK;
}

void wn__params_release(wn__params *set)
{
    for (int i = 0; i < set->count; i++)
        release_param(&set->item[i]);
    wn__free(set->item);
    *set = (wn__params){0};
}
