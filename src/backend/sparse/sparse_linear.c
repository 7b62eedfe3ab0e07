/* Linear layers: the whole batch at once, so that a weight meets the images of all blocks. Work is split by rows of the weight (forward,
 * backward to the weight) and by its columns (backward to the input), each of which one thread computes from end to end. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "backend/sparse/choice.h"
#include "backend/sparse/dense_gradient.h"
#include "backend/sparse/tile_gradient.h"
#include "backend/sparse/tiling.h"
#include "backend/sparse/walk.h"
#include "base/fail.h"

#define TASK_ROWS 64     /* rows, or columns, that a thread takes at a time; fewer where that leaves threads idle */
#define SUM_ENTRIES 1024 /* gradients summed at a time, 16 floats each */
#define TILE_ENTRIES 256 /* of a dense weight, that are multiplied with all blocks before the next ones: their inputs stay in cache */

typedef struct linear {
    wn__op op;
    const wn__lane_products *kernels;
    wn__lane_layout in, out;
    int64_t columns;
    int32_t *in_place;               /* (columns) pixel of each input; NULL: the column itself */
    int32_t *out_place;              /* (rows) pixel of each output; NULL: the row itself */
    wn__tiling tiling, dense_tiling; /* of the blocks, as rows of an image one pixel wide */
    const wn__pattern *pattern;      /* NULL: a dense weight */
    bool dense[WN__CHOICES];
    int32_t *forward_offset, *data_offset; /* entries' pixels where they are not the pattern's own numbers */
    int32_t *dense_column, *dense_row;     /* (columns), (rows) for dense kernels: the columns; where rows begin */
    int32_t *dense_in, *dense_out;         /* (columns), (rows) likewise: pixels */
    float *expanded;                       /* a pattern's weight with its zeros, for dense kernels; NULL: not needed */
    float *sum;                            /* (threads, SUM_ENTRIES, 16) */
} linear;

/* --- set-up ---------------------------------------------------------------------------------------------------------------------- */

static void forget(linear *l)
{
    int32_t **const lists[] = {&l->forward_offset, &l->data_offset, &l->dense_column, &l->dense_row, &l->dense_in, &l->dense_out};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        wn__free(*lists[i]);
        *lists[i] = NULL;
    }
    wn__free(l->expanded);
    l->expanded = NULL;
    l->pattern = NULL;
}

static void release(wn__op *op)
{
    linear *l = (linear *)op;
    forget(l);
    wn__tiling_release(&l->tiling);
    wn__tiling_release(&l->dense_tiling);
    wn__free(l->in_place);
    wn__free(l->out_place);
    wn__free(l->sum);
    wn__free(l);
}

/* Where the flattened values of an image lie; NULL if simply one after the other. */
static wn_status make_places(const wn__lane_layout *l, int32_t **place)
{
    if (l->plane == l->h * l->w) return WN_OK;
    if (!(*place = WN_NEW_ARRAY(int32_t, l->c * l->h * l->w))) return wn__no_memory((size_t)(l->c * l->h * l->w) * sizeof **place);
    int64_t i = 0;
    for (int64_t c = 0; c < l->c; c++)
        for (int64_t y = 0; y < l->h; y++)
            for (int64_t x = 0; x < l->w; x++)
                (*place)[i++] = (int32_t)(c * l->plane + l->origin + y * l->row + x);
    return WN_OK;
}

static wn_status translate(const int32_t *place, const int32_t *number, int64_t n, int32_t **out)
{
    if (!place) return WN_OK;
    if (!(*out = WN_NEW_ARRAY(int32_t, n))) return wn__no_memory((size_t)n * sizeof **out);
    for (int64_t i = 0; i < n; i++)
        (*out)[i] = place[number[i]];
    return WN_OK;
}

static bool may_be_dense(const linear *l) { return l->op.desc.out_c * l->columns <= INT32_MAX; }

/* The numbers 0, step, 2 step ... or the pixels at `place`. */
static wn_status list(int64_t n, int64_t step, const int32_t *place, int32_t **out)
{
    if (!(*out = WN_NEW_ARRAY(int32_t, n))) return wn__no_memory((size_t)n * sizeof **out);
    for (int64_t i = 0; i < n; i++)
        (*out)[i] = place ? place[i] : (int32_t)(i * step);
    return WN_OK;
}

static wn_status bind_dense(linear *l)
{
    const int64_t rows = l->op.desc.out_c;
    if (!may_be_dense(l))
        return wn__fail(WN_EUNSUPPORTED, "sparse: a dense layer of %lld x %lld is too large", (long long)rows, (long long)l->columns);
    WN_TRY(list(l->columns, 1, NULL, &l->dense_column));
    WN_TRY(list(rows, l->columns, NULL, &l->dense_row));
    WN_TRY(list(l->columns, 1, l->in_place, &l->dense_in));
    WN_TRY(list(rows, 1, l->out_place, &l->dense_out));
    if (!l->pattern) return WN_OK;
    l->expanded = WN_NEW_ARRAY(float, rows * l->columns);
    return l->expanded ? WN_OK : wn__no_memory((size_t)(rows * l->columns) * sizeof(float));
}

static wn_status bind(wn__op *op, const wn__pattern *pattern)
{
    linear *l = (linear *)op;
    forget(l);
    l->pattern = pattern;
    wn__choose((wn__sparse *)op->device, &op->desc, pattern, l->dense);
    op->implementation = wn__choice_name(l->dense);
    if (l->dense[WN__CHOICE_FORWARD] || l->dense[WN__CHOICE_DATA] || l->dense[WN__CHOICE_PARAMS]) WN_TRY(bind_dense(l));
    if (!pattern) return WN_OK;
    WN_TRY(translate(l->in_place, pattern->column, pattern->stored, &l->forward_offset));
    return translate(l->out_place, pattern->row, pattern->stored, &l->data_offset);
}

static wn_status pack(wn__op *op, float *const param[4])
{
    const linear *l = (const linear *)op;
    if (l->expanded) wn__expand(op->device->pool, l->pattern, param[0], l->expanded);
    return WN_OK;
}

/* What dense kernels multiply with. */
static const float *dense_values(const linear *l, const wn__op_args *args) { return l->expanded ? l->expanded : args->param[0]; }

/* --- tasks ----------------------------------------------------------------------------------------------------------------------- */

typedef struct work {
    const linear *l;
    const wn__op_args *args;
    int64_t rows, task_rows;
} work;

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* Results do not depend on how rows are split. */
static void run_tasks(const linear *l, const wn__op_args *args, int64_t rows, wn__chunk_body body)
{
    work w = {.l = l, .args = args, .rows = rows};
    const int64_t even = (rows + 4 * wn__pool_threads(l->op.device->pool) - 1) / (4 * wn__pool_threads(l->op.device->pool));
    w.task_rows = least(TASK_ROWS, even > 8 ? even : 8);
    wn__parallel_for(l->op.device->pool, (rows + w.task_rows - 1) / w.task_rows, body, &w);
}

/* --- forward and backward to the input -------------------------------------------------------------------------------------------- */

/* Entries [first, end) of a dense weight. */
static void multiply_tile(const linear *l, const wn__lane_product *all, int64_t first, int64_t end, const float *in, float *out)
{
    wn__lane_product job = *all;
    job.a.first = first;
    job.a.entries = end;
    job.add = first > 0;
    job.relu = all->relu && end == all->a.entries;
    for (int64_t i = 0; i < l->dense_tiling.runs; i++) {
        const wn__run *run = &l->dense_tiling.run[i];
        job.in = in + run->y * job.in_row * WN__LANE;
        job.out = out + run->y * job.out_row * WN__LANE;
        l->kernels->dense[run->shape].product(&job);
    }
}

static void multiply(const linear *l, bool dense, wn__lane_product *job, const float *in, int64_t in_block, float *out, int64_t out_block)
{
    job->in_row = in_block;
    job->out_row = out_block;
    for (int64_t first = 0; dense && first < job->a.entries; first += TILE_ENTRIES)
        multiply_tile(l, job, first, least(first + TILE_ENTRIES, job->a.entries), in, out);
    for (int64_t i = 0; !dense && i < l->tiling.runs; i++) {
        const wn__run *run = &l->tiling.run[i];
        job->in = in + run->y * in_block * WN__LANE;
        job->out = out + run->y * out_block * WN__LANE;
        l->kernels->tile[run->shape].product(job);
    }
}

static void forward_rows(void *arg, int64_t task, int worker)
{
    (void)worker;
    const work *w = arg;
    const linear *l = w->l;
    const int64_t row = task * w->task_rows;
    const bool dense = l->dense[WN__CHOICE_FORWARD];
    wn__lane_product job = {.out_plane = 1, .relu = l->op.desc.relu};
    job.bias = w->args->param[1] ? w->args->param[1] + row : NULL;
    job.out_place = l->out_place ? l->out_place + row : NULL;
    job.a.rows = least(w->task_rows, w->rows - row);
    if (dense) {
        job.a.entries = job.a.row_stride = l->columns;
        job.a.offset = l->dense_in;
        job.a.entry = l->dense_column;
        job.a.value = dense_values(l, w->args) + row * l->columns;
    } else {
        job.a.begin = l->pattern->row_start + row;
        job.a.end = job.a.begin + 1;
        job.a.offset = l->forward_offset ? l->forward_offset : l->pattern->column;
        job.a.value = w->args->param[0];
    }
    multiply(l, dense, &job, w->args->in[0], l->in.block, (float *)w->args->out + (l->out_place ? 0 : row) * WN__LANE, l->out.block);
}

static void backward_columns(void *arg, int64_t task, int worker)
{
    (void)worker;
    const work *w = arg;
    const linear *l = w->l;
    const int64_t column = task * w->task_rows;
    const bool dense = l->dense[WN__CHOICE_DATA];
    wn__lane_product job = {.out_plane = 1};
    job.out_place = l->in_place ? l->in_place + column : NULL;
    job.a.rows = least(w->task_rows, w->rows - column);
    if (dense) {
        job.a.entries = l->op.desc.out_c;
        job.a.row_stride = 1;
        job.a.offset = l->dense_out;
        job.a.entry = l->dense_row;
        job.a.value = dense_values(l, w->args) + column;
    } else {
        job.a.begin = l->pattern->column_start + column;
        job.a.end = job.a.begin + 1;
        job.a.offset = l->data_offset ? l->data_offset : l->pattern->row;
        job.a.entry = l->pattern->entry;
        job.a.value = w->args->param[0];
    }
    multiply(l, dense, &job, w->args->dout[0], l->out.block, (float *)w->args->din[0] + (l->in_place ? 0 : column) * WN__LANE, l->in.block);
}

/* Borders, which no row writes. */
static void zero_all(const wn__lane_layout *l, int64_t n, void *tensor)
{
    memset(tensor, 0, (size_t)(wn__chunks(n) * l->block * WN__LANE) * sizeof(float));
}

static wn_status forward(wn__op *op, const wn__op_args *args)
{
    const linear *l = (const linear *)op;
    if (l->out_place) zero_all(&l->out, args->n, args->out);
    run_tasks(l, args, op->desc.out_c, forward_rows);
    for (int64_t first = 0; first < args->n; first += WN__LANE)
        wn__sparse_bound_output(op, args, first, (wn__rows){0, op->desc.out_h});
    return WN_OK;
}

static wn_status backward_data(wn__op *op, const wn__op_args *args)
{
    const linear *l = (const linear *)op;
    if (!args->din[0]) return WN_OK;
    if (l->in_place) zero_all(&l->in, args->n, args->din[0]);
    run_tasks(l, args, l->columns, backward_columns);
    return WN_OK;
}

/* --- backward to the weight ------------------------------------------------------------------------------------------------------ */

static int64_t out_pixel(const linear *l, int64_t row) { return l->out_place ? l->out_place[row] : row; }

/* Entries begin[i] .. end[i] - 1 of rows row + i. */
static void sparse_part(const linear *l, const wn__op_args *args, int64_t row, int64_t rows, const int64_t *begin, const int64_t *end,
                        float *sum)
{
    const int64_t first = begin[0], entries = end[rows - 1] - first;
    wn__lane_gradient job = {.in_row = l->in.block, .dout_row = l->out.block, .dout_plane = l->out.plane, .sum = sum, .first_sum = first};
    job.a =
        (wn__lane_matrix){.rows = rows, .begin = begin, .end = end, .offset = l->forward_offset ? l->forward_offset : l->pattern->column};
    memset(sum, 0, (size_t)(entries * WN__LANE) * sizeof(float));
    for (int64_t i = 0; i < l->tiling.runs; i++) {
        const wn__run *run = &l->tiling.run[i];
        job.in = (const float *)args->in[0] + run->y * l->in.block * WN__LANE;
        job.dout = (const float *)args->dout[0] + (run->y * l->out.block + out_pixel(l, row)) * WN__LANE;
        l->kernels->tile[run->shape].gradient(&job);
    }
    l->kernels->reduce(entries, sum, args->accumulate, args->dparam[0] + first);
}

/* A batch that is a single run. */
static void whole_rows(const linear *l, const wn__op_args *args, int64_t row, int64_t end)
{
    const wn__lane_gradient job = {.a = {.rows = end - row,
                                         .begin = l->pattern->row_start + row,
                                         .end = l->pattern->row_start + row + 1,
                                         .offset = l->forward_offset ? l->forward_offset : l->pattern->column},
                                   .in = args->in[0],
                                   .in_row = l->in.block,
                                   .dout = (const float *)args->dout[0] + out_pixel(l, row) * WN__LANE,
                                   .dout_row = l->out.block,
                                   .dout_plane = l->out.plane,
                                   .out = args->dparam[0]};
    l->kernels->tile[l->tiling.run[0].shape].whole(&job);
}

/* As many rows at a time as the sums have room for; longer rows in pieces. */
static void sparse_rows(const linear *l, const wn__op_args *args, int64_t row, int64_t end, float *sum)
{
    const int64_t *start = l->pattern->row_start;
    for (int64_t next; row < end; row = next) {
        for (next = row + 1; next < end && start[next + 1] - start[row] <= SUM_ENTRIES; next++) {
        }
        if (start[next] - start[row] <= SUM_ENTRIES) {
            sparse_part(l, args, row, next - row, start + row, start + row + 1, sum);
            continue;
        }
        for (int64_t k = start[row], stop; k < start[next]; k = stop) {
            stop = least(k + SUM_ENTRIES, start[next]);
            sparse_part(l, args, row, 1, &k, &stop, sum);
        }
    }
}

static void dense_rows(const linear *l, const wn__op_args *args, int64_t row, int64_t end)
{
    const wn__dense_gradient g = {.kernels = l->kernels,
                                  .image = {.g = {.in = args->in[0],
                                                  .in_row = l->in.block,
                                                  .dout = (const float *)args->dout[0] + out_pixel(l, 0) * WN__LANE,
                                                  .dout_row = l->out.block,
                                                  .dout_plane = l->out.plane},
                                            .height = wn__chunks(args->n),
                                            .width = 1,
                                            .in_column = 1},
                                  .columns = l->columns,
                                  .offset = l->dense_in,
                                  .pixels = wn__chunks(args->n),
                                  .pattern = l->pattern,
                                  .out = args->dparam[0],
                                  .add = args->accumulate};
    wn__dense_gradient_rows(&g, row, end);
}

static void sum_bias(const linear *l, const wn__op_args *args, int64_t row, int64_t end)
{
    wn__lane_layout some = l->out;
    double total[TASK_ROWS] = {0}, part[TASK_ROWS];
    some.c = end - row;
    for (int64_t first = 0; first < args->n; first += WN__LANE) {
        const float *dout = wn__lane_block_const(args->dout[0], &l->out, first) + row * some.plane * WN__LANE;
        wn__sparse_of(&l->op)->kernels->channel_sums(&some, (int)least(WN__LANE, args->n - first), dout, part);
        for (int64_t i = 0; i < some.c; i++)
            total[i] += part[i];
    }
    for (int64_t i = 0; i < some.c; i++)
        args->dparam[1][row + i] = (float)(args->accumulate ? args->dparam[1][row + i] + total[i] : total[i]);
}

static void gradient_rows(void *arg, int64_t task, int worker)
{
    const work *w = arg;
    const linear *l = w->l;
    const int64_t row = task * w->task_rows, end = least(row + w->task_rows, w->rows);
    float *sum = l->sum + (int64_t)worker * SUM_ENTRIES * WN__LANE;
    if (l->dense[WN__CHOICE_PARAMS])
        dense_rows(l, w->args, row, end);
    else if (l->tiling.runs == 1 && !w->args->accumulate)
        whole_rows(l, w->args, row, end);
    else
        sparse_rows(l, w->args, row, end, sum);
    if (!l->op.desc.bias || !w->args->dparam[1]) return;
    sum_bias(l, w->args, row, end);
}

static wn_status backward_params(wn__op *op, const wn__op_args *args)
{
    if (args->dparam[0]) run_tasks((const linear *)op, args, op->desc.out_c, gradient_rows);
    return WN_OK;
}

static void place_columns(const void *layer, int64_t row, int64_t column, int64_t n, int32_t *offset)
{
    (void)row;
    const linear *l = layer;
    for (int64_t i = 0; i < n; i++)
        offset[i] = l->in_place ? l->in_place[column + i] : (int32_t)(column + i);
}

static wn_status tile_gradient(wn__op *op, const wn__op_args *args, const wn__weight_tile *tile, float *out)
{
    const linear *l = (const linear *)op;
    const wn__gradient_source source = {.kernels = l->kernels,
                                        .in = args->in[0],
                                        .dout = (const float *)args->dout[0] + out_pixel(l, 0) * WN__LANE,
                                        .blocks = 1,
                                        .height = wn__chunks(args->n),
                                        .width = 1,
                                        .in_row = l->in.block,
                                        .in_column = 1,
                                        .dout_row = l->out.block,
                                        .dout_plane = l->out.plane,
                                        .group_rows = op->desc.out_c,
                                        .layer = l,
                                        .place = place_columns};
    wn__gradient_of_batch(&source, args->n, tile, args->accumulate, out);
    return WN_OK;
}

/* Lengths of what each unit of a tensor is over the batch: a product of two is at most the product of their lengths. As much is added as a sum
 * over the batch in float32 can be off. */
static void lengths(const wn__lane_layout *l, const int32_t *place, int64_t units, int64_t images, const float *x, float *length)
{
    for (int64_t i = 0; i < units; i++) {
        const float *unit = x + (place ? place[i] : i) * WN__LANE;
        double sum = 0;
        for (int64_t first = 0; first < images; first += WN__LANE, unit += l->block * WN__LANE)
            for (int64_t lane = 0; lane < least(WN__LANE, images - first); lane++)
                sum += (double)unit[lane] * (double)unit[lane];
        const double longest = sqrt(sum) * (1 + 1e-6 + 1.2e-7 * (double)images);
        length[i] = longest <= FLT_MAX ? (float)longest : INFINITY;
    }
}

static void gradient_bounds(const wn__op *op, const wn__op_args *args, float *row, float *column)
{
    const linear *l = (const linear *)op;
    lengths(&l->out, l->out_place, op->desc.out_c, args->n, args->dout[0], row);
    lengths(&l->in, l->in_place, l->columns, args->n, args->in[0], column);
}

static const wn__op_class linear_class = {
    .run_rows = {[WN__BACKWARD_PREPARE] = wn__sparse_prepare_gradient},
    .finish = {[WN__FORWARD] = forward, [WN__BACKWARD_DATA] = backward_data, [WN__BACKWARD_PARAMS] = backward_params},
    .pack = pack,
    .bind = bind,
    .tile_gradient = tile_gradient,
    .gradient_bounds = gradient_bounds,
    .release = release,
};

static wn_status set_up(linear *l)
{
    const wn__op_desc *d = &l->op.desc;
    const int64_t blocks = wn__chunks(d->n), threads = wn__pool_threads(l->op.device->pool);
    if (l->in.block > INT32_MAX || l->out.block > INT32_MAX)
        return wn__fail(WN_EUNSUPPORTED, "sparse: a linear layer of %lld x %lld is too large", (long long)d->out_c, (long long)l->columns);
    WN_TRY(make_places(&l->in, &l->in_place));
    WN_TRY(make_places(&l->out, &l->out_place));
    WN_TRY(wn__tiling_sparse(l->kernels, blocks, 1, 1, true, &l->tiling));
    WN_TRY(wn__tiling_dense(l->kernels, blocks, 1, 1, TASK_ROWS, &l->dense_tiling));
    if (!d->inference_only && !(l->sum = WN_NEW_ARRAY(float, threads *SUM_ENTRIES *WN__LANE)))
        return wn__no_memory((size_t)(threads * SUM_ENTRIES * WN__LANE) * sizeof(float));
    return may_be_dense(l) ? bind(&l->op, NULL) : WN_OK;
}

wn_status wn__sparse_linear(wn__sparse *device, const wn__op_desc *desc, wn__op **out)
{
    linear *l;
    WN_TRY(wn__op_new(&device->base, desc, sizeof *l, &linear_class, "winnow lanes", &l));
    l->kernels = wn__lane_products_in_use();
    l->in = wn__lanes_of_in(desc, 0);
    l->out = wn__lanes_of_out(desc);
    l->columns = desc->in_c * desc->in_h * desc->in_w;
    l->op.backward_needs_in = true;
    l->op.backward_needs_out = desc->relu;
    const wn_status status = set_up(l);
    if (status != WN_OK)
        release(&l->op);
    else
        *out = &l->op;
    return status;
}
