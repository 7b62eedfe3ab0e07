#include "backend/sparse/dense_gradient.h"

#include <string.h>

#include "base/alloc.h"

#define LANE 16
#define WHOLE_PIXELS 64  /* of an image, at most, that is summed up at once */
#define WHOLE_ROWS 64    /* of a tile of the weight, there */
#define WHOLE_COLUMNS 48 /* likewise; multiples of what the kernels keep in registers, as all columns here */
#define WHOLE_LEAST 8
#define BATCH_ROWS 16                        /* from so many rows on, pixels that are a batch's blocks have a kernel of their own */
#define BATCH_COLUMNS 64                     /* of a tile */
#define WHOLE_PANEL (16 * 1024 / (LANE * 4)) /* pixels of the input that a tile's columns read: a third of the first cache */
#define PART_ROWS 128                        /* of a tile, where an image is summed up in parts */
#define PART_SUMS 6144                       /* of such a tile: they stay in the second cache */

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static bool is_whole(const wn__dense_gradient *g) { return g->image.height * g->image.width <= WHOLE_PIXELS; }

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

/* --- small images ---------------------------------------------------------------------------------------------------------------- */

static int64_t whole_columns(const wn__dense_gradient *g)
{
    const int64_t columns = WHOLE_PANEL / (g->pixels > 0 ? g->pixels : 1) / WHOLE_LEAST * WHOLE_LEAST;
    return columns < WHOLE_LEAST ? WHOLE_LEAST : least(columns, WHOLE_COLUMNS);
}

/* `next` as in put_tile. */
static void rows_at_once(const wn__dense_gradient *g, int64_t row, int64_t rows, int64_t *next)
{
    _Alignas(WN__ALIGN) float tile[WHOLE_ROWS * BATCH_COLUMNS];
    const bool direct = !g->pattern && !g->add, batch = g->image.width == 1 && g->image.height <= WN__BATCH_PIXELS && rows >= BATCH_ROWS;
    const int64_t width = batch ? BATCH_COLUMNS : whole_columns(g);
    wn__lane_dense_gradient job = g->image;
    job.g.dout += row * job.g.dout_plane * LANE;
    for (int64_t column = 0, columns; column < g->columns; column += columns) {
        columns = least(width, g->columns - column);
        job.g.a = (wn__lane_matrix){.rows = rows, .entries = columns, .offset = g->offset + column};
        job.g.out = direct ? g->out + row * g->columns + column : tile;
        job.out_row = direct ? g->columns : columns;
        if (batch)
            g->kernels->dense_batch(&job);
        else
            g->kernels->dense_whole(&job);
        if (!direct) put_tile(g, row, rows, column, columns, tile, next);
    }
}

/* --- images in parts ------------------------------------------------------------------------------------------------------------- */

/* All rows and columns of a tile take part after part of the image, in the pixels' order: so activations come once from memory for many
 * entries, and sums, which wait in the second cache, once for a part. What a part reads for a panel of columns and for a few rows is in the
 * first cache. Windows that overlap read fewer pixels: their parts and panels are larger. */
typedef struct parts {
    int64_t rows, columns; /* of the image, at most */
    int64_t panel;         /* columns of the weight, at most */
} parts;

#define MOST_PANEL 36
#define PANEL 12
#define PART_PIXELS 2048 /* of all rows and columns of a tile together, beside its sums */

static parts parts_of(const wn__dense_gradient *g, int64_t rows)
{
    const int64_t height = g->image.height, width = g->image.width, columns = least(g->columns, PART_SUMS / rows);
    const bool overlap = g->pixels < height * width;
    const int64_t fit = least(PART_PIXELS / (rows + columns), 28), pixels = overlap ? 32 : fit > 16 ? fit : 16;
    const int64_t cuts = (width + pixels - 1) / pixels;
    return (parts){cuts > 1 ? 1 : pixels / width, (width + cuts - 1) / cuts, overlap ? MOST_PANEL : PANEL};
}

/* Adds output rows from `y` and columns from `x` on; tile: of the weight, with all its columns. */
static void add_part(const wn__dense_gradient *g, const wn__lane_dense_gradient *tile, const parts *p, int64_t y, int64_t x)
{
    wn__lane_dense_gradient job = *tile;
    const int64_t columns = tile->g.a.entries;
    job.height = least(p->rows, tile->height - y);
    job.width = least(p->columns, tile->width - x);
    job.g.in += (y * tile->g.in_row + x * tile->in_column) * LANE;
    job.g.dout += (y * tile->g.dout_row + x) * LANE;
    for (int64_t done = 0; done < columns; done += p->panel) {
        job.g.a.entries = least(p->panel, columns - done);
        job.g.a.offset = tile->g.a.offset + done;
        job.g.sum = tile->g.sum + done * tile->g.a.rows * LANE;
        g->kernels->dense_gradient(&job);
    }
}

static void rows_by_parts(const wn__dense_gradient *g, int64_t row, int64_t rows, int64_t *next)
{
    _Alignas(WN__ALIGN) float sum[PART_SUMS * LANE], panel[PART_ROWS * MOST_PANEL];
    const parts p = parts_of(g, rows);
    const int64_t width = PART_SUMS / rows / p.panel * p.panel;
    wn__lane_dense_gradient tile = g->image;
    tile.g.dout += row * tile.g.dout_plane * LANE;
    tile.g.sum = sum;
    for (int64_t column = 0, columns, some; column < g->columns; column += columns) {
        columns = least(width, g->columns - column);
        tile.g.a = (wn__lane_matrix){.rows = rows, .entries = columns, .offset = g->offset + column};
        memset(sum, 0, (size_t)(rows * columns * LANE) * sizeof *sum);
        for (int64_t y = 0; y < tile.height; y += p.rows)
            for (int64_t x = 0; x < tile.width; x += p.columns)
                add_part(g, &tile, &p, y, x);
        for (int64_t done = 0; done < columns; done += some) {
            some = least(p.panel, columns - done);
            g->kernels->reduce(rows * some, sum + done * rows * LANE, false, panel);
            put_tile(g, row, rows, column + done, some, panel, next);
        }
    }
}

void wn__dense_gradient_rows(const wn__dense_gradient *g, int64_t row, int64_t end)
{
    int64_t next[PART_ROWS];
    const int64_t height = is_whole(g) ? WHOLE_ROWS : PART_ROWS;
    for (int64_t rows; row < end; row += rows) {
        rows = least(height, end - row);
        for (int64_t r = 0; g->pattern && r < rows; r++)
            next[r] = g->pattern->row_start[row + r];
        if (is_whole(g))
            rows_at_once(g, row, rows, next);
        else
            rows_by_parts(g, row, rows, next);
    }
}
