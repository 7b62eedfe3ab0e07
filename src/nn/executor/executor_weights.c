/* Dense weights made from what is stored, and gradients taken back. */
#include <string.h>

#include "base/fail.h"
#include "nn/executor/executor_parts.h"

static bool is_materialised(const wn__executor *ex, const wn__param *p) { return p->map || (p->pattern && !ex->device->compressed); }

static wn_status make_dense(float **array, const wn__param *p, bool wanted)
{
    if (!wanted) {
        wn__free(*array);
        *array = NULL;
    } else if (!*array && !(*array = WN_NEW_ARRAY(float, p->count))) {
        return wn__no_memory((size_t)p->count * sizeof(float));
    }
    return WN_OK;
}

wn_status wn__executor_follow_topology(wn__executor *ex)
{
    const wn__params *params = ex->params;
    if (ex->topology == params->topology) return WN_OK;
    for (int i = 0; i < params->count; i++) {
        const wn__param *p = &params->item[i];
        const bool wanted = is_materialised(ex, p), tangents = wanted && ex->options.tangents;
        WN_TRY(make_dense(&ex->weight[i], p, wanted));
        WN_TRY(make_dense(&ex->weight_grad[i], p, wanted && (ex->options.training || ex->options.tangents)));
        WN_TRY(make_dense(&ex->t_weight[i], p, tangents));
        WN_TRY(make_dense(&ex->t_weight_grad[i], p, tangents));
    }
    ex->materialised = -1;
    ex->topology = params->topology;
    return WN_OK;
}

wn_status wn__executor_allocate_weights(wn__executor *ex)
{
    float ***const array[] = {&ex->weight, &ex->weight_grad, &ex->t_weight, &ex->t_weight_grad};
    for (int i = 0; i < 4; i++)
        if (!(*array[i] = WN_NEW_ARRAY(float *, ex->params->count))) return wn__no_memory((size_t)ex->params->count * sizeof(float *));
    return wn__executor_follow_topology(ex);
}

void wn__executor_free_weights(wn__executor *ex)
{
    float **const array[] = {ex->weight, ex->weight_grad, ex->t_weight, ex->t_weight_grad};
    for (int k = 0; k < 4; k++) {
        for (int i = 0; array[k] && i < ex->params->count; i++)
            wn__free(array[k][i]);
        wn__free(array[k]);
    }
}

float *wn__executor_weight(const wn__executor *ex, int param)
{
    return ex->weight[param] ? ex->weight[param] : ex->params->item[param].value;
}

float *wn__executor_weight_grad(const wn__executor *ex, int param)
{
    return ex->weight_grad[param] ? ex->weight_grad[param] : ex->params->item[param].grad;
}

wn_status wn__executor_materialise(wn__executor *ex)
{
    const wn__params *params = ex->params;
    for (int i = 0; ex->materialised != params->version && i < params->count; i++) {
        const wn__param *p = &params->item[i];
        if (p->map)
            WN_TRY(p->map->materialise(p, p->value, ex->weight[i]));
        else if (ex->weight[i])
            wn__pattern_scatter(p->pattern, p->value, ex->weight[i]);
    }
    ex->materialised = params->version;
    return WN_OK;
}

static wn_status tell_coefficients(const wn__executor_run *r, int param)
{
    const wn__param *p = &r->ex->params->item[param];
    const wn__gradient_reading *of = r->pieces && r->ex->reading ? &r->ex->reading[param] : NULL;
    const wn__weight_gradient gradient = {.param = p, .rows = p->dim[0], .columns = p->count / p->dim[0], .dense = p->grad};
    return of && of->reader ? of->reader(of->arg, &gradient) : WN_OK;
}

wn_status wn__executor_finish_gradients(const wn__executor_run *r)
{
    const wn__executor *ex = r->ex;
    for (int i = 0; i < ex->params->count; i++) {
        wn__param *p = &ex->params->item[i];
        if (!wn__role_is_trained(p->role)) continue;
        const int64_t entries = ex->weight_grad[i] ? p->count : p->stored;
        if (!r->plan->param_written[i]) memset(wn__executor_weight_grad(ex, i), 0, (size_t)entries * sizeof(float));
        if (p->map) {
            WN_TRY(p->map->pull_back(p, ex->weight_grad[i], p->grad));
            WN_TRY(tell_coefficients(r, i));
        } else if (ex->weight_grad[i]) {
            wn__pattern_gather(p->pattern, ex->weight_grad[i], p->grad);
        }
    }
    return WN_OK;
}

wn_status wn__executor_expand_vectors(const wn__executor_run *r)
{
    for (int i = 0; i < r->ex->params->count; i++) {
        const wn__param *p = &r->ex->params->item[i];
        if (!r->ex->t_weight[i] || !r->vector[i]) continue;
        if (p->map)
            WN_TRY(p->map->materialise(p, r->vector[i], r->ex->t_weight[i]));
        else
            wn__pattern_scatter(p->pattern, r->vector[i], r->ex->t_weight[i]);
    }
    return WN_OK;
}

wn_status wn__executor_finish_products(const wn__executor_run *r)
{
    for (int i = 0; i < r->ex->params->count; i++) {
        const wn__param *p = &r->ex->params->item[i];
        if (!r->product[i]) continue;
        if (!r->plan->param_written[i])
            memset(r->product[i], 0, (size_t)p->stored * sizeof(float));
        else if (p->map)
            WN_TRY(p->map->pull_back(p, r->ex->t_weight_grad[i], r->product[i]));
        else if (r->ex->t_weight_grad[i])
            wn__pattern_gather(p->pattern, r->ex->t_weight_grad[i], r->product[i]);
    }
    return WN_OK;
}
