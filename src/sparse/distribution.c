#include "sparse/distribution.h"

#include <math.h>

#include "base/elementary.h"
#include "base/fail.h"
#include "base/rng.h"
#include "sparse/mask.h"

const char *const wn__distribution_names[] = {"uniform", "er", "erk", NULL};

typedef struct spread {
    const wn__params *params;
    bool *member, *dense; /* (count) in the budget; found to be dense */
    double *raw;          /* (count) density / eps */
} spread;

static int64_t zeros_of(double sparsity, int64_t entries) { return (int64_t)floor(sparsity * (double)entries); }

static double raw_density(const wn__param *p, const wn__distribute *how)
{
    const int sides = how->distribution == WN__ER ? 2 : p->ndim;
    double sum = 0, product = 1;
    for (int i = 0; i < sides && i < p->ndim; i++) {
        sum += (double)p->dim[i];
        product *= (double)p->dim[i];
    }
    const double power = how->distribution == WN__ERK && how->power > 0 ? how->power : 1;
    return power == 1 ? sum / product : wn__exp(power * wn__ln(sum / product));
}

/* eps for the layers that are not dense yet. */
static double solve(const spread *s, double sparsity)
{
    double budget = 0, divisor = 0;
    for (int i = 0; i < s->params->count; i++) {
        if (!s->member[i]) continue;
        const int64_t entries = s->params->item[i].count, zeros = zeros_of(sparsity, entries);
        budget += (double)(s->dense[i] ? -zeros : entries - zeros);
        if (!s->dense[i]) divisor += s->raw[i] * (double)entries;
    }
    return divisor > 0 ? budget / divisor : NAN;
}

/* The densest layers become dense while eps would make them more than that. */
static double find_eps(spread *s, double sparsity)
{
    for (;;) {
        const double eps = solve(s, sparsity);
        double largest = 0;
        for (int i = 0; i < s->params->count; i++)
            if (s->member[i] && !s->dense[i] && s->raw[i] > largest) largest = s->raw[i];
        if (!(eps * largest > 1)) return eps;
        for (int i = 0; i < s->params->count; i++)
            if (s->member[i] && !s->dense[i] && s->raw[i] == largest) s->dense[i] = true;
    }
}

static double layer_sparsity(const spread *s, int i, const wn__distribute *how, double eps)
{
    if (!s->member[i] || s->dense[i]) return 0;
    if (how->distribution == WN__UNIFORM) return how->sparsity;
    const double sparsity = 1 - eps * s->raw[i];
    return sparsity < 0 ? 0 : sparsity > 1 ? 1 : sparsity;
}

wn_status wn__distribution_counts(const wn__params *params, const wn__selection *selection, const wn__distribute *how, int64_t *active,
                                  double *eps)
{
    if (!(how->sparsity >= 0 && how->sparsity <= 1)) return wn__fail(WN_EUSAGE, "sparsity %g is not between 0 and 1", how->sparsity);
    spread s = {params, WN_NEW_ARRAY(bool, params->count), WN_NEW_ARRAY(bool, params->count), WN_NEW_ARRAY(double, params->count)};
    const bool made = s.member && s.dense && s.raw;
    bool first = true;
    for (int i = 0; made && i < params->count; i++) {
        s.member[i] = selection->selected[i] && !(how->dense_first && first);
        if (selection->selected[i]) first = false;
        s.raw[i] = raw_density(&params->item[i], how);
    }
    if (made) {
        const double found = how->distribution == WN__UNIFORM ? NAN : find_eps(&s, how->sparsity);
        if (eps) *eps = found;
        for (int i = 0; i < params->count; i++)
            active[i] = params->item[i].count - zeros_of(layer_sparsity(&s, i, how, found), params->item[i].count);
    }
    wn__free(s.member);
    wn__free(s.dense);
    wn__free(s.raw);
    return made ? WN_OK : wn__no_memory((size_t)params->count * sizeof(double));
}

static wn_status draw_mask(wn__param *p, int64_t active, wn__rng rng)
{
    if (active == p->count) return wn__param_set_mask(p, NULL);
    uint8_t *mask = wn__alloc((size_t)p->count);
    if (!mask) return wn__no_memory((size_t)p->count);
    wn__mask_draw(&rng, p->count, active, mask);
    const wn_status status = wn__param_set_mask(p, mask);
    wn__free(mask);
    return status;
}

wn_status wn__masks_random(wn__params *params, const wn__selection *selection, const int64_t *active, uint64_t seed)
{
    for (int i = 0; i < params->count; i++)
        if (selection->selected[i])
            WN_TRY(draw_mask(&params->item[i], active[i], wn__rng_make(seed, WN__FOR_MASK, (uint64_t)i, WN__SHUFFLE_LAYER)));
    params->version++;
    return WN_OK;
}
