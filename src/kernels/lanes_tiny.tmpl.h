/* Part of lanes_product.tmpl.h: windows of 3x3 over images so small that all their pixels are one run (wn__lane_tiny). A tap of the window
 * meets only some of an image's pixels, the others' neighbours being border. Entries are sorted by tap, so that each tap has a loop of its
 * own with just the multiply-adds that count. */

#define MOST_BLOCKS 4
#define TINY_SUMS 128 /* entries whose gradients wait to become floats */

/* Pixels [FIRST, END) of a row or column that a tap at -1, 0 or 1 meets. */
#define FIRST(tap) ((tap) < 1)
#define END(tap, size) ((tap) > 1 ? (size)-1 : (size))
#define EACH_TAP(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8)

/* What a run is: constants once a kernel is inlined. */
typedef struct tiny_shape {
    int blocks, h, w, in_row;
} tiny_shape;

/* One vector of what a tap meets. */
typedef struct tiny_place {
    int b, r, c, v;
} tiny_place;

INLINE int met_pixels(tiny_shape s, int tap)
{
    return s.blocks * (END(tap / 3, s.h) - FIRST(tap / 3)) * (END(tap % 3, s.w) - FIRST(tap % 3));
}

/* All pixels' first vectors, then their second ones. */
INLINE tiny_place place_of(tiny_shape s, int tap, int i)
{
    const int columns = END(tap % 3, s.w) - FIRST(tap % 3), pixels = met_pixels(s, tap), a_block = pixels / s.blocks, pixel = i % pixels;
    return (tiny_place){pixel / a_block, pixel % a_block / columns + FIRST(tap / 3), pixel % columns + FIRST(tap % 3), i / pixels};
}

INLINE int number_of(tiny_shape s, tiny_place p) { return ((p.b * s.h + p.r) * s.w + p.c) * VECTORS + p.v; }
#define TINY_MOST (16 * VECTORS)

/* A tap's vectors in parts of equal size, as many at a time as registers hold. */
INLINE int part_size(tiny_shape s, int tap)
{
    const int all = met_pixels(s, tap) * VECTORS, parts = (all + WN__TINY_AT_ONCE - 1) / WN__TINY_AT_ONCE;
    return (all + parts - 1) / parts;
}

INLINE int64_t output_of(const wn__lane_tiny *p, tiny_place at) { return (at.b * p->out_block + at.r * p->out_row + at.c) * PIXEL; }

INLINE vf input_at(const float *const *block, tiny_shape s, tiny_place at, int64_t offset)
{
    return pixel_at(block[at.b] + offset, at.r * s.in_row + at.c)[at.v];
}

INLINE void tiny_start(const wn__lane_tiny *p, int64_t row, const float *out, tiny_shape s, vf *sum)
{
    const vf start = splat(p->bias ? p->bias[row] : 0.0f);
    UNROLL for (int i = 0; i < met_pixels(s, 4) * VECTORS; i++)
    {
        const tiny_place at = place_of(s, 4, i);
        sum[number_of(s, at)] = p->add ? pixel_at(out + output_of(p, at), 0)[at.v] : start;
    }
}

INLINE void tiny_store(const wn__lane_tiny *p, float *out, tiny_shape s, const vf *sum)
{
    UNROLL for (int i = 0; i < met_pixels(s, 4) * VECTORS; i++)
    {
        const tiny_place at = place_of(s, 4, i);
        const vf x = sum[number_of(s, at)];
        ((vf *)(out + output_of(p, at)))[at.v] = p->relu ? rectify(x) : x;
    }
}

/* Entries [k, end), all of one tap, to some of its places. */
INLINE void multiply_part(const wn__lane_tiny *p, const float *const *block, tiny_shape s, int tap, int first, int count, int64_t k,
                          int64_t end, vf *sum)
{
    vf part[TINY_MOST];
    UNROLL for (int i = 0; i < count; i++) part[i] = sum[number_of(s, place_of(s, tap, first + i))];
    for (; k < end; k++) {
        const vf weight = splat(p->value[k]);
        const int64_t offset = (int64_t)p->offset[k] * PIXEL;
        UNROLL for (int i = 0; i < count; i++) part[i] += weight * input_at(block, s, place_of(s, tap, first + i), offset);
    }
    UNROLL for (int i = 0; i < count; i++) sum[number_of(s, place_of(s, tap, first + i))] = part[i];
}

INLINE void multiply_tap(const wn__lane_tiny *p, const float *const *block, tiny_shape s, int tap, int64_t k, int64_t end, vf *sum)
{
    const int all = met_pixels(s, tap) * VECTORS, size = part_size(s, tap);
    UNROLL for (int first = 0; first < all; first += size)
        multiply_part(p, block, s, tap, first, all - first < size ? all - first : size, k, end, sum);
}

INLINE void tiny_product(const wn__lane_tiny *p, tiny_shape s)
{
    const float *block[MOST_BLOCKS];
    UNROLL for (int b = 0; b < s.blocks; b++) block[b] = p->in + b * p->in_block * PIXEL;
    for (int64_t row = 0; row < p->rows; row++) {
        const int32_t *bound = p->bound + row * WN__TAPS;
        float *out = p->out + row * p->out_plane * PIXEL;
        vf sum[TINY_MOST];
        tiny_start(p, row, out, s, sum);
#define MULTIPLY(TAP) multiply_tap(p, block, s, TAP, bound[TAP], bound[(TAP) + 1], sum);
        EACH_TAP(MULTIPLY)
#undef MULTIPLY
        tiny_store(p, out, s, sum);
    }
}

/* The gradients of entries [k, end), all of one tap, over some of its places; those of vector v go on from what is in `sum`, unless
 * these are its first places. d: the output's gradient, of all places. */
INLINE void add_part(const wn__lane_tiny *p, const float *const *block, tiny_shape s, int tap, int first, int count, int64_t k, int64_t end,
                     const vf *d, float *sum)
{
    const int pixels = met_pixels(s, tap), v = first / pixels, last = (first + count - 1) / pixels;
    for (; k < end; k++, sum += PIXEL) {
        const int64_t offset = (int64_t)p->offset[k] * PIXEL;
        vf part[VECTORS] = {{0}};
        if (first % pixels) part[v] = ((vf *)sum)[v];
        UNROLL for (int i = 0; i < count; i++)
        {
            const tiny_place at = place_of(s, tap, first + i);
            part[at.v] += d[number_of(s, at)] * input_at(block, s, at, offset);
        }
        UNROLL for (int i = v; i <= last; i++)((vf *)sum)[i] = part[i];
    }
}

INLINE void add_tap(const wn__lane_tiny *p, const float *const *block, tiny_shape s, int tap, int64_t k, int64_t end, const vf *d,
                    float *sum)
{
    const int all = met_pixels(s, tap) * VECTORS, size = part_size(s, tap);
    UNROLL for (int first = 0; first < all; first += size)
        add_part(p, block, s, tap, first, all - first < size ? all - first : size, k, end, d, sum);
}

INLINE void tiny_gradient(const wn__lane_tiny *p, tiny_shape s)
{
    _Alignas(64) float waiting[TINY_SUMS * PIXEL];
    const float *block[MOST_BLOCKS];
    int64_t k = p->bound[0], made = k; /* entries before `made` are in p->gradient */
    UNROLL for (int b = 0; b < s.blocks; b++) block[b] = p->in + b * p->in_block * PIXEL;
    for (int64_t row = 0; row < p->rows; row++) {
        const int32_t *bound = p->bound + row * WN__TAPS;
        const float *dout = p->dout + row * p->out_plane * PIXEL;
        vf d[TINY_MOST];
        UNROLL for (int i = 0; i < met_pixels(s, 4) * VECTORS; i++)
        {
            const tiny_place at = place_of(s, 4, i);
            d[number_of(s, at)] = pixel_at(dout + output_of(p, at), 0)[at.v];
        }
#define ADD(TAP)                                                                                       \
    while (k < bound[(TAP) + 1]) {                                                                     \
        const int64_t end = bound[(TAP) + 1] < made + TINY_SUMS ? bound[(TAP) + 1] : made + TINY_SUMS; \
        add_tap(p, block, s, TAP, k, end, d, waiting + (k - made) * PIXEL);                            \
        k = end;                                                                                       \
        if (k < made + TINY_SUMS) break;                                                               \
        reduce(TINY_SUMS, waiting, false, p->gradient + made);                                         \
        made = k;                                                                                      \
    }
        EACH_TAP(ADD)
#undef ADD
    }
    reduce(k - made, waiting, false, p->gradient + made);
}

#define TINY(B, H, W, ROW)                                                                                                    \
    static void tiny_product_##B##x##H##x##W##_##ROW(const wn__lane_tiny *p) { tiny_product(p, (tiny_shape){B, H, W, ROW}); } \
    static void tiny_gradient_##B##x##H##x##W##_##ROW(const wn__lane_tiny *p) { tiny_gradient(p, (tiny_shape){B, H, W, ROW}); }
WN__TINY_TILES(TINY)

#define TINY_ENTRY(B, H, W, ROW) {B, H, W, ROW, tiny_product_##B##x##H##x##W##_##ROW, tiny_gradient_##B##x##H##x##W##_##ROW},
static const wn__lane_tiny_tile tiny_tiles[] = {WN__TINY_TILES(TINY_ENTRY){0}};
