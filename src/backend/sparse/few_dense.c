#include "backend/sparse/few_dense.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "backend/trial.h"
#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"

#define LEAST_WORK 1e6 /* multiply-adds: less isn't worth a measurement */
#define GAIN 0.9       /* of the own kernels' time, at most: conversions disturb what lies in caches around them */
#define BUDGET 0.25    /* seconds of all measurements in a process; what comes later runs on the own kernels */
enum { RUNS = 3, MOST_VERDICTS = 256 };

typedef struct part {
    wn__op *op;
    int64_t first, rows; /* output channels */
    void *out, *scratch;
} part;

struct wn__few_dense {
    wn__device *device; /* the other one, borrowed */
    wn__pool *pool;     /* borrowed */
    wn__shape in, out;  /* of a run; out.c is a part's rows */
    int64_t columns;    /* of the weight */
    int64_t plane;      /* between output channels */
    void *input;
    part *item; /* (parts) */
    int64_t parts;
    char name[80];
};

/* --- making ---------------------------------------------------------------------------------------------------------------------- */

bool wn__few_dense_does_relu(const wn__op_desc *d) { return d->relu && !d->norm && d->inputs == 1; }

static int64_t columns_of(const wn__op_desc *d)
{
    return d->kind == WN__OP_LINEAR ? d->in_c * d->in_h * d->in_w : d->in_c * d->kernel_h * d->kernel_w;
}

static double work_of(const wn__op_desc *d)
{
    return (double)(d->n * d->out_c * columns_of(d)) * (double)(d->kind == WN__OP_LINEAR ? 1 : d->out_h * d->out_w);
}

/* Planes with what lies between them are images of more pixels. Where pixels lie one after the other (nhwc) the operation's are the first of these. */
static void set_shapes(wn__few_dense *f, const wn__op_desc *d)
{
    f->columns = columns_of(d);
    if (d->kind == WN__OP_LINEAR) {
        f->plane = 1;
        f->in = (wn__shape){d->n, f->columns, 1, 1, 0};
        f->out = (wn__shape){d->n, d->out_c, 1, 1, 0};
    } else {
        f->plane = wn__few_out(d).plane;
        f->in = (wn__shape){1, d->in_c, 1, wn__few_in(d).plane, 0};
        f->out = (wn__shape){1, d->out_c, 1, f->plane, 0};
    }
}

static wn__op_desc describe_part(const wn__few_dense *f, const wn__op_desc *d, int64_t rows)
{
    wn__op_desc of = *d;
    of.n = f->in.n;
    of.out_c = rows;
    of.relu = wn__few_dense_does_relu(d);
    of.norm = false;
    of.inputs = 1;
    of.inference_only = true;
    of.input_gradient = false;
    if (d->kind == WN__OP_LINEAR) {
        of.in_c = f->columns;
        of.in_h = of.in_w = 1;
    }
    return of;
}

static wn_status make_part(wn__few_dense *f, const wn__op_desc *d, part *p)
{
    const wn__op_desc of = describe_part(f, d, p->rows);
    const wn__shape out = {f->out.n, p->rows, f->out.h, f->out.w, 0};
    const size_t bytes = f->device->activation_bytes(f->device, &out);
    WN_TRY(f->device->prepare(f->device, &of, &p->op));
    p->out = wn__alloc(bytes);
    p->scratch = wn__alloc(p->op->scratch_bytes);
    return p->out && p->scratch ? WN_OK : wn__no_memory(bytes + p->op->scratch_bytes);
}

/* Outputs of several images in one run lie side by side: they are not cut. */
static wn_status make_parts(wn__few_dense *f, const wn__op_desc *d)
{
    const int64_t threads = f->in.n > 1 ? 1 : wn__pool_threads(f->pool), lines = wn__lines(d->out_c);
    const size_t bytes = f->device->activation_bytes(f->device, &f->in);
    f->parts = lines < threads ? lines : threads;
    f->input = wn__alloc(bytes);
    f->item = WN_NEW_ARRAY(part, f->parts);
    if (!f->input || !f->item) return wn__no_memory(bytes);
    for (int64_t i = 0; i < f->parts; i++) {
        part *p = &f->item[i];
        const int64_t end = lines * (i + 1) / f->parts * WN__LINE;
        p->first = lines * i / f->parts * WN__LINE;
        p->rows = (end < d->out_c ? end : d->out_c) - p->first;
        WN_TRY(make_part(f, d, p));
    }
    snprintf(f->name, sizeof f->name, "%s %s", f->device->backend->name, f->item[0].op->implementation);
    return WN_OK;
}

static wn_status new_dense(const wn__op *op, wn__few_dense **out)
{
    wn__few_dense *f = WN_NEW(wn__few_dense);
    if (!f) return wn__no_memory(sizeof *f);
    f->device = ((const wn__few *)op->device)->other;
    f->pool = op->device->pool;
    set_shapes(f, &op->desc);
    const wn_status status = make_parts(f, &op->desc);
    if (status == WN_OK)
        *out = f;
    else
        wn__few_dense_free(f);
    return status;
}

void wn__few_dense_free(wn__few_dense *f)
{
    if (!f) return;
    for (int64_t i = 0; f->item && i < f->parts; i++) {
        if (f->item[i].op) f->item[i].op->cls->release(f->item[i].op);
        wn__free(f->item[i].out);
        wn__free(f->item[i].scratch);
    }
    wn__free(f->item);
    wn__free(f->input);
    wn__free(f);
}

const char *wn__few_dense_name(const wn__few_dense *f) { return f->name; }

/* --- running --------------------------------------------------------------------------------------------------------------------- */

wn_status wn__few_dense_pack(wn__few_dense *f, const float *weight)
{
    for (int64_t i = 0; i < f->parts; i++) {
        part *p = &f->item[i];
        float *param[WN__PARAMS] = {(float *)weight + p->first * f->columns};
        if (p->op->cls->pack) WN_TRY(p->op->cls->pack(p->op, param));
    }
    return WN_OK;
}

typedef struct work {
    const wn__few_dense *f;
    const float *bias;
    float *out;
} work;

static wn_status run_part(void *arg, int64_t i, int worker)
{
    (void)worker;
    const work *w = arg;
    const wn__few_dense *f = w->f;
    const part *p = &f->item[i];
    const wn__shape out = {f->out.n, p->rows, f->out.h, f->out.w, 0};
    const wn__op_args args = {.n = f->in.n,
                              .in = {f->input},
                              .out = p->out,
                              .scratch = p->scratch,
                              .param = {NULL, w->bias ? (float *)w->bias + p->first : NULL}};
    WN_TRY(wn__op_run(p->op, WN__FORWARD, &args, 0, f->in.n));
    return f->device->download(f->device, p->out, &out, w->out + p->first * f->plane);
}

wn_status wn__few_dense_run(wn__few_dense *f, const float *in, const float *bias, float *out)
{
    work w = {f, bias, out};
    WN_TRY(f->device->upload(f->device, in, &f->in, f->input));
    return wn__parallel_try(f->pool, f->parts, run_part, &w);
}

/* --- choosing -------------------------------------------------------------------------------------------------------------------- */

typedef struct verdict {
    int64_t shape[13];
    bool other;
} verdict;

static struct {
    pthread_mutex_t lock;
    verdict item[MOST_VERDICTS];
    int count;
    double seconds; /* of all measurements */
} known = {.lock = PTHREAD_MUTEX_INITIALIZER};

static verdict shape_of(const wn__op *op)
{
    const wn__op_desc *d = &op->desc;
    return (verdict){.shape = {d->kind, d->n, d->in_c, d->in_h, d->in_w, d->out_c, d->out_h, d->out_w, d->kernel_h, d->kernel_w, d->stride,
                               d->pad, wn__pool_threads(op->device->pool)}};
}

static const verdict *find(const verdict *wanted)
{
    for (int i = 0; i < known.count; i++)
        if (memcmp(known.item[i].shape, wanted->shape, sizeof wanted->shape) == 0) return &known.item[i];
    return NULL;
}

/* The own kernels, then the other backend's, take turns. The first round warms up; it decides where one takes twice as long as the other. */
static wn_status time_sides(wn__trial *const side[2], bool *other)
{
    double least[2] = {0}, taken;
    for (int round = 0; round <= RUNS; round++) {
        for (int i = 0; i < 2; i++) {
            WN_TRY(wn__trial_run(side[i], WN__FORWARD, &taken));
            if (round < 2 || taken < least[i]) least[i] = taken;
        }
        if (least[0] > 2 * least[1] || least[1] > 2 * least[0]) break;
    }
    *other = least[1] < GAIN * least[0];
    return WN_OK;
}

/* Without the batch norm and the addition behind it, which both ways make alike. */
static wn_status measure(const wn__op *op, bool *other)
{
    wn__few device[2] = {*(const wn__few *)op->device, *(const wn__few *)op->device};
    wn__trial *side[2] = {NULL, NULL};
    wn__op_desc d = op->desc;
    d.norm = d.bias = d.relu = false;
    d.inputs = 1;
    device[0].dense = WN__FEW_DENSE_OWN;
    device[1].dense = WN__FEW_DENSE_OTHER;
    wn_status status = WN_OK;
    for (int i = 0; i < 2 && status == WN_OK; i++)
        status = wn__trial_new(&device[i].base, &d, NULL, &side[i]);
    if (status == WN_OK) status = time_sides(side, other);
    for (int i = 0; i < 2; i++)
        wn__trial_free(side[i]);
    return status;
}

/* Of two that measure the same shape at once the first is right: all of a process run alike. What the other backend can't do isn't faster. */
static bool other_is_faster(const wn__op *op)
{
    verdict one = shape_of(op);
    pthread_mutex_lock(&known.lock);
    const verdict *old = find(&one);
    const bool measured = old, affordable = known.seconds < BUDGET && known.count < MOST_VERDICTS;
    bool other = old && old->other;
    pthread_mutex_unlock(&known.lock);
    if (measured || !affordable) return other;
    const double start = wn__seconds();
    one.other = measure(op, &other) == WN_OK && other;
    pthread_mutex_lock(&known.lock);
    known.seconds += wn__seconds() - start;
    old = find(&one);
    if (!old && known.count < MOST_VERDICTS) known.item[known.count++] = one;
    other = old ? old->other : one.other;
    pthread_mutex_unlock(&known.lock);
    return other;
}

wn_status wn__few_dense_choose(const wn__op *op, wn__few_dense **out)
{
    const wn__few *device = (const wn__few *)op->device;
    const wn__op_desc *d = &op->desc;
    *out = NULL;
    if (!device->other || device->dense == WN__FEW_DENSE_OWN || (d->kind == WN__OP_CONV && d->groups > 1)) return WN_OK;
    if (device->dense == WN__FEW_DENSE_OTHER) return new_dense(op, out);
    return work_of(d) >= LEAST_WORK && other_is_faster(op) ? new_dense(op, out) : WN_OK;
}
