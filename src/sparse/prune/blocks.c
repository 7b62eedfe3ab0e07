#include "sparse/prune/blocks.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "sparse/prune/mask.h"

const char *const wn__block_names[] = {"weight", "kernel", "filter", "fan-in", NULL};
const char *const wn__block_criterion_names[] = {"mean-abs", "abs-mean", NULL};

int64_t wn__block_width(const wn__param *p, int block)
{
    const int64_t columns = p->count / p->dim[0];
    if (block == WN__BLOCK_FILTER) return columns;
    return block == WN__BLOCK_KERNEL ? columns / p->dim[1] : 1;
}

float wn__block_score(const float *x, int64_t width, int criterion)
{
    double sum = 0;
    for (int64_t k = 0; k < width; k++)
        sum += criterion == WN__BLOCK_ABS_MEAN ? (double)x[k] : fabs((double)x[k]);
    return (float)(fabs(sum) / (double)width);
}

static wn_status round_one(const wn__param *p, int block, int64_t *active)
{
    const int64_t width = wn__block_width(p, block), rows = p->dim[0];
    if (*active == p->count || block == WN__BLOCK_WEIGHT) return WN_OK;
    if (block != WN__BLOCK_FAN_IN) {
        const int64_t blocks = (*active + width / 2) / width;
        *active = width * (blocks > 0 ? blocks : 1);
        return WN_OK;
    }
    if (*active < rows)
        return wn__fail(WN_EUSAGE, "%s: %lld weights for %lld outputs, each needs one: a lower sparsity, or wider layers", p->name,
                        (long long)*active, (long long)rows);
    *active = *active / rows * rows;
    return WN_OK;
}

wn_status wn__blocks_round(const wn__params *params, const wn__selection *selection, int block, int64_t *active)
{
    for (int i = 0; i < params->count; i++)
        if (selection->selected[i]) WN_TRY(round_one(&params->item[i], block, &active[i]));
    return WN_OK;
}

static void draw(const wn__param *p, int block, int64_t active, wn__rng *rng, uint8_t *mask)
{
    const int64_t width = wn__block_width(p, block), rows = p->dim[0], columns = p->count / rows;
    if (block == WN__BLOCK_FAN_IN) {
        for (int64_t r = 0; r < rows; r++)
            wn__mask_draw(rng, columns, active / rows, mask + r * columns);
        return;
    }
    wn__mask_draw(rng, p->count / width, active / width, mask);
    for (int64_t u = p->count / width - 1; u > 0; u--) /* spread from the end: nothing is overwritten before it was read */
        memset(mask + u * width, mask[u], (size_t)width);
    memset(mask, mask[0], (size_t)width);
}

wn_status wn__blocks_random(wn__params *params, const wn__selection *selection, int block, const int64_t *active, uint64_t seed)
{
    for (int i = 0; i < params->count; i++) {
        wn__param *p = &params->item[i];
        if (!selection->selected[i]) continue;
        uint8_t *mask = active[i] < p->count ? wn__alloc((size_t)p->count) : NULL;
        if (!mask && active[i] < p->count) return wn__no_memory((size_t)p->count);
        wn__rng rng = wn__rng_make(seed, WN__FOR_MASK, (uint64_t)i, WN__SHUFFLE_LAYER);
        if (mask) draw(p, block, active[i], &rng, mask);
        const wn_status status = wn__param_set_mask(p, mask);
        wn__free(mask);
        WN_TRY(status);
    }
    params->version++;
    return WN_OK;
}
