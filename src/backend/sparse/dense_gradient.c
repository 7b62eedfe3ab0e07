#include "backend/sparse/dense_gradient.h"

#include <string.h>

#include "base/alloc.h"

#define LANE 16
#define MOST_ROWS 48    /* of a tile of the weight */
#define MOST_COLUMNS 48 /* likewise; multiples of what the kernels keep in registers */
#define LEAST_COLUMNS 8
#define MOST_SUMS (16 * MOST_COLUMNS)
#define PANEL_PIXELS (16 * 1024 / (LANE * 4)) /* inputs of a tile's columns: a third of the first cache */
#define STRIP_PIXELS 400                      /* of what is read together, where an image is summed up in parts */
#define WHOLE_PIXELS 64                       /* of an image, at most, that is summed up at once */

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static bool is_whole(const wn__dense_gradient *g) { return g->image.height * g->image.width <= WHOLE_PIXELS; }

/* Columns of a tile. */
static int64_t panel_columns(const wn__dense_gradient *g)
{
    if (!is_whole(g)) return MOST_COLUMNS;
    const int64_t columns = PANEL_PIXELS / (g->pixels > 0 ? g->pixels : 1) / LEAST_COLUMNS * LEAST_COLUMNS;
    return columns < LEAST_COLUMNS ? LEAST_COLUMNS : least(columns, MOST_COLUMNS);
}

/* --- a tile ---------------------------------------------------------------------------------------------------------------------- */

/* Rows of the image that a few rows and entries of the weight read from the first cache. */
static int64_t strip_rows(const wn__dense_gradient *g)
{
    const int64_t rows = STRIP_PIXELS / (4 * g->image.width + g->image.g.in_row);
    return rows > 1 ? rows : 1;
}

/* A few rows of the image at a time, so that what several entries read stays in the first cache; the sums wait in memory. */
static void sum_strips(const wn__dense_gradient *g, wn__lane_dense_gradient *job, float *tile)
{
    _Alignas(WN__ALIGN) float sum[MOST_SUMS * LANE];
    const int64_t height = g->image.height, strip = strip_rows(g);
    const float *in = job->g.in, *dout = job->g.dout;
    memset(sum, 0, (size_t)(job->g.a.rows * job->g.a.entries * LANE) * sizeof *sum);
    job->g.sum = sum;
    for (int64_t y = 0; y < height; y += strip) {
        job->height = least(strip, height - y);
        job->g.in = in + y * job->g.in_row * LANE;
        job->g.dout = dout + y * job->g.dout_row * LANE;
        g->kernels->dense_gradient(job);
    }
    g->kernels->reduce(job->g.a.rows * job->g.a.entries, sum, false, tile);
}

/* To `tile`, whose rows are `stride` apart. */
static void make_tile(const wn__dense_gradient *g, int64_t row, int64_t rows, int64_t column, int64_t columns, float *tile, int64_t stride)
{
    wn__lane_dense_gradient job = g->image;
    job.g.dout += row * job.g.dout_plane * LANE;
    job.g.a = (wn__lane_matrix){.rows = rows, .entries = columns, .offset = g->offset + column};
    job.g.out = tile;
    job.out_row = stride;
    if (is_whole(g))
        g->kernels->dense_whole(&job);
    else
        sum_strips(g, &job, tile);
}

/* --- where it goes --------------------------------------------------------------------------------------------------------------- */

static void put_row(const wn__dense_gradient *g, const float *from, int64_t n, float *to)
{
    if (g->add)
        for (int64_t i = 0; i < n; i++)
            to[i] += from[i];
    else
        memcpy(to, from, (size_t)n * sizeof *to);
}

/* A row's stored entries from `next` on that are of these columns; returns the first one that isn't. */
static int64_t put_stored(const wn__dense_gradient *g, const float *from, int64_t column, int64_t columns, int64_t next, int64_t end)
{
    const int32_t *place = g->pattern->column;
    for (; next < end && place[next] < column + columns; next++)
        g->out[next] = g->add ? g->out[next] + from[place[next] - column] : from[place[next] - column];
    return next;
}

/* `next` (rows): each row's first entry that has not been written yet. */
static void put_tile(const wn__dense_gradient *g, int64_t row, int64_t rows, int64_t column, int64_t columns, const float *tile,
                     int64_t *next)
{
    for (int64_t r = 0; r < rows; r++) {
        const float *from = tile + r * columns;
        if (g->pattern)
            next[r] = put_stored(g, from, column, columns, next[r], g->pattern->row_start[row + r + 1]);
        else
            put_row(g, from, columns, g->out + (row + r) * g->columns + column);
    }
}

void wn__dense_gradient_rows(const wn__dense_gradient *g, int64_t row, int64_t end)
{
    _Alignas(WN__ALIGN) float tile[MOST_ROWS * MOST_COLUMNS];
    int64_t next[MOST_ROWS];
    const int64_t width = panel_columns(g), height = is_whole(g) ? MOST_ROWS : MOST_SUMS / MOST_COLUMNS;
    for (int64_t rows; row < end; row += rows) {
        rows = least(height, end - row);
        for (int64_t r = 0; g->pattern && r < rows; r++)
            next[r] = g->pattern->row_start[row + r];
        for (int64_t column = 0, columns; column < g->columns; column += columns) {
            columns = least(width, g->columns - column);
            if (!g->pattern && !g->add && is_whole(g)) {
                make_tile(g, row, rows, column, columns, g->out + row * g->columns + column, g->columns);
                continue;
            }
            make_tile(g, row, rows, column, columns, tile, columns);
            put_tile(g, row, rows, column, columns, tile, next);
        }
    }
}
