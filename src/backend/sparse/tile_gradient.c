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

void wn__gradient_of_tile(const wn__gradient_source *s, const wn__weight_tile *tile, float *out)
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
                s->kernels->reduce(part.entries, sum + (r - row) * part.entries * WN__LANE, false,
                                   out + (r - tile->row) * tile->columns + column - tile->column);
        }
    }
}

/* --- linear layers ---------------------------------------------------------------------------------------------------------------- */

#define PANEL_PIXELS 4 /* of WN__LANE columns each */
#define PANEL (PANEL_PIXELS * WN__LANE)
#define PANEL_ROWS 24 /* a multiple of how many rows the dense kernels take at once */
#define IMAGES 128

/* Some images and columns: their inputs transposed, and where the kernels find them and the output's gradients. */
typedef struct panel {
    _Alignas(WN__ALIGN) float in[IMAGES * PANEL]; /* (images, PANEL) */
    _Alignas(WN__ALIGN) float out[PANEL_ROWS * PANEL];
    int32_t place[PANEL], offset[IMAGES], entry[IMAGES];
} panel;

static void fill_panel(const wn__gradient_source *s, int64_t first, int64_t images, int64_t columns, panel *p)
{
    for (int64_t k = 0; k < images; k++) {
        p->offset[k] = (int32_t)(k * PANEL_PIXELS);
        p->entry[k] = (int32_t)(k / WN__LANE * s->dout_row * WN__LANE + k % WN__LANE);
    }
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

/* The tallest kernel that a panel can be cut into. */
static const wn__lane_dense_tile *kernel_of(const wn__lane_products *kernels)
{
    const wn__lane_dense_tile *best = NULL;
    for (const wn__lane_dense_tile *t = kernels->dense; t->rows; t++)
        if (t->columns == 1 && t->stride == 0 && PANEL_PIXELS % t->rows == 0 && (!best || t->rows > best->rows)) best = t;
    return best;
}

static void multiply_panel(const wn__gradient_source *s, const panel *p, int64_t first, int64_t images, int64_t row, int64_t rows,
                           float *out)
{
    const wn__lane_dense_tile *kernel = kernel_of(s->kernels);
    wn__lane_product job = {.in_row = 1, .out_row = 1, .out_plane = PANEL_PIXELS, .add = first > 0};
    job.a =
        (wn__lane_matrix){.rows = rows, .entries = images, .row_stride = s->dout_plane * WN__LANE, .offset = p->offset, .entry = p->entry};
    job.a.value = s->dout + (first / WN__LANE * s->dout_row + row * s->dout_plane) * WN__LANE;
    for (int64_t y = 0; y < PANEL_PIXELS; y += kernel->rows) {
        job.in = p->in + y * WN__LANE;
        job.out = out + y * WN__LANE;
        kernel->product(&job);
    }
}

/* Batches of more images than fit a panel make each panel of the tile several times; the sums wait in `out`. */
void wn__gradient_of_batch(const wn__gradient_source *s, int64_t n, const wn__weight_tile *tile, float *out)
{
    panel p;
    const int64_t most = s->dout_row <= INT32_MAX / IMAGES ? IMAGES : WN__LANE; /* entries are 32 bits */
    memset(p.in, 0, sizeof p.in);
    for (int64_t column = 0; column < tile->columns; column += PANEL) {
        const int64_t columns = least(PANEL, tile->columns - column);
        s->place(s->layer, tile->row, tile->column + column, columns, p.place);
        for (int64_t first = 0; first < n; first += most) {
            const int64_t images = least(most, n - first);
            fill_panel(s, first, images, columns, &p);
            for (int64_t row = 0; row < tile->rows; row += PANEL_ROWS) {
                const int64_t rows = least(PANEL_ROWS, tile->rows - row);
                float *part = out + row * tile->columns + column;
                for (int64_t r = 0; first && r < rows; r++)
                    memcpy(p.out + r * PANEL, part + r * tile->columns, (size_t)columns * sizeof *out);
                multiply_panel(s, &p, first, images, tile->row + row, rows, p.out);
                for (int64_t r = 0; r < rows; r++)
                    memcpy(part + r * tile->columns, p.out + r * PANEL, (size_t)columns * sizeof *out);
            }
        }
    }
}
