/* Kernels of products in batch lanes, each by itself: tiles of every shape give the bits of one pixel at a time, and those for images of few
 * pixels what plain loops in double give. */
#include "base/alloc.h"
#include "base/rng.h"
#include "kernels/lanes_product.h"
#include "test.h"

enum { LANE = 16, ROWS = 6, CHANNELS = 4, IN_ROW = 60, IN_PLANE = IN_ROW * 26, MOST_PIXELS = 32, MOST_ENTRIES = 128 };

static const int row_entries[ROWS] = {1, 0, 8, 21, 17, 40}; /* under, at and over a vector's lanes; none */

static float *draw(wn__rng *r, int64_t n)
{
    float *x = WN_NEW_ARRAY(float, n);
    CHECK(x != NULL);
    for (int64_t i = 0; i < n; i++)
        x[i] = 2 * wn__rng_uniform(r) - 1;
    return x;
}

typedef struct sample {
    int64_t begin[ROWS + 1];
    int32_t offset[MOST_ENTRIES], entry[MOST_ENTRIES], place[ROWS];
    float *value, *in, *dout, bias[ROWS];
    int64_t stored;
} sample;

static sample draw_sample(void)
{
    wn__rng r = wn__rng_make(8, WN__FOR_TEST, 0, 0);
    sample s = {.value = draw(&r, MOST_ENTRIES), .in = draw(&r, CHANNELS * IN_PLANE * LANE), .dout = draw(&r, ROWS * MOST_PIXELS * LANE)};
    for (int row = 0; row < ROWS; row++) {
        s.begin[row + 1] = s.begin[row] + row_entries[row];
        s.place[row] = (ROWS - 1 - row) * MOST_PIXELS;
        s.bias[row] = (float)row - 2;
    }
    s.stored = s.begin[ROWS];
    for (int64_t k = 0; k < s.stored; k++) {
        s.offset[k] = (int32_t)(wn__rng_below(&r, CHANNELS) * IN_PLANE + wn__rng_below(&r, 2) * IN_ROW + wn__rng_below(&r, 3));
        s.entry[k] = (int32_t)(MOST_ENTRIES - 1 - k);
    }
    return s;
}

static void release_sample(sample *s)
{
    wn__free(s->value);
    wn__free(s->in);
    wn__free(s->dout);
}

static wn__lane_matrix matrix_of(const sample *s, bool direct)
{
    return (wn__lane_matrix){
        .rows = ROWS, .begin = s->begin, .end = s->begin + 1, .offset = s->offset, .entry = direct ? NULL : s->entry, .value = s->value};
}

static const wn__lane_tile *one_pixel(const wn__lane_products *kernels)
{
    const wn__lane_tile *t = kernels->tile;
    while (t->rows && !(t->rows == 1 && t->columns == 1 && t->stride == 0))
        t++;
    CHECK(t->rows == 1);
    return t;
}

static void check_bits(const char *what, const wn__lane_tile *t, const float *got, const float *want, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (memcmp(&got[i], &want[i], sizeof(float)) != 0)
            WN_TEST_FAIL("%s, tile %dx%d by %d: [%lld] is %.9g, pixel by pixel %.9g", what, t->rows, t->columns, t->stride, (long long)i,
                         (double)got[i], (double)want[i]);
}

/* Each kind of start and end of the sums. */
static wn__lane_product product_of(const sample *s, int kind, int columns)
{
    wn__lane_product p = {.a = matrix_of(s, kind % 2), .in_row = IN_ROW, .out_row = columns, .out_column = 1, .out_plane = MOST_PIXELS};
    p.bias = kind & 2 ? s->bias : NULL;
    p.relu = kind & 4;
    p.add = kind == 3 || kind == 4;
    p.out_place = kind == 5 ? s->place : NULL;
    return p;
}

static void check_product(const wn__lane_products *kernels, const sample *s, const wn__lane_tile *t, int kind, float *got, float *want)
{
    wn__lane_product job = product_of(s, kind, t->columns), single = job;
    memcpy(got, s->dout, ROWS * MOST_PIXELS * LANE * sizeof(float)); /* what sums go on from, or is overwritten */
    memcpy(want, got, ROWS * MOST_PIXELS * LANE * sizeof(float));
    job.in = s->in;
    job.out = got;
    t->product(&job);
    for (int i = 0; i < t->rows * t->columns; i++) {
        single.in = s->in + (i / t->columns * IN_ROW + i % t->columns * t->stride) * LANE;
        single.out = want + i * LANE;
        one_pixel(kernels)->product(&single);
    }
    check_bits("product", t, got, want, ROWS * MOST_PIXELS * LANE);
}

static void check_gradient(const wn__lane_products *kernels, const sample *s, const wn__lane_tile *t)
{
    wn__lane_gradient job = {
        .a = matrix_of(s, true), .in = s->in, .in_row = IN_ROW, .dout = s->dout, .dout_row = t->columns, .dout_plane = MOST_PIXELS};
    wn__lane_gradient single = job;
    float *got = WN_NEW_ARRAY(float, MOST_ENTRIES *LANE), *want = WN_NEW_ARRAY(float, MOST_ENTRIES *LANE);
    float whole[MOST_ENTRIES] = {0}, reduced[MOST_ENTRIES] = {0};
    CHECK(got && want);
    job.sum = got;
    single.sum = want;
    job.out = whole;
    t->gradient(&job);
    for (int i = 0; i < t->rows * t->columns; i++) {
        single.in = s->in + (i / t->columns * IN_ROW + i % t->columns * t->stride) * LANE;
        single.dout = s->dout + i * LANE;
        one_pixel(kernels)->gradient(&single);
    }
    check_bits("gradient", t, got, want, MOST_ENTRIES * LANE);
    t->whole(&job);
    kernels->reduce(s->stored, want, false, reduced);
    check_bits("whole gradient", t, whole, reduced, s->stored);
    wn__free(got);
    wn__free(want);
}

TEST(tiles_give_the_bits_of_single_pixels)
{
    const wn__lane_products *kernels = wn__lane_products_in_use();
    sample s = draw_sample();
    float *got = WN_NEW_ARRAY(float, ROWS *MOST_PIXELS *LANE), *want = WN_NEW_ARRAY(float, ROWS *MOST_PIXELS *LANE);
    CHECK(got && want);
    for (const wn__lane_tile *t = kernels->tile; t->rows; t++) {
        CHECK(t->rows * t->columns <= MOST_PIXELS);
        for (int kind = 0; kind < 8; kind++)
            check_product(kernels, &s, t, kind, got, want);
        if (t->gradient) check_gradient(kernels, &s, t);
    }
    wn__free(got);
    wn__free(want);
    release_sample(&s);
}

TEST(a_pixel_equals_plain_sums)
{
    const wn__lane_products *kernels = wn__lane_products_in_use();
    sample s = draw_sample();
    float out[ROWS * MOST_PIXELS * LANE] __attribute__((aligned(64)));
    wn__lane_product job = product_of(&s, 2, 1);
    job.in = s.in;
    job.out = out;
    one_pixel(kernels)->product(&job);
    for (int row = 0; row < ROWS; row++)
        for (int lane = 0; lane < LANE; lane++) {
            double want = s.bias[row];
            for (int64_t k = s.begin[row]; k < s.begin[row + 1]; k++)
                want += (double)s.value[s.entry[k]] * (double)s.in[s.offset[k] * LANE + lane];
            CHECK_NEAR(out[row * MOST_PIXELS * LANE + lane], want, 1e-5, 1e-5);
        }
    release_sample(&s);
}

TEST(lanes_are_added_in_halves)
{
    enum { MOST = 40 };
    const wn__lane_products *kernels = wn__lane_products_in_use();
    wn__rng r = wn__rng_make(10, WN__FOR_TEST, 0, 0);
    float *sum = draw(&r, MOST * LANE), got[MOST];
    for (int64_t n = 0; n <= MOST; n++) {
        for (int64_t i = 0; i < MOST; i++)
            got[i] = 1;
        kernels->reduce(n, sum, n % 2, got);
        for (int64_t i = 0; i < MOST; i++) {
            float part[LANE];
            memcpy(part, sum + i * LANE, sizeof part);
            for (int half = LANE / 2; half > 0; half /= 2)
                for (int lane = 0; lane < half; lane++)
                    part[lane] += part[lane + half];
            const float want = i >= n ? 1 : n % 2 ? 1 + part[0] : part[0];
            CHECK(memcmp(&got[i], &want, sizeof want) == 0);
        }
    }
    wn__free(sum);
}

/* --- images of few pixels ---------------------------------------------------------------------------------------------------------- */

enum { TINY_ROWS = 5, TINY_CHANNELS = 7, MARGIN = 8, TINY_ENTRIES = TINY_ROWS * WN__TAPS * TINY_CHANNELS };

typedef struct tiny_sample {
    int32_t bound[TINY_ROWS * WN__TAPS + 1], offset[TINY_ENTRIES], channel[TINY_ENTRIES];
    float *value, *in, *dout, bias[TINY_ROWS];
    int64_t plane, in_block, out_plane, out_block;
} tiny_sample;

static bool inside(const wn__lane_tiny_tile *t, int64_t y, int64_t x) { return y >= 0 && y < t->rows && x >= 0 && x < t->columns; }

/* What lies between the rows must not be read. */
static void spoil_borders(const wn__lane_tiny_tile *t, tiny_sample *s)
{
    for (int64_t i = 0; i < t->blocks * TINY_CHANNELS * s->plane; i++)
        for (int lane = 0; !inside(t, i % s->plane / t->in_row, i % s->plane % t->in_row) && lane < LANE; lane++)
            s->in[(MARGIN + i) * LANE + lane] = NAN;
}

/* Every third to all entries of a row and tap, and none. */
static tiny_sample draw_tiny(const wn__lane_tiny_tile *t)
{
    wn__rng r = wn__rng_make(9, WN__FOR_TEST, 0, 0);
    tiny_sample s = {.plane = t->rows * t->in_row, .out_plane = t->rows * t->columns + 1};
    int32_t k = 0;
    s.in_block = TINY_CHANNELS * s.plane;
    s.out_block = TINY_ROWS * s.out_plane;
    s.value = draw(&r, TINY_ENTRIES);
    s.in = draw(&r, (t->blocks * s.in_block + 2 * MARGIN) * LANE);
    s.dout = draw(&r, t->blocks * s.out_block * LANE);
    for (int cell = 0; cell < TINY_ROWS * WN__TAPS; cell++) {
        s.bound[cell] = k;
        s.bias[cell / WN__TAPS] = 0.5f * (float)(cell / WN__TAPS);
        for (int c = 0; cell % 4 && c < TINY_CHANNELS; c += cell % 4) {
            const int tap = cell % WN__TAPS;
            s.channel[k] = c;
            s.offset[k++] = (int32_t)(c * s.plane + (tap / 3 - 1) * t->in_row + tap % 3 - 1);
        }
    }
    s.bound[TINY_ROWS * WN__TAPS] = k;
    spoil_borders(t, &s);
    return s;
}

static void release_tiny(tiny_sample *s)
{
    wn__free(s->value);
    wn__free(s->in);
    wn__free(s->dout);
}

/* What entry k of a tap sees from a pixel; 0 in the border. */
static double seen(const wn__lane_tiny_tile *t, const tiny_sample *s, int32_t k, int tap, int64_t block, int64_t y, int64_t x, int lane)
{
    const int64_t from_y = y + tap / 3 - 1, from_x = x + tap % 3 - 1;
    if (!inside(t, from_y, from_x)) return 0;
    return (double)s->in[(MARGIN + block * s->in_block + s->channel[k] * s->plane + from_y * t->in_row + from_x) * LANE + lane];
}

static wn__lane_tiny tiny_job(const wn__lane_tiny_tile *t, const tiny_sample *s)
{
    return (wn__lane_tiny){.rows = TINY_ROWS,
                           .bound = s->bound,
                           .offset = s->offset,
                           .value = s->value,
                           .in = s->in + MARGIN * LANE,
                           .in_block = s->in_block,
                           .dout = s->dout,
                           .out_row = t->columns,
                           .out_block = s->out_block,
                           .out_plane = s->out_plane};
}

/* kind: 1 starts from the bias, 2 from what is there; 4 rectifies. */
static void check_tiny_product(const wn__lane_tiny_tile *t, const tiny_sample *s, int kind)
{
    wn__lane_tiny job = tiny_job(t, s);
    const int64_t all = t->blocks * s->out_block * LANE;
    float *out = WN_NEW_ARRAY(float, all);
    CHECK(out != NULL);
    memcpy(out, s->dout, (size_t)all * sizeof *out);
    job.out = out;
    job.bias = kind & 1 ? s->bias : NULL;
    job.add = kind & 2;
    job.relu = kind & 4;
    t->product(&job);
    for (int64_t i = 0; i < all; i++) {
        const int64_t block = i / LANE / s->out_block, row = i / LANE % s->out_block / s->out_plane, pixel = i / LANE % s->out_plane;
        const int lane = (int)(i % LANE);
        double want = job.add ? (double)s->dout[i] : job.bias ? (double)s->bias[row] : 0;
        for (int tap = 0; pixel < t->rows * t->columns && tap < WN__TAPS; tap++)
            for (int32_t k = s->bound[row * WN__TAPS + tap]; k < s->bound[row * WN__TAPS + tap + 1]; k++)
                want += (double)s->value[k] * seen(t, s, k, tap, block, pixel / t->columns, pixel % t->columns, lane);
        if (pixel == t->rows * t->columns)
            want = (double)s->dout[i]; /* between planes: left alone */
        else if (job.relu && want < 0)
            want = 0;
        CHECK_NEAR(out[i], want, 1e-5, 1e-5);
    }
    wn__free(out);
}

static void check_tiny_gradient(const wn__lane_tiny_tile *t, const tiny_sample *s)
{
    wn__lane_tiny job = tiny_job(t, s);
    float gradient[TINY_ENTRIES];
    job.gradient = gradient;
    t->gradient(&job);
    for (int cell = 0; cell < TINY_ROWS * WN__TAPS; cell++)
        for (int32_t k = s->bound[cell]; k < s->bound[cell + 1]; k++) {
            double want = 0;
            for (int64_t i = 0; i < t->blocks * t->rows * t->columns * LANE; i++) {
                const int64_t pixel = i / LANE % (t->rows * t->columns), block = i / LANE / (t->rows * t->columns);
                const float dy = s->dout[(block * s->out_block + cell / WN__TAPS * s->out_plane + pixel) * LANE + i % LANE];
                want += (double)dy * seen(t, s, k, cell % WN__TAPS, block, pixel / t->columns, pixel % t->columns, (int)(i % LANE));
            }
            CHECK_NEAR(gradient[k], want, 1e-4, 1e-5);
        }
}

TEST(kernels_of_few_pixels_equal_plain_sums)
{
    const wn__lane_tiny_tile *t = wn__lane_products_in_use()->tiny;
    if (!t) SKIP("this instruction set has none");
    for (; t->rows; t++) {
        tiny_sample s = draw_tiny(t);
        for (int kind = 0; kind < 8; kind++)
            check_tiny_product(t, &s, kind);
        check_tiny_gradient(t, &s);
        release_tiny(&s);
    }
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(a_pixel_equals_plain_sums),
                                    RUN(tiles_give_the_bits_of_single_pixels),
                                    RUN(lanes_are_added_in_halves),
                                    RUN(kernels_of_few_pixels_equal_plain_sums),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
