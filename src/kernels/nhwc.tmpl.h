/* The kernels of nhwc.h for one storage type; included by nhwc_isa.tmpl.h, which defines
 *     WN__T        type of a stored value: float or uint16_t (bfloat16)
 *     WN__NAME(x)  the kernel's name, file-local
 *     WN__TABLE    name of the table
 * and get, put, value and round_to_stored of that type. Channels are walked in blocks of one vector; `lanes` is the constant WN__LANES in all but a last,
 * partial block, so that the compiler makes a fast and a general body of each inline function. */

#define SEGMENT 256 /* rows whose sums are kept in float32, and that stay in cache while the channel blocks are walked */

#define FOR_BLOCKS(c, body)                            \
    do {                                               \
        int64_t c0 = 0;                                \
        for (; c0 + WN__LANES <= (c); c0 += WN__LANES) \
            body(WN__LANES);                           \
        if (c0 < (c)) body((int)((c)-c0));             \
    } while (0)

/* --- sums over rows ------------------------------------------------------------------------------------------------------------ */

INLINE void WN__NAME(add_moments)(int64_t rows, int64_t c, int lanes, const WN__T *x, const WN__T *first, double *sum, double *squares)
{
    const vf origin = WN__NAME(get)(first, lanes);
    vf s0 = zero(), s1 = zero(), q0 = zero(), q1 = zero(), s2 = zero(), s3 = zero(), q2 = zero(), q3 = zero();
    int64_t r = 0;
    for (; r + 4 <= rows; r += 4, x += 4 * c) {
        const vf a = WN__NAME(get)(x, lanes) - origin, b = WN__NAME(get)(x + c, lanes) - origin;
        const vf d = WN__NAME(get)(x + 2 * c, lanes) - origin, e = WN__NAME(get)(x + 3 * c, lanes) - origin;
        s0 += a;
        s1 += b;
        s2 += d;
        s3 += e;
        q0 += a * a;
        q1 += b * b;
        q2 += d * d;
        q3 += e * e;
    }
    for (; r < rows; r++, x += c) {
        const vf a = WN__NAME(get)(x, lanes) - origin;
        s0 += a;
        q0 += a * a;
    }
    add_to_doubles((s0 + s1) + (s2 + s3), lanes, sum);
    add_to_doubles((q0 + q1) + (q2 + q3), lanes, squares);
}

static void WN__NAME(moments)(int64_t rows, int64_t c, const void *data, double *mean, double *m2)
{
    const WN__T *x = data;
    for (int64_t i = 0; i < c; i++)
        mean[i] = m2[i] = 0;
    for (int64_t r = 0; r < rows; r += SEGMENT) {
        const int64_t part = rows - r < SEGMENT ? rows - r : SEGMENT;
#define BODY(lanes) WN__NAME(add_moments)(part, c, lanes, x + r * c + c0, x + c0, mean + c0, m2 + c0)
        FOR_BLOCKS(c, BODY);
#undef BODY
    }
    for (int64_t i = 0; i < c; i++) {
        const double sum = mean[i];
        mean[i] = WN__NAME(value)(x[i]) + sum / (double)rows;
        m2[i] -= sum * (sum / (double)rows);
        if (m2[i] < 0) m2[i] = 0; /* a NaN stays */
    }
}

INLINE void WN__NAME(add_rows)(int64_t rows, int64_t c, int lanes, const WN__T *x, double *sum)
{
    vf s0 = zero(), s1 = zero();
    int64_t r = 0;
    for (; r + 2 <= rows; r += 2, x += 2 * c) {
        s0 += WN__NAME(get)(x, lanes);
        s1 += WN__NAME(get)(x + c, lanes);
    }
    if (r < rows) s0 += WN__NAME(get)(x, lanes);
    add_to_doubles(s0 + s1, lanes, sum);
}

static void WN__NAME(column_sums)(int64_t rows, int64_t c, const void *data, double *sums)
{
    const WN__T *x = data;
    for (int64_t i = 0; i < c; i++)
        sums[i] = 0;
    for (int64_t r = 0; r < rows; r += SEGMENT) {
        const int64_t part = rows - r < SEGMENT ? rows - r : SEGMENT;
#define BODY(lanes) WN__NAME(add_rows)(part, c, lanes, x + r * c + c0, sums + c0)
        FOR_BLOCKS(c, BODY);
#undef BODY
    }
}

/* --- batch norm ---------------------------------------------------------------------------------------------------------------- */

INLINE void WN__NAME(normalise_block)(int64_t rows, int64_t c, int lanes, vf mean, vf factor, vf shift, bool relu, vf ceiling,
                                      const WN__T *x, const WN__T *residual, WN__T *out)
{
    for (int64_t r = 0; r < rows; r++) {
        vf y = (WN__NAME(get)(x + r * c, lanes) - mean) * factor + shift;
        if (residual) y += WN__NAME(get)(residual + r * c, lanes);
        if (relu) y = rectify(y, ceiling);
        WN__NAME(put)(out + r * c, lanes, y);
    }
}

static void WN__NAME(normalise)(int64_t rows, int64_t c, const wn__norm_values *k, float ceiling, const void *data, const void *residual,
                                void *out)
{
    const WN__T *x = data, *add = residual;
    const bool relu = ceiling != 0;
    WN__T *y = out;
    for (int64_t r = 0; r < rows; r += SEGMENT) {
        const int64_t part = rows - r < SEGMENT ? rows - r : SEGMENT;
#define PARAMS(lanes) part, c, lanes, get_float(k->mean + c0, lanes), get_float(k->factor + c0, lanes), get_float(k->shift + c0, lanes)
#define AT(p) ((p) + r * c + c0)
#define BODY(lanes)                                                                                 \
    do {                                                                                            \
        if (add && relu)                                                                            \
            WN__NAME(normalise_block)(PARAMS(lanes), true, splat(ceiling), AT(x), AT(add), AT(y));  \
        else if (add)                                                                               \
            WN__NAME(normalise_block)(PARAMS(lanes), false, splat(ceiling), AT(x), AT(add), AT(y)); \
        else if (relu)                                                                              \
            WN__NAME(normalise_block)(PARAMS(lanes), true, splat(ceiling), AT(x), NULL, AT(y));     \
        else                                                                                        \
            WN__NAME(normalise_block)(PARAMS(lanes), false, splat(ceiling), AT(x), NULL, AT(y));    \
    } while (0)
        FOR_BLOCKS(c, BODY);
#undef BODY
#undef PARAMS
    }
}

typedef struct WN__NAME(prepare_rows) {
    const WN__T *x, *out, *other;
    WN__T *dy;
    float ceiling; /* as stored outputs have it where the mask comes from them */
} WN__NAME(prepare_rows);

enum WN__NAME(mask) { WN__NAME(NO_MASK), WN__NAME(MASK_BY_OUT), WN__NAME(MASK_AGAIN) };

INLINE vf WN__NAME(prepare_row)(const WN__NAME(prepare_rows) * p, int64_t at, int lanes, int mask, bool add, vf centred, vf factor,
                                vf shift)
{
    vf g = WN__NAME(get)(p->dy + at, lanes);
    if (add) g += WN__NAME(get)(p->other + at, lanes);
    if (mask == WN__NAME(MASK_BY_OUT)) g = keep_unless_off(WN__NAME(get)(p->out + at, lanes), splat(p->ceiling), g);
    if (mask == WN__NAME(MASK_AGAIN)) g = keep_unless_off(centred * factor + shift, splat(p->ceiling), g);
    if (mask || add) {
        WN__NAME(put)(p->dy + at, lanes, g);
        if (add) g = WN__NAME(round_to_stored)(g);
    }
    return g;
}

/* What an output at the ceiling was stored as. */
static float WN__NAME(stored_ceiling)(float ceiling) { return WN__NAME(round_to_stored)(splat(ceiling))[0]; }

INLINE void WN__NAME(prepare_block)(int64_t rows, int64_t c, int lanes, vf mean, vf factor, vf shift, int mask, bool add,
                                    WN__NAME(prepare_rows) p, double *s1, double *s2)
{
    vf a0 = zero(), a1 = zero(), b0 = zero(), b1 = zero();
    int64_t r = 0;
    for (; r + 2 <= rows; r += 2) {
        const vf x0 = WN__NAME(get)(p.x + r * c, lanes) - mean, x1 = WN__NAME(get)(p.x + (r + 1) * c, lanes) - mean;
        const vf g0 = WN__NAME(prepare_row)(&p, r * c, lanes, mask, add, x0, factor, shift);
        const vf g1 = WN__NAME(prepare_row)(&p, (r + 1) * c, lanes, mask, add, x1, factor, shift);
        a0 += g0;
        a1 += g1;
        b0 += g0 * x0;
        b1 += g1 * x1;
    }
    if (r < rows) {
        const vf x0 = WN__NAME(get)(p.x + r * c, lanes) - mean;
        const vf g0 = WN__NAME(prepare_row)(&p, r * c, lanes, mask, add, x0, factor, shift);
        a0 += g0;
        b0 += g0 * x0;
    }
    add_to_doubles(a0 + a1, lanes, s1);
    add_to_doubles(b0 + b1, lanes, s2);
}

static void WN__NAME(norm_prepare)(int64_t rows, int64_t c, const wn__norm_values *k, float ceiling, const void *x, const void *out,
                                   void *dy, const void *other, double *s1, double *s2)
{
    const int mask = ceiling == 0 ? WN__NAME(NO_MASK) : out ? WN__NAME(MASK_BY_OUT) : WN__NAME(MASK_AGAIN);
    const float bound = out ? WN__NAME(stored_ceiling)(ceiling) : ceiling;
    for (int64_t i = 0; i < c; i++)
        s1[i] = s2[i] = 0;
    for (int64_t r = 0; r < rows; r += SEGMENT) {
        const int64_t part = rows - r < SEGMENT ? rows - r : SEGMENT;
#define CALL(lanes, mask_kind, add)                                                                                                     \
    WN__NAME(prepare_block)                                                                                                             \
    (part, c, lanes, get_float(k->mean + c0, lanes), get_float(k->factor + c0, lanes), get_float(k->shift + c0, lanes),                 \
     WN__NAME(mask_kind), add,                                                                                                          \
     (WN__NAME(prepare_rows)){AT((const WN__T *)x), AT((const WN__T *)out), AT((const WN__T *)other), AT((WN__T *)dy), bound}, s1 + c0, \
     s2 + c0)
#define BODY(lanes)                                     \
    do {                                                \
        if (mask == WN__NAME(MASK_BY_OUT) && other)     \
            CALL(lanes, MASK_BY_OUT, true);             \
        else if (mask == WN__NAME(MASK_BY_OUT))         \
            CALL(lanes, MASK_BY_OUT, false);            \
        else if (mask == WN__NAME(MASK_AGAIN) && other) \
            CALL(lanes, MASK_AGAIN, true);              \
        else if (mask == WN__NAME(MASK_AGAIN))          \
            CALL(lanes, MASK_AGAIN, false);             \
        else if (other)                                 \
            CALL(lanes, NO_MASK, true);                 \
        else                                            \
            CALL(lanes, NO_MASK, false);                \
    } while (0)
        FOR_BLOCKS(c, BODY);
#undef BODY
#undef CALL
    }
}

INLINE void WN__NAME(norm_back_block)(int64_t rows, int64_t c, int lanes, vf mean, vf factor, vf offset, vf slope, const WN__T *x,
                                      const WN__T *dy, WN__T *din)
{
    for (int64_t r = 0; r < rows; r++) {
        const vf centred = WN__NAME(get)(x + r * c, lanes) - mean, g = WN__NAME(get)(dy + r * c, lanes);
        WN__NAME(put)(din + r * c, lanes, factor * g + (slope * centred + offset));
    }
}

static void WN__NAME(norm_back)(int64_t rows, int64_t c, const wn__norm_gradients *k, const void *x, const void *dy, void *din)
{
    for (int64_t r = 0; r < rows; r += SEGMENT) {
        const int64_t part = rows - r < SEGMENT ? rows - r : SEGMENT;
#define BODY(lanes)                                                                                                      \
    WN__NAME(norm_back_block)                                                                                            \
    (part, c, lanes, get_float(k->mean + c0, lanes), get_float(k->factor + c0, lanes), get_float(k->offset + c0, lanes), \
     get_float(k->slope + c0, lanes), AT((const WN__T *)x), AT((const WN__T *)dy), AT((WN__T *)din))
        FOR_BLOCKS(c, BODY);
#undef BODY
    }
}
#undef AT

/* --- value by value ------------------------------------------------------------------------------------------------------------ */

INLINE void WN__NAME(add_values)(int64_t n, bool relu, vf ceiling, bool two, const WN__T *a, const WN__T *b, WN__T *out)
{
#define BODY(lanes)                                 \
    do {                                            \
        vf y = WN__NAME(get)(a + c0, lanes);        \
        if (two) y += WN__NAME(get)(b + c0, lanes); \
        if (relu) y = rectify(y, ceiling);          \
        WN__NAME(put)(out + c0, lanes, y);          \
    } while (0)
    FOR_BLOCKS(n, BODY);
#undef BODY
}

static void WN__NAME(add)(int64_t n, float ceiling, const void *a, const void *b, void *out)
{
    const bool relu = ceiling != 0;
    if (relu && b)
        WN__NAME(add_values)(n, true, splat(ceiling), true, a, b, out);
    else if (relu)
        WN__NAME(add_values)(n, true, splat(ceiling), false, a, NULL, out);
    else if (b)
        WN__NAME(add_values)(n, false, splat(ceiling), true, a, b, out);
    else
        WN__NAME(add_values)(n, false, splat(ceiling), false, a, NULL, out);
}

static void WN__NAME(add_prepare)(int64_t n, float ceiling, const void *out, void *dy, const void *other)
{
    const WN__T *y = out, *b = other;
    WN__T *g = dy;
    const vf bound = splat(WN__NAME(stored_ceiling)(ceiling));
#define BODY(lanes)                                                             \
    do {                                                                        \
        vf sum = WN__NAME(get)(g + c0, lanes);                                  \
        if (b) sum += WN__NAME(get)(b + c0, lanes);                             \
        if (y) sum = keep_unless_off(WN__NAME(get)(y + c0, lanes), bound, sum); \
        WN__NAME(put)(g + c0, lanes, sum);                                      \
    } while (0)
    FOR_BLOCKS(n, BODY);
#undef BODY
}

static void WN__NAME(load)(int64_t n, const void *stored, float *plain)
{
    const WN__T *x = stored;
#define BODY(lanes) put_float(plain + c0, lanes, WN__NAME(get)(x + c0, lanes))
    FOR_BLOCKS(n, BODY);
#undef BODY
}

static void WN__NAME(store)(int64_t n, const float *plain, void *stored)
{
    WN__T *x = stored;
#define BODY(lanes) WN__NAME(put)(x + c0, lanes, get_float(plain + c0, lanes))
    FOR_BLOCKS(n, BODY);
#undef BODY
}

/* --- pools --------------------------------------------------------------------------------------------------------------------- */

/* Places y0..y1-1, x0..x1-1 of the input in the window of output (oy, ox). */
typedef struct WN__NAME(window) {
    int64_t y0, y1, x0, x1;
} WN__NAME(window);

static inline WN__NAME(window) WN__NAME(window_of)(const wn__nhwc_pool *p, int64_t oy, int64_t ox)
{
    const int64_t y = oy * p->stride - p->pad, x = ox * p->stride - p->pad;
    return (WN__NAME(window)){.y0 = y < 0 ? 0 : y,
                              .y1 = y + p->kernel_h < p->in_h ? y + p->kernel_h : p->in_h,
                              .x0 = x < 0 ? 0 : x,
                              .x1 = x + p->kernel_w < p->in_w ? x + p->kernel_w : p->in_w};
}

/* Outputs whose windows hold input place (y, x). */
static inline WN__NAME(window) WN__NAME(outputs_over)(const wn__nhwc_pool *p, int64_t y, int64_t x)
{
    const int64_t top = y + p->pad - p->kernel_h, left = x + p->pad - p->kernel_w;
    const int64_t bottom = (y + p->pad) / p->stride, right = (x + p->pad) / p->stride;
    return (WN__NAME(window)){.y0 = top < 0 ? 0 : top / p->stride + 1,
                              .y1 = bottom < p->out_h ? bottom + 1 : p->out_h,
                              .x0 = left < 0 ? 0 : left / p->stride + 1,
                              .x1 = right < p->out_w ? right + 1 : p->out_w};
}

static inline int WN__NAME(place_in_window)(const wn__nhwc_pool *p, int64_t oy, int64_t ox, int64_t y, int64_t x)
{
    return (int)((y - oy * p->stride + p->pad) * p->kernel_w + x - ox * p->stride + p->pad);
}

INLINE void WN__NAME(max_of_window)(const wn__nhwc_pool *p, int64_t oy, int64_t ox, int64_t c0, int lanes, const WN__T *in, WN__T *out,
                                    uint8_t *winner)
{
    const WN__NAME(window) w = WN__NAME(window_of)(p, oy, ox);
    vf best = WN__NAME(get)(in + (w.y0 * p->in_w + w.x0) * p->c + c0, lanes);
    vi where = splat_int(WN__NAME(place_in_window)(p, oy, ox, w.y0, w.x0));
    for (int64_t y = w.y0; y < w.y1; y++)
        for (int64_t x = w.x0; x < w.x1; x++) {
            const vf value = WN__NAME(get)(in + (y * p->in_w + x) * p->c + c0, lanes);
            const vi better = ~(value <= best) & (best == best);
            best = choose(better, value, best);
            where = (better & splat_int(WN__NAME(place_in_window)(p, oy, ox, y, x))) | (~better & where);
        }
    const int64_t at = (oy * p->out_w + ox) * p->c + c0;
    WN__NAME(put)(out + at, lanes, best);
    if (winner) put_bytes(winner + at, lanes, where);
}

static void WN__NAME(max_pool)(const wn__nhwc_pool *p, const void *in, void *out, uint8_t *winner)
{
    for (int64_t oy = 0; oy < p->out_h; oy++)
        for (int64_t ox = 0; ox < p->out_w; ox++) {
#define BODY(lanes) WN__NAME(max_of_window)(p, oy, ox, c0, lanes, in, out, winner)
            FOR_BLOCKS(p->c, BODY);
#undef BODY
        }
}

INLINE void WN__NAME(max_back_at)(const wn__nhwc_pool *p, int64_t y, int64_t x, int64_t c0, int lanes, const WN__T *dout,
                                  const uint8_t *winner, WN__T *din)
{
    const WN__NAME(window) w = WN__NAME(outputs_over)(p, y, x);
    vf sum = zero();
    for (int64_t oy = w.y0; oy < w.y1; oy++)
        for (int64_t ox = w.x0; ox < w.x1; ox++) {
            const int64_t at = (oy * p->out_w + ox) * p->c + c0;
            const vi won = get_bytes(winner + at, lanes) == splat_int(WN__NAME(place_in_window)(p, oy, ox, y, x));
            sum += choose(won, WN__NAME(get)(dout + at, lanes), zero());
        }
    WN__NAME(put)(din + (y * p->in_w + x) * p->c + c0, lanes, sum);
}

static void WN__NAME(max_pool_back)(const wn__nhwc_pool *p, const void *dout, const uint8_t *winner, void *din)
{
    for (int64_t y = 0; y < p->in_h; y++)
        for (int64_t x = 0; x < p->in_w; x++) {
#define BODY(lanes) WN__NAME(max_back_at)(p, y, x, c0, lanes, dout, winner, din)
            FOR_BLOCKS(p->c, BODY);
#undef BODY
        }
}

static inline float WN__NAME(share)(WN__NAME(window) w) { return 1.0f / (float)((w.y1 - w.y0) * (w.x1 - w.x0)); }

INLINE void WN__NAME(mean_of_window)(const wn__nhwc_pool *p, int64_t oy, int64_t ox, int64_t c0, int lanes, const WN__T *in, WN__T *out)
{
    const WN__NAME(window) w = WN__NAME(window_of)(p, oy, ox);
    vf sum = zero();
    for (int64_t y = w.y0; y < w.y1; y++)
        for (int64_t x = w.x0; x < w.x1; x++)
            sum += WN__NAME(get)(in + (y * p->in_w + x) * p->c + c0, lanes);
    WN__NAME(put)(out + (oy * p->out_w + ox) * p->c + c0, lanes, sum * splat(WN__NAME(share)(w)));
}

static void WN__NAME(avg_pool)(const wn__nhwc_pool *p, const void *in, void *out)
{
    for (int64_t oy = 0; oy < p->out_h; oy++)
        for (int64_t ox = 0; ox < p->out_w; ox++) {
#define BODY(lanes) WN__NAME(mean_of_window)(p, oy, ox, c0, lanes, in, out)
            FOR_BLOCKS(p->c, BODY);
#undef BODY
        }
}

INLINE void WN__NAME(avg_back_at)(const wn__nhwc_pool *p, int64_t y, int64_t x, int64_t c0, int lanes, const WN__T *dout, WN__T *din)
{
    const WN__NAME(window) w = WN__NAME(outputs_over)(p, y, x);
    vf sum = zero();
    for (int64_t oy = w.y0; oy < w.y1; oy++)
        for (int64_t ox = w.x0; ox < w.x1; ox++) {
            const float share = WN__NAME(share)(WN__NAME(window_of)(p, oy, ox));
            sum += WN__NAME(get)(dout + (oy * p->out_w + ox) * p->c + c0, lanes) * splat(share);
        }
    WN__NAME(put)(din + (y * p->in_w + x) * p->c + c0, lanes, sum);
}

static void WN__NAME(avg_pool_back)(const wn__nhwc_pool *p, const void *dout, void *din)
{
    for (int64_t y = 0; y < p->in_h; y++)
        for (int64_t x = 0; x < p->in_w; x++) {
#define BODY(lanes) WN__NAME(avg_back_at)(p, y, x, c0, lanes, dout, din)
            FOR_BLOCKS(p->c, BODY);
#undef BODY
        }
}

const wn__nhwc_kernels WN__TABLE = {
    .moments = WN__NAME(moments),
    .column_sums = WN__NAME(column_sums),
    .normalise = WN__NAME(normalise),
    .norm_prepare = WN__NAME(norm_prepare),
    .norm_back = WN__NAME(norm_back),
    .add = WN__NAME(add),
    .add_prepare = WN__NAME(add_prepare),
    .max_pool = WN__NAME(max_pool),
    .max_pool_back = WN__NAME(max_pool_back),
    .avg_pool = WN__NAME(avg_pool),
    .avg_pool_back = WN__NAME(avg_pool_back),
    .load = WN__NAME(load),
    .store = WN__NAME(store),
    .uniforms = uniforms,
};

#undef SEGMENT
#undef FOR_BLOCKS
