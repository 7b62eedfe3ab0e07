#include "analysis/bezier.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "nn/loss.h"
#include "tensor/compression.h"

double wn__bernstein(int k, int order, double t)
{
    double value = 1;
    for (int i = 0; i < k; i++)
        value *= t * (order - i) / (i + 1);
    for (int i = k; i < order; i++)
        value *= 1 - t;
    return value;
}

/* --- the curve ----------------------------------------------------------------------------------------------------------------- */

void wn__bezier_release(wn__bezier *b)
{
    for (int k = 0; k < WN__MOST_CONTROLS; k++)
        wn__params_release(&b->control[k]);
    wn__free(b->point);
    wn__free(b->gradient);
    wn__free(b->scratch);
    *b = (wn__bezier){0};
}

static wn_status make_control(const wn_graph *graph, const wn__params *like, wn__params *out)
{
    WN_TRY(wn__graph_make_params(graph, out));
    bool compressed = false;
    for (int i = 0; i < like->count; i++) {
        const wn__param *p = &like->item[i];
        compressed = compressed || p->pattern;
        if (!p->pattern && !p->mask) continue;
        uint8_t *mask = WN_NEW_ARRAY(uint8_t, p->count);
        if (!mask) return wn__no_memory((size_t)p->count);
        if (p->pattern)
            wn__pattern_mask(p->pattern, mask);
        else
            memcpy(mask, p->mask, (size_t)p->count);
        const wn_status status = wn__param_set_mask(&out->item[i], mask);
        wn__free(mask);
        WN_TRY(status);
    }
    return compressed ? wn__params_compress_masked(out) : WN_OK;
}

wn_status wn__bezier_make(const wn_graph *graph, const wn__params *like, const wn__space *space, int order, const float *first,
                          const float *last, wn__bezier *out)
{
    assert(order >= 2 && order <= WN__MOST_CONTROLS + 1);
    wn__bezier b = {.space = space, .order = order, .first = first, .last = last};
    float **const array[] = {&b.point, &b.gradient, &b.scratch};
    wn_status status = WN_OK;
    for (int i = 0; i < 3; i++)
        if (!(*array[i] = WN_NEW_ARRAY(float, space->size))) status = wn__no_memory((size_t)space->size * sizeof(float));
    for (int k = 1; k < order && status == WN_OK; k++) {
        const double at = (double)k / order;
        status = make_control(graph, like, &b.control[k - 1]);
        for (int64_t i = 0; status == WN_OK && i < space->size; i++)
            b.point[i] = (float)((1 - at) * first[i] + at * last[i]);
        if (status == WN_OK) wn__space_set(space, b.point, &b.control[k - 1]);
    }
    if (status == WN_OK)
        *out = b;
    else
        wn__bezier_release(&b);
    return status;
}

static void add(const float *values, double factor, int64_t n, float *sum)
{
    for (int64_t i = 0; i < n; i++)
        sum[i] = (float)(sum[i] + factor * values[i]);
}

void wn__bezier_set(wn__bezier *b, double t, wn__params *params)
{
    const int64_t n = b->space->size;
    memset(b->point, 0, (size_t)n * sizeof *b->point);
    add(b->first, wn__bernstein(0, b->order, t), n, b->point);
    for (int k = 1; k < b->order; k++) {
        wn__space_values(b->space, &b->control[k - 1], b->scratch);
        add(b->scratch, wn__bernstein(k, b->order, t), n, b->point);
    }
    add(b->last, wn__bernstein(b->order, b->order, t), n, b->point);
    wn__space_set(b->space, b->point, params);
}

/* --- training it --------------------------------------------------------------------------------------------------------------- */

typedef struct batch_loss {
    const wn__batch *batch;
    wn__pool *pool;
    int64_t classes;
    double *loss, sum; /* (batch) */
} batch_loss;

static wn_status loss_gradient(void *arg, const float *logits, int64_t first, int64_t n, float *dlogits)
{
    static const wn__loss plain = {0};
    batch_loss *l = arg;
    const wn__loss_rows rows = {
        .n = n, .batch = l->batch->n, .classes = l->classes, .logits = logits, .targets = wn__targets_from(&l->batch->targets, first)};
    const wn__loss_out out = {.loss = l->loss, .dlogits = dlogits};
    wn__loss_compute(&plain, &rows, l->pool, &out);
    for (int64_t i = 0; i < n; i++)
        l->sum += l->loss[i] / (double)l->batch->n;
    return WN_OK;
}

static wn_status run_step(wn__bezier *b, const wn__bezier_training *t, wn__updater *const *updater, int64_t step, batch_loss *loss)
{
    wn__rng rng = wn__rng_make(t->seed, WN__FOR_STREAM, 0x74u, (uint64_t)step);
    const double at = wn__rng_uniform_double(&rng);
    const wn__step_info info = {.training = true, .seed = t->seed, .step = step};
    WN_TRY(wn__loader_next(t->loader, &loss->batch));
    wn__bezier_set(b, at, t->params);
    loss->sum = 0;
    WN_TRY(wn__executor_gradients(t->ex, loss->batch->input, loss->batch->n, info, loss_gradient, loss));
    if (!isfinite(loss->sum))
        return wn__fail(WN_EDIVERGED, "path: the loss is not finite at step %lld; use a smaller rate", (long long)step);
    wn__space_gradient(b->space, t->params, b->gradient);
    for (int k = 1; k < b->order; k++) {
        const double factor = wn__bernstein(k, b->order, at);
        for (int64_t i = 0; i < b->space->size; i++)
            b->scratch[i] = (float)(factor * b->gradient[i]);
        wn__space_set_gradient(b->space, b->scratch, &b->control[k - 1]);
        WN_TRY(wn__updater_step(updater[k - 1], wn__schedule_rate(t->schedule, step), t->updates + (step - t->first) + 1));
    }
    return WN_OK;
}

static wn_status run_steps(wn__bezier *b, const wn__bezier_training *t, wn__updater *const *updater, batch_loss *loss, double *mean)
{
    double sum = 0;
    for (int64_t step = t->first; step < t->last; step++) {
        WN_TRY(run_step(b, t, updater, step, loss));
        sum += loss->sum;
        if (t->progress) WN_TRY(t->progress(t->user, step + 1, loss->sum));
    }
    *mean = t->last > t->first ? sum / (double)(t->last - t->first) : 0;
    return WN_OK;
}

wn_status wn__bezier_train(wn__bezier *b, const wn__bezier_training *t, double *mean_loss)
{
    wn__updater *updater[WN__MOST_CONTROLS] = {NULL};
    wn_status status = WN_OK;
    for (int k = 1; k < b->order && status == WN_OK; k++)
        status = wn__updater_new(t->optimizer, &b->control[k - 1], t->pool, &updater[k - 1]);
    batch_loss loss = {.pool = t->pool, .classes = t->classes, .loss = WN_NEW_ARRAY(double, t->batch)};
    if (status == WN_OK && !loss.loss) status = wn__no_memory((size_t)t->batch * sizeof(double));
    if (status == WN_OK) status = run_steps(b, t, updater, &loss, mean_loss);
    for (int k = 0; k < WN__MOST_CONTROLS; k++)
        wn__updater_free(updater[k]);
    wn__free(loss.loss);
    return status;
}
