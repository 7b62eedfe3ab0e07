/* The kernels of lanes.h for one instruction set: vectors of WN__VECTOR floats, PARTS of them a pixel. The including file defines
 * WN__VECTOR and the table's name WN__TABLE. No instruction is named here: the compiler chooses them from the flags of that file.
 *
 * A row of pixels is a row of vectors, all of one channel, so that element-wise kernels need not know which lane is which. Where no tensor
 * has a border, a channel is one long row. */
#include <math.h>
#include <string.h>

#include "kernels/lanes.h"

#define INLINE static inline __attribute__((always_inline))
#define PARTS (WN__LANE / WN__VECTOR)
#define UNROLL 4    /* vectors added up side by side; a multiple of PARTS, so that each belongs to one part of a pixel */
#define SEGMENT 256 /* vectors whose sums are kept in float32 */

typedef float vf __attribute__((vector_size(4 * WN__VECTOR)));
typedef int32_t vi __attribute__((vector_size(4 * WN__VECTOR)));
typedef uint32_t vu __attribute__((vector_size(4 * WN__VECTOR)));
typedef uint8_t vb __attribute__((vector_size(WN__VECTOR)));

INLINE vf zero(void) { return (vf){0}; }
INLINE vf splat(float x) { return x - (vf){0}; }
INLINE vi splat_int(int32_t x) { return x - (vi){0}; }
INLINE vf choose(vi mask, vf a, vf b) { return (vf)((mask & (vi)a) | (~mask & (vi)b)); }
INLINE vi is_number(vf x) { return x <= splat(INFINITY); } /* infinities too */

/* A ReLU's upper bound; none is a NaN, than which nothing is larger, so that infinities pass. */
INLINE vf bound(float ceiling) { return splat(ceiling < INFINITY ? ceiling : NAN); }
INLINE vf keep_unless_off(vf out, vf most, vf x) { return (vf)(~((out <= zero()) | (out >= most)) & (vi)x); }
INLINE vf rectify(vf x, vf most)
{
    const vf y = (vf)(~(x <= zero()) & (vi)x);
    return choose(y > most, most, y);
}

INLINE vf get(const float *p)
{
    vf x;
    memcpy(&x, p, sizeof x);
    return x;
}
INLINE void put(float *p, vf x) { memcpy(p, &x, sizeof x); }

INLINE vi get_bytes(const uint8_t *p)
{
    vb x;
    memcpy(&x, p, sizeof x);
    return __builtin_convertvector(x, vi);
}
INLINE void put_bytes(uint8_t *p, vi x)
{
    const vb b = __builtin_convertvector(x, vb);
    memcpy(p, &b, sizeof b);
}

/* --- rows ---------------------------------------------------------------------------------------------------------------------- */

INLINE void zero_pixels(float *p, int64_t count)
{
    if (count == 2) /* between the rows of the commonest border: no call */
        memset(p, 0, 2 * WN__LANE * sizeof *p);
    else if (count)
        memset(p, 0, (size_t)count * WN__LANE * sizeof *p);
}

/* The rows of pixels of a channel: h of w, or one of h * w if all tensors involved lie without borders. */
typedef struct rows {
    int64_t count, vectors;
} rows;

INLINE rows rows_of(const wn__lane_layout *l, int64_t other_borders)
{
    if (l->border || other_borders) return (rows){l->h, l->w * PARTS};
    return (rows){1, l->h * l->w * PARTS};
}

INLINE const float *row_at(const wn__lane_layout *l, const float *x, int64_t c, int64_t y)
{
    return x + (c * l->plane + l->origin + y * l->row) * WN__LANE;
}
INLINE float *row_of(const wn__lane_layout *l, float *x, int64_t c, int64_t y)
{
    return x + (c * l->plane + l->origin + y * l->row) * WN__LANE;
}

/* The border before row 0 and the one behind row y of `count`. */
INLINE void open_border(const wn__lane_layout *l, float *x, int64_t c) { zero_pixels(row_of(l, x, c, 0) - l->open * WN__LANE, l->open); }
INLINE void close_border(const wn__lane_layout *l, float *end_of_row, int64_t y, int64_t count)
{
    zero_pixels(end_of_row, y + 1 < count ? 2 * l->border : l->close);
}

/* --- sums over pixels ---------------------------------------------------------------------------------------------------------- */

/* Two sums side by side for each lane, float32 for a while, then double. */
typedef struct sums {
    vf a[UNROLL], b[UNROLL];
    int64_t pending; /* vectors since the last flush */
    double lanes[2][WN__LANE];
} sums;

INLINE void flush_one(vf part[UNROLL], double lanes[WN__LANE])
{
    for (int p = 0; p < PARTS; p++) {
        vf all = part[p];
        for (int i = p + PARTS; i < UNROLL; i += PARTS)
            all += part[i];
        for (int i = 0; i < WN__VECTOR; i++)
            lanes[p * WN__VECTOR + i] += (double)all[i];
    }
    for (int i = 0; i < UNROLL; i++)
        part[i] = zero();
}

INLINE void flush(sums *s)
{
    flush_one(s->a, s->lanes[0]);
    flush_one(s->b, s->lanes[1]);
    s->pending = 0;
}

/* Over the first `count` lanes, pairwise. */
INLINE double over_lanes(const double lanes[WN__LANE], int count)
{
    double sum[WN__LANE];
    for (int i = 0; i < WN__LANE; i++)
        sum[i] = i < count ? lanes[i] : 0;
    for (int half = WN__LANE / 2; half; half /= 2)
        for (int i = 0; i < half; i++)
            sum[i] += sum[i + half];
    return sum[0];
}

INLINE void clear(sums *s)
{
    for (int i = 0; i < UNROLL; i++)
        s->a[i] = s->b[i] = zero();
    s->pending = 0;
    memset(s->lanes, 0, sizeof s->lanes);
}

/* body(i, slot) for the vectors i of a row, slot the accumulator that vector i belongs to; flushed after SEGMENT vectors. */
#define SUM_ROW(s, vectors, body)                                       \
    do {                                                                \
        for (int64_t from = 0, to; from < (vectors); from = to) {       \
            to = (vectors)-from > SEGMENT ? from + SEGMENT : (vectors); \
            if (((s).pending += to - from) > SEGMENT) {                 \
                flush(&(s));                                            \
                (s).pending = to - from;                                \
            }                                                           \
            int64_t i_ = from;                                          \
            for (; i_ + UNROLL <= to; i_ += UNROLL)                     \
                for (int slot_ = 0; slot_ < UNROLL; slot_++)            \
                    body(i_ + slot_, slot_);                            \
            for (int slot_ = 0; slot_ < UNROLL - 1; slot_++)            \
                if (i_ + slot_ < to) body(i_ + slot_, slot_);           \
        }                                                               \
    } while (0)

INLINE void add_moments(sums *s, const float *x, int64_t vectors, vf origin)
{
#define BODY(i, slot)                                   \
    do {                                                \
        const vf d_ = get(x + (i)*WN__VECTOR) - origin; \
        s->a[slot] += d_;                               \
        s->b[slot] += d_ * d_;                          \
    } while (0)
    SUM_ROW(*s, vectors, BODY);
#undef BODY
}

static void moments(const wn__lane_layout *l, int lanes, const float *x, double *mean, double *m2)
{
    const rows r = rows_of(l, 0);
    const double count = (double)(l->h * l->w * lanes);
    for (int64_t c = 0; c < l->c; c++) {
        float first = *row_at(l, x, c, 0);
        if (!(first - first == 0)) first = 0; /* around an infinity, everything would be a NaN */
        sums s;
        clear(&s);
        for (int64_t y = 0; y < r.count; y++)
            add_moments(&s, row_at(l, x, c, y), r.vectors, splat(first));
        flush(&s);
        const double sum = over_lanes(s.lanes[0], lanes);
        mean[c] = (double)first + sum / count;
        m2[c] = over_lanes(s.lanes[1], lanes) - sum * (sum / count);
        if (m2[c] < 0) m2[c] = 0; /* a NaN stays */
    }
}

INLINE void add_values(sums *s, const float *x, int64_t vectors)
{
#define BODY(i, slot) s->a[slot] += get(x + (i)*WN__VECTOR)
    SUM_ROW(*s, vectors, BODY);
#undef BODY
}

static void channel_sums(const wn__lane_layout *l, int lanes, const float *x, double *out)
{
    const rows r = rows_of(l, 0);
    for (int64_t c = 0; c < l->c; c++) {
        sums s;
        clear(&s);
        for (int64_t y = 0; y < r.count; y++)
            add_values(&s, row_at(l, x, c, y), r.vectors);
        flush(&s);
        out[c] = over_lanes(s.lanes[0], lanes);
    }
}

/* --- batch norm ---------------------------------------------------------------------------------------------------------------- */

INLINE void normalise_rows(const wn__norm_values *k, const bool relu, vf most, const bool add, const wn__lane_layout *lx, const float *x,
                           const wn__lane_layout *lr, const float *residual, const wn__lane_layout *lo, float *out)
{
    const rows r = rows_of(lx, lo->border + (add ? lr->border : 0));
    for (int64_t c = 0; c < lx->c; c++) {
        const vf mean = splat(k->mean[c]), factor = splat(k->factor[c]), shift = splat(k->shift[c]);
        open_border(lo, out, c);
        for (int64_t y = 0; y < r.count; y++) {
            const float *from = row_at(lx, x, c, y), *other = add ? row_at(lr, residual, c, y) : NULL;
            float *to = row_of(lo, out, c, y);
            for (int64_t i = 0; i < r.vectors * WN__VECTOR; i += WN__VECTOR) {
                vf value = (get(from + i) - mean) * factor + shift;
                if (add) value += get(other + i);
                put(to + i, relu ? rectify(value, most) : value);
            }
            close_border(lo, to + r.vectors * WN__VECTOR, y, r.count);
        }
    }
}

static void normalise(const wn__norm_values *k, float ceiling, const wn__lane_layout *lx, const float *x, const wn__lane_layout *lr,
                      const float *residual, const wn__lane_layout *lo, float *out)
{
    const bool relu = ceiling != 0;
    if (relu && residual)
        normalise_rows(k, true, bound(ceiling), true, lx, x, lr, residual, lo, out);
    else if (relu)
        normalise_rows(k, true, bound(ceiling), false, lx, x, lr, residual, lo, out);
    else if (residual)
        normalise_rows(k, false, bound(ceiling), true, lx, x, lr, residual, lo, out);
    else
        normalise_rows(k, false, bound(ceiling), false, lx, x, lr, residual, lo, out);
}

typedef struct prepared {
    const wn__norm_values *k;
    float ceiling;
    int lanes;
    const wn__lane_layout *lx, *l;
    const float *x, *out, *other;
    float *dy;
    double *s1, *s2;
} prepared;

enum mask { NO_MASK, MASK_BY_OUT, MASK_AGAIN };

INLINE void prepare_row(sums *s, const float *x, const float *out, const float *other, float *dy, int64_t vectors, const enum mask mask,
                        const bool add, vf most, vf mean, vf factor, vf shift)
{
#define BODY(i, slot)                                                                \
    do {                                                                             \
        const int64_t at_ = (i)*WN__VECTOR;                                          \
        const vf d_ = get(x + at_) - mean;                                           \
        vf g_ = get(dy + at_);                                                       \
        if (add) g_ += get(other + at_);                                             \
        if (mask == MASK_BY_OUT) g_ = keep_unless_off(get(out + at_), most, g_);     \
        if (mask == MASK_AGAIN) g_ = keep_unless_off(d_ * factor + shift, most, g_); \
        if (mask != NO_MASK || add) put(dy + at_, g_);                               \
        s->a[slot] += g_;                                                            \
        s->b[slot] += g_ * d_;                                                       \
    } while (0)
    SUM_ROW(*s, vectors, BODY);
#undef BODY
}

INLINE void prepare_rows(const prepared *p, const enum mask mask, const bool add)
{
    const rows r = rows_of(p->lx, p->l->border);
    const vf most = bound(p->ceiling);
    for (int64_t c = 0; c < p->lx->c; c++) {
        const vf mean = splat(p->k->mean[c]), factor = splat(p->k->factor[c]), shift = splat(p->k->shift[c]);
        sums s;
        clear(&s);
        for (int64_t y = 0; y < r.count; y++)
            prepare_row(&s, row_at(p->lx, p->x, c, y), mask == MASK_BY_OUT ? row_at(p->l, p->out, c, y) : NULL,
                        add ? row_at(p->l, p->other, c, y) : NULL, row_of(p->l, p->dy, c, y), r.vectors, mask, add, most, mean, factor,
                        shift);
        flush(&s);
        p->s1[c] = over_lanes(s.lanes[0], p->lanes);
        p->s2[c] = over_lanes(s.lanes[1], p->lanes);
    }
}

static void norm_prepare(const wn__norm_values *k, float ceiling, int lanes, const wn__lane_layout *lx, const float *x,
                         const wn__lane_layout *l, const float *out, float *dy, const float *other, double *s1, double *s2)
{
    const prepared p = {k, ceiling, lanes, lx, l, x, out, other, dy, s1, s2};
    const bool relu = ceiling != 0;
    if (!relu && other)
        prepare_rows(&p, NO_MASK, true);
    else if (!relu)
        prepare_rows(&p, NO_MASK, false);
    else if (out && other)
        prepare_rows(&p, MASK_BY_OUT, true);
    else if (out)
        prepare_rows(&p, MASK_BY_OUT, false);
    else if (other)
        prepare_rows(&p, MASK_AGAIN, true);
    else
        prepare_rows(&p, MASK_AGAIN, false);
}

/* All ones in the lanes that hold images. */
INLINE void mask_of_lanes(int lanes, vi mask[UNROLL])
{
    for (int p = 0; p < UNROLL; p++)
        for (int i = 0; i < WN__VECTOR; i++)
            mask[p][i] = p % PARTS * WN__VECTOR + i < lanes ? -1 : 0;
}

INLINE void norm_back_rows(const wn__norm_gradients *k, int lanes, const bool all_lanes, const wn__lane_layout *lx, const float *x,
                           const wn__lane_layout *ly, const float *dy, const wn__lane_layout *ld, float *din)
{
    const rows r = rows_of(lx, ly->border + ld->border);
    vi mask[UNROLL];
    mask_of_lanes(lanes, mask);
    for (int64_t c = 0; c < lx->c; c++) {
        const vf mean = splat(k->mean[c]), factor = splat(k->factor[c]), offset = splat(k->offset[c]), slope = splat(k->slope[c]);
        open_border(ld, din, c);
        for (int64_t y = 0; y < r.count; y++) {
            const float *value = row_at(lx, x, c, y), *from = row_at(ly, dy, c, y);
            float *to = row_of(ld, din, c, y);
            for (int64_t i = 0; i < r.vectors; i += PARTS)
                for (int p = 0; p < PARTS; p++) {
                    const int64_t at = (i + p) * WN__VECTOR;
                    const vf g = factor * get(from + at) + (slope * (get(value + at) - mean) + offset);
                    put(to + at, all_lanes ? g : (vf)(mask[p] & (vi)g));
                }
            close_border(ld, to + r.vectors * WN__VECTOR, y, r.count);
        }
    }
}

static void norm_back(const wn__norm_gradients *k, int lanes, const wn__lane_layout *lx, const float *x, const wn__lane_layout *ly,
                      const float *dy, const wn__lane_layout *ld, float *din)
{
    if (lanes == WN__LANE)
        norm_back_rows(k, lanes, true, lx, x, ly, dy, ld, din);
    else
        norm_back_rows(k, lanes, false, lx, x, ly, dy, ld, din);
}

/* --- additions ----------------------------------------------------------------------------------------------------------------- */

INLINE void add_rows(const bool relu, vf most, const bool two, const wn__lane_layout *la, const float *a, const wn__lane_layout *lb,
                     const float *b, const wn__lane_layout *lo, float *out)
{
    const rows r = rows_of(la, lo->border + (two ? lb->border : 0));
    for (int64_t c = 0; c < la->c; c++) {
        open_border(lo, out, c);
        for (int64_t y = 0; y < r.count; y++) {
            const float *from = row_at(la, a, c, y), *other = two ? row_at(lb, b, c, y) : NULL;
            float *to = row_of(lo, out, c, y);
            for (int64_t i = 0; i < r.vectors * WN__VECTOR; i += WN__VECTOR) {
                vf value = get(from + i);
                if (two) value += get(other + i);
                put(to + i, relu ? rectify(value, most) : value);
            }
            close_border(lo, to + r.vectors * WN__VECTOR, y, r.count);
        }
    }
}

static void add(float ceiling, const wn__lane_layout *la, const float *a, const wn__lane_layout *lb, const float *b,
                const wn__lane_layout *lo, float *out)
{
    const bool relu = ceiling != 0;
    if (relu && b)
        add_rows(true, bound(ceiling), true, la, a, lb, b, lo, out);
    else if (relu)
        add_rows(true, bound(ceiling), false, la, a, lb, b, lo, out);
    else if (b)
        add_rows(false, bound(ceiling), true, la, a, lb, b, lo, out);
    else
        add_rows(false, bound(ceiling), false, la, a, lb, b, lo, out);
}

INLINE void add_prepare_rows(const wn__lane_layout *l, const bool relu, vf most, const bool two, const float *out, float *dy,
                             const float *other)
{
    const rows r = rows_of(l, 0);
    for (int64_t c = 0; c < l->c; c++)
        for (int64_t y = 0; y < r.count; y++) {
            const float *value = relu ? row_at(l, out, c, y) : NULL, *more = two ? row_at(l, other, c, y) : NULL;
            float *to = row_of(l, dy, c, y);
            for (int64_t i = 0; i < r.vectors * WN__VECTOR; i += WN__VECTOR) {
                vf g = get(to + i);
                if (two) g += get(more + i);
                put(to + i, relu ? keep_unless_off(get(value + i), most, g) : g);
            }
        }
}

static void add_prepare(float ceiling, const wn__lane_layout *l, const float *out, float *dy, const float *other)
{
    if (out && other)
        add_prepare_rows(l, true, bound(ceiling), true, out, dy, other);
    else if (out)
        add_prepare_rows(l, true, bound(ceiling), false, out, dy, other);
    else if (other)
        add_prepare_rows(l, false, bound(ceiling), true, out, dy, other);
}

/* --- pools --------------------------------------------------------------------------------------------------------------------- */

/* The part of an output's window inside the image. */
typedef struct places {
    int64_t y0, y1, x0, x1; /* in the input */
    int first, row;         /* number of place (y0, x0) in the window, and how much further the one below it is */
} places;

INLINE places places_of(const wn__lane_window *k, const wn__lane_layout *in, int64_t oy, int64_t ox)
{
    const int64_t y = oy * k->stride - k->pad, x = ox * k->stride - k->pad;
    places p = {.y0 = y < 0 ? 0 : y,
                .y1 = y + k->kernel_h < in->h ? y + k->kernel_h : in->h,
                .x0 = x < 0 ? 0 : x,
                .x1 = x + k->kernel_w < in->w ? x + k->kernel_w : in->w,
                .row = k->kernel_w};
    p.first = (int)((p.y0 - y) * k->kernel_w + p.x0 - x);
    return p;
}

INLINE float share_of(places p) { return 1.0f / (float)((p.y1 - p.y0) * (p.x1 - p.x0)); }

INLINE const float *place_at(const wn__lane_layout *l, const float *x, int64_t c, int64_t y, int part)
{
    return row_at(l, x, c, y) + part * WN__VECTOR;
}

INLINE vf max_of_window(places p, const wn__lane_layout *l, const float *in, int64_t c, int part, vi *winner)
{
    vf best = get(place_at(l, in, c, p.y0, part) + p.x0 * WN__LANE);
    vi where = splat_int(p.first);
    for (int64_t y = p.y0; y < p.y1; y++)
        for (int64_t x = p.x0; x < p.x1; x++) {
            const vf value = get(place_at(l, in, c, y, part) + x * WN__LANE);
            const vi better = ~(value <= best) & is_number(best);
            best = choose(better, value, best);
            where = (better & splat_int(p.first + (int)(y - p.y0) * p.row + (int)(x - p.x0))) | (~better & where);
        }
    *winner = where;
    return best;
}

static void max_pool(const wn__lane_window *k, const wn__lane_layout *li, const float *in, const wn__lane_layout *lo, float *out,
                     uint8_t *winner)
{
    for (int64_t c = 0; c < lo->c; c++) {
        open_border(lo, out, c);
        for (int64_t oy = 0; oy < lo->h; oy++) {
            float *to = row_of(lo, out, c, oy);
            for (int64_t ox = 0; ox < lo->w; ox++, to += WN__LANE) {
                const places p = places_of(k, li, oy, ox);
                uint8_t *won = winner ? winner + ((c * lo->h + oy) * lo->w + ox) * WN__LANE : NULL;
                for (int part = 0; part < PARTS; part++) {
                    vi where;
                    put(to + part * WN__VECTOR, max_of_window(p, li, in, c, part, &where));
                    if (won) put_bytes(won + part * WN__VECTOR, where);
                }
            }
            close_border(lo, to, oy, lo->h);
        }
    }
}

/* The gradient's channel is cleared, and every output adds to its window. */
INLINE void clear_channel(const wn__lane_layout *l, float *x, int64_t c)
{
    memset(x + c * l->plane * WN__LANE, 0, (size_t)l->plane * WN__LANE * sizeof *x);
}

static void max_pool_back(const wn__lane_window *k, const wn__lane_layout *lo, const float *dout, const uint8_t *winner,
                          const wn__lane_layout *li, float *din)
{
    for (int64_t c = 0; c < lo->c; c++) {
        clear_channel(li, din, c);
        for (int64_t oy = 0; oy < lo->h; oy++)
            for (int64_t ox = 0; ox < lo->w; ox++) {
                const places p = places_of(k, li, oy, ox);
                for (int part = 0; part < PARTS; part++) {
                    const vf g = get(row_at(lo, dout, c, oy) + ox * WN__LANE + part * WN__VECTOR);
                    const vi where = get_bytes(winner + ((c * lo->h + oy) * lo->w + ox) * WN__LANE + part * WN__VECTOR);
                    for (int64_t y = p.y0; y < p.y1; y++)
                        for (int64_t x = p.x0; x < p.x1; x++) {
                            float *to = row_of(li, din, c, y) + x * WN__LANE + part * WN__VECTOR;
                            const vi won = where == splat_int(p.first + (int)(y - p.y0) * p.row + (int)(x - p.x0));
                            put(to, get(to) + (vf)(won & (vi)g));
                        }
                }
            }
    }
}

static void avg_pool(const wn__lane_window *k, const wn__lane_layout *li, const float *in, const wn__lane_layout *lo, float *out)
{
    for (int64_t c = 0; c < lo->c; c++) {
        open_border(lo, out, c);
        for (int64_t oy = 0; oy < lo->h; oy++) {
            float *to = row_of(lo, out, c, oy);
            for (int64_t ox = 0; ox < lo->w; ox++, to += WN__LANE) {
                const places p = places_of(k, li, oy, ox);
                for (int part = 0; part < PARTS; part++) {
                    vf sum = zero();
                    for (int64_t y = p.y0; y < p.y1; y++)
                        for (int64_t x = p.x0; x < p.x1; x++)
                            sum += get(row_at(li, in, c, y) + x * WN__LANE + part * WN__VECTOR);
                    put(to + part * WN__VECTOR, sum * splat(share_of(p)));
                }
            }
            close_border(lo, to, oy, lo->h);
        }
    }
}

static void avg_pool_back(const wn__lane_window *k, const wn__lane_layout *lo, const float *dout, const wn__lane_layout *li, float *din)
{
    for (int64_t c = 0; c < lo->c; c++) {
        clear_channel(li, din, c);
        for (int64_t oy = 0; oy < lo->h; oy++)
            for (int64_t ox = 0; ox < lo->w; ox++) {
                const places p = places_of(k, li, oy, ox);
                for (int part = 0; part < PARTS; part++) {
                    const vf g = get(row_at(lo, dout, c, oy) + ox * WN__LANE + part * WN__VECTOR) * splat(share_of(p));
                    for (int64_t y = p.y0; y < p.y1; y++)
                        for (int64_t x = p.x0; x < p.x1; x++) {
                            float *to = row_of(li, din, c, y) + x * WN__LANE + part * WN__VECTOR;
                            put(to, get(to) + g);
                        }
                }
            }
    }
}

/* --- dropout ------------------------------------------------------------------------------------------------------------------- */

#define DRAWN 64                              /* pixels whose numbers are drawn at a time */
#define COUNTERS ((DRAWN / 4 + 1) * WN__LANE) /* of 4 numbers each; one more, since an image need not begin at a counter's first */

/* Four numbers for each counter, whose words come in and go out; word by word, which lets the compiler make vectors. */
static void draw(const wn__rng *stream, uint32_t word[4][COUNTERS])
{
    uint32_t k0 = stream->key[0], k1 = stream->key[1];
    for (int round = 0; round < WN__PHILOX_ROUNDS; round++) {
        for (int i = 0; i < COUNTERS; i++)
            wn__philox_round(k0, k1, &word[0][i], &word[1][i], &word[2][i], &word[3][i]);
        wn__philox_next_key(&k0, &k1);
    }
}

/* Numbers of pixels from .. from + DRAWN - 1 of every lane, in rows 3 and on: lanes may begin inside a counter. */
static void draw_pixels(const wn__lane_dropout *k, int64_t image, int64_t from, uint32_t number[DRAWN + 8][WN__LANE])
{
    uint32_t word[4][COUNTERS];
    uint64_t first[WN__LANE];
    for (int i = 0; i < WN__LANE; i++)
        first[i] = (uint64_t)((k->first + i) * image + from);
    for (int i = 0; i < COUNTERS; i++) {
        const uint64_t counter = first[i % WN__LANE] / 4 + (uint64_t)(i / WN__LANE);
        word[0][i] = (uint32_t)counter;
        word[1][i] = (uint32_t)(counter >> 32);
        word[2][i] = k->stream.counter[2];
        word[3][i] = k->stream.counter[3];
    }
    draw(&k->stream, word);
    for (int lane = 0; lane < WN__LANE; lane++) {
        uint32_t *to = &number[3 - first[lane] % 4][lane];
        for (int i = lane; i < COUNTERS; i += WN__LANE)
            for (int w = 0; w < 4; w++, to += WN__LANE)
                *to = word[w][i];
    }
}

INLINE void drop_pixel(const wn__lane_dropout *k, const uint32_t number[WN__LANE], const vi mask[UNROLL], const float *in, float *out)
{
    for (int p = 0; p < PARTS; p++) {
        vu bits;
        memcpy(&bits, number + p * WN__VECTOR, sizeof bits);
        const vf uniform = __builtin_convertvector((vi)(bits >> 8), vf) * splat(0x1p-24f);
        const vi keep = (uniform >= splat(k->rate)) & mask[p];
        put(out + p * WN__VECTOR, (vf)(keep & (vi)(get(in + p * WN__VECTOR) * splat(k->factor))));
    }
}

static void dropout(const wn__lane_dropout *k, int lanes, const wn__lane_layout *li, const float *in, const wn__lane_layout *lo, float *out)
{
    const int64_t image = li->c * li->h * li->w;
    uint32_t number[DRAWN + 8][WN__LANE];
    vi mask[UNROLL];
    mask_of_lanes(lanes, mask);
    int64_t pixel = 0;
    for (int64_t c = 0; c < li->c; c++) {
        open_border(lo, out, c);
        for (int64_t y = 0; y < li->h; y++) {
            const float *from = row_at(li, in, c, y);
            float *to = row_of(lo, out, c, y);
            for (int64_t x = 0; x < li->w; x++, pixel++) {
                if (pixel % DRAWN == 0) draw_pixels(k, image, pixel, number);
                drop_pixel(k, number[3 + pixel % DRAWN], mask, from + x * WN__LANE, to + x * WN__LANE);
            }
            close_border(lo, to + li->w * WN__LANE, y, li->h);
        }
    }
}

/* --- between plain arrays and lanes -------------------------------------------------------------------------------------------- */

/* One step of a square's transposition: of the rows a and b, `d` apart, exchange what lies off the diagonal. */
#define OF_A(j, d) ((j) & (d) ? WN__VECTOR + (j) - (d) : (j))
#define OF_B(j, d) ((j) & (d) ? WN__VECTOR + (j) : (j) + (d))
#if WN__VECTOR == 4
#define EACH(of, d) of(0, d), of(1, d), of(2, d), of(3, d)
#elif WN__VECTOR == 8
#define EACH(of, d) of(0, d), of(1, d), of(2, d), of(3, d), of(4, d), of(5, d), of(6, d), of(7, d)
#else
#define EACH(of, d)                                                                                                                      \
    of(0, d), of(1, d), of(2, d), of(3, d), of(4, d), of(5, d), of(6, d), of(7, d), of(8, d), of(9, d), of(10, d), of(11, d), of(12, d), \
        of(13, d), of(14, d), of(15, d)
#endif
#define STEP(d)                                                        \
    for (int i = 0; i < WN__VECTOR; i++)                               \
        if (!(i & (d))) {                                              \
            const vf a = r[i], b = r[i + (d)];                         \
            r[i] = __builtin_shufflevector(a, b, EACH(OF_A, d));       \
            r[i + (d)] = __builtin_shufflevector(a, b, EACH(OF_B, d)); \
        }

INLINE void transpose_square(const float *from, int64_t from_row, float *to, int64_t to_row)
{
    vf r[WN__VECTOR];
    for (int i = 0; i < WN__VECTOR; i++)
        r[i] = get(from + i * from_row);
    STEP(1)
    STEP(2)
#if WN__VECTOR > 4
    STEP(4)
#endif
#if WN__VECTOR > 8
    STEP(8)
#endif
    for (int i = 0; i < WN__VECTOR; i++)
        put(to + i * to_row, r[i]);
}

/* WN__LANE x WN__LANE floats; distances of rows in floats. */
static void transpose(const float *from, int64_t from_row, float *to, int64_t to_row)
{
    for (int y = 0; y < WN__LANE; y += WN__VECTOR)
        for (int x = 0; x < WN__LANE; x += WN__VECTOR)
            transpose_square(from + y * from_row + x, from_row, to + x * to_row + y, to_row);
}

/* Fewer rows or columns than WN__LANE go through a square of their own. */
static void upload_part(const float *plain, int64_t image, int lanes, int64_t pixels, float *to)
{
    float square[WN__LANE * WN__LANE] = {0}, turned[WN__LANE * WN__LANE];
    for (int i = 0; i < lanes; i++)
        memcpy(square + i * WN__LANE, plain + i * image, (size_t)pixels * sizeof(float));
    transpose(square, WN__LANE, turned, WN__LANE);
    memcpy(to, turned, (size_t)pixels * WN__LANE * sizeof(float));
}

static void download_part(const float *from, int lanes, int64_t pixels, float *plain, int64_t image)
{
    float square[WN__LANE * WN__LANE] = {0}, turned[WN__LANE * WN__LANE];
    memcpy(square, from, (size_t)pixels * WN__LANE * sizeof(float));
    transpose(square, WN__LANE, turned, WN__LANE);
    for (int i = 0; i < lanes; i++)
        memcpy(plain + i * image, turned + i * WN__LANE, (size_t)pixels * sizeof(float));
}

/* A block without anything between its pixels is one row of them. */
INLINE wn__lane_layout as_rows(const wn__lane_layout *l)
{
    return l->plane != l->h * l->w ? *l : wn__lane_layout_of(1, 1, l->c * l->h * l->w, 0);
}

static void upload(const wn__lane_layout *layout, int lanes, const float *plain, float *block)
{
    const wn__lane_layout l = as_rows(layout);
    const int64_t image = l.c * l.h * l.w;
    for (int64_t c = 0; c < l.c; c++) {
        open_border(&l, block, c);
        for (int64_t y = 0; y < l.h; y++) {
            const float *from = plain + (c * l.h + y) * l.w;
            float *to = row_of(&l, block, c, y);
            int64_t x = 0;
            for (; lanes == WN__LANE && x + WN__LANE <= l.w; x += WN__LANE)
                transpose(from + x, image, to + x * WN__LANE, WN__LANE);
            for (; x < l.w; x += WN__LANE)
                upload_part(from + x, image, lanes, l.w - x < WN__LANE ? l.w - x : WN__LANE, to + x * WN__LANE);
            close_border(&l, to + l.w * WN__LANE, y, l.h);
        }
    }
}

static void download(const wn__lane_layout *layout, int lanes, const float *block, float *plain)
{
    const wn__lane_layout l = as_rows(layout);
    const int64_t image = l.c * l.h * l.w;
    for (int64_t c = 0; c < l.c; c++)
        for (int64_t y = 0; y < l.h; y++) {
            const float *from = row_at(&l, block, c, y);
            float *to = plain + (c * l.h + y) * l.w;
            int64_t x = 0;
            for (; lanes == WN__LANE && x + WN__LANE <= l.w; x += WN__LANE)
                transpose(from + x * WN__LANE, WN__LANE, to + x, image);
            for (; x < l.w; x += WN__LANE)
                download_part(from + x * WN__LANE, lanes, l.w - x < WN__LANE ? l.w - x : WN__LANE, to + x, image);
        }
}

const wn__lanes_kernels WN__TABLE = {
    .moments = moments,
    .channel_sums = channel_sums,
    .normalise = normalise,
    .norm_prepare = norm_prepare,
    .norm_back = norm_back,
    .add = add,
    .add_prepare = add_prepare,
    .max_pool = max_pool,
    .max_pool_back = max_pool_back,
    .avg_pool = avg_pool,
    .avg_pool_back = avg_pool_back,
    .dropout = dropout,
    .upload = upload,
    .download = download,
};
