#include "sparse/dynamic/twin.h"

#include "base/alloc.h"
#include "base/fail.h"

/* The same slots as the other has. */
static wn_status take_slots(wn__param *to, const wn__param *from)
{
    for (int s = 0; s < WN__SLOTS; s++)
        if (from->slot[s] && !(to->slot[s] = WN_NEW_ARRAY(float, to->capacity))) return wn__no_memory((size_t)to->capacity * sizeof(float));
    return WN_OK;
}

wn_status wn__twin_make(wn__params *params, int index, wn__twin *out)
{
    const wn__param *p = &params->item[index];
    wn__twin t = {.params = params, .index = index};
    wn__pattern pattern;
    if (!p->mask || p->stored != p->count)
        return wn__fail(WN_EINVAL, "%s: %s", p->name, p->mask ? "what is stored has another shape than the weight" : "there is no mask");
    WN_TRY(wn__pattern_from_mask(p->dim[0], p->count / p->dim[0], p->mask, &pattern));
    wn_status status = wn__params_add_compressed(&t.set, p->name, p->ndim, p->dim, &pattern);
    if (status == WN_OK) status = take_slots(&t.set.item[0], p);
    if (status == WN_OK) status = wn__twin_take(&t);
    wn__pattern_release(&pattern); /* zeroed where it was taken over */
    if (status != WN_OK) wn__twin_release(&t);
    if (status == WN_OK) *out = t;
    return status;
}

void wn__twin_release(wn__twin *t) { wn__params_release(&t->set); }

wn_status wn__twin_take(wn__twin *t)
{
    const wn__param *from = &t->params->item[t->index];
    wn__param *to = &t->set.item[0];
    WN_TRY(wn__params_set_mask(&t->set, to, from->mask));
    wn__pattern_gather(to->pattern, from->value, to->value);
    wn__pattern_gather(to->pattern, from->grad, to->grad);
    for (int s = 0; s < WN__SLOTS; s++)
        if (to->slot[s]) wn__pattern_gather(to->pattern, from->slot[s], to->slot[s]);
    return WN_OK;
}

void wn__twin_return(wn__twin *t)
{
    const wn__param *from = &t->set.item[0];
    wn__param *to = &t->params->item[t->index];
    wn__pattern_mask(from->pattern, to->mask);
    wn__pattern_scatter(from->pattern, from->value, to->value);
    for (int s = 0; s < WN__SLOTS; s++)
        if (from->slot[s]) wn__pattern_scatter(from->pattern, from->slot[s], to->slot[s]);
    to->active = from->stored;
    t->params->version++;
}
