#include "backend/sparse/tile_gradient.h"

#include <string.h>

/* Multiples of what the kernels keep in registers; with 128 images as one pixel each, inputs and sums take 36 kB. */
#define MOST_ROWS 4
#define MOST_COLUMNS 48

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static void sum_part(const wn__gradient_source *s, int64_t row, wn__lane_matrix part, float *sum)
{
    wn__lane_dense_gradient job = {.height = s->height, .width = s->width, .in_column = s->in_column};
    job.g = (wn__lane_gradient){.a = part, .in_row = s->in_row, .dout_row = s->dout_row, .dout_plane = s->dout_plane, .sum = sum};
    memset(sum, 0, (size_t)(part.rows * part.entries * WN__LANE) * sizeof *sum);
    for (int64_t b = 0; b < s->blocks; b++) {
        job.g.in = s->in + b * s->in_block * WN__LANE;
        job.g.dout = s->dout + (b * s->dout_block + row * s->dout_plane) * WN__LANE;
        s->kernels->dense_gradient(&job);
    }
}

void wn__gradient_of_tile(const wn__gradient_source *s, const wn__weight_tile *tile, bool add, float *out)
{
    _Alignas(WN__ALIGN) float sum[MOST_ROWS * MOST_COLUMNS * WN__LANE];
    int32_t offset[MOST_COLUMNS];
    const int64_t row_end = tile->row + tile->rows, column_end = tile->column + tile->columns;
    for (int64_t column = tile->column; column < column_end; column += MOST_COLUMNS) {
        int64_t placed = -1; /* group that the offsets are of */
        for (int64_t row = tile->row, next; row < row_end; row = next) {
            const int64_t group = row / s->group_rows;
            next = least(least(row + MOST_ROWS, row_end), (group + 1) * s->group_rows);
            const wn__lane_matrix part = {.rows = next - row, .entries = least(MOST_COLUMNS, column_end - column), .offset = offset};
            if (group != placed) s->place(s->layer, row, column, part.entries, offset);
            placed = group;
            sum_part(s, row, part, sum);
            for (int64_t r = row; r < next; r++)
                s->kernels->reduce(part.entries, sum + (r - row) * part.entries * WN__LANE, add,
                                   out + (r - tile->row) * tile->columns + column - tile->column);
        }
    }
}

/* What place_taps needs to know. */
typedef struct windows {
    const wn__op_desc *desc;
    wn__lane_layout in;
} windows;

static void place_taps(const void *layer, int64_t row, int64_t column, int64_t n, int32_t *offset)
{
    const windows *w = layer;
    const wn__op_desc *d = w->desc;
    const int64_t taps = (int64_t)d->kernel_h * d->kernel_w, first_channel = row / (d->out_c / d->groups) * (d->in_c / d->groups);
    for (int64_t i = 0; i < n; i++) {
        const int64_t channel = first_channel + (column + i) / taps, tap = (column + i) % taps;
        offset[i] = (int32_t)(channel * w->in.plane + tap / d->kernel_w * w->in.row + tap % d->kernel_w);
    }
}

void wn__gradient_of_conv(const wn__lane_products *kernels, const wn__op_desc *d, const wn__op_args *args, const wn__weight_tile *tile,
                          float *out)
{
    const windows w = {d, wn__lanes_of_in(d, 0)};
    const wn__lane_layout to = wn__lanes_of_out(d);
    const wn__gradient_source source = {.kernels = kernels,
                                        .in = (const float *)args->in[0] + (w.in.origin - d->pad * (w.in.row + 1)) * WN__LANE,
                                        .dout = (const float *)args->dout[0] + to.origin * WN__LANE,
                                        .blocks = wn__chunks(args->n),
                                        .in_block = w.in.block,
                                        .dout_block = to.block,
                                        .height = d->out_h,
                                        .width = d->out_w,
                                        .in_row = d->stride * w.in.row,
                                        .in_column = d->stride,
                                        .dout_row = to.row,
                                        .dout_plane = to.plane,
                                        .group_rows = d->out_c / d->groups,
                                        .layer = &w,
                                        .place = place_taps};
    wn__gradient_of_tile(&source, tile, args->accumulate, out);
}

/* --- linear layers ---------------------------------------------------------------------------------------------------------------- */

#define PANEL_PIXELS 4 /* of WN__LANE columns each */
#define PANEL (PANEL_PIXELS * WN__LANE)
#define PANEL_ROWS 24     /* a multiple of how many rows the dense kernels take at once */
#define GATHERED_ROWS 240 /* whose output gradients are put side by side, if they do not lie so: they stay in the second cache */
#define IMAGES 128

/* Some images and columns: their inputs transposed, and where the kernels find them and the output's gradients. */
typedef struct panel {
    _Alignas(WN__ALIGN) float in[IMAGES * PANEL]; /* (images, PANEL) */
    _Alignas(WN__ALIGN) float out[PANEL_ROWS * PANEL];
    _Alignas(WN__ALIGN) float dout[GATHERED_ROWS * IMAGES]; /* (rows, images), of tiles with orders */
    int32_t place[PANEL], offset[IMAGES], entry[IMAGES];
} panel;

/* The output's gradients of some rows and images, as the kernels find them: value[row * stride + entry[image]]. */
typedef struct gradients {
    const float *value;
    int64_t stride;
} gradients;

static void place_panel(const wn__gradient_source *s, const wn__weight_tile *tile, int64_t column, int64_t columns, panel *p)
{
    if (!tile->column_order) s->place(s->layer, tile->row, tile->column + column, columns, p->place);
    for (int64_t i = 0; tile->column_order && i < columns; i++)
        s->place(s->layer, 0, tile->column_order[tile->column + column + i], 1, &p->place[i]);
}

static void fill_panel(const wn__gradient_source *s, int64_t first, int64_t images, int64_t columns, panel *p)
{
    for (int64_t k = 0; k < images; k++)
        p->offset[k] = (int32_t)(k * PANEL_PIXELS);
    for (int64_t k = 0; k < images; k += WN__LANE) {
        const int64_t lanes = least(WN__LANE, images - k);
        const float *block = s->in + (first + k) / WN__LANE * s->in_row * WN__LANE;
        for (int64_t i = 0; i < columns; i++) {
            const float *in = block + (int64_t)p->place[i] * WN__LANE;
            for (int64_t lane = 0; lane < lanes; lane++)
                p->in[(k + lane) * PANEL + i] = in[lane];
        }
    }
}

/* Rows [row, row + rows) of the tile. */
static gradients find_gradients(const wn__gradient_source *s, const wn__weight_tile *tile, int64_t row, int64_t rows, int64_t first,
                                int64_t images, panel *p)
{
    const float *block = s->dout + first / WN__LANE * s->dout_row * WN__LANE;
    for (int64_t k = 0; k < images; k++)
        p->entry[k] = (int32_t)(tile->row_order ? k : k / WN__LANE * s->dout_row * WN__LANE + k % WN__LANE);
    if (!tile->row_order) return (gradients){block + (tile->row + row) * s->dout_plane * WN__LANE, s->dout_plane * WN__LANE};
    for (int64_t r = 0; r < rows; r++) {
        const float *of_row = block + tile->row_order[tile->row + row + r] * s->dout_plane * WN__LANE;
        for (int64_t k = 0; k < images; k += WN__LANE)
            memcpy(p->dout + r * IMAGES + k, of_row + k / WN__LANE * s->dout_row * WN__LANE,
                   (size_t)least(WN__LANE, images - k) * sizeof(float));
    }
    return (gradients){p->dout, IMAGES};
}

/* The tallest kernel that a panel can be cut into. */
static const wn__lane_dense_tile *kernel_of(const wn__lane_products *kernels)
{
    const wn__lane_dense_tile *best = NULL;
    for (const wn__lane_dense_tile *t = kernels->dense; t->rows; t++)
        if (t->columns == 1 && t->stride == 0 && PANEL_PIXELS % t->rows == 0 && (!best || t->rows > best->rows)) best = t;
    return best;
}

static void multiply_panel(const wn__gradient_source *s, const panel *p, const gradients *g, int64_t images, int64_t rows, bool add,
                           float *out)
{
    const wn__lane_dense_tile *kernel = kernel_of(s->kernels);
    wn__lane_product job = {.in_row = 1, .out_row = 1, .out_plane = PANEL_PIXELS, .add = add};
    job.a = (wn__lane_matrix){.rows = rows, .entries = images, .row_stride = g->stride, .offset = p->offset, .entry = p->entry};
    job.a.value = g->value;
    for (int64_t y = 0; y < PANEL_PIXELS; y += kernel->rows) {
        job.in = p->in + y * WN__LANE;
        job.out = out + y * WN__LANE;
        kernel->product(&job);
    }
}

/* The filled panel with some rows, added to what is in `out` already. */
static void multiply_rows(const wn__gradient_source *s, panel *p, gradients g, int64_t images, int64_t rows, int64_t columns, bool add,
                          int64_t stride, float *out)
{
    for (int64_t row = 0; row < rows; row += PANEL_ROWS, out += PANEL_ROWS * stride, g.value += PANEL_ROWS * g.stride) {
        const int64_t some = least(PANEL_ROWS, rows - row);
        for (int64_t r = 0; add && r < some; r++)
            memcpy(p->out + r * PANEL, out + r * stride, (size_t)columns * sizeof *out);
        multiply_panel(s, p, &g, images, some, add, p->out);
        for (int64_t r = 0; r < some; r++)
            memcpy(out + r * stride, p->out + r * PANEL, (size_t)columns * sizeof *out);
    }
}

/* Batches of more images than fit a panel come in parts, whose sums wait in `out`. */
void wn__gradient_of_batch(const wn__gradient_source *s, int64_t n, const wn__weight_tile *tile, bool add, float *out)
{
    panel p;
    const int64_t most = s->dout_row <= INT32_MAX / IMAGES ? IMAGES : WN__LANE; /* entries are 32 bits */
    memset(p.in, 0, sizeof p.in);
    for (int64_t first = 0; first < n; first += most) {
        const int64_t images = least(most, n - first);
        for (int64_t row = 0; row < tile->rows; row += GATHERED_ROWS) {
            const int64_t rows = least(GATHERED_ROWS, tile->rows - row);
            const gradients g = find_gradients(s, tile, row, rows, first, images, &p);
            for (int64_t column = 0; column < tile->columns; column += PANEL) {
                const int64_t columns = least(PANEL, tile->columns - column);
                place_panel(s, tile, column, columns, &p);
                fill_panel(s, first, images, columns, &p);
                multiply_rows(s, &p, g, images, rows, columns, add || first > 0, tile->columns, out + row * tile->columns + column);
            }
        }
    }
}
