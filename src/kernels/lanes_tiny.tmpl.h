/* Part of lanes_product.tmpl.h: windows of 3x3 over images so small that all their pixels are one run (wn__lane_tiny). A tap of the window
 * meets only some of an image's pixels, the others' neighbours being border. Entries are sorted by tap, so that each tap has a loop of its
 * own with just the multiply-adds that count. */

#define MOST_BLOCKS 4
#define TINY_SUMS 128 /* entries whose gradients wait to become floats */

/* Pixels [FIRST, END) of a row or column that a tap at -1, 0 or 1 meets. */
#define FIRST(tap) ((tap) < 1)
#define END(tap, size) ((tap) > 1 ? (size)-1 : (size))
#define EACH_MET(tap, blocks, h, w)                                                                             \
    UNROLL for (int b = 0; b < (blocks); b++) UNROLL for (int r = FIRST((tap) / 3); r < END((tap) / 3, h); r++) \
        UNROLL for (int c = FIRST((tap) % 3); c < END((tap) % 3, w); c++) UNROLL for (int v = 0; v < VECTORS; v++)
#define EACH_TAP(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8)
#define AT(b, r, c, v) (((((b)*h + (r)) * w) + (c)) * VECTORS + (v))

INLINE void tiny_start(const wn__lane_tiny *p, int64_t row, const float *out, int blocks, int h, int w, vf *sum)
{
    const vf start = splat(p->bias ? p->bias[row] : 0.0f);
    EACH_MET(4, blocks, h, w) sum[AT(b, r, c, v)] = p->add ? pixel_at(out, b * p->out_block + r * p->out_row + c)[v] : start;
}

INLINE void tiny_store(const wn__lane_tiny *p, float *out, int blocks, int h, int w, const vf *sum)
{
    EACH_MET(4, blocks, h, w)
    ((vf *)(out + (b * p->out_block + r * p->out_row + c) * PIXEL))[v] = p->relu ? rectify(sum[AT(b, r, c, v)]) : sum[AT(b, r, c, v)];
}

INLINE void tiny_product(const wn__lane_tiny *p, int blocks, int h, int w, int in_row)
{
    const float *block[MOST_BLOCKS];
    int64_t k = p->bound[0];
    UNROLL for (int b = 0; b < blocks; b++) block[b] = p->in + b * p->in_block * PIXEL;
    for (int64_t row = 0; row < p->rows; row++) {
        const int32_t *bound = p->bound + row * WN__TAPS;
        float *out = p->out + row * p->out_plane * PIXEL;
        vf sum[MOST];
        tiny_start(p, row, out, blocks, h, w, sum);
#define MULTIPLY(TAP)                                                                                                   \
    for (const int64_t end = bound[(TAP) + 1]; k < end; k++) {                                                          \
        const vf weight = splat(p->value[k]);                                                                           \
        const int64_t at = p->offset[k];                                                                                \
        EACH_MET(TAP, blocks, h, w) sum[AT(b, r, c, v)] += weight * pixel_at(block[b] + at * PIXEL, r * in_row + c)[v]; \
    }
        EACH_TAP(MULTIPLY)
#undef MULTIPLY
        tiny_store(p, out, blocks, h, w, sum);
    }
}

INLINE void tiny_gradient(const wn__lane_tiny *p, int blocks, int h, int w, int in_row)
{
    _Alignas(64) float waiting[TINY_SUMS * PIXEL];
    const float *block[MOST_BLOCKS];
    int64_t k = p->bound[0], made = k; /* entries before `made` are in p->gradient */
    UNROLL for (int b = 0; b < blocks; b++) block[b] = p->in + b * p->in_block * PIXEL;
    for (int64_t row = 0; row < p->rows; row++) {
        const int32_t *bound = p->bound + row * WN__TAPS;
        const float *dout = p->dout + row * p->out_plane * PIXEL;
        vf d[MOST];
        EACH_MET(4, blocks, h, w) d[AT(b, r, c, v)] = pixel_at(dout, b * p->out_block + r * p->out_row + c)[v];
#define ADD(TAP)                                                                                                          \
    while (k < bound[(TAP) + 1]) {                                                                                        \
        const int64_t end = bound[(TAP) + 1] < made + TINY_SUMS ? bound[(TAP) + 1] : made + TINY_SUMS;                    \
        for (; k < end; k++) {                                                                                            \
            const int64_t at = p->offset[k];                                                                              \
            vf sum[VECTORS] = {{0}};                                                                                      \
            EACH_MET(TAP, blocks, h, w) sum[v] += d[AT(b, r, c, v)] * pixel_at(block[b] + at * PIXEL, r * in_row + c)[v]; \
            UNROLL for (int v = 0; v < VECTORS; v++)((vf *)(waiting + (k - made) * PIXEL))[v] = sum[v];                   \
        }                                                                                                                 \
        if (k < made + TINY_SUMS) break;                                                                                  \
        reduce(TINY_SUMS, waiting, false, p->gradient + made);                                                            \
        made = k;                                                                                                         \
    }
        EACH_TAP(ADD)
#undef ADD
    }
    reduce(k - made, waiting, false, p->gradient + made);
}

#define TINY(B, H, W, ROW)                                                                                      \
    static void tiny_product_##B##x##H##x##W##_##ROW(const wn__lane_tiny *p) { tiny_product(p, B, H, W, ROW); } \
    static void tiny_gradient_##B##x##H##x##W##_##ROW(const wn__lane_tiny *p) { tiny_gradient(p, B, H, W, ROW); }
WN__TINY_TILES(TINY)

#define TINY_ENTRY(B, H, W, ROW) {B, H, W, ROW, tiny_product_##B##x##H##x##W##_##ROW, tiny_gradient_##B##x##H##x##W##_##ROW},
static const wn__lane_tiny_tile tiny_tiles[] = {WN__TINY_TILES(TINY_ENTRY){0}};
