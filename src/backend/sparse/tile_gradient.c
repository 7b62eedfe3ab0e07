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
