/* The table of lanes_product.h for one instruction set. The including file defines WN__LANES (floats in a register), the tiles that fit its
 * registers, and WN__TABLE. No instruction is named here: the compiler chooses them from the flags of the including file. */
#include <string.h>

#include "kernels/lanes_product.h"

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 32")
#define TWO_AT_A_TIME _Pragma("GCC unroll 2")
#define PIXEL 16
#define VECTORS (PIXEL / WN__LANES)
#define MOST 32 /* registers */

typedef float vf __attribute__((vector_size(4 * WN__LANES)));
typedef int32_t vi __attribute__((vector_size(4 * WN__LANES)));

INLINE vf splat(float x) { return x - (vf){0}; }
INLINE vf rectify(vf x) { return (vf)(~(x <= (vf){0}) & (vi)x); }
INLINE const vf *pixel_at(const float *base, int64_t pixel) { return (const vf *)(base + pixel * PIXEL); }

/* --- sums over lanes ------------------------------------------------------------------------------------------------------------- */

/* Sums over lanes of as many vectors as a vector has lanes, halves first: FOLD_w gives, of two vectors with segments of `w` lanes, all their
 * segments, each folded into half its width. The indices are the first halves of all segments, then the second ones. Segments of 4 lanes
 * and less stay within their quarter, which processors shuffle without a table. */
#define FIRSTS(w, a, b) __builtin_shufflevector(a, b, FIRST_##w)
#define SECONDS(w, a, b) __builtin_shufflevector(a, b, SECOND_##w)
#define FOLD(w, a, b) (FIRSTS(w, a, b) + SECONDS(w, a, b))
#if WN__LANES == 16
#define FIRST_16 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23
#define SECOND_16 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31
#define FIRST_8 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27
#define SECOND_8 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31
#define FIRST_4 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29
#define SECOND_4 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
#define FIRST_2 0, 2, 16, 18, 4, 6, 20, 22, 8, 10, 24, 26, 12, 14, 28, 30
#define SECOND_2 1, 3, 17, 19, 5, 7, 21, 23, 9, 11, 25, 27, 13, 15, 29, 31
#elif WN__LANES == 8
#define FIRST_8 0, 1, 2, 3, 8, 9, 10, 11
#define SECOND_8 4, 5, 6, 7, 12, 13, 14, 15
#define FIRST_4 0, 1, 8, 9, 4, 5, 12, 13
#define SECOND_4 2, 3, 10, 11, 6, 7, 14, 15
#define FIRST_2 0, 2, 8, 10, 4, 6, 12, 14
#define SECOND_2 1, 3, 9, 11, 5, 7, 13, 15
#elif WN__LANES == 4
#define FIRST_4 0, 1, 4, 5
#define SECOND_4 2, 3, 6, 7
#define FIRST_2 0, 2, 4, 6
#define SECOND_2 1, 3, 5, 7
#endif

/* x[i] of entry i becomes lane i of the result: the last two steps settle its place in a quarter, those before them which quarter. */
INLINE vf sum_lanes(vf x[WN__LANES])
{
#if WN__LANES == 16
    UNROLL for (int i = 0; i < 4; i++) x[i] = FOLD(16, x[i], x[i + 4]);
    UNROLL for (int i = 8; i < 12; i++) x[i] = FOLD(16, x[i], x[i + 4]);
    UNROLL for (int i = 0; i < 4; i++) x[i] = FOLD(8, x[i], x[i + 8]);
#elif WN__LANES == 8
    UNROLL for (int i = 0; i < 4; i++) x[i] = FOLD(8, x[i], x[i + 4]);
#endif
    UNROLL for (int i = 0; i < 2; i++) x[i] = FOLD(4, x[2 * i], x[2 * i + 1]);
    return FOLD(2, x[0], x[1]);
}

/* The same halves, which stay apart: lane l of x[i] becomes lane i of x[l]. */
INLINE void transpose(vf x[WN__LANES])
{
    vf y[WN__LANES];
#if WN__LANES == 16
    UNROLL for (int i = 0; i < 16; i++) y[i] = x[i];
    UNROLL for (int i = 0; i < 8; i++)
    {
        const int from = i < 4 ? i : i + 4;
        x[i] = FIRSTS(16, y[from], y[from + 4]);
        x[i + 8] = SECONDS(16, y[from], y[from + 4]);
    }
#endif
#if WN__LANES >= 8
    UNROLL for (int i = 0; i < WN__LANES; i++) y[i] = x[i];
    UNROLL for (int set = 0; set < WN__LANES; set += 8) UNROLL for (int i = set; i < set + 4; i++)
    {
        x[i] = FIRSTS(8, y[i], y[i + 4]);
        x[i + 4] = SECONDS(8, y[i], y[i + 4]);
    }
#endif
    UNROLL for (int set = 0; set < WN__LANES; set += 4) UNROLL for (int i = 0; i < 2; i++)
    {
        y[set + i] = FIRSTS(4, x[set + 2 * i], x[set + 2 * i + 1]);
        y[set + i + 2] = SECONDS(4, x[set + 2 * i], x[set + 2 * i + 1]);
    }
    UNROLL for (int i = 0; i < WN__LANES; i += 2)
    {
        x[i] = FIRSTS(2, y[i], y[i + 1]);
        x[i + 1] = SECONDS(2, y[i], y[i + 1]);
    }
}

/* Halves of a pixel that are whole vectors. */
INLINE vf fold_vectors(const vf sum[VECTORS])
{
    vf part[VECTORS];
    UNROLL for (int v = 0; v < VECTORS; v++) part[v] = sum[v];
    UNROLL for (int half = VECTORS / 2; half > 0; half /= 2) UNROLL for (int v = 0; v < half; v++) part[v] += part[v + half];
    return part[0];
}

/* --- sparse ---------------------------------------------------------------------------------------------------------------------- */

/* A run takes all of a pixel's vectors at once, or, in several passes, one after the other: `vectors` at a time, from the `first` one on. So a
 * run of many pixels fits few registers, and no pixel is left out of cache between the passes of a row. */

/* The number, in its pixel, of what a pass of a product takes as the v-th vector of pixel i of a run. Passes of one vector take each pixel's
 * next one: if all took the same, all loads would come from the same part of their cache lines, and processors make fewer of those at once. */
INLINE int vector_of(int i, int v, int vectors, int first) { return vectors == 1 ? (first + i) % VECTORS : first + v; }

INLINE void start_sums(const wn__lane_product *p, int64_t row, const float *out, int rows, int columns, int vectors, int first, vf *sum)
{
    const vf start = splat(p->bias ? p->bias[row] : 0.0f);
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int c = 0; c < columns; c++) UNROLL for (int v = 0; v < vectors; v++)
    {
        const int i = r * columns + c;
        sum[i * vectors + v] = p->add ? pixel_at(out, r * p->out_row + c * p->out_column)[vector_of(i, v, vectors, first)] : start;
    }
}

INLINE void store_sums(const wn__lane_product *p, float *out, int rows, int columns, int vectors, int first, const vf *sum)
{
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int c = 0; c < columns; c++) UNROLL for (int v = 0; v < vectors; v++)
    {
        const int i = r * columns + c;
        const vf s = sum[i * vectors + v] + (vf){0}; /* no -0 */
        ((vf *)(out + (r * p->out_row + c * p->out_column) * PIXEL))[vector_of(i, v, vectors, first)] = p->relu ? rectify(s) : s;
    }
}

INLINE float *out_of_row(const wn__lane_product *p, int64_t row)
{
    return p->out + (p->out_place ? p->out_place[row] : row * p->out_plane) * PIXEL;
}

INLINE void multiply_row(const wn__lane_product *p, int64_t row, int rows, int columns, int stride, int vectors, int first, bool direct)
{
    const wn__lane_matrix *a = &p->a;
    const int64_t in_row = p->in_row * PIXEL;
    float *out = out_of_row(p, row);
    vf sum[MOST];
    start_sums(p, row, out, rows, columns, vectors, first, sum);
    for (int64_t k = a->begin[row], end = a->end[row]; k < end; k++) {
        const vf weight = splat(a->value[direct ? k : a->entry[k]]);
        const float *in = p->in + (int64_t)a->offset[k] * PIXEL;
        UNROLL for (int r = 0; r < rows; r++, in += in_row) UNROLL for (int c = 0; c < columns; c++)
            UNROLL for (int v = 0; v < vectors; v++)
        {
            const int i = r * columns + c;
            sum[i * vectors + v] += weight * pixel_at(in, c * stride)[vector_of(i, v, vectors, first)];
        }
    }
    store_sums(p, out, rows, columns, vectors, first, sum);
}

INLINE void multiply_pass(const wn__lane_product *p, int64_t row, int rows, int columns, int stride, int vectors, int first)
{
    if (p->a.entry)
        multiply_row(p, row, rows, columns, stride, vectors, first, false);
    else
        multiply_row(p, row, rows, columns, stride, vectors, first, true);
}

INLINE void multiply(const wn__lane_product *p, int rows, int columns, int stride, int vectors)
{
    for (int64_t row = 0; row < p->a.rows; row++)
        UNROLL for (int first = 0; first < VECTORS; first += vectors) multiply_pass(p, row, rows, columns, stride, vectors, first);
}

/* The output's gradient of a run. */
INLINE void load_gradient(const wn__lane_gradient *g, const float *dout, int rows, int columns, int vectors, vf *d)
{
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int c = 0; c < columns; c++) UNROLL for (int v = 0; v < vectors; v++)
        d[(r * columns + c) * vectors + v] = pixel_at(dout, r * g->dout_row + c)[v];
}

/* sum[v] += over the run, for one entry. */
INLINE void add_run(const float *in, int64_t in_row, const vf *d, int rows, int columns, int stride, int vectors, vf *sum)
{
    UNROLL for (int r = 0; r < rows; r++, in += in_row) UNROLL for (int c = 0; c < columns; c++) UNROLL for (int v = 0; v < vectors; v++)
        sum[v] += d[(r * columns + c) * vectors + v] * pixel_at(in, c * stride)[v];
}

INLINE void add_gradient_row(const wn__lane_gradient *g, int64_t row, int rows, int columns, int stride, int vectors, int first)
{
    const wn__lane_matrix *a = &g->a;
    const int64_t in_row = g->in_row * PIXEL;
    const float *origin = g->in + first * WN__LANES;
    vf d[MOST];
    load_gradient(g, g->dout + row * g->dout_plane * PIXEL + first * WN__LANES, rows, columns, vectors, d);
    for (int64_t k = a->begin[row], end = a->end[row]; k < end; k++) {
        vf *to = (vf *)(g->sum + (k - g->first_sum) * PIXEL) + first, sum[VECTORS];
        UNROLL for (int v = 0; v < vectors; v++) sum[v] = to[v];
        add_run(origin + (int64_t)a->offset[k] * PIXEL, in_row, d, rows, columns, stride, vectors, sum);
        UNROLL for (int v = 0; v < vectors; v++) to[v] = sum[v];
    }
}

INLINE void add_gradient(const wn__lane_gradient *g, int rows, int columns, int stride, int vectors)
{
    for (int64_t row = 0; row < g->a.rows; row++)
        for (int first = 0; first < VECTORS; first += vectors)
            add_gradient_row(g, row, rows, columns, stride, vectors, first);
}

/* Of as many entries as a vector has lanes, or the last `some` ones: each one's sum over the run, folded into one vector. */
INLINE void make_few(const wn__lane_gradient *g, const float *dout, int64_t k, int64_t some, int rows, int columns, int stride, int vectors,
                     vf *folded)
{
    vf part[VECTORS][WN__LANES];
    UNROLL for (int first = 0; first < VECTORS; first += vectors)
    {
        vf d[MOST];
        load_gradient(g, dout + first * WN__LANES, rows, columns, vectors, d);
        for (int64_t i = 0; i < some; i++) {
            vf sum[VECTORS] = {{0}};
            const float *in = g->in + (int64_t)g->a.offset[k + i] * PIXEL + first * WN__LANES;
            add_run(in, g->in_row * PIXEL, d, rows, columns, stride, vectors, sum);
            if (vectors == VECTORS)
                folded[i] = fold_vectors(sum);
            else
                part[first][i] = sum[0];
        }
    }
    for (int64_t i = 0; vectors < VECTORS && i < some; i++) {
        vf sum[VECTORS];
        UNROLL for (int v = 0; v < VECTORS; v++) sum[v] = part[v][i];
        folded[i] = fold_vectors(sum);
    }
}

/* The run is the whole image: each entry's sum is complete at once, and goes straight to its place in `out`. */
INLINE void make_gradient(const wn__lane_gradient *g, int rows, int columns, int stride, int vectors)
{
    const wn__lane_matrix *a = &g->a;
    for (int64_t row = 0; row < a->rows; row++) {
        const float *dout = g->dout + row * g->dout_plane * PIXEL;
        for (int64_t k = a->begin[row], end = a->end[row], some; k < end; k += some) {
            vf folded[WN__LANES];
            some = end - k < WN__LANES ? end - k : WN__LANES;
            make_few(g, dout, k, some, rows, columns, stride, vectors, folded);
            for (int64_t i = some; i < WN__LANES; i++)
                folded[i] = (vf){0};
            const vf total = sum_lanes(folded);
            memcpy(g->out + k, &total, (size_t)some * sizeof(float));
        }
    }
}

#define KERNELS(NAME, R, C, STRIDE, V)                                                            \
    static void product_##NAME(const wn__lane_product *p) { multiply(p, R, C, STRIDE, V); }       \
    static void gradient_##NAME(const wn__lane_gradient *g) { add_gradient(g, R, C, STRIDE, V); } \
    static void whole_##NAME(const wn__lane_gradient *g) { make_gradient(g, R, C, STRIDE, V); }
#define TILE(R, C)                     \
    KERNELS(R##x##C, R, C, 1, VECTORS) \
    KERNELS(R##x##C##_by_2, R, C, 2, VECTORS)
#define PASSES_TILE(R, C)                    \
    KERNELS(R##x##C##_in_passes, R, C, 1, 1) \
    KERNELS(R##x##C##_by_2_in_passes, R, C, 2, 1)
#define COLUMN_TILE(R, C) KERNELS(R##x##C, R, C, 0, VECTORS)
#define PRODUCT(NAME, R, C, STRIDE) \
    static void product_##NAME(const wn__lane_product *p) { multiply(p, R, C, STRIDE, 1); }
#define PRODUCT_TILE(R, C)                \
    PRODUCT(R##x##C##_in_passes, R, C, 1) \
    PRODUCT(R##x##C##_by_2_in_passes, R, C, 2)
WN__TILES(TILE)
WN__PASSES_TILES(PASSES_TILE)
WN__PRODUCT_TILES(PRODUCT_TILE)
WN__COLUMN_TILES(COLUMN_TILE)

#define ENTRY(NAME, R, C, STRIDE, PASSES) {R, C, STRIDE, PASSES, product_##NAME, gradient_##NAME, whole_##NAME},
#define TILE_ENTRIES(R, C) ENTRY(R##x##C, R, C, 1, 1) ENTRY(R##x##C##_by_2, R, C, 2, 1)
#define PASSES_ENTRIES(R, C) ENTRY(R##x##C##_in_passes, R, C, 1, VECTORS) ENTRY(R##x##C##_by_2_in_passes, R, C, 2, VECTORS)
#define COLUMN_TILE_ENTRY(R, C) ENTRY(R##x##C, R, C, 0, 1)
#define PRODUCT_ENTRY(NAME, R, C, STRIDE) {R, C, STRIDE, VECTORS, product_##NAME, NULL, NULL},
#define PRODUCT_ENTRIES(R, C) PRODUCT_ENTRY(R##x##C##_in_passes, R, C, 1) PRODUCT_ENTRY(R##x##C##_by_2_in_passes, R, C, 2)
static const wn__lane_tile tiles[] = {WN__COLUMN_TILES(COLUMN_TILE_ENTRY) WN__TILES(TILE_ENTRIES) WN__PASSES_TILES(PASSES_ENTRIES)
                                          WN__PRODUCT_TILES(PRODUCT_ENTRIES){0}};

/* --- dense ----------------------------------------------------------------------------------------------------------------------- */

/* sum[h * pixels + i] += value[h * row_stride] * the pixels at `in`. What there is less of stays in registers: weights or pixels. */
INLINE void add_entry(const float *in, int64_t in_row, const float *value, int64_t row_stride, int height, int rows, int columns,
                      int stride, vf *sum)
{
    const int pixels = rows * columns * VECTORS;
    vf kept[MOST];
    if (height < pixels) {
        UNROLL for (int h = 0; h < height; h++) kept[h] = splat(value[h * row_stride]);
        UNROLL for (int r = 0; r < rows; r++) UNROLL for (int c = 0; c < columns; c++) UNROLL for (int v = 0; v < VECTORS; v++)
        {
            const vf x = pixel_at(in + r * in_row, c * stride)[v];
            UNROLL for (int h = 0; h < height; h++) sum[h * pixels + (r * columns + c) * VECTORS + v] += kept[h] * x;
        }
        return;
    }
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int c = 0; c < columns; c++) UNROLL for (int v = 0; v < VECTORS; v++)
        kept[(r * columns + c) * VECTORS + v] = pixel_at(in + r * in_row, c * stride)[v];
    UNROLL for (int h = 0; h < height; h++)
    {
        const vf weight = splat(value[h * row_stride]);
        UNROLL for (int i = 0; i < pixels; i++) sum[h * pixels + i] += weight * kept[i];
    }
}

/* `height` rows of the matrix at once: each input pixel that is loaded serves them all. */
INLINE void multiply_rows(const wn__lane_product *p, int64_t row, int height, int rows, int columns, int stride)
{
    const wn__lane_matrix *a = &p->a;
    const int pixels = rows * columns * VECTORS;
    const int64_t in_row = p->in_row * PIXEL;
    vf sum[MOST];
    UNROLL for (int h = 0; h < height; h++) start_sums(p, row + h, out_of_row(p, row + h), rows, columns, VECTORS, 0, sum + h * pixels);
    for (int64_t k = a->first; k < a->entries; k++)
        add_entry(p->in + (int64_t)a->offset[k] * PIXEL, in_row, a->value + a->entry[k] + row * a->row_stride, a->row_stride, height, rows,
                  columns, stride, sum);
    UNROLL for (int h = 0; h < height; h++) store_sums(p, out_of_row(p, row + h), rows, columns, VECTORS, 0, sum + h * pixels);
}

/* What the next run reads and writes, spread over this run's rows: `part` of `parts`. */
INLINE void fetch_ahead(const wn__lane_product *p, int64_t part, int64_t parts, int rows, int columns, int stride)
{
    const wn__lane_matrix *a = &p->a;
    const int64_t step = p->fetch_step, lines = (a->entries - a->first + step - 1) / step;
    for (int64_t i = lines * part / parts, end = lines * (part + 1) / parts; i < end; i++) {
        const int64_t k = a->first + i * step + p->fetch_first;
        for (int r = 0; k < a->entries && r < rows; r++)
            for (int c = 0; c < columns; c++)
                __builtin_prefetch(p->in + (a->offset[k] + p->next_in + r * p->in_row + c * stride) * PIXEL, 0);
    }
    for (int64_t row = a->rows * part / parts, end = a->rows * (part + 1) / parts; row < end; row++)
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < columns; c++)
                __builtin_prefetch(out_of_row(p, row) + (p->next_out + r * p->out_row + c * p->out_column) * PIXEL, 1);
}

/* Rows in groups of `height`, the rest in smaller ones. */
INLINE void multiply_dense(const wn__lane_product *p, int height, int rows, int columns, int stride)
{
    int64_t row = 0;
    for (; row + height <= p->a.rows; row += height) {
        if (p->fetch_step) fetch_ahead(p, row / height, p->a.rows / height, rows, columns, stride);
        multiply_rows(p, row, height, rows, columns, stride);
    }
    if (height > 4)
        for (; row + 4 <= p->a.rows; row += 4)
            multiply_rows(p, row, 4, rows, columns, stride);
    if (height > 2)
        for (; row + 2 <= p->a.rows; row += 2)
            multiply_rows(p, row, 2, rows, columns, stride);
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

#define DENSE_ENTRIES(R, C, H) {R, C, 1, H, dense_##R##x##C}, {R, C, 2, H, dense_##R##x##C##_by_2},
#define DENSE_COLUMN_ENTRY(R, C, H) {R, C, 0, H, dense_##R##x##C},
static const wn__lane_dense_tile dense_tiles[] = {WN__DENSE_COLUMN_TILES(DENSE_COLUMN_ENTRY) WN__DENSE_TILES(DENSE_ENTRIES){0}};

/* sum[h * entries + e] += out gradient * in over n pixels of a line: `in` and `dout` of its first pixel, steps to the next one in floats. */
INLINE void add_line(const float *in, int64_t in_step, const int64_t *offset, const float *dout, int64_t dout_step, int64_t plane,
                     int64_t n, int height, int entries, vf *sum)
{
    TWO_AT_A_TIME for (; n > 0; n--, in += in_step, dout += dout_step) UNROLL for (int v = 0; v < VECTORS; v++)
    {
        vf x[WN__GRADIENT_ENTRIES + WN__WHOLE_PART];
        UNROLL for (int e = 0; e < entries; e++) x[e] = ((const vf *)(in + offset[e]))[v];
        UNROLL for (int h = 0; h < height; h++)
        {
            const vf dy = ((const vf *)(dout + h * plane))[v];
            UNROLL for (int e = 0; e < entries; e++) sum[(h * entries + e) * VECTORS + v] += dy * x[e];
        }
    }
}

/* The same over the image; images a pixel wide are one line. */
INLINE void add_image(const wn__lane_dense_gradient *d, int64_t row, int64_t entry, int height, int entries, vf *sum)
{
    const wn__lane_gradient *g = &d->g;
    const float *in = g->in, *dout = g->dout + row * g->dout_plane * PIXEL;
    const int64_t plane = g->dout_plane * PIXEL, in_row = g->in_row * PIXEL, dout_row = g->dout_row * PIXEL;
    int64_t offset[WN__GRADIENT_ENTRIES + WN__WHOLE_PART];
    UNROLL for (int e = 0; e < entries; e++) offset[e] = (int64_t)g->a.offset[entry + e] * PIXEL;
    if (d->width == 1) {
        add_line(in, in_row, offset, dout, dout_row, plane, d->height, height, entries, sum);
        return;
    }
    for (int64_t y = 0; y < d->height; y++, in += in_row, dout += dout_row)
        add_line(in, d->in_column * PIXEL, offset, dout, PIXEL, plane, d->width, height, entries, sum);
}

INLINE void add_dense_gradient(const wn__lane_dense_gradient *d, int64_t row, int64_t entry, int height, int entries)
{
    const wn__lane_gradient *g = &d->g;
    vf sum[MOST];
    UNROLL for (int h = 0; h < height; h++) UNROLL for (int e = 0; e < entries; e++) UNROLL for (int v = 0; v < VECTORS; v++)
        sum[(h * entries + e) * VECTORS + v] = pixel_at(g->sum, (row + h) * g->a.entries + entry + e)[v];
    add_image(d, row, entry, height, entries, sum);
    UNROLL for (int h = 0; h < height; h++) UNROLL for (int e = 0; e < entries; e++)
        UNROLL for (int v = 0; v < VECTORS; v++)((vf *)(g->sum + ((row + h) * g->a.entries + entry + e) * PIXEL))[v] =
            sum[(h * entries + e) * VECTORS + v];
}

static void add_wide_gradient(const wn__lane_dense_gradient *d, int64_t row, int64_t entry)
{
    add_dense_gradient(d, row, entry, WN__GRADIENT_ROWS, WN__GRADIENT_ENTRIES);
}
static void add_medium_gradient(const wn__lane_dense_gradient *d, int64_t row, int64_t entry)
{
    add_dense_gradient(d, row, entry, WN__GRADIENT_ROWS, WN__WHOLE_PART);
}
static void add_tall_gradient(const wn__lane_dense_gradient *d, int64_t row, int64_t entry)
{
    add_dense_gradient(d, row, entry, WN__GRADIENT_ROWS, 1);
}
static void add_narrow_gradient(const wn__lane_dense_gradient *d, int64_t row, int64_t entry) { add_dense_gradient(d, row, entry, 1, 1); }

static void dense_gradient(const wn__lane_dense_gradient *d)
{
    const int64_t rows = d->g.a.rows, entries = d->g.a.entries;
    const int64_t whole_rows = rows / WN__GRADIENT_ROWS * WN__GRADIENT_ROWS;
    for (int64_t row = 0; row < whole_rows; row += WN__GRADIENT_ROWS) {
        int64_t k = 0;
        for (; k + WN__GRADIENT_ENTRIES <= entries; k += WN__GRADIENT_ENTRIES)
            add_wide_gradient(d, row, k);
        for (; k + WN__WHOLE_PART <= entries; k += WN__WHOLE_PART)
            add_medium_gradient(d, row, k);
        for (; k < entries; k++)
            add_tall_gradient(d, row, k);
    }
    for (int64_t row = whole_rows; row < rows; row++)
        for (int64_t k = 0; k < entries; k++)
            add_narrow_gradient(d, row, k);
}

/* The sums over all pixels of `height` rows and `entries` entries, to whole[h * WN__WHOLE_ENTRIES + e], each folded into one vector. */
INLINE void make_whole(const wn__lane_dense_gradient *d, int64_t row, int64_t entry, int height, int entries, vf *whole)
{
    vf sum[MOST];
    UNROLL for (int i = 0; i < height * entries * VECTORS; i++) sum[i] = (vf){0};
    add_image(d, row, entry, height, entries, sum);
    UNROLL for (int h = 0; h < height; h++) UNROLL for (int e = 0; e < entries; e++) whole[h * WN__WHOLE_ENTRIES + e] =
        fold_vectors(sum + (h * entries + e) * VECTORS);
}

/* As many rows as a block has, and entries in whole blocks: WN__WHOLE_ROWS * WN__WHOLE_ENTRIES are as many as a vector has lanes. */
static void make_whole_blocks(const wn__lane_dense_gradient *d, int64_t row, int64_t entries)
{
    float *out = d->g.out + row * d->out_row, lanes[WN__LANES];
    for (int64_t k = 0; k < entries; k += WN__WHOLE_ENTRIES, out += WN__WHOLE_ENTRIES) {
        vf whole[WN__LANES];
        UNROLL for (int e = 0; e < WN__WHOLE_ENTRIES; e += WN__WHOLE_PART)
            make_whole(d, row, k + e, WN__WHOLE_ROWS, WN__WHOLE_PART, whole + e);
        const vf total = sum_lanes(whole);
        memcpy(lanes, &total, sizeof lanes);
        UNROLL for (int h = 0; h < WN__WHOLE_ROWS; h++)
            memcpy(out + h * d->out_row, lanes + h * WN__WHOLE_ENTRIES, WN__WHOLE_ENTRIES * sizeof(float));
    }
}

/* At the edges: at most as many rows and entries as a block has. */
static void make_whole_rest(const wn__lane_dense_gradient *d, int64_t row, int64_t entry, int height, int entries)
{
    vf whole[WN__LANES] = {{0}};
    float lanes[WN__LANES];
    for (int e = 0; height == WN__WHOLE_ROWS && e < entries; e++)
        make_whole(d, row, entry + e, WN__WHOLE_ROWS, 1, whole + e);
    for (int h = 0; height < WN__WHOLE_ROWS && h < height; h++)
        for (int e = 0; e < entries; e++)
            make_whole(d, row + h, entry + e, 1, 1, whole + h * WN__WHOLE_ENTRIES + e);
    const vf total = sum_lanes(whole);
    memcpy(lanes, &total, sizeof lanes);
    for (int h = 0; h < height; h++)
        memcpy(d->g.out + (row + h) * d->out_row + entry, lanes + h * WN__WHOLE_ENTRIES, (size_t)entries * sizeof(float));
}

static void dense_whole(const wn__lane_dense_gradient *d)
{
    const int64_t rows = d->g.a.rows, entries = d->g.a.entries, in_blocks = entries / WN__WHOLE_ENTRIES * WN__WHOLE_ENTRIES;
    for (int64_t row = 0; row < rows; row += WN__WHOLE_ROWS) {
        const int height = (int)(rows - row < WN__WHOLE_ROWS ? rows - row : WN__WHOLE_ROWS);
        const int64_t done = height == WN__WHOLE_ROWS ? in_blocks : 0;
        make_whole_blocks(d, row, done);
        for (int64_t k = done; k < entries; k += WN__WHOLE_ENTRIES)
            make_whole_rest(d, row, k, height, (int)(entries - k < WN__WHOLE_ENTRIES ? entries - k : WN__WHOLE_ENTRIES));
    }
}

/* --- dense, a few pixels --------------------------------------------------------------------------------------------------------- */

/* Lanes run along entries: each of a pixel's places has a sum of its own, and these are added in the order of sum_lanes() without its
 * shuffles. What is shuffled is the input, once for all rows. */
#define COLUMNS (WN__BATCH_VECTORS * WN__LANES)

/* Entries from `first` on: x[pixel][place][vector]. Those that are not there are 0. */
static void turn_input(const wn__lane_dense_gradient *d, int64_t first, vf *x)
{
    const int64_t left = d->g.a.entries - first;
    for (int64_t y = 0; y < d->height; y++) {
        const float *in = d->g.in + y * d->g.in_row * PIXEL;
        for (int64_t v = 0; v < VECTORS; v++, x += WN__LANES * WN__BATCH_VECTORS)
            for (int64_t k = 0; k < WN__BATCH_VECTORS; k++) {
                vf turned[WN__LANES];
                UNROLL for (int64_t i = 0; i < WN__LANES; i++) turned[i] =
                    k * WN__LANES + i < left ? pixel_at(in, d->g.a.offset[first + k * WN__LANES + i])[v] : (vf){0};
                transpose(turned);
                UNROLL for (int64_t i = 0; i < WN__LANES; i++) x[i * WN__BATCH_VECTORS + k] = turned[i];
            }
    }
}

typedef struct places {
    const vf *x;
    const float *dout;
    int64_t pixels, step, plane; /* from pixel to pixel and from row to row of dout, in floats */
} places;

/* The i-th place, halves first: its sum, then with those before it as far as they are a pair. pending: sums of 1, 2, 4 and 8 places. */
INLINE void add_place(const places *p, int i, int height, vf pending[][WN__BATCH_ROWS * WN__BATCH_VECTORS], vf *sum)
{
    const int place = (i & 1) << 3 | (i & 2) << 1 | (i & 4) >> 1 | i >> 3, sums = height * WN__BATCH_VECTORS;
    UNROLL for (int j = 0; j < sums; j++) sum[j] = (vf){0};
    for (int64_t y = 0; y < p->pixels; y++) {
        const vf *x = p->x + (y * PIXEL + place) * WN__BATCH_VECTORS;
        UNROLL for (int h = 0; h < height; h++)
        {
            const vf dy = splat(p->dout[h * p->plane + y * p->step + place]);
            UNROLL for (int v = 0; v < WN__BATCH_VECTORS; v++) sum[h * WN__BATCH_VECTORS + v] += dy * x[v];
        }
    }
    int level = 0;
    UNROLL for (; i >> level & 1; level++) UNROLL for (int j = 0; j < sums; j++) sum[j] = pending[level][j] + sum[j];
    if (level < 4) {
        UNROLL for (int j = 0; j < sums; j++) pending[level][j] = sum[j];
    }
}

INLINE void add_places(const places *p, int height, vf *sum)
{
    vf pending[4][WN__BATCH_ROWS * WN__BATCH_VECTORS];
#define FOUR(i)                                \
    add_place(p, i, height, pending, sum);     \
    add_place(p, i + 1, height, pending, sum); \
    add_place(p, i + 2, height, pending, sum); \
    add_place(p, i + 3, height, pending, sum);
    FOUR(0) FOUR(4) FOUR(8) FOUR(12)
#undef FOUR
}

/* Lines of a matrix lie too far apart for the processor to foresee which are written next. */
INLINE void fetch_output(const wn__lane_dense_gradient *d, int64_t row, int64_t entry, int height)
{
    const int64_t later = row + 3 * WN__BATCH_ROWS;
    if (later + height > d->g.a.rows) return;
    UNROLL for (int h = 0; h < height; h++) UNROLL for (int i = 0; i < COLUMNS; i += PIXEL)
        __builtin_prefetch(d->g.out + (later + h) * d->out_row + entry + i, 1);
}

/* As many entries as COLUMNS, or the last ones. */
INLINE void make_batch(const wn__lane_dense_gradient *d, const vf *x, int64_t row, int64_t entry, int height)
{
    const wn__lane_gradient *g = &d->g;
    const places p = {x, g->dout + row * g->dout_plane * PIXEL, d->height, g->dout_row * PIXEL, g->dout_plane * PIXEL};
    const int64_t left = g->a.entries - entry;
    vf sum[WN__BATCH_ROWS * WN__BATCH_VECTORS];
    fetch_output(d, row, entry, height);
    add_places(&p, height, sum);
    UNROLL for (int h = 0; h < height; h++) memcpy(g->out + (row + h) * d->out_row + entry, sum + h * WN__BATCH_VECTORS,
                                                   (size_t)(left < COLUMNS ? left : COLUMNS) * sizeof(float));
}
static void batch_of_rows(const wn__lane_dense_gradient *d, const vf *x, int64_t row, int64_t entry)
{
    make_batch(d, x, row, entry, WN__BATCH_ROWS);
}
static void batch_of_row(const wn__lane_dense_gradient *d, const vf *x, int64_t row, int64_t entry) { make_batch(d, x, row, entry, 1); }

static void dense_batch(const wn__lane_dense_gradient *d)
{
    const int64_t rows = d->g.a.rows;
    vf x[WN__BATCH_PIXELS * PIXEL * WN__BATCH_VECTORS];
    for (int64_t k = 0; k < d->g.a.entries; k += COLUMNS) {
        int64_t row = 0;
        turn_input(d, k, x);
        for (; row + WN__BATCH_ROWS <= rows; row += WN__BATCH_ROWS)
            batch_of_rows(d, x, row, k);
        for (; row < rows; row++)
            batch_of_row(d, x, row, k);
    }
}

/* --- the rest -------------------------------------------------------------------------------------------------------------------- */

/* All lanes of a register at once: sums stay in registers. */
INLINE vf reduce_whole(const float *sum)
{
    vf folded[WN__LANES];
    UNROLL for (int j = 0; j < WN__LANES; j++) folded[j] = fold_vectors(pixel_at(sum, j));
    return sum_lanes(folded);
}

INLINE vf reduce_some(const float *sum, int64_t some)
{
    vf folded[WN__LANES];
    for (int64_t j = 0; j < WN__LANES; j++)
        folded[j] = j < some ? fold_vectors(pixel_at(sum, j)) : (vf){0};
    return sum_lanes(folded);
}

static void reduce(int64_t n, const float *sum, bool add, float *out)
{
    for (int64_t i = 0, some; i < n; i += some) {
        some = n - i < WN__LANES ? n - i : WN__LANES;
        vf total = some == WN__LANES ? reduce_whole(sum + i * PIXEL) : reduce_some(sum + i * PIXEL, some), before = {0};
        if (add) {
            memcpy(&before, out + i, (size_t)some * sizeof(float));
            total = before + total;
        }
        memcpy(out + i, &total, (size_t)some * sizeof(float));
    }
}

#ifdef WN__TINY_TILES
#include "kernels/lanes_tiny.tmpl.h"
#else
static const wn__lane_tiny_tile *const tiny_tiles = NULL;
#endif

const wn__lane_products WN__TABLE = {.tile = tiles,
                                     .dense = dense_tiles,
                                     .tiny = tiny_tiles,
                                     .vectors = VECTORS,
                                     .row_cost = WN__ROW_COST,
                                     .tile_pixels = WN__TILE_PIXELS,
                                     .dense_gradient = dense_gradient,
                                     .dense_whole = dense_whole,
                                     .dense_batch = dense_batch,
                                     .reduce = reduce};
