#include "backend/trial.h"

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/rng.h"

/* --- buffers --------------------------------------------------------------------------------------------------------------------- */

/* Uniform in (-1, 1); NULL if there's no memory. */
static float *numbers(int64_t count)
{
    float *x = WN_NEW_ARRAY(float, count);
    wn__rng rng = wn__rng_make(0, WN__FOR_TEST, (uint64_t)count, 0);
    for (int64_t i = 0; x && i < count; i++)
        x[i] = 2 * wn__rng_uniform(&rng) - 1;
    return x;
}

static wn_status new_activation(wn__trial *t, const wn__shape *shape, void **out)
{
    const size_t bytes = t->device->activation_bytes(t->device, shape);
    if (!(*out = wn__alloc(bytes))) return wn__no_memory(bytes);
    float *plain = numbers(shape->n * shape->c * shape->h * shape->w);
    if (!plain) return wn__no_memory(bytes);
    const wn_status status = t->device->upload(t->device, plain, shape, *out);
    wn__free(plain);
    return status;
}

static wn_status make_activations(wn__trial *t)
{
    const wn__op_desc *d = &t->op->desc;
    const bool borders = t->device->borders;
    const wn__shape in = {d->n, d->in_c, d->in_h, d->in_w, borders ? d->in_border[0] : 0};
    const wn__shape out = {d->n, d->out_c, d->out_h, d->out_w, borders ? d->out_border : 0};
    void *images = NULL;
    const wn_status status = new_activation(t, &in, &images);
    t->args.in[0] = images;
    WN_TRY(status);
    WN_TRY(new_activation(t, &out, &t->args.out));
    WN_TRY(new_activation(t, &out, &t->args.dout[0]));
    return d->input_gradient ? new_activation(t, &in, &t->args.din[0]) : WN_OK;
}

static int64_t weights(const wn__op_desc *d)
{
    if (d->kind == WN__OP_LINEAR) return d->out_c * d->in_c * d->in_h * d->in_w;
    return d->out_c * (d->in_c / d->groups) * d->kernel_h * d->kernel_w;
}

static wn_status make_weight(wn__trial *t, const wn__pattern *pattern)
{
    const bool stored = pattern && t->device->compressed;
    const int64_t count = stored ? pattern->stored : weights(&t->op->desc);
    float *value = numbers(count);
    t->args.param[0] = value;
    t->args.dparam[0] = WN_NEW_ARRAY(float, count);
    if (!value || !t->args.dparam[0]) return wn__no_memory((size_t)count * sizeof(float));
    if (!pattern || stored) return WN_OK;
    float *entries = numbers(pattern->stored);
    if (!entries) return wn__no_memory((size_t)pattern->stored * sizeof(float));
    wn__pattern_scatter(pattern, entries, value);
    wn__free(entries);
    return WN_OK;
}

static wn_status make_all(wn__trial *t, const wn__op_desc *desc, const wn__pattern *pattern)
{
    WN_TRY(t->device->prepare(t->device, desc, &t->op));
    WN_TRY(make_activations(t));
    WN_TRY(make_weight(t, pattern));
    t->args.n = desc->n;
    t->args.step.training = true;
    t->args.saved = wn__alloc(t->op->saved_bytes);
    t->args.scratch = wn__alloc(t->op->scratch_bytes);
    if (!t->args.saved || !t->args.scratch) return wn__no_memory(t->op->saved_bytes + t->op->scratch_bytes);
    if (t->op->cls->bind) WN_TRY(t->op->cls->bind(t->op, pattern));
    return t->op->cls->pack ? t->op->cls->pack(t->op, t->args.param) : WN_OK;
}

wn_status wn__trial_new(wn__device *device, const wn__op_desc *desc, const wn__pattern *pattern, wn__trial **out)
{
    wn__trial *t = WN_NEW(wn__trial);
    if (!t) return wn__no_memory(sizeof *t);
    t->device = device;
    const wn_status status = make_all(t, desc, pattern);
    if (status != WN_OK)
        wn__trial_free(t);
    else
        *out = t;
    return status;
}

void wn__trial_free(wn__trial *t)
{
    if (!t) return;
    if (t->op) t->op->cls->release(t->op);
    wn__free((void *)t->args.in[0]);
    wn__free(t->args.out);
    wn__free(t->args.dout[0]);
    wn__free(t->args.din[0]);
    wn__free(t->args.param[0]);
    wn__free(t->args.dparam[0]);
    wn__free(t->args.saved);
    wn__free(t->args.scratch);
    wn__free(t);
}

/* --- running --------------------------------------------------------------------------------------------------------------------- */

static void run_block(void *arg, int64_t block, int worker)
{
    (void)worker;
    wn__trial *t = arg;
    const int64_t size = t->device->block ? t->device->block : t->args.n, first = block * size, left = t->args.n - first;
    const wn_status status = wn__op_run(t->op, t->phase, &t->args, first, left < size ? left : size);
    if (status != WN_OK) t->status = status;
}

wn_status wn__trial_run(wn__trial *t, wn__phase phase, double *seconds)
{
    const int64_t size = t->device->block ? t->device->block : t->args.n;
    const wn__op_class *cls = t->op->cls;
    const double start = wn__seconds();
    t->phase = phase;
    t->status = WN_OK;
    if (wn__op_runs(t->op, phase)) wn__parallel_for(t->device->pool, (t->args.n + size - 1) / size, run_block, t);
    if (t->status == WN_OK && cls->finish[phase]) t->status = cls->finish[phase](t->op, &t->args);
    *seconds = wn__seconds() - start;
    return t->status;
}
