/* Convolutions of 3x3 over images of few pixels, whose border is as large as they are: a tap of the window meets only some of the pixels.
 * Entries are sorted by tap, within tiles of input channels that stay in the first cache, so that nothing is multiplied with border. The
 * weights are larger than the activations here, so their values are copied into the order of each walk whenever they change.
 *
 * Where a block of images is no more than a few registers (2x2), several blocks are taken together after all of them have been gathered
 * without their borders; else each block by itself. */
#include <string.h>

#include "backend/sparse/sparse_tiny.h"
#include "backend/sparse/tile_gradient.h"
#include "backend/sparse/walk.h"
#include "base/fail.h"

#define TILE_BYTES (48 * 1024) /* of pixels that a tile of channels reads: the first cache */
#define LEAST_ENTRIES_A_ROW 80 /* of a tile: reading and writing the sums once more, and a loop for each tap, have to pay for themselves */
#define TASK_ROWS 64           /* of the weight, that a thread takes at a time with some blocks of images */
#define SLICE 8192             /* entries that a thread copies at a time */

/* The entries sorted by (tile of channels, row, tap), then channel. Forward, a row is an output channel and the channels are the input's;
 * back, it is the other way round. */
typedef struct order {
    int64_t rows, channels, tiles;
    int32_t *bound;  /* (tiles * rows * WN__TAPS + 1): where the entries of each (tile, row, tap) begin */
    int32_t *offset; /* (stored) as in wn__lane_tiny */
    int32_t *entry;  /* (stored) of the weight */
    float *value;    /* (stored) */
} order;

typedef struct tiny {
    wn__op op;
    const wn__lane_products *kernels;
    wn__lane_layout in, out;
    const wn__lane_tiny_tile *tile; /* for a block */
    const wn__pattern *pattern;
    order forward, back;
    float *partial; /* (pieces, stored) gradients in the order of `forward` */
    int64_t stored, chunks;
} tiny;

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* --- which convolutions ---------------------------------------------------------------------------------------------------------- */

static bool gathers(const wn__lane_tiny_tile *t) { return t->in_row == t->columns; }

/* A kernel that gathers takes any border. */
static bool suits(const wn__lane_tiny_tile *t, const wn__op_desc *d)
{
    if (t->blocks != 1 || t->rows != d->in_h || t->columns != d->in_w) return false;
    const wn__lane_layout in = wn__lanes_of_in(d, 0), out = wn__lanes_of_out(d);
    return gathers(t) || (in.row == t->in_row && (!d->input_gradient || out.row == t->in_row));
}

static const wn__lane_tiny_tile *tile_of(const wn__lane_products *kernels, const wn__op_desc *d)
{
    if (d->kernel_h != 3 || d->kernel_w != 3 || d->stride != 1 || d->pad != 1 || d->groups != 1) return NULL;
    if (d->out_c * d->in_c > INT32_MAX / WN__TAPS || wn__lanes_of_in(d, 0).block > INT32_MAX || wn__lanes_of_out(d).block > INT32_MAX)
        return NULL;
    for (const wn__lane_tiny_tile *t = kernels->tiny; t && t->rows; t++)
        if (suits(t, d)) return t;
    return NULL;
}

bool wn__sparse_tiny_suits(const wn__op_desc *d) { return tile_of(wn__lane_products_in_use(), d) != NULL; }

/* Blocks of images that are worked on together: as many as there is a kernel for. */
typedef struct piece {
    const wn__lane_tiny_tile *tile;
    int64_t block; /* the first one */
} piece;

/* False if there is no such piece. */
static bool find_piece(const tiny *f, int64_t chunks, int64_t index, piece *out)
{
    *out = (piece){f->tile, 0};
    for (int64_t block = 0, i = 0; block < chunks; block += out->tile->blocks, i++) {
        *out = (piece){f->tile, block};
        for (const wn__lane_tiny_tile *t = f->kernels->tiny; gathers(f->tile) && t->rows; t++)
            if (t->rows == f->tile->rows && t->in_row == f->tile->in_row && t->blocks <= chunks - block && t->blocks > out->tile->blocks)
                out->tile = t;
        if (i == index) return true;
    }
    return false;
}

static int64_t pieces_of(const tiny *f, int64_t chunks)
{
    int64_t pieces = 0;
    for (piece p; find_piece(f, chunks, pieces, &p); pieces++) {
    }
    return pieces;
}

/* --- set-up ---------------------------------------------------------------------------------------------------------------------- */

static void release_order(order *o)
{
    wn__free(o->bound);
    wn__free(o->offset);
    wn__free(o->entry);
    wn__free(o->value);
    *o = (order){0};
}

static void release(wn__op *op)
{
    tiny *f = (tiny *)op;
    release_order(&f->forward);
    release_order(&f->back);
    wn__free(f->partial);
    wn__free(f);
}

static int64_t row_length(const tiny *f) { return f->op.desc.in_c * WN__TAPS; }
static int64_t first_entry(const tiny *f, int64_t out) { return f->pattern ? f->pattern->row_start[out] : out * row_length(f); }

/* An entry as a walk sees it. */
typedef struct visit {
    int64_t row, channel, tap;
} visit;

static visit visit_of(const tiny *f, bool back, int64_t out, int64_t k)
{
    const int64_t column = f->pattern ? f->pattern->column[k] : k - first_entry(f, out), in = column / WN__TAPS, tap = column % WN__TAPS;
    return back ? (visit){in, out, WN__TAPS - 1 - tap} : (visit){out, in, tap};
}

/* Of equal size; channels in each. */
static int64_t tile_channels(const wn__op_desc *d, int64_t stored, bool back)
{
    const int64_t rows = back ? d->in_c : d->out_c, channels = back ? d->out_c : d->in_c;
    const int64_t most = TILE_BYTES / (d->in_h * d->in_w * WN__LANE * (int64_t)sizeof(float));
    int64_t tile = LEAST_ENTRIES_A_ROW * channels / (stored / rows + 1);
    if (tile < most) tile = most;
    const int64_t tiles = (channels + tile / 2) / tile;
    return tiles > 1 ? (channels + tiles - 1) / tiles : channels;
}

int64_t wn__sparse_tiny_tile(const wn__op_desc *d, const wn__pattern *pattern)
{
    return wn__sparse_tiny_suits(d) ? tile_channels(d, pattern ? pattern->stored : d->out_c * d->in_c * WN__TAPS, false) : 0;
}

/* Where the entries of cell (tile, row, tap) begin; place: the same, to be advanced. */
static void count_cells(const tiny *f, bool back, int64_t tile, order *o, int32_t *place)
{
    const int64_t cells = o->tiles * o->rows * WN__TAPS;
    for (int64_t out = 0; out < f->op.desc.out_c; out++)
        for (int64_t k = first_entry(f, out); k < first_entry(f, out + 1); k++) {
            const visit v = visit_of(f, back, out, k);
            o->bound[(v.channel / tile * o->rows + v.row) * WN__TAPS + v.tap + 1]++;
        }
    for (int64_t i = 0; i < cells; i++)
        o->bound[i + 1] += o->bound[i];
    memcpy(place, o->bound, (size_t)cells * sizeof *place);
}

static void sort_entries(const tiny *f, bool back, int64_t tile, order *o, int32_t *place)
{
    const wn__op_desc *d = &f->op.desc;
    const int64_t plane = gathers(f->tile) ? d->in_h * d->in_w : back ? f->out.plane : f->in.plane, row = f->tile->in_row;
    count_cells(f, back, tile, o, place);
    for (int64_t out = 0; out < d->out_c; out++)
        for (int64_t k = first_entry(f, out); k < first_entry(f, out + 1); k++) {
            const visit v = visit_of(f, back, out, k);
            const int32_t at = place[(v.channel / tile * o->rows + v.row) * WN__TAPS + v.tap]++;
            o->offset[at] = (int32_t)(v.channel * plane + (v.tap / 3 - 1) * row + v.tap % 3 - 1);
            o->entry[at] = (int32_t)k;
        }
}

static wn_status make_order(const tiny *f, bool back, order *o)
{
    const wn__op_desc *d = &f->op.desc;
    release_order(o);
    o->rows = back ? d->in_c : d->out_c;
    o->channels = back ? d->out_c : d->in_c;
    const int64_t tile = tile_channels(d, f->stored, back);
    o->tiles = (o->channels + tile - 1) / tile;
    const int64_t cells = o->tiles * o->rows * WN__TAPS;
    int32_t *place = WN_NEW_ARRAY(int32_t, cells);
    o->bound = WN_NEW_ARRAY(int32_t, cells + 1);
    o->offset = WN_NEW_ARRAY(int32_t, f->stored);
    o->entry = WN_NEW_ARRAY(int32_t, f->stored);
    o->value = WN_NEW_ARRAY(float, f->stored);
    const bool made = place && o->bound && o->offset && o->entry && o->value;
    if (made) sort_entries(f, back, tile, o, place);
    wn__free(place);
    return made ? WN_OK : wn__no_memory((size_t)f->stored * sizeof *o->value);
}

static wn_status bind(wn__op *op, const wn__pattern *pattern)
{
    tiny *f = (tiny *)op;
    f->pattern = pattern;
    f->stored = first_entry(f, op->desc.out_c);
    WN_TRY(make_order(f, false, &f->forward));
    if (op->desc.input_gradient) WN_TRY(make_order(f, true, &f->back));
    if (op->desc.inference_only) return WN_OK;
    const int64_t pieces = pieces_of(f, f->chunks);
    wn__free(f->partial);
    f->partial = WN_NEW_ARRAY(float, pieces * f->stored);
    return f->partial ? WN_OK : wn__no_memory((size_t)(pieces * f->stored) * sizeof(float));
}

/* --- values into the order of a walk, gradients out of it -------------------------------------------------------------------------- */

typedef struct copy {
    const tiny *f;
    float *gradient;
    bool accumulate;
} copy;

static void copy_gradients(void *arg, int64_t slice, int worker)
{
    (void)worker;
    const copy *c = arg;
    for (int64_t k = slice * SLICE, end = least(k + SLICE, c->f->stored); k < end; k++) {
        float *to = &c->gradient[c->f->forward.entry[k]];
        *to = c->accumulate ? *to + c->f->partial[k] : c->f->partial[k];
    }
}

static wn_status pack(wn__op *op, float *const param[4])
{
    const tiny *f = (const tiny *)op;
    wn__gather_values(op->device->pool, f->stored, f->forward.entry, param[0], f->forward.value);
    if (op->desc.input_gradient) wn__gather_values(op->device->pool, f->stored, f->back.entry, param[0], f->back.value);
    return WN_OK;
}

/* --- running ----------------------------------------------------------------------------------------------------------------------- */

/* In args->scratch: the gathered input and gradient of the output, then sums of the latter. */
static int64_t gathered_block(const tiny *f, bool dout) { return (dout ? f->out.c : f->in.c) * f->op.desc.in_h * f->op.desc.in_w; }
static float *gathered(const tiny *f, const wn__op_args *args, bool dout, int64_t block)
{
    return (float *)args->scratch + ((dout ? f->chunks * gathered_block(f, false) : 0) + block * gathered_block(f, dout)) * WN__LANE;
}
static double *bias_sums(const tiny *f, const wn__op_args *args)
{
    return (double *)(gathers(f->tile) ? gathered(f, args, true, f->chunks) : args->scratch);
}

static void gather(const tiny *f, const wn__op_args *args, bool dout, int64_t first)
{
    const wn__lane_layout *l = dout ? &f->out : &f->in;
    const float *from = wn__lane_block_const(dout ? args->dout[0] : args->in[0], l, first) + l->origin * WN__LANE;
    float *to = gathered(f, args, dout, first / WN__LANE);
    for (int64_t c = 0; c < l->c; c++)
        for (int64_t y = 0; y < l->h; y++, to += l->w * WN__LANE)
            memcpy(to, from + (c * l->plane + y * l->row) * WN__LANE, (size_t)(l->w * WN__LANE) * sizeof *to);
}

/* The first pixel of a block as a kernel reads it, and the distance to the next block. */
static const float *source(const tiny *f, const wn__op_args *args, bool dout, int64_t block, int64_t *distance)
{
    const wn__lane_layout *l = dout ? &f->out : &f->in;
    *distance = gathers(f->tile) ? gathered_block(f, dout) : l->block;
    if (gathers(f->tile)) return gathered(f, args, dout, block);
    return (const float *)(dout ? args->dout[0] : args->in[0]) + (block * l->block + l->origin) * WN__LANE;
}

/* Rows [row, row + rows) of a product over some blocks. */
static void multiply(const tiny *f, const wn__op_args *args, bool back, piece p, int64_t row, int64_t rows)
{
    const order *o = back ? &f->back : &f->forward;
    const wn__lane_layout *to = back ? &f->in : &f->out;
    float *out = back ? args->din[0] : args->out;
    wn__lane_tiny job = {.rows = rows,
                         .offset = o->offset,
                         .value = o->value,
                         .out = out + (p.block * to->block + row * to->plane + to->origin) * WN__LANE,
                         .out_row = to->row,
                         .out_block = to->block,
                         .out_plane = to->plane};
    job.in = source(f, args, back, p.block, &job.in_block);
    if (!back && args->param[1]) job.bias = args->param[1] + row;
    for (int64_t tile = 0; tile < o->tiles; tile++) {
        job.bound = o->bound + (tile * o->rows + row) * WN__TAPS;
        job.add = tile > 0;
        job.relu = !back && f->op.desc.relu && tile + 1 == o->tiles;
        p.tile->product(&job);
    }
}

static void make_gradients(const tiny *f, const wn__op_args *args, piece p, float *gradient, int64_t row, int64_t rows)
{
    const order *o = &f->forward;
    wn__lane_tiny job = {.rows = rows, .offset = o->offset, .gradient = gradient};
    job.in = source(f, args, false, p.block, &job.in_block);
    job.dout = source(f, args, true, p.block, &job.out_block);
    job.out_row = gathers(f->tile) ? f->out.w : f->out.row;
    job.out_plane = gathers(f->tile) ? f->out.w * f->out.h : f->out.plane;
    job.dout += row * job.out_plane * WN__LANE;
    for (int64_t tile = 0; tile < o->tiles; tile++) {
        job.bound = o->bound + (tile * o->rows + row) * WN__TAPS;
        p.tile->gradient(&job);
    }
}

/* What comes before and after the product, for one block. */
static void finish_forward(const tiny *f, const wn__op_args *args, int64_t first)
{
    const wn__rows all = {0, f->out.h};
    wn__sparse_zero_border(&f->out, all, wn__lane_block(args->out, &f->out, first));
    wn__sparse_bound_output(&f->op, args, first, all);
}

static void sum_bias(const tiny *f, const wn__op_args *args, int64_t first, int64_t n)
{
    if (f->op.desc.bias)
        wn__sparse_of(&f->op)->kernels->channel_sums(&f->out, (int)n, wn__lane_block_const(args->dout[0], &f->out, first),
                                                     bias_sums(f, args) + first / WN__CHUNK * f->out.c);
}

/* --- each block by itself ---------------------------------------------------------------------------------------------------------- */

static piece block_of(const tiny *f, int64_t first) { return (piece){f->tile, first / WN__LANE}; }

static wn_status forward_block(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    (void)n;
    const tiny *f = (const tiny *)op;
    multiply(f, args, false, block_of(f, first), 0, f->out.c);
    finish_forward(f, args, first);
    return WN_OK;
}

static wn_status data_block(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    (void)n;
    const tiny *f = (const tiny *)op;
    if (!args->din[0]) return WN_OK;
    multiply(f, args, true, block_of(f, first), 0, f->in.c);
    wn__sparse_zero_border(&f->in, (wn__rows){0, f->in.h}, wn__lane_block(args->din[0], &f->in, first));
    return WN_OK;
}

static wn_status params_block(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const tiny *f = (const tiny *)op;
    make_gradients(f, args, block_of(f, first), f->partial + first / WN__CHUNK * f->stored, 0, f->out.c);
    sum_bias(f, args, first, n);
    return WN_OK;
}

/* --- several blocks together ------------------------------------------------------------------------------------------------------- */

static wn_status gather_in(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    (void)n;
    gather((const tiny *)op, args, false, first);
    return WN_OK;
}

static wn_status gather_dout(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    (void)n;
    if (args->din[0]) gather((const tiny *)op, args, true, first);
    return WN_OK;
}

static wn_status gather_both(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const tiny *f = (const tiny *)op;
    gather(f, args, false, first);
    gather(f, args, true, first);
    sum_bias(f, args, first, n);
    return WN_OK;
}

typedef struct work {
    const tiny *f;
    const wn__op_args *args;
    wn__phase phase;
    int64_t chunks, pieces, rows;
} work;

/* Pieces change fastest: they share the entries of the rows. */
static void run_task(void *arg, int64_t task, int worker)
{
    (void)worker;
    const work *w = arg;
    const int64_t index = task % w->pieces, row = task / w->pieces * TASK_ROWS, rows = least(TASK_ROWS, w->rows - row);
    piece p;
    if (!find_piece(w->f, w->chunks, index, &p)) return;
    if (w->phase == WN__BACKWARD_PARAMS)
        make_gradients(w->f, w->args, p, w->f->partial + index * w->f->stored, row, rows);
    else
        multiply(w->f, w->args, w->phase == WN__BACKWARD_DATA, p, row, rows);
}

static void run_pieces(const tiny *f, const wn__op_args *args, wn__phase phase, int64_t rows)
{
    work w = {.f = f, .args = args, .phase = phase, .chunks = wn__chunks(args->n), .rows = rows};
    w.pieces = pieces_of(f, w.chunks);
    wn__parallel_for(f->op.device->pool, w.pieces * ((rows + TASK_ROWS - 1) / TASK_ROWS), run_task, &w);
}

static wn_status forward_pieces(wn__op *op, const wn__op_args *args)
{
    const tiny *f = (const tiny *)op;
    run_pieces(f, args, WN__FORWARD, f->out.c);
    for (int64_t first = 0; first < args->n; first += WN__LANE)
        finish_forward(f, args, first);
    return WN_OK;
}

static wn_status data_pieces(wn__op *op, const wn__op_args *args)
{
    const tiny *f = (const tiny *)op;
    if (!args->din[0]) return WN_OK;
    run_pieces(f, args, WN__BACKWARD_DATA, f->in.c);
    for (int64_t first = 0; first < args->n; first += WN__LANE)
        wn__sparse_zero_border(&f->in, (wn__rows){0, f->in.h}, wn__lane_block(args->din[0], &f->in, first));
    return WN_OK;
}

/* --- gradients of the parameters --------------------------------------------------------------------------------------------------- */

static wn_status finish_params(wn__op *op, const wn__op_args *args)
{
    const tiny *f = (const tiny *)op;
    const int64_t chunks = wn__chunks(args->n), pieces = pieces_of(f, chunks);
    if (gathers(f->tile)) run_pieces(f, args, WN__BACKWARD_PARAMS, f->out.c);
    if (args->dparam[0]) {
        copy c = {f, args->dparam[0], args->accumulate};
        wn__reduce_sums_f32(op->device->pool, f->partial, pieces, f->stored, f->stored, f->partial, false);
        wn__parallel_for(op->device->pool, (f->stored + SLICE - 1) / SLICE, copy_gradients, &c);
    }
    if (!op->desc.bias || !args->dparam[1]) return WN_OK;
    double *sums = bias_sums(f, args), *total = sums + f->chunks * f->out.c;
    wn__reduce_sums(sums, chunks, f->out.c, f->out.c, total);
    for (int64_t i = 0; i < f->out.c; i++)
        args->dparam[1][i] = (float)(args->accumulate ? args->dparam[1][i] + total[i] : total[i]);
    return WN_OK;
}

static wn_status tile_gradient(wn__op *op, const wn__op_args *args, const wn__weight_tile *tile, float *out)
{
    const tiny *f = (const tiny *)op;
    wn__gradient_of_conv(f->kernels, &op->desc, args, tile, out);
    return WN_OK;
}

static const wn__op_class block_class = {
    .run = {[WN__FORWARD] = forward_block, [WN__BACKWARD_DATA] = data_block, [WN__BACKWARD_PARAMS] = params_block},
    .run_rows = {[WN__BACKWARD_PREPARE] = wn__sparse_prepare_gradient},
    .finish = {[WN__BACKWARD_PARAMS] = finish_params},
    .pack = pack,
    .bind = bind,
    .tile_gradient = tile_gradient,
    .release = release,
};

static const wn__op_class pieces_class = {
    .run = {[WN__FORWARD] = gather_in, [WN__BACKWARD_DATA] = gather_dout, [WN__BACKWARD_PARAMS] = gather_both},
    .run_rows = {[WN__BACKWARD_PREPARE] = wn__sparse_prepare_gradient},
    .finish = {[WN__FORWARD] = forward_pieces, [WN__BACKWARD_DATA] = data_pieces, [WN__BACKWARD_PARAMS] = finish_params},
    .pack = pack,
    .bind = bind,
    .tile_gradient = tile_gradient,
    .release = release,
};

wn_status wn__sparse_tiny(wn__sparse *device, const wn__op_desc *desc, wn__op **out)
{
    const wn__lane_products *kernels = wn__lane_products_in_use();
    const wn__lane_tiny_tile *tile = tile_of(kernels, desc);
    tiny *f;
    WN_TRY(wn__op_new(&device->base, desc, sizeof *f, gathers(tile) ? &pieces_class : &block_class, "winnow lanes, tiny pixels", &f));
    f->kernels = kernels;
    f->tile = tile;
    f->in = wn__lanes_of_in(desc, 0);
    f->out = wn__lanes_of_out(desc);
    f->chunks = wn__chunks(desc->n);
    f->op.backward_needs_in = true;
    f->op.backward_needs_out = desc->relu;
    f->op.params_finish_late = true;
    if (gathers(tile))
        f->op.scratch_bytes = (size_t)(f->chunks * (gathered_block(f, false) + gathered_block(f, true)) * WN__LANE) * sizeof(float);
    if (desc->bias && !desc->inference_only) f->op.scratch_bytes += (size_t)((f->chunks + 1) * desc->out_c) * sizeof(double);
    *out = &f->op;
    return WN_OK;
}
