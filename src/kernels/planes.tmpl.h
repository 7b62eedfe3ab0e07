/* The kernels of planes.h for one instruction set. The including file defines WN__VECTOR (floats in a register), WN__TABLE, and for each
 * number of registers that a run may take how many rows of the weight are walked side by side: enough sums to hide the latency of a
 * multiply-add. No instruction is named here: the compiler chooses them from the flags of the including file. */
#include <math.h>
#include <string.h>

#include "kernels/planes.h"

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 32")
#define MOST 32    /* registers */
#define TOGETHER 8 /* rows of a linear layer */

typedef float vf __attribute__((vector_size(4 * WN__VECTOR)));
typedef int32_t vi __attribute__((vector_size(4 * WN__VECTOR)));

INLINE vf splat(float x) { return x - (vf){0}; }
INLINE vf get(const float *p) { return *(const vf *)__builtin_assume_aligned(p, sizeof(vf)); }
INLINE void put(float *p, vf x) { *(vf *)__builtin_assume_aligned(p, sizeof(vf)) = x; }
INLINE vf get_anywhere(const float *p)
{
    vf x;
    memcpy(&x, p, sizeof x);
    return x;
}
INLINE void put_anywhere(float *p, vf x) { memcpy(p, &x, sizeof x); }

/* A ReLU's upper bound; none is a NaN, than which nothing is larger, so that infinities pass. */
INLINE vf bound(float ceiling) { return splat(ceiling < INFINITY ? ceiling : NAN); }
INLINE vf rectify(vf x, vf most)
{
    const vf y = (vf)(~(x <= (vf){0}) & (vi)x);
    const vi over = y > most;
    return (vf)((over & (vi)most) | (~over & (vi)y));
}
INLINE float rectify_one(float x, float ceiling)
{
    const float y = x <= 0 ? 0 : x;
    return y > ceiling ? ceiling : y;
}

/* --- products ---------------------------------------------------------------------------------------------------------------------- */

INLINE void start_sums(const wn__plane_product *p, int64_t row, int vectors, vf *sum)
{
    const float *out = p->out + row * p->out_plane;
    const vf start = splat(p->bias ? p->bias[row] : 0.0f);
    if (p->add)
        UNROLL for (int v = 0; v < vectors; v++) sum[v] = get(out + v * WN__VECTOR);
    else
        UNROLL for (int v = 0; v < vectors; v++) sum[v] = start;
}

INLINE void store_sums(const wn__plane_product *p, int64_t row, int vectors, vf *sum)
{
    float *out = p->out + row * p->out_plane;
    if (p->last && p->mean) {
        const vf mean = splat(p->mean[row]), factor = splat(p->factor[row]), shift = splat(p->shift[row]);
        UNROLL for (int v = 0; v < vectors; v++) sum[v] = (sum[v] - mean) * factor + shift;
    }
    if (p->last && p->residual) {
        const float *residual = p->residual + row * p->out_plane;
        UNROLL for (int v = 0; v < vectors; v++) sum[v] += get(residual + v * WN__VECTOR);
    }
    if (p->last && p->ceiling != 0) {
        const vf most = bound(p->ceiling);
        UNROLL for (int v = 0; v < vectors; v++) sum[v] = rectify(sum[v], most);
    }
    UNROLL for (int v = 0; v < vectors; v++) put(out + v * WN__VECTOR, sum[v]);
}

INLINE void add_entry(const wn__plane_product *p, int64_t k, int vectors, vf *sum)
{
    const vf weight = splat(p->a.value[k]);
    const float *in = p->in + p->a.offset[k];
    UNROLL for (int v = 0; v < vectors; v++) sum[v] += weight * get_anywhere(in + v * WN__VECTOR);
}

/* As many entries as the shortest of `height` rows has side by side, then the rest of each row. */
INLINE void multiply_rows(const wn__plane_product *p, int64_t row, int height, int vectors)
{
    vf sum[MOST];
    int64_t at[8], least = INT64_MAX;
    UNROLL for (int h = 0; h < height; h++)
    {
        at[h] = p->a.begin[row + h];
        if (p->a.end[row + h] - at[h] < least) least = p->a.end[row + h] - at[h];
        start_sums(p, row + h, vectors, sum + h * vectors);
    }
    for (int64_t k = 0; k < least; k++) {
        UNROLL for (int h = 0; h < height; h++) add_entry(p, at[h] + k, vectors, sum + h * vectors);
    }
    UNROLL for (int h = 0; h < height; h++)
    {
        for (int64_t k = at[h] + least; k < p->a.end[row + h]; k++)
            add_entry(p, k, vectors, sum + h * vectors);
        store_sums(p, row + h, vectors, sum + h * vectors);
    }
}

INLINE void multiply(const wn__plane_product *p, int height, int vectors)
{
    int64_t row = 0;
    for (; row + height <= p->a.rows; row += height)
        multiply_rows(p, row, height, vectors);
    for (; row < p->a.rows; row++)
        multiply_rows(p, row, 1, vectors);
}

/* Each run of input that is loaded serves `height` rows. */
INLINE void multiply_dense_rows(const wn__plane_product *p, int64_t row, int height, int vectors)
{
    const wn__lane_matrix *a = &p->a;
    vf sum[MOST], x[MOST];
    UNROLL for (int h = 0; h < height; h++) start_sums(p, row + h, vectors, sum + h * vectors);
    for (int64_t k = a->first; k < a->entries; k++) {
        const float *in = p->in + a->offset[k], *value = a->value + a->entry[k] + row * a->row_stride;
        UNROLL for (int v = 0; v < vectors; v++) x[v] = get_anywhere(in + v * WN__VECTOR);
        UNROLL for (int h = 0; h < height; h++)
        {
            const vf weight = splat(value[h * a->row_stride]);
            UNROLL for (int v = 0; v < vectors; v++) sum[h * vectors + v] += weight * x[v];
        }
    }
    UNROLL for (int h = 0; h < height; h++) store_sums(p, row + h, vectors, sum + h * vectors);
}

INLINE void multiply_dense(const wn__plane_product *p, int height, int vectors)
{
    int64_t row = 0;
    for (; row + height <= p->a.rows; row += height)
        multiply_dense_rows(p, row, height, vectors);
    for (; row < p->a.rows; row++)
        multiply_dense_rows(p, row, 1, vectors);
}

#define PRODUCT(V, H) \
    static void product_##V(const wn__plane_product *p) { multiply(p, H, V); }
#define DENSE(V, H) \
    static void dense_##V(const wn__plane_product *p) { multiply_dense(p, H, V); }
WN__PRODUCTS(PRODUCT)
WN__DENSE(DENSE)

#define PRODUCT_ENTRY(V, H) [V] = product_##V,
#define DENSE_ENTRY(V, H) [V] = dense_##V,
static const wn__plane_product_call products[] = {WN__PRODUCTS(PRODUCT_ENTRY)};
static const wn__plane_product_call dense_products[] = {WN__DENSE(DENSE_ENTRY)};

/* --- copies of the input ------------------------------------------------------------------------------------------------------------ */

INLINE void copy_floats(float *to, const float *from, int64_t n)
{
    int64_t i = 0;
    for (; i + WN__VECTOR <= n; i += WN__VECTOR)
        put_anywhere(to + i, get_anywhere(from + i));
    for (; i < n; i++)
        to[i] = from[i];
}

INLINE void copy_strided(float *to, const float *from, int64_t n, int stride)
{
    if (stride == 2)
        for (int64_t i = 0; i < n; i++)
            to[i] = from[2 * i];
    else
        for (int64_t i = 0; i < n; i++)
            to[i] = from[i * stride];
}

INLINE int64_t clip(int64_t x, int64_t most) { return x < 0 ? 0 : x > most ? most : x; }

/* The columns that lie inside the image: [*left, *right). */
INLINE void columns_inside(const wn__plane_shift *s, int64_t first, int64_t *left, int64_t *right)
{
    *left = clip((-first + s->stride - 1) / s->stride, s->columns);
    if (first >= 0) *left = 0;
    *right = first < s->in_w ? clip((s->in_w - 1 - first) / s->stride + 1, s->columns) : 0;
    if (*right < *left) *right = *left;
}

INLINE void copy_rows(const wn__plane_shift *s, const float *in, float *to, int64_t first_row, int64_t first, int64_t left, int64_t right)
{
    for (int64_t j = 0; j < s->rows; j++, to += s->columns) {
        const int64_t y = first_row + j * s->stride;
        const bool inside = y >= 0 && y < s->in_h;
        const int64_t from = inside ? left : s->columns, end = inside ? right : s->columns;
        for (int64_t i = 0; i < from; i++)
            to[i] = 0;
        if (inside && s->stride == 1)
            copy_floats(to + from, in + y * s->in_w + first + from, end - from);
        else if (inside)
            copy_strided(to + from, in + y * s->in_w + first + from * s->stride, end - from, s->stride);
        for (int64_t i = end; i < s->columns; i++)
            to[i] = 0;
    }
}

/* Input and output of equal width, no stride: all rows at once, then zeros over what came in from neighbouring rows. */
INLINE void copy_block(const wn__plane_shift *s, const float *in, float *to, int64_t first, int64_t left, int64_t right)
{
    const int64_t size = s->in_h * s->in_w, start = s->first_row * s->in_w + first, all = s->rows * s->columns;
    const int64_t from = clip(-start, all), end = clip(size - start, all);
    memset(to, 0, (size_t)from * sizeof *to);
    if (end > from) copy_floats(to + from, in + start + from, end - from);
    if (all > end) memset(to + end, 0, (size_t)(all - end) * sizeof *to);
    for (int64_t i = 0; i < left; i++)
        for (int64_t j = 0; j < s->rows; j++)
            to[j * s->columns + i] = 0;
    for (int64_t i = right; i < s->columns; i++)
        for (int64_t j = 0; j < s->rows; j++)
            to[j * s->columns + i] = 0;
}

static void shift(const wn__plane_shift *s)
{
    const bool block = s->stride == 1 && s->columns == s->in_w;
    for (int64_t c = 0; c < s->channels; c++) {
        const float *in = s->in + c * s->in_plane;
        float *to = s->to + c * s->to_channel;
        for (int x = 0; x < s->kernel_w; x++) {
            int64_t left, right;
            columns_inside(s, x - s->pad, &left, &right);
            for (int f = 0; f < s->phases; f++, to += s->to_copy)
                if (block)
                    copy_block(s, in, to, x - s->pad, left, right);
                else
                    copy_rows(s, in, to, s->first_row + f, x - s->pad, left, right);
        }
    }
}

/* --- linear layers ------------------------------------------------------------------------------------------------------------------ */

INLINE void finish_row(const wn__plane_rows *r, int64_t row, float sum)
{
    r->out[row * r->out_distance] = r->ceiling != 0 ? rectify_one(sum, r->ceiling) : sum;
}

/* With one rounding where that is how products of vectors are made. */
INLINE float add_product(float sum, float a, float b)
{
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
    return __builtin_fmaf(a, b, sum);
#else
    return sum + a * b;
#endif
}

INLINE void add_rows(const wn__plane_rows *r, int64_t row, int height)
{
    float sum[TOGETHER];
    int64_t at[TOGETHER], count[TOGETHER], least = r->columns;
    const float *value = r->value;
    const int32_t *column = r->column;
    UNROLL for (int h = 0; h < height; h++)
    {
        at[h] = r->begin ? r->begin[row + h] : (row + h) * r->columns;
        count[h] = r->begin ? r->begin[row + h + 1] - at[h] : r->columns;
        if (count[h] < least) least = count[h];
        sum[h] = r->bias ? r->bias[row + h] : 0;
    }
    for (int64_t k = 0; k < least; k++) {
        UNROLL for (int h = 0; h < height; h++) sum[h] = add_product(sum[h], value[at[h] + k], r->in[column ? column[at[h] + k] : k]);
    }
    UNROLL for (int h = 0; h < height; h++)
    {
        for (int64_t k = at[h] + least; k < at[h] + count[h]; k++)
            sum[h] = add_product(sum[h], value[k], r->in[column[k]]);
        finish_row(r, row + h, sum[h]);
    }
}

static void rows(const wn__plane_rows *r)
{
    int64_t row = 0;
    for (; row + TOGETHER <= r->rows; row += TOGETHER)
        add_rows(r, row, TOGETHER);
    for (; row < r->rows; row++)
        add_rows(r, row, 1);
}

/* --- element by element ------------------------------------------------------------------------------------------------------------- */

static void normalise(int64_t lines, float mean, float factor, float shift, float ceiling, const float *x, const float *residual,
                      float *out)
{
    const vf m = splat(mean), k = splat(factor), b = splat(shift), most = bound(ceiling);
    for (int64_t i = 0; i < lines * WN__LINE; i += WN__VECTOR) {
        vf y = (get(x + i) - m) * k + b;
        if (residual) y += get(residual + i);
        put(out + i, ceiling != 0 ? rectify(y, most) : y);
    }
}

static void add(int64_t lines, float ceiling, const float *a, const float *b, float *out)
{
    const vf most = bound(ceiling);
    for (int64_t i = 0; i < lines * WN__LINE; i += WN__VECTOR) {
        vf y = get(a + i);
        if (b) y += get(b + i);
        put(out + i, ceiling != 0 ? rectify(y, most) : y);
    }
}

/* --- pools -------------------------------------------------------------------------------------------------------------------------- */

/* The part of a window at `first` along an axis that lies inside the image. */
typedef struct span {
    int64_t from, end;
} span;

INLINE span span_of(int64_t place, int stride, int pad, int kernel, int64_t size)
{
    const int64_t first = place * stride - pad;
    return (span){first < 0 ? 0 : first, first + kernel < size ? first + kernel : size};
}

INLINE float larger(float best, float x) { return x <= best || best != best ? best : x; } /* a NaN wins */

/* Over the window's rows first, then along the row. */
static void max_pool(const wn__lane_window *k, const wn__planes *li, const float *in, const wn__planes *lo, float *out, float *row)
{
    for (int64_t y = 0; y < lo->h; y++, out += lo->w) {
        const span ys = span_of(y, k->stride, k->pad, k->kernel_h, li->h);
        memcpy(row, in + ys.from * li->w, (size_t)li->w * sizeof *row);
        for (int64_t iy = ys.from + 1; iy < ys.end; iy++)
            for (int64_t x = 0; x < li->w; x++)
                row[x] = larger(row[x], in[iy * li->w + x]);
        for (int64_t x = 0; x < lo->w; x++) {
            const span xs = span_of(x, k->stride, k->pad, k->kernel_w, li->w);
            float best = row[xs.from];
            for (int64_t ix = xs.from + 1; ix < xs.end; ix++)
                best = larger(best, row[ix]);
            out[x] = best;
        }
    }
}

static void avg_pool(const wn__lane_window *k, const wn__planes *li, const float *in, const wn__planes *lo, float *out)
{
    for (int64_t y = 0; y < lo->h; y++)
        for (int64_t x = 0; x < lo->w; x++) {
            const span ys = span_of(y, k->stride, k->pad, k->kernel_h, li->h), xs = span_of(x, k->stride, k->pad, k->kernel_w, li->w);
            float sum = 0;
            for (int64_t iy = ys.from; iy < ys.end; iy++)
                for (int64_t ix = xs.from; ix < xs.end; ix++)
                    sum += in[iy * li->w + ix];
            out[y * lo->w + x] = sum * (1.0f / (float)((ys.end - ys.from) * (xs.end - xs.from)));
        }
}

const wn__planes_kernels WN__TABLE = {
    .vector = WN__VECTOR,
    .most = sizeof products / sizeof *products - 1,
    .most_dense = sizeof dense_products / sizeof *dense_products - 1,
    .product = products,
    .dense = dense_products,
    .shift = shift,
    .rows = rows,
    .normalise = normalise,
    .add = add,
    .max_pool = max_pool,
    .avg_pool = avg_pool,
};
