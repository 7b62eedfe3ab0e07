/* The table of lanes_product.h for one instruction set. The including file defines WN__LANES (floats in a register), the tiles that fit its
 * registers, and WN__TABLE. No instruction is named here: the compiler chooses them from the flags of the including file. */
#include <string.h>

#include "kernels/lanes_product.h"

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 32")
#define PIXEL 16
#define VECTORS (PIXEL / WN__LANES)
#define MOST 32 /* registers */

typedef float vf __attribute__((vector_size(4 * WN__LANES)));
typedef int32_t vi __attribute__((vector_size(4 * WN__LANES)));

INLINE vf splat(float x) { return x - (vf){0}; }
INLINE vf rectify(vf x) { return (vf)(~(x <= (vf){0}) & (vi)x); }
INLINE const vf *pixel_at(const float *base, int64_t pixel) { return (const vf *)(base + pixel * PIXEL); }

/* --- sparse ---------------------------------------------------------------------------------------------------------------------- */

INLINE void start_sums(const wn__lane_product *p, int64_t row, const float *out, int rows, int columns, vf *sum)
{
    const vf start = splat(p->bias ? p->bias[row] : 0.0f);
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int c = 0; c < columns; c++) UNROLL for (int v = 0; v < VECTORS; v++)
        sum[(r * columns + c) * VECTORS + v] = p->add ? pixel_at(out, r * p->out_row + c * p->out_column)[v] : start;
}

INLINE void store_sums(const wn__lane_product *p, float *out, int rows, int columns, const vf *sum)
{
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int c = 0; c < columns; c++) UNROLL for (int v = 0; v < VECTORS; v++)
    {
        const vf s = sum[(r * columns + c) * VECTORS + v];
        ((vf *)(out + (r * p->out_row + c * p->out_column) * PIXEL))[v] = p->relu ? rectify(s) : s;
    }
}

INLINE float *out_of_row(const wn__lane_product *p, int64_t row)
{
    return p->out + (p->out_place ? p->out_place[row] : row * p->out_plane) * PIXEL;
}

INLINE void multiply_row(const wn__lane_product *p, int64_t row, int rows, int columns, int stride, bool direct)
{
    const wn__lane_matrix *a = &p->a;
    const int64_t in_row = p->in_row * PIXEL;
    float *out = out_of_row(p, row);
    vf sum[MOST];
    start_sums(p, row, out, rows, columns, sum);
    for (int64_t k = a->begin[row], end = a->end[row]; k < end; k++) {
        const vf weight = splat(a->value[direct ? k : a->entry[k]]);
        const float *in = p->in + (int64_t)a->offset[k] * PIXEL;
        UNROLL for (int r = 0; r < rows; r++, in += in_row) UNROLL for (int c = 0; c < columns; c++)
            UNROLL for (int v = 0; v < VECTORS; v++) sum[(r * columns + c) * VECTORS + v] += weight * pixel_at(in, c * stride)[v];
    }
    store_sums(p, out, rows, columns, sum);
}

INLINE void multiply(const wn__lane_product *p, int rows, int columns, int stride)
{
    if (p->a.entry)
        for (int64_t row = 0; row < p->a.rows; row++)
            multiply_row(p, row, rows, columns, stride, false);
    else
        for (int64_t row = 0; row < p->a.rows; row++)
            multiply_row(p, row, rows, columns, stride, true);
}

INLINE void add_gradient(const wn__lane_gradient *g, int rows, int columns, int stride)
{
    const wn__lane_matrix *a = &g->a;
    const int64_t in_row = g->in_row * PIXEL;
    for (int64_t row = 0; row < a->rows; row++) {
        const float *dout = g->dout + row * g->dout_plane * PIXEL;
        vf d[MOST];
        UNROLL for (int r = 0; r < rows; r++) UNROLL for (int c = 0; c < columns; c++) UNROLL for (int v = 0; v < VECTORS; v++)
            d[(r * columns + c) * VECTORS + v] = pixel_at(dout, r * g->dout_row + c)[v];
        for (int64_t k = a->begin[row], end = a->end[row]; k < end; k++) {
            const float *in = g->in + (int64_t)a->offset[k] * PIXEL;
            vf *to = (vf *)(g->sum + (k - g->first_sum) * PIXEL), sum[VECTORS];
            UNROLL for (int v = 0; v < VECTORS; v++) sum[v] = to[v];
            UNROLL for (int r = 0; r < rows; r++, in += in_row) UNROLL for (int c = 0; c < columns; c++)
                UNROLL for (int v = 0; v < VECTORS; v++) sum[v] += d[(r * columns + c) * VECTORS + v] * pixel_at(in, c * stride)[v];
            UNROLL for (int v = 0; v < VECTORS; v++) to[v] = sum[v];
        }
    }
}

#define TILE(R, C)                                                                            \
    static void product_##R##x##C(const wn__lane_product *p) { multiply(p, R, C, 1); }        \
    static void product_##R##x##C##_by_2(const wn__lane_product *p) { multiply(p, R, C, 2); } \
    static void gradient_##R##x##C(const wn__lane_gradient *g) { add_gradient(g, R, C, 1); }  \
    static void gradient_##R##x##C##_by_2(const wn__lane_gradient *g) { add_gradient(g, R, C, 2); }
#define COLUMN_TILE(R, C)                                                              \
    static void product_##R##x##C(const wn__lane_product *p) { multiply(p, R, C, 0); } \
    static void gradient_##R##x##C(const wn__lane_gradient *g) { add_gradient(g, R, C, 0); }
WN__TILES(TILE)
WN__COLUMN_TILES(COLUMN_TILE)

#define TILE_ENTRIES(R, C) {R, C, 1, product_##R##x##C, gradient_##R##x##C}, {R, C, 2, product_##R##x##C##_by_2, gradient_##R##x##C##_by_2},
#define COLUMN_TILE_ENTRY(R, C) {R, C, 0, product_##R##x##C, gradient_##R##x##C},
static const wn__lane_tile tiles[] = {WN__COLUMN_TILES(COLUMN_TILE_ENTRY) WN__TILES(TILE_ENTRIES){0}};

/* --- dense ----------------------------------------------------------------------------------------------------------------------- */

/* `height` rows of the matrix at once: each input pixel that is loaded serves them all. */
INLINE void multiply_rows(const wn__lane_product *p, int64_t row, int height, int rows, int columns, int stride)
{
    const wn__lane_matrix *a = &p->a;
    const int pixels = rows * columns * VECTORS;
    const int64_t in_row = p->in_row * PIXEL;
    vf sum[MOST], x[MOST];
    UNROLL for (int h = 0; h < height; h++) start_sums(p, row + h, out_of_row(p, row + h), rows, columns, sum + h * pixels);
    for (int64_t k = a->first; k < a->entries; k++) {
        const float *in = p->in + (int64_t)a->offset[k] * PIXEL, *value = a->value + a->entry[k] + row * a->row_stride;
        UNROLL for (int r = 0; r < rows; r++, in += in_row) UNROLL for (int c = 0; c < columns; c++)
            UNROLL for (int v = 0; v < VECTORS; v++) x[(r * columns + c) * VECTORS + v] = pixel_at(in, c * stride)[v];
        UNROLL for (int h = 0; h < height; h++)
        {
            const vf weight = splat(value[h * a->row_stride]);
            UNROLL for (int i = 0; i < pixels; i++) sum[h * pixels + i] += weight * x[i];
        }
    }
    UNROLL for (int h = 0; h < height; h++) store_sums(p, out_of_row(p, row + h), rows, columns, sum + h * pixels);
}

INLINE void multiply_dense(const wn__lane_product *p, int height, int rows, int columns, int stride)
{
    int64_t row = 0;
    for (; row + height <= p->a.rows; row += height)
        multiply_rows(p, row, height, rows, columns, stride);
    for (; row < p->a.rows; row++)
        multiply_rows(p, row, 1, rows, columns, stride);
}

#define DENSE_TILE(R, C, H)                                                                   \
    static void dense_##R##x##C(const wn__lane_product *p) { multiply_dense(p, H, R, C, 1); } \
    static void dense_##R##x##C##_by_2(const wn__lane_product *p) { multiply_dense(p, H, R, C, 2); }
#define DENSE_COLUMN_TILE(R, C, H) \
    static void dense_##R##x##C(const wn__lane_product *p) { multiply_dense(p, H, R, C, 0); }
WN__DENSE_TILES(DENSE_TILE)
WN__DENSE_COLUMN_TILES(DENSE_COLUMN_TILE)

#define DENSE_ENTRIES(R, C, H) {R, C, 1, dense_##R##x##C}, {R, C, 2, dense_##R##x##C##_by_2},
#define DENSE_COLUMN_ENTRY(R, C, H) {R, C, 0, dense_##R##x##C},
static const wn__lane_dense_tile dense_tiles[] = {WN__DENSE_COLUMN_TILES(DENSE_COLUMN_ENTRY) WN__DENSE_TILES(DENSE_ENTRIES){0}};

INLINE void add_dense_gradient(const wn__lane_dense_gradient *d, int64_t row, int64_t entry, int height, int entries)
{
    const wn__lane_gradient *g = &d->g;
    vf sum[MOST];
    const float *in[8], *dout[8];
    UNROLL for (int e = 0; e < entries; e++) in[e] = g->in + (int64_t)g->a.offset[entry + e] * PIXEL;
    UNROLL for (int h = 0; h < height; h++)
    {
        dout[h] = g->dout + (row + h) * g->dout_plane * PIXEL;
        UNROLL for (int e = 0; e < entries; e++) UNROLL for (int v = 0; v < VECTORS; v++) sum[(h * entries + e) * VECTORS + v] =
            pixel_at(g->sum, (row + h) * g->a.entries + entry + e)[v];
    }
    for (int64_t y = 0; y < d->height; y++)
        for (int64_t x = 0; x < d->width; x++) {
            const int64_t from = y * g->in_row + x * d->in_column, to = y * g->dout_row + x;
            UNROLL for (int v = 0; v < VECTORS; v++)
            {
                UNROLL for (int h = 0; h < height; h++)
                {
                    const vf dy = pixel_at(dout[h], to)[v];
                    UNROLL for (int e = 0; e < entries; e++) sum[(h * entries + e) * VECTORS + v] += dy * pixel_at(in[e], from)[v];
                }
            }
        }
    UNROLL for (int h = 0; h < height; h++) UNROLL for (int e = 0; e < entries; e++)
        UNROLL for (int v = 0; v < VECTORS; v++)((vf *)(g->sum + ((row + h) * g->a.entries + entry + e) * PIXEL))[v] =
            sum[(h * entries + e) * VECTORS + v];
}

static void add_wide_gradient(const wn__lane_dense_gradient *d, int64_t row, int64_t entry)
{
    add_dense_gradient(d, row, entry, WN__GRADIENT_ROWS, WN__GRADIENT_ENTRIES);
}
static void add_narrow_gradient(const wn__lane_dense_gradient *d, int64_t row, int64_t entry) { add_dense_gradient(d, row, entry, 1, 1); }

static void dense_gradient(const wn__lane_dense_gradient *d)
{
    const int64_t rows = d->g.a.rows, entries = d->g.a.entries;
    const int64_t whole_rows = rows / WN__GRADIENT_ROWS * WN__GRADIENT_ROWS;
    const int64_t whole_entries = entries / WN__GRADIENT_ENTRIES * WN__GRADIENT_ENTRIES;
    for (int64_t row = 0; row < whole_rows; row += WN__GRADIENT_ROWS)
        for (int64_t k = 0; k < whole_entries; k += WN__GRADIENT_ENTRIES)
            add_wide_gradient(d, row, k);
    for (int64_t row = 0; row < rows; row++)
        for (int64_t k = row < whole_rows ? whole_entries : 0; k < entries; k++)
            add_narrow_gradient(d, row, k);
}

/* --- the rest -------------------------------------------------------------------------------------------------------------------- */

static void reduce(int64_t n, const float *sum, bool add, float *out)
{
    for (int64_t i = 0; i < n; i++, sum += PIXEL) {
        float part[PIXEL];
        memcpy(part, sum, sizeof part);
        UNROLL for (int half = PIXEL / 2; half > 0; half /= 2) UNROLL for (int j = 0; j < half; j++) part[j] += part[j + half];
        out[i] = add ? out[i] + part[0] : part[0];
    }
}

const wn__lane_products WN__TABLE = {
    .tile = tiles, .dense = dense_tiles, .vectors = VECTORS, .dense_gradient = dense_gradient, .reduce = reduce};
