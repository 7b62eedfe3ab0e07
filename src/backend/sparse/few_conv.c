/* Convolutions on few images.
 *
 * The image is cut into bands of cache lines. For a window of more than one pixel, or a stride, a thread lays out copies of a band's input in
 * a scratch of its own (kernels/planes.h: shift), in which every tap is a constant distance, so that a whole band is one row of vectors
 * whatever the image's width. A band is cut into runs whose sums stay in registers. Work is shared out by bands and, where these are few, by
 * rows of the weight.
 */
#include <string.h>

#include "backend/sparse/few.h"
#include "backend/sparse/few_dense.h"
#include "backend/sparse/sparse_tiny.h"
#include "backend/sparse/walk.h"
#include "base/alloc.h"
#include "base/fail.h"

#define SCRATCH_FLOATS (64 * 1024) /* of a band's copies, if the band can be cut: with weights and results, half a second cache */
#define LEAST_LINES 8              /* of a band */
#define TASK_PRODUCTS 16384        /* multiply-adds of cache lines of a task, if there are others */
#define MOST_LINES 8               /* of a run: what it reads should stay in the first cache */

static const char own_name[] = "winnow planes";

typedef struct conv {
    wn__op op;
    wn__planes in, out;
    wn__walk walk;
    bool direct;   /* windows of one pixel: the input as it lies */
    int phases;    /* of rows, that windows meet */
    int64_t lines; /* of the output's plane */
    int64_t bands;
    int64_t copy, channel; /* distances in scratch */
    int32_t *tap;          /* (taps) place of each in a channel's copies; NULL: direct */
    float *values;         /* batch norm: three rows of out_c */
    wn__few_dense *other;  /* that runs the layer in place of all this; NULL: nothing does */
    bool chosen;           /* whether there is */
} conv;

static int64_t taps(const wn__op_desc *d) { return (int64_t)d->kernel_h * d->kernel_w; }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* --- set-up ---------------------------------------------------------------------------------------------------------------------- */

static void release(wn__op *op)
{
    conv *c = (conv *)op;
    wn__few_dense_free(c->other);
    wn__walk_release(&c->walk);
    wn__free(c->tap);
    wn__free(c->values);
    wn__free(c);
}

/* Of a band: a run of cache lines, cut evenly. */
static int64_t first_line(const conv *c, int64_t band) { return c->lines * band / c->bands; }

static int64_t first_pixel(const conv *c, int64_t band) { return first_line(c, band) * WN__LINE; }

/* Rows of its copies. */
static int64_t rows_of_band(const conv *c, int64_t band)
{
    const wn__op_desc *d = &c->op.desc;
    const int64_t end = least(first_pixel(c, band + 1), d->out_h * d->out_w);
    return (end - 1) / d->out_w - first_pixel(c, band) / d->out_w + 1 + (d->kernel_h - 1) / d->stride;
}

/* How far into a copy its first row lies, such that the band's runs begin at cache lines. */
static int64_t lead(const conv *c, int64_t band)
{
    const int64_t into_row = first_pixel(c, band) % c->op.desc.out_w;
    return (WN__LINE - into_row % WN__LINE) % WN__LINE;
}

static void cut_into(conv *c, int64_t bands)
{
    const wn__op_desc *d = &c->op.desc;
    c->bands = bands;
    c->copy = 0;
    for (int64_t b = 0; b < bands; b++) {
        const int64_t begin = lead(c, b) + first_pixel(c, b) % d->out_w, pixels = first_pixel(c, b + 1) - first_pixel(c, b);
        const int64_t written = lead(c, b) + rows_of_band(c, b) * d->out_w,
                      read = begin + pixels + (d->kernel_h - 1) / d->stride * d->out_w;
        c->copy = most(c->copy, wn__lines(most(written, read)) * WN__LINE);
    }
    c->channel = (wn__lines(d->kernel_w * c->phases * c->copy) | 1) * WN__LINE;
}

/* One for each thread at least, and such that copies stay in cache. */
static void cut_into_bands(conv *c)
{
    const int64_t largest = most(c->lines / LEAST_LINES, 1);
    int64_t bands = c->direct ? largest : least(largest, wn__pool_threads(c->op.device->pool));
    cut_into(c, bands);
    while (!c->direct && bands < largest && c->op.desc.in_c * c->channel > SCRATCH_FLOATS)
        cut_into(c, ++bands);
}

static void place_taps(conv *c)
{
    const wn__op_desc *d = &c->op.desc;
    for (int y = 0; y < d->kernel_h; y++)
        for (int x = 0; x < d->kernel_w; x++)
            c->tap[y * d->kernel_w + x] = (int32_t)((x * c->phases + y % d->stride) * c->copy + y / d->stride * d->out_w);
}

static wn_status bind(wn__op *op, const wn__pattern *pattern)
{
    conv *c = (conv *)op;
    const wn__op_desc *d = &op->desc;
    wn__lane_layout from = wn__lane_layout_of(d->in_c, 1, 1, 0);
    from.plane = c->direct ? c->in.plane : c->channel;
    from.block = from.plane * d->in_c;
    /* All input channels in one tile: what a run reads of them is in the second cache anyway. */
    const wn__walk_request request = {
        .desc = d, .pattern = pattern, .from = from, .tap = c->tap, .tap_tile = wn__sparse_tiny_tile(d, pattern)};
    wn__walk_release(&c->walk);
    return wn__walk_make(&request, &c->walk);
}

static bool other_runs(const conv *c) { return c->other && c->walk.dense; }

static wn_status choose(conv *c)
{
    if (c->walk.dense && !c->chosen) {
        WN_TRY(wn__few_dense_choose(&c->op, &c->other));
        c->chosen = true;
    }
    c->op.implementation = other_runs(c) ? wn__few_dense_name(c->other) : own_name;
    return WN_OK;
}

static wn_status pack(wn__op *op, float *const param[WN__PARAMS])
{
    conv *c = (conv *)op;
    WN_TRY(choose(c));
    if (other_runs(c)) return wn__few_dense_pack(c->other, param[0]);
    wn__walk_pack(&c->walk, op->device->pool, param[0]);
    return WN_OK;
}

/* --- running --------------------------------------------------------------------------------------------------------------------- */

typedef struct work {
    const conv *c;
    const wn__op_args *args;
    int64_t splits; /* of the weight's rows, for each band */
} work;

/* In a worker's scratch: which band's copies it holds, then these. */
static size_t worker_bytes(const conv *c) { return c->direct ? 0 : WN__ALIGN + (size_t)(c->op.desc.in_c * c->channel) * sizeof(float); }

static int64_t *held_by(const work *w, int worker) { return (int64_t *)((char *)w->args->scratch + (size_t)worker * worker_bytes(w->c)); }

static void make_copies(const conv *c, const float *in, int64_t band, int64_t channel, int64_t channels, float *to)
{
    const wn__op_desc *d = &c->op.desc;
    const wn__plane_shift job = {.channels = channels,
                                 .in = in + channel * c->in.plane,
                                 .in_plane = c->in.plane,
                                 .in_h = d->in_h,
                                 .in_w = d->in_w,
                                 .to = to + channel * c->channel + lead(c, band),
                                 .to_channel = c->channel,
                                 .to_copy = c->copy,
                                 .columns = d->out_w,
                                 .rows = rows_of_band(c, band),
                                 .first_row = first_pixel(c, band) / d->out_w * d->stride - d->pad,
                                 .stride = d->stride,
                                 .pad = d->pad,
                                 .kernel_w = d->kernel_w,
                                 .phases = c->phases};
    wn__few_kernels(&c->op)->shift(&job);
}

/* Where the band's first pixel lies for the first channel and tap; copies are made unless the worker has them from the task before. */
static const float *input_of_band(const work *w, int64_t task, int64_t row, int64_t rows, int worker)
{
    const conv *c = w->c;
    const wn__op_desc *d = &c->op.desc;
    const int64_t place = task / w->splits, band = place % c->bands, begin = first_pixel(c, band);
    const float *in = (const float *)w->args->in[0] + place / c->bands * c->in.image;
    if (c->direct) return in + begin;
    int64_t *held = held_by(w, worker);
    float *to = (float *)((char *)held + WN__ALIGN);
    const int64_t inputs = d->in_c / d->groups, outputs = d->out_c / d->groups;
    const int64_t first = d->groups == 1 ? 0 : row / outputs, end = d->groups == 1 ? 1 : (row + rows - 1) / outputs + 1;
    const int64_t wanted = d->groups == 1 ? place : task; /* of groups, only those whose outputs are made */
    if (*held != wanted) make_copies(c, in, band, first * inputs, (end - first) * inputs, to);
    *held = wanted;
    return to + lead(c, band) + begin % d->out_w;
}

static wn__lane_matrix some_rows(const conv *c, int64_t tile, const float *value, int64_t row, int64_t rows)
{
    wn__lane_matrix m = wn__walk_tile(&c->walk, tile, value);
    m.rows = rows;
    if (c->walk.dense) {
        m.value += row * m.row_stride;
    } else {
        m.begin += row;
        m.end += row;
    }
    return m;
}

/* One run of `vectors` registers, all tiles of input channels. */
static void make_run(const conv *c, const float *value, int64_t row, int64_t rows, int64_t vectors, wn__plane_product *job)
{
    const wn__planes_kernels *kernels = wn__few_kernels(&c->op);
    for (int64_t tile = 0; tile < c->walk.tiles; tile++) {
        job->a = some_rows(c, tile, value, row, rows);
        job->add = tile > 0;
        job->last = tile + 1 == c->walk.tiles;
        (c->walk.dense ? kernels->dense : kernels->product)[vectors](job);
    }
}

static int64_t most_vectors(const conv *c)
{
    const wn__planes_kernels *kernels = wn__few_kernels(&c->op);
    const int64_t fitting = MOST_LINES * WN__LINE / kernels->vector;
    return c->walk.dense ? kernels->most_dense : least(fitting, kernels->most);
}

/* A band's outputs of some rows of the weight. */
static void run_task(void *arg, int64_t task, int worker)
{
    const work *w = arg;
    const conv *c = w->c;
    const wn__op_desc *d = &c->op.desc;
    const int64_t split = task % w->splits, place = task / w->splits, band = place % c->bands, vector = wn__few_kernels(&c->op)->vector;
    const int64_t row = d->out_c * split / w->splits, rows = d->out_c * (split + 1) / w->splits - row;
    const int64_t begin = first_pixel(c, band), vectors = (first_pixel(c, band + 1) - begin) / vector;
    const int64_t runs = (vectors + most_vectors(c) - 1) / most_vectors(c);
    const int64_t out = place / c->bands * c->out.image + row * c->out.plane + begin;
    if (rows == 0) return;
    const float *in = input_of_band(w, task, row, rows, worker), *bias = w->args->param[1];
    for (int64_t i = 0; i < runs; i++) {
        const int64_t from = vectors * i / runs, end = vectors * (i + 1) / runs, at = from * vector;
        wn__plane_product job = {.in = in + at,
                                 .out = (float *)w->args->out + out + at,
                                 .out_plane = c->out.plane,
                                 .bias = bias ? bias + row : NULL,
                                 .residual = d->inputs == 2 ? (const float *)w->args->in[1] + out + at : NULL,
                                 .ceiling = wn__op_ceiling(d)};
        if (d->norm) {
            job.mean = c->values + row;
            job.factor = job.mean + d->out_c;
            job.shift = job.factor + d->out_c;
        }
        make_run(c, w->args->param[0], row, rows, end - from, &job);
    }
}

/* Of each place: a task for every thread, and more of them where they are long, so that nobody waits for the last one. `products` are
 * multiply-adds of cache lines. */
static int64_t splits_of(int64_t places, int64_t products, int threads, int64_t rows)
{
    if (threads == 1) return 1;
    const int64_t wanted = most(threads, least(4 * threads, products / TASK_PRODUCTS));
    return least((wanted + places - 1) / places, rows);
}

/* What follows the other backend's convolution, on one channel of an image. */
static void finish_plane(void *arg, int64_t i, int worker)
{
    (void)worker;
    const work *w = arg;
    const conv *c = w->c;
    const wn__op_desc *d = &c->op.desc;
    const int64_t lines = c->lines, row = i % d->out_c;
    float *out = (float *)w->args->out + i * c->out.plane;
    const float *residual = d->inputs == 2 ? (const float *)w->args->in[1] + i * c->out.plane : NULL;
    if (d->norm)
        wn__few_kernels(&c->op)->normalise(lines, c->values[row], c->values[d->out_c + row], c->values[2 * d->out_c + row],
                                           wn__op_ceiling(d), out, residual, out);
    else
        wn__few_kernels(&c->op)->add(lines, wn__op_ceiling(d), out, residual, out);
}

static wn_status forward_other(const conv *c, const wn__op_args *args)
{
    const wn__op_desc *d = &c->op.desc;
    work w = {.c = c, .args = args};
    for (int64_t i = 0; i < args->n; i++)
        WN_TRY(wn__few_dense_run(c->other, (const float *)args->in[0] + i * c->in.image, args->param[1],
                                 (float *)args->out + i * c->out.image));
    if (d->norm || d->inputs == 2) wn__few_run(&c->op, args->n * d->out_c, c->out.plane, finish_plane, &w);
    return WN_OK;
}

static wn_status forward(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    (void)first, (void)n;
    const conv *c = (const conv *)op;
    const wn__op_desc *d = &op->desc;
    const int threads = wn__pool_threads(op->device->pool);
    const int64_t places = args->n * c->bands;
    const int64_t entries = c->walk.dense ? c->walk.entries * d->out_c : c->walk.entries;
    work w = {c, args, splits_of(places, entries * c->lines * args->n, threads, d->out_c)};
    if (d->norm) wn__few_norm_values(d->out_c, args->param + 2, d->eps, c->values);
    if (other_runs(c)) return forward_other(c, args);
    for (int i = 0; !c->direct && i < threads; i++)
        *held_by(&w, i) = -1;
    wn__few_run(op, places * w.splits, entries * c->lines / (c->bands * w.splits), run_task, &w);
    return WN_OK;
}

static const wn__op_class conv_class = {.run = {[WN__FORWARD] = forward}, .pack = pack, .bind = bind, .release = release};

static wn_status allocate(conv *c)
{
    const wn__op_desc *d = &c->op.desc;
    if (!c->direct && !(c->tap = WN_NEW_ARRAY(int32_t, taps(d)))) return wn__no_memory((size_t)taps(d) * sizeof *c->tap);
    if (d->norm && !(c->values = WN_NEW_ARRAY(float, 3 * d->out_c))) return wn__no_memory((size_t)(3 * d->out_c) * sizeof *c->values);
    if (c->tap) place_taps(c);
    return WN_OK;
}

wn_status wn__few_conv(wn__few *device, const wn__op_desc *d, wn__op **out)
{
    conv *c;
    WN_TRY(wn__op_new(&device->base, d, sizeof *c, &conv_class, own_name, &c));
    c->in = wn__few_in(d);
    c->out = wn__few_out(d);
    c->direct = taps(d) == 1 && d->stride == 1 && d->pad == 0;
    c->phases = d->stride < d->kernel_h ? d->stride : d->kernel_h;
    c->lines = wn__lines(d->out_h * d->out_w);
    cut_into_bands(c);
    c->op.scratch_bytes = worker_bytes(c) * (size_t)wn__pool_threads(device->base.pool);
    wn_status status = allocate(c);
    if (status == WN_OK) status = bind(&c->op, NULL);
    if (status != WN_OK)
        release(&c->op);
    else
        *out = &c->op;
    return status;
}
