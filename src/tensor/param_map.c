/* Maps over parameters: put on, taken off, looked through. */
#include <string.h>

#include "base/check.h"
#include "base/fail.h"
#include "tensor/param.h"

#define ARRAYS (2 + WN__SLOTS)

static wn_status lengthen(float **array, int64_t from, int64_t to)
{
    if (!*array || from == to) return WN_OK;
    float *made = WN_NEW_ARRAY(float, to);
    if (!made) return wn__no_memory((size_t)to * sizeof(float));
    memcpy(made, *array, (size_t)from * sizeof(float));
    wn__free(*array);
    *array = made;
    return WN_OK;
}

static wn_status add_tail(wn__param *p, int64_t tail)
{
    float **array[ARRAYS] = {&p->value, &p->grad};
    for (int s = 0; s < WN__SLOTS; s++)
        array[2 + s] = &p->slot[s];
    for (int i = 0; i < ARRAYS; i++)
        WN_TRY(lengthen(array[i], p->count, p->count + tail));
    return WN_OK;
}

wn_status wn__params_cover(wn__params *set, wn__param *p, const wn__param_map *map, void *state, int64_t tail)
{
    const bool plain = !p->map && !p->mask && !p->pattern;
    wn_status status = plain ? add_tail(p, tail) : wn__fail(WN_EINVAL, "%s has a mask, pattern or map already", p->name);
    if (status != WN_OK) {
        wn__param holder = {.map_state = state};
        if (map->release) map->release(&holder);
        return status;
    }
    p->map = map;
    p->map_state = state;
    p->stored = p->capacity = p->count + tail;
    p->active = map->active(p);
    set->version++;
    set->topology++;
    WN__INVARIANT(wn__param_is_valid(p));
    return WN_OK;
}

/* The weight and which of its entries are not zero. */
static wn_status make_plain(const wn__param *p, float **value, uint8_t **mask)
{
    *value = WN_NEW_ARRAY(float, p->count);
    *mask = wn__alloc((size_t)p->count);
    wn_status status = *value && *mask ? p->map->materialise(p, p->value, *value) : wn__no_memory((size_t)p->count * sizeof(float));
    for (int64_t e = 0; status == WN_OK && e < p->count; e++)
        (*mask)[e] = (*value)[e] != 0;
    if (status == WN_OK) return WN_OK;
    wn__free(*value);
    wn__free(*mask);
    return status;
}

static void set_plain(wn__param *p, float *value, uint8_t *mask)
{
    p->value = value;
    p->mask = mask;
    p->map = NULL;
    p->map_state = NULL;
    p->stored = p->count;
    p->active = 0;
    for (int64_t e = 0; e < p->count; e++)
        p->active += mask[e];
}

wn_status wn__params_uncover(wn__params *set)
{
    bool changed = false;
    for (int i = 0; i < set->count; i++) {
        wn__param *p = &set->item[i];
        float *value;
        uint8_t *mask;
        if (!p->map || !p->map->active) continue;
        WN_TRY(make_plain(p, &value, &mask));
        if (p->map->release) p->map->release(p);
        wn__free(p->value);
        set_plain(p, value, mask);
        wn__param_apply_mask(p);
        changed = true;
    }
    set->version += changed;
    set->topology += changed;
    return WN_OK;
}

wn_status wn__params_view(const wn__params *set, wn__params *out)
{
    wn__params view = *set;
    view.item = WN_NEW_ARRAY(wn__param, set->count);
    if (!view.item) return wn__no_memory((size_t)set->count * sizeof *view.item);
    memcpy(view.item, set->item, (size_t)set->count * sizeof *view.item);
    for (int i = 0; i < set->count; i++) {
        float *value;
        uint8_t *mask;
        if (!set->item[i].map || !set->item[i].map->active) continue;
        const wn_status status = make_plain(&set->item[i], &value, &mask);
        if (status != WN_OK) {
            view.count = i;
            wn__params_view_release(&view);
            return status;
        }
        set_plain(&view.item[i], value, mask);
        memset(view.item[i].slot, 0, sizeof view.item[i].slot);
        view.item[i].grad = NULL; /* tells that value and mask are the view's own */
    }
    *out = view;
    return WN_OK;
}

void wn__params_view_release(wn__params *view)
{
    for (int i = 0; i < view->count; i++) {
        wn__param *p = &view->item[i];
        if (!wn__role_is_trained(p->role) || p->grad) continue;
        wn__free(p->value);
        wn__free(p->mask);
    }
    wn__free(view->item);
    *view = (wn__params){0};
}
