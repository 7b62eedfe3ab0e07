#include "sparse/dense_to_sparse/soft_threshold.h"

#include <math.h>

#include "base/alloc.h"
#include "base/elementary.h"
#include "base/fail.h"

const wn__setting wn__threshold_settings[] = {
    WN_SETTING_FLOAT(wn__threshold_rule, start, -3200, -1e6, 1e6, "s of every layer at the start; its threshold is the sigmoid of s"),
    WN_SETTING_FLOAT(wn__threshold_rule, decay, -1, -1, 1, "weight decay of s; -1: the optimizer's, as for weights"),
    {0},
};

static double sigmoid(double s) { return 1 / (1 + wn__exp(-s)); }

static double s_of(const wn__param *p) { return (double)p->value[p->count]; }

float wn__threshold_of(const wn__param *p) { return (float)sigmoid(s_of(p)); }

static wn_status materialise(const wn__param *p, const float *stored, float *weight)
{
    const float threshold = wn__threshold_of(p);
    for (int64_t e = 0; e < p->count; e++)
        weight[e] = fabsf(stored[e]) <= threshold ? 0.0f : stored[e] - copysignf(threshold, stored[e]);
    return WN_OK;
}

static wn_status pull_back(const wn__param *p, const float *weight_grad, float *grad)
{
    const double s = s_of(p), slope = sigmoid(s) * sigmoid(-s), *decay = p->map_state;
    const float threshold = wn__threshold_of(p);
    double along = 0;
    for (int64_t e = 0; e < p->count; e++) {
        const bool passes = !(fabsf(p->value[e]) <= threshold);
        grad[e] = passes ? weight_grad[e] : 0.0f;
        along += passes ? (double)copysignf(1.0f, p->value[e]) * (double)weight_grad[e] : 0;
    }
    const double own = *decay >= 0 ? *decay * s : 0;
    grad[p->count] = (float)((slope > 0 ? -slope * along : 0) + own);
    return WN_OK;
}

static int64_t active(const wn__param *p)
{
    const float threshold = wn__threshold_of(p);
    int64_t count = 0;
    for (int64_t e = 0; e < p->count; e++)
        count += fabsf(p->value[e]) > threshold;
    return count;
}

static void release(wn__param *p) { wn__free(p->map_state); }

static const wn__param_map with_optimizers_decay = {
    .name = "soft threshold", .materialise = materialise, .pull_back = pull_back, .active = active, .release = release};
static const wn__param_map with_own_decay = {.name = "soft threshold",
                                             .materialise = materialise,
                                             .pull_back = pull_back,
                                             .active = active,
                                             .decays_own_tail = true,
                                             .release = release};

wn_status wn__threshold_attach(const wn__threshold_rule *rule, const wn__selection *selection, wn__params *params)
{
    for (int i = 0; i < params->count; i++) {
        wn__param *p = &params->item[i];
        if (!selection->selected[i]) continue;
        double *decay = WN_NEW(double);
        if (!decay) return wn__no_memory(sizeof *decay);
        *decay = rule->decay;
        WN_TRY(wn__params_cover(params, p, rule->decay >= 0 ? &with_own_decay : &with_optimizers_decay, decay, 1));
        p->value[p->count] = (float)rule->start;
        p->active = active(p);
    }
    return WN_OK;
}
