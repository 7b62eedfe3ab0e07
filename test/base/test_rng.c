#include "base/alloc.h"
#include "base/rng.h"
#include "test.h"

TEST(philox_gives_the_published_answers)
{
    /* Random123's known-answer file, philox4x32 with 10 rounds. */
    static const struct {
        uint32_t key[2], counter[4], want[4];
    } answers[] = {
        {{0, 0}, {0, 0, 0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0xa4093822, 0x299f31d0}, {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        uint32_t got[4];
        wn__philox(answers[i].key, answers[i].counter, got);
        for (int j = 0; j < 4; j++)
            CHECK_EQ_INT(got[j], answers[i].want[j]);
    }
}

TEST(streams_repeat_and_differ_in_every_part_of_their_name)
{
    wn__rng base = wn__rng_make(7, WN__FOR_TEST, 1, 2), same = wn__rng_make(7, WN__FOR_TEST, 1, 2);
    wn__rng others[] = {wn__rng_make(8, WN__FOR_TEST, 1, 2),
                        wn__rng_make(7, WN__FOR_MASK, 1, 2),
                        wn__rng_make(7, WN__FOR_TEST, 2, 1),
                        wn__rng_make(7, WN__FOR_TEST, 1, 3),
                        wn__rng_make(7, WN__FOR_TEST, 1 + (UINT64_C(1) << 32), 2),
                        wn__rng_make(7, WN__FOR_TEST, 1, 2 + (UINT64_C(1) << 32)),
                        wn__rng_make(7 + (UINT64_C(1) << 32), WN__FOR_TEST, 1, 2)};
    const uint64_t first = wn__rng_u64(&base);
    CHECK_EQ_INT(wn__rng_u64(&same), first);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        CHECK(wn__rng_u64(&others[i]) != first);
}

enum { DRAWS = 200000 };

TEST(uniforms_fill_the_unit_interval_evenly)
{
    wn__rng r = wn__rng_make(1, WN__FOR_TEST, 0, 0);
    int count[100] = {0};
    for (int i = 0; i < DRAWS; i++) {
        const float u = wn__rng_uniform(&r);
        CHECK(u >= 0 && u < 1);
        count[(int)(u * 100)]++;
    }
    double chi2 = 0;
    for (int i = 0; i < 100; i++)
        chi2 += (count[i] - DRAWS / 100.0) * (count[i] - DRAWS / 100.0) / (DRAWS / 100.0);
    CHECK(chi2 > 56 && chi2 < 150); /* 99 degrees of freedom: outside by chance once in 2,000 */
    for (int i = 0; i < 1000; i++) {
        const double u = wn__rng_uniform_double(&r);
        CHECK(u >= 0 && u < 1);
    }
}

TEST(integers_below_n_are_even_and_in_range)
{
    wn__rng r = wn__rng_make(2, WN__FOR_TEST, 0, 0);
    int count[7] = {0};
    for (int i = 0; i < 70000; i++) {
        const uint64_t k = wn__rng_below(&r, 7);
        CHECK(k < 7);
        count[k]++;
    }
    for (int i = 0; i < 7; i++)
        CHECK_NEAR(count[i], 10000, 500, 0);
    CHECK_EQ_INT(wn__rng_below(&r, 1), 0);
    CHECK(wn__rng_below(&r, UINT64_C(1) << 63) < UINT64_C(1) << 63);
}

TEST(normals_have_the_moments_and_tails_of_a_normal)
{
    wn__rng r = wn__rng_make(3, WN__FOR_TEST, 0, 0);
    double sum = 0, squares = 0, fourth = 0, product = 0, square_product = 0, before = 0;
    int beyond2 = 0, beyond3 = 0;
    for (int i = 0; i < DRAWS; i++) {
        const double x = wn__rng_normal(&r);
        sum += x;
        squares += x * x;
        fourth += x * x * x * x;
        product += x * before;
        square_product += (x * x - 1) * (before * before - 1);
        beyond2 += fabs(x) > 2;
        beyond3 += fabs(x) > 3;
        before = x;
    }
    /* Bounds are four standard errors. */
    CHECK_NEAR(sum / DRAWS, 0, 4 / sqrt(DRAWS), 0);
    CHECK_NEAR(squares / DRAWS, 1, 4 * sqrt(2.0 / DRAWS), 0);
    CHECK_NEAR(fourth / DRAWS, 3, 4 * sqrt(96.0 / DRAWS), 0);
    CHECK_NEAR(product / DRAWS, 0, 4 / sqrt(DRAWS), 0);
    CHECK_NEAR(square_product / DRAWS, 0, 4 * 2 / sqrt(DRAWS), 0);
    CHECK_NEAR(beyond2, DRAWS * 0.0455003, 4 * sqrt(DRAWS * 0.0455), 0);
    CHECK_NEAR(beyond3, DRAWS * 0.0026998, 4 * sqrt(DRAWS * 0.0027), 0);
}

TEST(normals_of_neighbouring_streams_are_uncorrelated)
{
    double product = 0;
    for (int i = 0; i < DRAWS; i++) {
        wn__rng a = wn__rng_make(4, WN__FOR_TEST, 0, (uint64_t)i), b = wn__rng_make(4, WN__FOR_TEST, 0, (uint64_t)i + 1);
        product += wn__rng_normal(&a) * wn__rng_normal(&b);
    }
    CHECK_NEAR(product / DRAWS, 0, 4 / sqrt(DRAWS), 0);
}

/* The uniform that wn__rng_normal maps: same stream, same draw. */
static double uniform_behind(wn__rng r) { return ((double)(wn__rng_u64(&r) >> 12) + 0.5) * 0x1p-52; }

TEST(normals_invert_the_distribution_function)
{
    wn__rng r = wn__rng_make(5, WN__FOR_TEST, 0, 0);
    for (int i = 0; i < DRAWS; i++) {
        const double p = uniform_behind(r), x = wn__rng_normal(&r);
        const double tail = p < 0.5 ? p : 1 - p;
        CHECK_NEAR(0.5 * erfc(fabs(x) / sqrt(2)), tail, 0, 4e-15 * (1 + x * x)); /* erfc magnifies the error of x by about x^2 */
        CHECK(p < 0.5 ? x < 0 : x > 0);
    }
}

TEST(normals_are_the_recorded_bits)
{
    wn__rng r = wn__rng_make(0, WN__FOR_TEST, 0, 0);
    uint64_t hash = 14695981039346656037u; /* FNV-1a over the bits of 10,000 draws: the same with any compiler and CPU */
    for (int i = 0; i < 10000; i++) {
        const double x = wn__rng_normal(&r);
        uint64_t bits;
        memcpy(&bits, &x, sizeof bits);
        hash = (hash ^ bits) * 1099511628211u;
    }
    CHECK_EQ_INT(hash, UINT64_C(0xa1db9faad4e2ff2b));
}

TEST(permutations_hold_every_number_once_and_all_orders_occur)
{
    enum { N = 1000 };
    int64_t order[N];
    bool seen[N] = {false};
    wn__rng r = wn__rng_make(6, WN__FOR_TEST, 0, 0);
    wn__rng_permutation(&r, N, order);
    for (int i = 0; i < N; i++) {
        CHECK(order[i] >= 0 && order[i] < N && !seen[order[i]]);
        seen[order[i]] = true;
    }
    int orders[27] = {0};
    for (int i = 0; i < 6000; i++) {
        wn__rng_permutation(&r, 3, order);
        orders[order[0] * 9 + order[1] * 3 + order[2]]++;
    }
    int distinct = 0;
    for (int i = 0; i < 27; i++) {
        distinct += orders[i] > 0;
        if (orders[i] > 0) CHECK_NEAR(orders[i], 1000, 130, 0);
    }
    CHECK_EQ_INT(distinct, 6);
    wn__rng_permutation(&r, 0, order);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(philox_gives_the_published_answers),
                                    RUN(streams_repeat_and_differ_in_every_part_of_their_name),
                                    RUN(uniforms_fill_the_unit_interval_evenly),
                                    RUN(integers_below_n_are_even_and_in_range),
                                    RUN(normals_have_the_moments_and_tails_of_a_normal),
                                    RUN(normals_of_neighbouring_streams_are_uncorrelated),
                                    RUN(normals_invert_the_distribution_function),
                                    RUN(normals_are_the_recorded_bits),
                                    RUN(permutations_hold_every_number_once_and_all_orders_occur),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
