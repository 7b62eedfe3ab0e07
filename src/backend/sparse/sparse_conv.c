/* Convolutions: each block of images by itself, run by run, over the entries that the weight stores. */
#include <string.h>

#include "backend/sparse/choice.h"
#include "backend/sparse/dense_gradient.h"
#include "backend/sparse/sparse_tiny.h"
#include "backend/sparse/tile_gradient.h"
#include "backend/sparse/tiling.h"
#include "backend/sparse/walk.h"
#include "base/fail.h"

#define SUM_ENTRIES 2048 /* gradients summed at a time, 16 floats each: stays in the second cache; more if a row has more */

/* Forward, or one phase backward to the input. */
typedef struct pass {
    wn__walk walk;
    wn__tiling tiling;
    int64_t in_start, in_row;               /* of the run at (0,0), in a block; pixels between output rows */
    int64_t out_start, out_row, out_column; /* likewise */
    int step;                               /* input columns between output columns */
} pass;

typedef struct conv {
    wn__op op;
    const wn__lane_products *kernels;
    wn__lane_layout in, out;
    pass forward, *phase; /* (phases) backward to the input */
    int phases;
    wn__tiling gradient_tiling;
    const wn__pattern *pattern; /* NULL: a dense weight */
    bool dense[WN__CHOICES];
    float *expanded;          /* the weight with its zeros, for dense kernels of a pattern's; NULL: not needed */
    int32_t *gradient_offset; /* (columns) for the dense gradient */
    wn__walk gradient_walk;   /* for the sparse gradient where forward is dense */
    int64_t stored;           /* entries of the weight */
    float *partial;           /* (chunks, stored) */
    int64_t chunks;
    int64_t room; /* entries that can be summed at a time */
} conv;

static int64_t taps(const wn__op_desc *d) { return (int64_t)d->kernel_h * d->kernel_w; }
static bool wants_gradients(const wn__op_desc *d) { return !d->inference_only; }
/* The gradient of the weight can be made in bands: all entries' sums are kept at once, and an image is more than one run. */
static bool makes_bands(const conv *c) { return !c->dense[WN__CHOICE_PARAMS] && c->stored <= c->room && c->gradient_tiling.runs > 1; }
static int64_t columns(const wn__op_desc *d) { return d->in_c / d->groups * taps(d); }
/* Of stored entries. */
static const wn__walk *stored_walk(const conv *c) { return c->forward.walk.dense ? &c->gradient_walk : &c->forward.walk; }
/* What the kernels of a pass multiply with. */
static const float *values(const conv *c, const pass *p, const wn__op_args *args)
{
    return p->walk.dense && c->expanded ? c->expanded : args->param[0];
}

/* --- set-up ---------------------------------------------------------------------------------------------------------------------- */

static void release_pass(pass *p)
{
    wn__walk_release(&p->walk);
    wn__tiling_release(&p->tiling);
}

static void forget_choice(conv *c)
{
    wn__free(c->expanded);
    wn__free(c->gradient_offset);
    wn__walk_release(&c->gradient_walk);
    c->expanded = NULL;
    c->gradient_offset = NULL;
}

static void release(wn__op *op)
{
    conv *c = (conv *)op;
    forget_choice(c);
    release_pass(&c->forward);
    for (int i = 0; i < c->phases; i++)
        release_pass(&c->phase[i]);
    wn__tiling_release(&c->gradient_tiling);
    wn__free(c->phase);
    wn__free(c->partial);
    wn__free(c);
}

/* Rows or columns of the input that windows over so many of the output meet. */
static int64_t met(int64_t windows, int step, int kernel) { return kernel < step ? windows * kernel : (windows - 1) * step + kernel; }

static int64_t window(const wn__tiling *t, int step, int kernel_h, int kernel_w)
{
    return met(t->rows, step, kernel_h) * met(t->columns, step, kernel_w);
}

/* Tile an output of h x w for the walk's kernels, then make the walk. */
static wn_status bind_pass(const conv *c, const wn__pattern *pattern, int64_t h, int64_t w, wn__walk_request request, pass *p)
{
    const wn__op_desc *d = &c->op.desc;
    const bool dense = !pattern && d->groups == 1;
    const int reach = request.transposed ? d->stride : 1;
    wn__walk_release(&p->walk);
    wn__tiling_release(&p->tiling);
    WN_TRY(dense ? wn__tiling_dense(c->kernels, h, w, p->step, request.transposed ? d->in_c : d->out_c, &p->tiling)
                 : wn__tiling_sparse(c->kernels, h, w, p->step, false, &p->tiling));
    request.window = window(&p->tiling, p->step, (d->kernel_h + reach - 1) / reach, (d->kernel_w + reach - 1) / reach);
    return wn__walk_make(&request, &p->walk);
}

static wn_status bind_forward(conv *c, const wn__pattern *pattern)
{
    const wn__op_desc *d = &c->op.desc;
    pass *p = &c->forward;
    p->step = d->stride;
    p->in_start = c->in.origin - d->pad * (c->in.row + 1);
    p->in_row = d->stride * c->in.row;
    p->out_start = c->out.origin;
    p->out_row = c->out.row;
    p->out_column = 1;
    return bind_pass(c, pattern, d->out_h, d->out_w, (wn__walk_request){.desc = d, .pattern = pattern, .from = c->in}, p);
}

static int64_t phase_size(int64_t size, int stride, int phase) { return (size - phase + stride - 1) / stride; }

static wn_status bind_phase(conv *c, const wn__pattern *pattern, int y, int x)
{
    const wn__op_desc *d = &c->op.desc;
    pass *p = &c->phase[y * d->stride + x];
    p->step = 1;
    p->in_start = c->out.origin;
    p->in_row = c->out.row;
    p->out_start = c->in.origin + y * c->in.row + x;
    p->out_row = d->stride * c->in.row;
    p->out_column = d->stride;
    const wn__walk_request request = {.desc = d, .pattern = pattern, .from = c->out, .transposed = true, .phase_y = y, .phase_x = x};
    return bind_pass(c, pattern, phase_size(d->in_h, d->stride, y), phase_size(d->in_w, d->stride, x), request, p);
}

static void place_taps(const void *layer, int64_t row, int64_t column, int64_t n, int32_t *offset)
{
    const conv *c = layer;
    const wn__op_desc *d = &c->op.desc;
    const int64_t first_channel = row / (d->out_c / d->groups) * (d->in_c / d->groups);
    for (int64_t i = 0; i < n; i++) {
        const int64_t channel = first_channel + (column + i) / taps(d), tap = (column + i) % taps(d);
        offset[i] = (int32_t)(channel * c->in.plane + tap / d->kernel_w * c->in.row + tap % d->kernel_w);
    }
}

static wn_status bind_gradient(conv *c, const wn__pattern *pattern)
{
    const wn__op_desc *d = &c->op.desc;
    if (!wants_gradients(d)) return WN_OK;
    if (c->dense[WN__CHOICE_PARAMS]) {
        if (!(c->gradient_offset = WN_NEW_ARRAY(int32_t, columns(d)))) return wn__no_memory((size_t)columns(d) * sizeof(int32_t));
        place_taps(c, 0, 0, columns(d), c->gradient_offset);
    } else if (c->forward.walk.dense) {
        const wn__walk_request request = {
            .desc = d, .pattern = pattern, .from = c->in, .window = window(&c->gradient_tiling, c->forward.step, d->kernel_h, d->kernel_w)};
        WN_TRY(wn__walk_make(&request, &c->gradient_walk));
    }
    wn__free(c->partial);
    c->partial = WN_NEW_ARRAY(float, c->chunks * c->stored);
    return c->partial ? WN_OK : wn__no_memory((size_t)(c->chunks * c->stored) * sizeof(float));
}

static wn_status bind(wn__op *op, const wn__pattern *pattern)
{
    conv *c = (conv *)op;
    const wn__op_desc *d = &op->desc;
    forget_choice(c);
    wn__choose((wn__sparse *)op->device, d, pattern, c->dense);
    op->implementation = wn__choice_name(c->dense);
    c->pattern = pattern;
    c->stored = pattern ? pattern->stored : d->out_c * columns(d);
    WN_TRY(bind_forward(c, c->dense[WN__CHOICE_FORWARD] ? NULL : pattern));
    for (int i = 0; i < c->phases; i++)
        WN_TRY(bind_phase(c, c->dense[WN__CHOICE_DATA] ? NULL : pattern, i / d->stride, i % d->stride));
    if (pattern && (c->dense[WN__CHOICE_FORWARD] || c->dense[WN__CHOICE_DATA]) &&
        !(c->expanded = WN_NEW_ARRAY(float, d->out_c *columns(d))))
        return wn__no_memory((size_t)(d->out_c * columns(d)) * sizeof(float));
    return bind_gradient(c, pattern);
}

static wn_status pack(wn__op *op, float *const param[4])
{
    conv *c = (conv *)op;
    if (c->expanded) wn__expand(op->device->pool, c->pattern, param[0], c->expanded);
    for (int i = 0; i < c->phases; i++)
        wn__walk_pack(&c->phase[i].walk, op->device->pool, param[0]);
    return WN_OK;
}

/* --- running --------------------------------------------------------------------------------------------------------------------- */

static void run_one(const conv *c, const pass *p, const wn__run *run, wn__lane_product *job, const float *value, bool relu)
{
    for (int64_t tile = 0; tile < p->walk.tiles; tile++) {
        job->a = wn__walk_tile(&p->walk, tile, value);
        job->add = tile > 0;
        job->relu = relu && tile + 1 == p->walk.tiles;
        if (p->walk.dense)
            c->kernels->dense[run->shape].product(job);
        else
            c->kernels->tile[run->shape].product(job);
    }
}

static int64_t run_input(const pass *p, const wn__run *run) { return p->in_start + run->y * p->in_row + run->x * p->step; }
static int64_t run_output(const pass *p, const wn__run *run) { return p->out_start + run->y * p->out_row + run->x * p->out_column; }

/* Taps are visited in an order that does not foretell which pixels come next, nor do planes far apart: so what a run reads first of each
 * channel, the last row of the windows, is fetched during the run before, as is its output. Only where all channels' windows fit the cache. */
static void fetch_ahead(const conv *c, const pass *p, const wn__run *run, wn__lane_product *job)
{
    const wn__op_desc *d = &c->op.desc;
    if (!p->walk.dense || p->walk.tiles > 1 || d->stride > 1) return;
    job->next_in = run_input(p, run + 1) - run_input(p, run);
    job->next_out = run_output(p, run + 1) - run_output(p, run);
    job->fetch_step = taps(d);
    job->fetch_first = (p == &c->forward ? taps(d) - d->kernel_w : 0) + d->kernel_w / 2;
}

/* The runs that start in these rows. */
static void run_pass(const conv *c, const pass *p, wn__rows rows, const wn__lane_product *from)
{
    for (int64_t i = 0; i < p->tiling.runs; i++) {
        const wn__run *run = &p->tiling.run[i];
        if (run->y < rows.first || run->y >= rows.end) continue;
        wn__lane_product job = *from;
        job.in_row = p->in_row;
        job.in += run_input(p, run) * WN__LANE;
        job.out_row = p->out_row;
        job.out_column = p->out_column;
        job.out += run_output(p, run) * WN__LANE;
        if (i + 1 < p->tiling.runs) fetch_ahead(c, p, run, &job);
        run_one(c, p, run, &job, from->a.value, from->relu);
    }
}

static wn_status forward(wn__op *op, const wn__op_args *args, int64_t first, int64_t n, wn__rows rows)
{
    (void)n;
    const conv *c = (const conv *)op;
    float *out = wn__lane_block(args->out, &c->out, first);
    const wn__lane_product job = {.a.value = values(c, &c->forward, args),
                                  .in = wn__lane_block_const(args->in[0], &c->in, first),
                                  .out = out,
                                  .out_plane = c->out.plane,
                                  .bias = args->param[1],
                                  .relu = op->desc.relu};
    run_pass(c, &c->forward, rows, &job);
    wn__sparse_zero_border(&c->out, rows, out);
    wn__sparse_bound_output(op, args, first, rows);
    return WN_OK;
}

static wn_status backward_data(wn__op *op, const wn__op_args *args, int64_t first, int64_t n, wn__rows rows)
{
    (void)n;
    const conv *c = (const conv *)op;
    const int stride = op->desc.stride;
    float *din = wn__lane_block(args->din[0], &c->in, first);
    if (!din) return WN_OK;
    const wn__lane_product job = {.a.value = values(c, &c->phase[0], args),
                                  .in = wn__lane_block_const(args->dout[0], &c->out, first),
                                  .out = din,
                                  .out_plane = c->in.plane};
    for (int i = 0; i < c->phases; i++) {
        const int phase = i / stride;
        const wn__rows of_phase = {phase_size(rows.first, stride, phase), phase_size(rows.end, stride, phase)};
        run_pass(c, &c->phase[i], of_phase, &job);
    }
    wn__sparse_zero_border(&c->in, rows, din);
    return WN_OK;
}

/* That windows over the first `rows` rows of the output, and over those that the tiling's last run adds, meet: at least the first, with
 * which the border above comes. */
static int64_t rows_of_input(const wn__op_desc *d, const wn__tiling *tiling, int64_t rows)
{
    const int64_t met = (rows - 1 + tiling->rows - 1) * d->stride - d->pad + d->kernel_h;
    return met > 1 ? met : 1;
}

/* The last run that starts in the first `rows` rows may reach beyond them. */
static int64_t reach(const wn__op *op, wn__phase phase, bool gradient, int64_t rows)
{
    const conv *c = (const conv *)op;
    const wn__op_desc *d = &op->desc;
    if (phase == WN__BACKWARD_PARAMS && !makes_bands(c)) return rows < d->out_h ? 0 : INT64_MAX;
    if (phase == WN__FORWARD && !gradient) return rows_of_input(d, &c->forward.tiling, rows);
    if (phase == WN__BACKWARD_PARAMS && !gradient) return rows_of_input(d, &c->gradient_tiling, rows);
    if (phase == WN__BACKWARD_PARAMS) return rows + c->gradient_tiling.rows - 1;
    if (phase == WN__BACKWARD_DATA) {
        int64_t most = 0;
        for (int i = 0; i < c->phases; i++)
            if (c->phase[i].tiling.rows > most) most = c->phase[i].tiling.rows;
        return (rows - 1) / d->stride + most + (d->stride - 1 + d->pad) / d->stride;
    }
    return rows;
}

/* --- gradient of the weight ------------------------------------------------------------------------------------------------------ */

/* In args->scratch: sums of a chunk's entries, then all chunks' sums of the output's gradient. */
static float *sums_of_chunk(const conv *c, const wn__op_args *args, int64_t chunk)
{
    return (float *)args->scratch + chunk * c->room * WN__LANE;
}
static double *bias_sums(const conv *c, const wn__op_args *args) { return (double *)sums_of_chunk(c, args, c->chunks); }

/* Entries of rows [row, row + rows), over the runs that start in some rows of the image. */
static void sparse_gradient(const conv *c, const float *in, const float *dout, int64_t row, int64_t rows, wn__rows image, float *sum)
{
    const pass *p = &c->forward;
    const wn__walk *walk = stored_walk(c);
    const wn__tiling *tiling = &c->gradient_tiling;
    wn__lane_gradient job = {.in_row = p->in_row, .dout_row = p->out_row, .dout_plane = c->out.plane, .sum = sum};
    job.first_sum = walk->begin[row];
    for (int64_t i = 0; i < tiling->runs; i++) {
        const wn__run *run = &tiling->run[i];
        if (run->y < image.first || run->y >= image.end) continue;
        job.in = in + (p->in_start + run->y * p->in_row + run->x * p->step) * WN__LANE;
        job.dout = dout + (row * c->out.plane + p->out_start + run->y * p->out_row + run->x) * WN__LANE;
        for (int64_t tile = 0; tile < walk->tiles; tile++) {
            job.a = wn__walk_tile(walk, tile, NULL);
            job.a.rows = rows;
            job.a.begin += row;
            job.a.end += row;
            c->kernels->tile[run->shape].gradient(&job);
        }
    }
}

static int64_t row_end(const conv *c, int64_t row)
{
    const wn__walk *walk = stored_walk(c);
    return walk->begin[walk->tiles * walk->rows + row];
}

#define ENTRIES_A_VISIT 48 /* of a row: their sums are made into floats 16 at a time */

/* An image that is a single run: a few tiles at a time, so that their input stays in cache. */
static void whole_gradients(const conv *c, const float *in, const float *dout, float *partial)
{
    const pass *p = &c->forward;
    const wn__walk *walk = stored_walk(c);
    const int64_t tiles = walk->tiles, wanted = ENTRIES_A_VISIT * walk->rows * tiles / (c->stored + 1) + 1;
    wn__lane_gradient job = {.a = {.rows = walk->rows, .offset = walk->offset},
                             .in = in + p->in_start * WN__LANE,
                             .in_row = p->in_row,
                             .dout = dout + p->out_start * WN__LANE,
                             .dout_row = p->out_row,
                             .dout_plane = c->out.plane,
                             .out = partial};
    for (int64_t tile = 0, next; tile < tiles; tile = next) {
        next = tile + wanted < tiles ? tile + wanted : tiles;
        job.a.begin = walk->begin + tile * walk->rows;
        job.a.end = walk->begin + next * walk->rows;
        c->kernels->tile[c->gradient_tiling.run[0].shape].whole(&job);
    }
}

/* As many rows at a time as the sums have room for. */
static void sparse_gradients(const conv *c, const float *in, const float *dout, float *sum, float *partial)
{
    const int64_t *begin = stored_walk(c)->begin, all = stored_walk(c)->rows;
    for (int64_t row = 0, next; row < all; row = next) {
        for (next = row + 1; next < all && row_end(c, next) - begin[row] <= c->room; next++) {
        }
        const int64_t entries = row_end(c, next - 1) - begin[row];
        memset(sum, 0, (size_t)(entries * WN__LANE) * sizeof(float));
        sparse_gradient(c, in, dout, row, next - row, (wn__rows){0, c->out.h}, sum);
        c->kernels->reduce(entries, sum, false, partial + begin[row]);
    }
}

static void dense_gradients(const conv *c, const float *in, const float *dout, float *partial)
{
    const pass *p = &c->forward;
    const wn__op_desc *d = &c->op.desc;
    const wn__dense_gradient g = {.kernels = c->kernels,
                                  .image = {.g = {.in = in + p->in_start * WN__LANE,
                                                  .in_row = p->in_row,
                                                  .dout = dout + p->out_start * WN__LANE,
                                                  .dout_row = p->out_row,
                                                  .dout_plane = c->out.plane},
                                            .height = d->out_h,
                                            .width = d->out_w,
                                            .in_column = p->step},
                                  .columns = columns(d),
                                  .offset = c->gradient_offset,
                                  .pixels = c->in.plane / taps(d),
                                  .pattern = c->pattern,
                                  .out = partial};
    wn__dense_gradient_rows(&g, 0, d->out_c);
}

/* The gradient of the bias: with the last band. */
static void sum_bias(const conv *c, const wn__op_args *args, int64_t first, int64_t n)
{
    if (c->op.desc.bias)
        wn__sparse_of(&c->op)->kernels->channel_sums(&c->out, (int)n, wn__lane_block_const(args->dout[0], &c->out, first),
                                                     bias_sums(c, args) + first / WN__CHUNK * c->out.c);
}

static wn_status backward_params(wn__op *op, const wn__op_args *args, int64_t first, int64_t n, wn__rows rows)
{
    const conv *c = (const conv *)op;
    const int64_t chunk = first / WN__CHUNK;
    const float *in = wn__lane_block_const(args->in[0], &c->in, first), *dout = wn__lane_block_const(args->dout[0], &c->out, first);
    float *sum = sums_of_chunk(c, args, chunk), *partial = c->partial + chunk * c->stored;
    const bool last = rows.end == c->out.h;
    if (makes_bands(c)) {
        if (rows.first == 0) memset(sum, 0, (size_t)(c->stored * WN__LANE) * sizeof(float));
        sparse_gradient(c, in, dout, 0, c->out.c, rows, sum);
    }
    if (!last) return WN_OK;
    if (makes_bands(c))
        c->kernels->reduce(c->stored, sum, false, partial);
    else if (c->dense[WN__CHOICE_PARAMS])
        dense_gradients(c, in, dout, partial);
    else if (c->gradient_tiling.runs == 1)
        whole_gradients(c, in, dout, partial);
    else
        sparse_gradients(c, in, dout, sum, partial);
    sum_bias(c, args, first, n);
    return WN_OK;
}

static wn_status finish_params(wn__op *op, const wn__op_args *args)
{
    const conv *c = (const conv *)op;
    const int64_t chunks = wn__chunks(args->n);
    if (args->dparam[0]) wn__reduce_sums_f32(op->device->pool, c->partial, chunks, c->stored, c->stored, args->dparam[0], args->accumulate);
    if (!op->desc.bias || !args->dparam[1]) return WN_OK;
    double *sums = bias_sums(c, args), *total = sums + c->chunks * c->out.c;
    wn__reduce_sums(sums, chunks, c->out.c, c->out.c, total);
    for (int64_t i = 0; i < c->out.c; i++)
        args->dparam[1][i] = (float)(args->accumulate ? args->dparam[1][i] + total[i] : total[i]);
    return WN_OK;
}

static wn_status tile_gradient(wn__op *op, const wn__op_args *args, const wn__weight_tile *tile, float *out)
{
    wn__gradient_of_conv(((const conv *)op)->kernels, &op->desc, args, tile, out);
    return WN_OK;
}

static const wn__op_class conv_class = {
    .run_rows = {[WN__FORWARD] = forward,
                 [WN__BACKWARD_PREPARE] = wn__sparse_prepare_gradient,
                 [WN__BACKWARD_DATA] = backward_data,
                 [WN__BACKWARD_PARAMS] = backward_params},
    .reach = reach,
    .finish = {[WN__BACKWARD_PARAMS] = finish_params},
    .pack = pack,
    .bind = bind,
    .tile_gradient = tile_gradient,
    .release = release,
};

static int64_t sum_entries(const wn__op_desc *d)
{
    const int64_t row = d->in_c / d->groups * taps(d);
    return row > SUM_ENTRIES ? row : SUM_ENTRIES;
}

wn_status wn__sparse_conv(wn__sparse *device, const wn__op_desc *desc, wn__op **out)
{
    if (wn__sparse_tiny_suits(desc)) return wn__sparse_tiny(device, desc, out);
    conv *c;
    WN_TRY(wn__op_new(&device->base, desc, sizeof *c, &conv_class, "winnow lanes", &c));
    c->kernels = wn__lane_products_in_use();
    c->in = wn__lanes_of_in(desc, 0);
    c->out = wn__lanes_of_out(desc);
    c->chunks = wn__chunks(desc->n);
    c->room = sum_entries(desc);
    c->op.backward_needs_in = true;
    c->op.backward_needs_out = desc->relu;
    c->op.params_finish_late = true;
    c->op.scratch_bytes = wants_gradients(desc) ? (size_t)(c->chunks * c->room * WN__LANE) * sizeof(float) : 0;
    if (desc->bias && wants_gradients(desc)) c->op.scratch_bytes += (size_t)((c->chunks + 1) * desc->out_c) * sizeof(double);
    if (desc->input_gradient) {
        c->phase = WN_NEW_ARRAY(pass, desc->stride * desc->stride);
        c->phases = c->phase ? desc->stride * desc->stride : 0;
    }
    wn_status status = desc->input_gradient && !c->phase ? wn__no_memory(sizeof(pass)) : WN_OK;
    if (status == WN_OK && wants_gradients(desc))
        status = wn__tiling_sparse(c->kernels, desc->out_h, desc->out_w, desc->stride, true, &c->gradient_tiling);
    if (status == WN_OK) status = bind(&c->op, NULL);
    if (status != WN_OK)
        release(&c->op);
    else
        *out = &c->op;
    return status;
}
