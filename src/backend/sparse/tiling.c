#include "backend/sparse/tiling.h"

#include <float.h>

#include "base/alloc.h"
#include "base/fail.h"

#define MOST_SHAPES 64
#define MOST_ROWS 32 /* of a shape */

/* Of one row of the matrix on a run, in register operations: multiply-adds; loading pixels and weights, which goes on beside them; the way
 * from one entry to the next, which all rows share. */
static double dense_cost(const wn__tile_shape *s, int vectors, int64_t matrix)
{
    double cost = 0;
    int64_t left = matrix;
    for (int64_t height = s->height; left > 0; height = height > 4 ? 4 : height > 2 ? 2 : 1) { /* as the kernel does */
        const int64_t groups = left / height, pixels = s->rows * s->columns * vectors;
        cost += (double)groups * ((double)(pixels * height) + 0.5 * (double)(pixels + height) + 4);
        left -= groups * height;
    }
    return matrix > 0 ? cost / (double)matrix : 0;
}

/* Cost of an entry's work on a run, in register operations: its pixels, the weight and its address, and a little for the window around it,
 * which competes for the first cache; and for its rows, since a long one is fetched ahead where many short ones are waited for. */
static double run_cost(const wn__tiling_request *r, const wn__tile_shape *s)
{
    const double window = 0.05 * (s->rows + 2) * (s->columns + 2) * r->vectors;
    if (s->height) return window + dense_cost(s, r->vectors, r->matrix);
    return window + r->row_cost * (s->rows - 1) + s->rows * s->columns * r->vectors + 3 * s->passes;
}

static bool fits(const wn__tiling_request *r, const wn__tile_shape *s, int64_t rows, int64_t left)
{
    if (s->rows != rows || s->columns > left || (s->stride && s->stride != r->stride)) return false;
    return rows == 1 || !r->in_row_order || s->columns == r->w;
}

/* Cheapest way to cover a strip: choice[x] = shape of the run that ends before column x. Returns the cost, DBL_MAX if there is no way. */
static double cover_strip(const wn__tiling_request *r, int64_t rows, double *cost, int *choice)
{
    cost[0] = 0;
    for (int64_t x = 1; x <= r->w; x++) {
        cost[x] = DBL_MAX;
        for (int i = 0; i < r->shapes; i++) {
            if (!fits(r, &r->shape[i], rows, x) || cost[x - r->shape[i].columns] == DBL_MAX) continue;
            const double c = cost[x - r->shape[i].columns] + run_cost(r, &r->shape[i]);
            if (c < cost[x]) {
                cost[x] = c;
                choice[x] = i;
            }
        }
    }
    return cost[r->w];
}

typedef struct cover {
    double *column_cost, *height_cost; /* (w + 1), (h + 1) */
    int *choice;                       /* (MOST_ROWS, w + 1) */
    int *strip;                        /* (h + 1): rows of the strip that ends before this row */
} cover;

static void cover_image(const wn__tiling_request *r, cover *c)
{
    double strip_cost[MOST_ROWS + 1];
    for (int64_t rows = 1; rows <= MOST_ROWS; rows++)
        strip_cost[rows] = rows <= r->h ? cover_strip(r, rows, c->column_cost, c->choice + (rows - 1) * (r->w + 1)) : DBL_MAX;
    c->height_cost[0] = 0;
    for (int64_t y = 1; y <= r->h; y++) {
        c->height_cost[y] = DBL_MAX;
        for (int64_t rows = 1; rows <= MOST_ROWS && rows <= y; rows++) {
            if (strip_cost[rows] == DBL_MAX || c->height_cost[y - rows] + strip_cost[rows] >= c->height_cost[y]) continue;
            c->height_cost[y] = c->height_cost[y - rows] + strip_cost[rows];
            c->strip[y] = (int)rows;
        }
    }
}

/* Walks the choices back from the last row and column; with `to` writes the runs, from the last one on. Returns their number. */
static int64_t collect(const wn__tiling_request *r, const cover *c, wn__run *to)
{
    int64_t count = 0;
    for (int64_t y = r->h; y > 0; y -= c->strip[y])
        for (int64_t x = r->w, columns; x > 0; x -= columns, count++) {
            const int rows = c->strip[y], shape = c->choice[(rows - 1) * (r->w + 1) + x];
            columns = r->shape[shape].columns;
            if (to) *--to = (wn__run){(int)(y - rows), (int)(x - columns), shape};
        }
    return count;
}

wn_status wn__tiling_make(const wn__tiling_request *r, wn__tiling *out)
{
    cover c = {.column_cost = WN_NEW_ARRAY(double, r->w + 1),
               .height_cost = WN_NEW_ARRAY(double, r->h + 1),
               .choice = WN_NEW_ARRAY(int, MOST_ROWS *(r->w + 1)),
               .strip = WN_NEW_ARRAY(int, r->h + 1)};
    *out = (wn__tiling){0};
    bool made = c.column_cost && c.height_cost && c.choice && c.strip;
    if (made) {
        cover_image(r, &c);
        out->runs = collect(r, &c, NULL);
        out->run = WN_NEW_ARRAY(wn__run, out->runs);
        made = out->run != NULL;
    }
    if (made) collect(r, &c, out->run + out->runs);
    for (int64_t i = 0; made && i < out->runs; i++) {
        const wn__tile_shape *s = &r->shape[out->run[i].shape];
        if (s->rows > out->rows) out->rows = s->rows;
        if (s->columns > out->columns) out->columns = s->columns;
    }
    wn__free(c.column_cost);
    wn__free(c.height_cost);
    wn__free(c.choice);
    wn__free(c.strip);
    return made ? WN_OK : wn__no_memory((size_t)(MOST_ROWS * (r->w + 1) + r->h) * sizeof(int));
}

void wn__tiling_release(wn__tiling *t)
{
    wn__free(t->run);
    *t = (wn__tiling){0};
}

wn_status wn__tiling_sparse(const wn__lane_products *kernels, int64_t h, int64_t w, int stride, bool in_row_order, wn__tiling *out)
{
    wn__tile_shape shape[MOST_SHAPES];
    int shapes = 0;
    for (const wn__lane_tile *t = kernels->tile; t->rows && shapes < MOST_SHAPES && (t->gradient || !in_row_order); t++)
        shape[shapes++] = (wn__tile_shape){t->rows, t->columns, t->stride, 0, t->passes};
    return wn__tiling_make(
        &(wn__tiling_request){h, w, stride, in_row_order, kernels->vectors, in_row_order ? 0 : kernels->row_cost, 0, shape, shapes}, out);
}

wn_status wn__tiling_dense(const wn__lane_products *kernels, int64_t h, int64_t w, int stride, int64_t matrix_rows, wn__tiling *out)
{
    wn__tile_shape shape[MOST_SHAPES];
    int shapes = 0;
    for (const wn__lane_dense_tile *t = kernels->dense; t->rows && shapes < MOST_SHAPES; t++)
        shape[shapes++] = (wn__tile_shape){t->rows, t->columns, t->stride, t->height, 1};
    return wn__tiling_make(&(wn__tiling_request){h, w, stride, false, kernels->vectors, 0, matrix_rows, shape, shapes}, out);
}
