/* Linear layers on few images: rows of the weight side by side, the layer's input as one vector. */
#include <string.h>

#include "backend/sparse/few.h"
#include "backend/sparse/few_dense.h"
#include "base/alloc.h"
#include "base/fail.h"

#define TASK_ENTRIES 8192 /* of the weight, that a thread takes at a time */

static const char own_name[] = "winnow planes";

typedef struct linear {
    wn__op op;
    wn__planes in, out;
    int64_t columns;
    const wn__pattern *pattern; /* NULL: dense */
    wn__few_dense *other;       /* that runs the layer in place of all this; NULL: nothing does */
    bool chosen;                /* whether there is */
    float *outputs;             /* of the other one, (n, out_c) */
} linear;

static wn_status bind(wn__op *op, const wn__pattern *pattern)
{
    ((linear *)op)->pattern = pattern;
    return WN_OK;
}

static void release(wn__op *op)
{
    linear *l = (linear *)op;
    wn__few_dense_free(l->other);
    wn__free(l->outputs);
    wn__free(l);
}

static bool other_runs(const linear *l) { return l->other && !l->pattern; }

static wn_status choose(linear *l)
{
    const int64_t outputs = l->op.desc.n * l->op.desc.out_c;
    if (!l->pattern && !l->chosen) {
        if (!l->outputs && !(l->outputs = WN_NEW_ARRAY(float, outputs))) return wn__no_memory((size_t)outputs * sizeof(float));
        WN_TRY(wn__few_dense_choose(&l->op, &l->other));
        l->chosen = true;
    }
    l->op.implementation = other_runs(l) ? wn__few_dense_name(l->other) : own_name;
    return WN_OK;
}

static wn_status pack(wn__op *op, float *const param[WN__PARAMS])
{
    linear *l = (linear *)op;
    WN_TRY(choose(l));
    return other_runs(l) ? wn__few_dense_pack(l->other, param[0]) : WN_OK;
}

/* An image's values without what lies between its planes. */
static void flatten(const wn__planes *p, const float *in, float *to)
{
    const int64_t pixels = p->h * p->w;
    for (int64_t c = 0; c < p->c; c++)
        if (pixels == 1)
            to[c] = in[c * p->plane];
        else
            memcpy(to + c * pixels, in + c * p->plane, (size_t)pixels * sizeof *to);
}

typedef struct work {
    const linear *l;
    const wn__op_args *args;
    int64_t rows, tasks; /* rows of a task; tasks of an image */
} work;

static void run_task(void *arg, int64_t task, int worker)
{
    (void)worker;
    const work *w = arg;
    const linear *l = w->l;
    const int64_t image = task / w->tasks, row = task % w->tasks * w->rows, left = l->op.desc.out_c - row;
    const float *value = w->args->param[0], *bias = w->args->param[1];
    const wn__plane_rows job = {.rows = left < w->rows ? left : w->rows,
                                .begin = l->pattern ? l->pattern->row_start + row : NULL,
                                .column = l->pattern ? l->pattern->column : NULL,
                                .value = l->pattern ? value : value + row * l->columns,
                                .columns = l->columns,
                                .in = (const float *)w->args->scratch + image * l->columns,
                                .bias = bias ? bias + row : NULL,
                                .out = (float *)w->args->out + image * l->out.image + row * l->out.plane,
                                .out_distance = l->out.plane,
                                .ceiling = wn__op_ceiling(&l->op.desc)};
    wn__few_kernels(&l->op)->rows(&job);
}

static wn_status forward_other(const linear *l, const wn__op_args *args)
{
    WN_TRY(wn__few_dense_run(l->other, args->scratch, args->param[1], l->outputs));
    for (int64_t i = 0; i < args->n; i++)
        for (int64_t row = 0; row < l->op.desc.out_c; row++)
            ((float *)args->out)[i * l->out.image + row * l->out.plane] = l->outputs[i * l->op.desc.out_c + row];
    return WN_OK;
}

static wn_status forward(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    (void)first, (void)n;
    const linear *l = (const linear *)op;
    const int64_t rows = op->desc.out_c, entries = l->pattern ? l->pattern->stored : rows * l->columns;
    work w = {.l = l, .args = args};
    w.rows = (TASK_ENTRIES / (entries / rows + 1) + 8) / 8 * 8;
    w.tasks = (rows + w.rows - 1) / w.rows;
    for (int64_t i = 0; i < args->n; i++)
        flatten(&l->in, (const float *)args->in[0] + i * l->in.image, (float *)args->scratch + i * l->columns);
    if (other_runs(l)) return forward_other(l, args);
    wn__few_run(op, args->n * w.tasks, entries / w.tasks, run_task, &w);
    return WN_OK;
}

static const wn__op_class linear_class = {.run = {[WN__FORWARD] = forward}, .pack = pack, .bind = bind, .release = release};

wn_status wn__few_linear(wn__few *device, const wn__op_desc *d, wn__op **out)
{
    linear *l;
    WN_TRY(wn__op_new(&device->base, d, sizeof *l, &linear_class, own_name, &l));
    l->in = wn__few_in(d);
    l->out = wn__few_out(d);
    l->columns = d->in_c * d->in_h * d->in_w;
    l->op.scratch_bytes = (size_t)(d->n * l->columns) * sizeof(float);
    *out = &l->op;
    return WN_OK;
}
