/* Compressed tensors: what comes back is what went in, in few bytes, and damage is told. */
#include <math.h>

#include "base/rng.h"
#include "io/compressed_tensors.h"
#include "io/gaps.h"
#include "io/safetensors.h"
#include "scratch_folder.h"

static uint8_t *random_mask(int64_t n, double density, uint64_t seed)
{
    uint8_t *mask = WN_NEW_ARRAY(uint8_t, n + 1);
    wn__rng r = wn__rng_make(seed, WN__FOR_TEST, 0, 0);
    for (int64_t i = 0; i < n; i++)
        mask[i] = wn__rng_uniform(&r) < density;
    return mask;
}

static void make_gaps(const uint8_t *mask, int64_t n, wn__gaps *g)
{
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        count += mask[i];
    CHECK_OK(wn__gaps_begin(count, n, g));
    for (int64_t i = 0; i < n; i++)
        if (mask[i]) wn__gaps_add(g, i);
    wn__gaps_end(g);
}

static void check_gaps(const uint8_t *mask, int64_t n)
{
    wn__gaps g;
    make_gaps(mask, n, &g);
    float *values = WN_NEW_ARRAY(float, g.count + 1), *dense = WN_NEW_ARRAY(float, n + 1);
    uint8_t *back = WN_NEW_ARRAY(uint8_t, n + 1);
    for (int64_t i = 0; i < g.count; i++)
        values[i] = (float)(i + 1);
    CHECK_OK(wn__gaps_spread(&g, values, sizeof *values, n, dense, back));
    int64_t stored = 0;
    for (int64_t i = 0; i < n; i++) {
        CHECK_EQ_INT(back[i], mask[i]);
        CHECK(dense[i] == (mask[i] ? (float)++stored : 0));
    }
    wn__free(values);
    wn__free(dense);
    wn__free(back);
    wn__gaps_release(&g);
}

TEST(masks_come_back)
{
    static const double densities[] = {0, 1e-4, 0.005, 0.05, 0.1, 0.2, 0.5, 0.9, 1};
    for (size_t i = 0; i < sizeof densities / sizeof *densities; i++)
        for (int64_t n = 0; n < 20000; n = 3 * n + 1) {
            uint8_t *mask = random_mask(n, densities[i], (uint64_t)n);
            check_gaps(mask, n);
            wn__free(mask);
        }
    uint8_t *last = WN_NEW_ARRAY(uint8_t, 1 << 20);
    last[(1 << 20) - 1] = 1;
    check_gaps(last, 1 << 20);
    wn__free(last);
}

/* Bytes an active weight: 5.2 at most from 80 to 99.5 %. */
TEST(gaps_take_few_bits)
{
    static const double densities[] = {0.2, 0.15, 0.1, 0.07, 0.05, 0.02, 0.01, 0.005};
    const int64_t n = 1 << 20;
    for (size_t i = 0; i < sizeof densities / sizeof *densities; i++) {
        wn__gaps g;
        uint8_t *mask = random_mask(n, densities[i], 1);
        make_gaps(mask, n, &g);
        const double each = 4 + (double)(g.low_bytes + g.high_bytes) / (double)g.count;
        if (each > 5.2) WN_TEST_FAIL("density %g: %g bytes a weight", densities[i], each);
        wn__gaps_release(&g);
        wn__free(mask);
    }
}

/* ---- files */

enum { N = 6 * 5 * 7 };
static const int64_t shape[3] = {6, 5, 7};

static void add_pair(wn__st_writer *w, const char *name, const float *values, const uint8_t *mask)
{
    char text[64];
    snprintf(text, sizeof text, "%s_mask", name);
    CHECK_OK(wn__st_writer_add(w, name, WN__ST_F32, 3, shape, values));
    CHECK_OK(wn__st_writer_add(w, text, WN__ST_U8, 3, shape, mask));
}

/* Active zeros, -0 and NaN; a tensor that the mask does not fit; others of any type. */
static void write_file(const char *path, bool compressed)
{
    static float values[N], unmasked[N];
    static double other[2] = {1, 2};
    wn__st_writer *w;
    uint8_t *mask = random_mask(N, 0.3, 5);
    mask[3] = mask[50] = mask[N - 1] = 1;
    for (int i = 0; i < N; i++) {
        values[i] = mask[i] ? (float)(i % 5) - 2 : 0;
        unmasked[i] = (float)i;
    }
    values[3] = -0.0f;
    values[50] = 0;
    values[N - 1] = NAN;
    CHECK_OK(wn__st_writer_new(&w));
    CHECK_OK(wn__st_writer_add(w, "bias", WN__ST_F32, 1, (int64_t[]){7}, values));
    add_pair(w, "a", values, mask);
    CHECK_OK(wn__st_writer_add(w, "other", WN__ST_F64, 1, (int64_t[]){2}, other));
    add_pair(w, "b", unmasked, mask);
    add_pair(w, "c", values, mask);
    CHECK_OK(wn__st_writer_meta(w, "arch", "net"));
    CHECK_OK(wn__st_writer_meta(w, "zone", "after"));
    if (compressed) wn__st_writer_compress(w);
    CHECK_OK(wn__st_writer_write(w, path));
    wn__st_writer_free(w);
    wn__free(mask);
}

static void write_again(const char *path, const char *to, bool compressed)
{
    wn__safetensors *f;
    wn__st_writer *w;
    CHECK_OK(wn__safetensors_open(path, &f));
    CHECK_OK(wn__st_writer_new(&w));
    for (int i = 0; i < wn__safetensors_count(f); i++) {
        const wn__st_tensor *t = wn__safetensors_at(f, i);
        CHECK_OK(wn__st_writer_add(w, t->name, t->dtype, t->ndim, t->dim, t->data));
    }
    for (int i = 0; i < wn__safetensors_meta_count(f); i++) {
        const char *key, *value;
        wn__safetensors_meta_at(f, i, &key, &value);
        CHECK_OK(wn__st_writer_meta(w, key, value));
    }
    if (compressed) wn__st_writer_compress(w);
    CHECK_OK(wn__st_writer_write(w, to));
    wn__st_writer_free(w);
    wn__safetensors_close(f);
}

/* Several tensors without an active entry: their parts are empty and stand at one place, in an order that no name tells. */
TEST(tensors_without_anything_keep_their_order)
{
    static const float values[N];
    static const uint8_t mask[N];
    for (int compressed = 0; compressed < 2; compressed++) {
        wn__st_writer *w;
        CHECK_OK(wn__st_writer_new(&w));
        add_pair(w, "z", values, mask);
        add_pair(w, "a", values, mask);
        add_pair(w, "m", values, mask);
        if (compressed) wn__st_writer_compress(w);
        CHECK_OK(wn__st_writer_write(w, scratch_path(compressed ? "nothing" : "zeros")));
        wn__st_writer_free(w);
    }
    write_again(scratch_path("nothing"), scratch_path("back"), false);
    check_same_bytes(scratch_path("zeros"), scratch_path("back"));
}

TEST(files_are_the_same_to_the_byte_both_ways)
{
    char dense_key[WN__SHA256_TEXT], compressed_key[WN__SHA256_TEXT], bytes_key[WN__SHA256_TEXT];
    const char *dense = scratch_path("dense"), *compressed = scratch_path("compressed");
    write_file(dense, false);
    write_file(compressed, true);
    int64_t dense_size, size;
    CHECK_OK(wn__file_size(dense, &dense_size));
    CHECK_OK(wn__file_size(compressed, &size));
    CHECK(size < dense_size);
    write_again(compressed, scratch_path("back"), false);
    check_same_bytes(dense, scratch_path("back"));
    write_again(dense, scratch_path("forth"), true);
    check_same_bytes(compressed, scratch_path("forth"));
    CHECK_OK(wn__safetensors_sha256(dense, dense_key));
    CHECK_OK(wn__sha256_file(dense, bytes_key));
    CHECK_OK(wn__safetensors_sha256(compressed, compressed_key));
    CHECK_EQ_TEXT(dense_key, bytes_key);
    CHECK_EQ_TEXT(compressed_key, dense_key);
    CHECK_OK(wn__file_write(scratch_path("text"), "no tensors", 10));
    CHECK_OK(wn__safetensors_sha256(scratch_path("text"), dense_key));
}

/* ---- damage, in tensors that carry no checksum */

typedef struct damaged {
    const char *what, *text;
    int64_t low, high; /* bytes of the streams; -1: as they ought to be */
} damaged;

static void check_damage(const damaged *d, const char *message)
{
    static const uint8_t mask[16] = {[1] = 1, [7] = 1, [15] = 1};
    static const float values[3] = {1, 2, 3};
    wn__gaps g;
    wn__compressed_tensors c;
    make_gaps(mask, 16, &g);
    const int64_t low = d->low < 0 ? g.low_bytes : d->low, high = d->high < 0 ? g.high_bytes : d->high;
    const wn__st_tensor tensors[3] = {
        {.name = "w.values", .dtype = WN__ST_F32, .ndim = 1, .dim = {3}, .count = 3, .data = values},
        {.name = "w.gap_low", .dtype = WN__ST_U8, .ndim = 1, .dim = {low}, .count = low, .data = g.low},
        {.name = "w.gap_high", .dtype = WN__ST_U8, .ndim = 1, .dim = {high}, .count = high, .data = g.high},
    };
    wn_status status = wn__tensors_list(tensors, 3, d->text, &c);
    if (status == WN_OK) status = wn__tensors_expand(&c, c.tensor, c.count);
    if (!message && status != WN_OK) WN_TEST_FAIL("%s: %s", d->what, wn_error_message());
    if (message && (status != WN_EFORMAT || !strstr(wn_error_message(), message)))
        WN_TEST_FAIL("%s: %d %s", d->what, (int)status, wn_error_message());
    wn__compressed_tensors_release(&c);
    wn__gaps_release(&g);
}

TEST(damage_is_told)
{
    check_damage(&(damaged){"as it was", "{\"w\": {\"shape\": [4, 4], \"low_bits\": 1}}", -1, -1}, NULL);
    check_damage(&(damaged){"no object", "[]", -1, -1}, "no JSON object");
    check_damage(&(damaged){"another name", "{\"v\": {\"shape\": [4, 4], \"low_bits\": 1}}", -1, -1}, "not there");
    check_damage(&(damaged){"no shape", "{\"w\": {\"low_bits\": 1}}", -1, -1}, "no shape");
    check_damage(&(damaged){"sizes below zero", "{\"w\": {\"shape\": [-4, 4], \"low_bits\": 1}}", -1, -1}, "no shape");
    check_damage(&(damaged){"no bits", "{\"w\": {\"shape\": [4, 4]}}", -1, -1}, "low_bits");
    check_damage(&(damaged){"too many bits", "{\"w\": {\"shape\": [4, 4], \"low_bits\": 63}}", -1, -1}, "low_bits");
    check_damage(&(damaged){"other bits", "{\"w\": {\"shape\": [4, 4], \"low_bits\": 9}}", -1, -1}, "do not fit");
    check_damage(&(damaged){"too small", "{\"w\": {\"shape\": [3, 4], \"low_bits\": 1}}", -1, -1}, "behind the end");
    check_damage(&(damaged){"too few places", "{\"w\": {\"shape\": [2], \"low_bits\": 1}}", -1, -1}, "do not fit");
    check_damage(&(damaged){"larger than any", "{\"w\": {\"shape\": [4611686018427387904], \"low_bits\": 1}}", -1, -1}, "more entries");
    check_damage(&(damaged){"a short stream", "{\"w\": {\"shape\": [4, 4], \"low_bits\": 1}}", -1, 0}, "damaged");
    check_damage(&(damaged){"no low bits", "{\"w\": {\"shape\": [4, 4], \"low_bits\": 1}}", 0, -1}, "do not fit");
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(masks_come_back),
                                    RUN(gaps_take_few_bits),
                                    RUN(files_are_the_same_to_the_byte_both_ways),
                                    RUN(tensors_without_anything_keep_their_order),
                                    RUN(damage_is_told),
                                    {0}};
    return scratch_test_main(argc, argv, tests);
}
