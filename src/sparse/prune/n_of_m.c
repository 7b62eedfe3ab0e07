#include "sparse/prune/n_of_m.h"

#include <math.h>

#include "base/alloc.h"
#include "base/fail.h"

const wn__setting wn__n_of_m_settings[] = {
    WN_SETTING_INT(wn__n_of_m, n, 2, 1, 64, "N of N:M: weights that stay of a group"),
    WN_SETTING_INT(wn__n_of_m, m, 4, 1, 64, "M of N:M: consecutive input channels of a group"),
    WN_SETTING_FLOAT(wn__n_of_m, decay, 0.0002, 0, 1, "of training by SR-STE: pull to zero of weights that are masked"),
    {0},
};

enum { MOST = 64 };

wn_status wn__n_of_m_check(const wn__n_of_m *rule, const wn__selection *selection, const wn__params *params)
{
    if (rule->n < 1 || rule->n > rule->m || rule->m > MOST)
        return wn__fail(WN_EUSAGE, "n_of_m: %lld of %lld, must be 1 <= n <= m <= %d", (long long)rule->n, (long long)rule->m, MOST);
    for (int i = 0; i < params->count; i++) {
        const wn__param *p = &params->item[i];
        if (selection->selected[i] && p->dim[1] % rule->m != 0)
            return wn__fail(
                WN_EUSAGE,
                "n_of_m: %s has %lld input channels, which cannot be divided into groups of %lld; leave it dense: mask: {layers: "
                "[default, \"!%s\"]}",
                p->name, (long long)p->dim[1], (long long)rule->m, p->name);
    }
    return WN_OK;
}

/* Places of the N largest of M scores, `step` apart. */
static void mask_group(const wn__n_of_m *rule, const float *score, int64_t step, uint8_t *mask)
{
    for (int64_t k = 0; k < rule->m; k++) {
        int64_t better = 0;
        for (int64_t j = 0; j < rule->m; j++)
            better += score[j * step] > score[k * step] || (score[j * step] == score[k * step] && j < k);
        mask[k * step] = better < rule->n;
    }
}

void wn__n_of_m_mask(const wn__n_of_m *rule, const wn__param *p, const float *score, uint8_t *mask)
{
    const int64_t channels = p->dim[1], field = p->count / p->dim[0] / channels;
    for (int64_t row = 0; row < p->dim[0]; row++)
        for (int64_t c = 0; c < channels; c += rule->m)
            for (int64_t k = 0; k < field; k++) {
                const int64_t at = (row * channels + c) * field + k;
                mask_group(rule, score + at, field, mask + at);
            }
}

/* ---- SR-STE */

/* The same by magnitude, one group at a time: which of the M values stay. */
static void choose(const wn__n_of_m *rule, const float *value, int64_t step, uint8_t *stays)
{
    float score[MOST];
    for (int64_t k = 0; k < rule->m; k++)
        score[k] = fabsf(value[k * step]);
    mask_group(rule, score, 1, stays);
}

typedef void (*group_call)(const wn__n_of_m *rule, const wn__param *p, int64_t at, int64_t step, const uint8_t *stays, const float *in,
                           float *out);

static void for_groups(const wn__param *p, const float *stored, group_call call, const float *in, float *out)
{
    const wn__n_of_m *rule = p->map_state;
    const int64_t channels = p->dim[1], field = p->count / p->dim[0] / channels;
    uint8_t stays[MOST];
    for (int64_t row = 0; row < p->dim[0]; row++)
        for (int64_t c = 0; c < channels; c += rule->m)
            for (int64_t k = 0; k < field; k++) {
                const int64_t at = (row * channels + c) * field + k;
                choose(rule, stored + at, field, stays);
                call(rule, p, at, field, stays, in, out);
            }
}

static void keep_largest(const wn__n_of_m *rule, const wn__param *p, int64_t at, int64_t step, const uint8_t *stays, const float *in,
                         float *out)
{
    (void)p;
    for (int64_t j = 0; j < rule->m; j++)
        out[at + j * step] = stays[j] ? in[at + j * step] : 0.0f;
}

static void pull_group(const wn__n_of_m *rule, const wn__param *p, int64_t at, int64_t step, const uint8_t *stays, const float *in,
                       float *out)
{
    const float decay = (float)rule->decay;
    for (int64_t j = 0; j < rule->m; j++) {
        const int64_t e = at + j * step;
        out[e] = stays[j] ? in[e] : in[e] + decay * p->value[e];
    }
}

static wn_status materialise(const wn__param *p, const float *stored, float *weight)
{
    for_groups(p, stored, keep_largest, stored, weight);
    return WN_OK;
}

static wn_status pull_back(const wn__param *p, const float *weight_grad, float *grad)
{
    for_groups(p, p->value, pull_group, weight_grad, grad);
    return WN_OK;
}

static int64_t active(const wn__param *p)
{
    const wn__n_of_m *rule = p->map_state;
    return p->count / rule->m * rule->n;
}

static void release(wn__param *p) { wn__free(p->map_state); }

static const wn__param_map straight_through = {
    .name = "N of M", .materialise = materialise, .pull_back = pull_back, .active = active, .release = release};

wn_status wn__n_of_m_attach(const wn__n_of_m *rule, const wn__selection *selection, wn__params *params)
{
    WN_TRY(wn__n_of_m_check(rule, selection, params));
    for (int i = 0; i < params->count; i++) {
        if (!selection->selected[i]) continue;
        wn__n_of_m *own = WN_NEW(wn__n_of_m);
        if (!own) return wn__no_memory(sizeof *own);
        *own = *rule;
        WN_TRY(wn__params_cover(params, &params->item[i], &straight_through, own, 0));
    }
    return WN_OK;
}
