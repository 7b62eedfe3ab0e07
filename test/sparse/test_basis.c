/* Bases: orthonormal, back and forth, what fits, singular vectors, ranks. */
#include "sparse/basis/basis.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "nn/init.h"
#include "sparse/basis/basis_map.h"
#include "sparse/basis/factors.h"
#include "sparse/prune/score.h"
#include "test.h"

static wn__params one_weight(int ndim, const int64_t *dim, uint64_t seed)
{
    wn__params p = {0};
    wn__rng rng = wn__rng_make(seed, WN__FOR_TEST, 0, 0);
    CHECK_OK(wn__params_add(&p, "layer.weight", WN__WEIGHT, ndim, dim));
    for (int64_t i = 0; i < p.item[0].count; i++)
        p.item[0].value[i] = (float)wn__rng_normal(&rng);
    return p;
}

static bool in_this_build(int kind)
{
    const char *name;
    return wn__basis_library(kind, &name) == WN_OK;
}

static wn__basis_spec spec_of(int kind, int over)
{
    wn__basis_spec spec;
    CHECK_OK(wn__basis_defaults(kind, &spec));
    spec.over = over;
    return spec;
}

/* ---- square bases */

/* Basis vectors are what unit coefficients make: their products are the identity. */
static void check_orthonormal(const wn__basis_spec *spec, const wn__param *p)
{
    wn__transform *t;
    CHECK_OK(wn__transform_new(spec, p, 0, 3, &t));
    const int64_t n = p->count;
    float *unit = calloc((size_t)n, sizeof *unit), *vectors = calloc((size_t)(n * n), sizeof *vectors);
    for (int64_t i = 0; i < n; i++) {
        unit[i] = 1;
        wn__transform_synthesise(t, unit, vectors + i * n);
        unit[i] = 0;
    }
    double worst = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j <= i; j++) {
            double sum = i == j ? -1 : 0;
            for (int64_t k = 0; k < n; k++)
                sum += (double)vectors[i * n + k] * (double)vectors[j * n + k];
            worst = fmax(worst, fabs(sum));
        }
    CHECK(worst < 1e-6);
    free(unit);
    free(vectors);
    wn__transform_free(t);
}

/* To coefficients and back is the weight to rounding, and the norm stays. */
static void check_round_trip(const wn__basis_spec *spec, const wn__param *p)
{
    wn__transform *t;
    CHECK_OK(wn__transform_new(spec, p, 0, 3, &t));
    float *c = calloc((size_t)p->count, sizeof *c), *back = calloc((size_t)p->count, sizeof *back);
    wn__transform_analyse(t, p->value, c);
    wn__transform_synthesise(t, c, back);
    double weights = 0, coefficients = 0;
    for (int64_t i = 0; i < p->count; i++) {
        CHECK_NEAR(back[i], p->value[i], 2e-6, 0);
        weights += (double)p->value[i] * (double)p->value[i];
        coefficients += (double)c[i] * (double)c[i];
    }
    CHECK_NEAR(coefficients, weights, 0, 1e-6);
    free(c);
    free(back);
    wn__transform_free(t);
}

TEST(square_bases_are_orthonormal_and_round_trips_exact_to_rounding)
{
    static const int64_t shapes[][4] = {{8, 4, 3, 3}, {16, 4, 1, 1}, {4, 2, 4, 8}, {1, 1, 5, 5}};
    for (int kind = WN__BASIS_CANONICAL; kind <= WN__BASIS_RANDOM; kind++) {
        if (!in_this_build(kind)) continue;
        for (int s = 0; s < 4; s++)
            for (int over = 0; over < 3; over++) {
                wn__params p = one_weight(4, shapes[s], 1);
                wn__basis_spec spec = spec_of(kind, over);
                spec.block = kind == WN__BASIS_RANDOM ? 50 : 0; /* with a rest */
                spec.unfit = WN__UNFIT_LEAVE;
                check_orthonormal(&spec, &p.item[0]);
                check_round_trip(&spec, &p.item[0]);
                wn__params_release(&p);
            }
    }
}

TEST(large_layers_come_back_too)
{
    for (int kind = WN__BASIS_DCT; kind <= WN__BASIS_RANDOM; kind++) {
        if (!in_this_build(kind)) continue;
        wn__params p = one_weight(2, (const int64_t[]){256, 512}, 2);
        const wn__basis_spec spec = spec_of(kind, WN__OVER_BOTH);
        wn__basis_spec blocks = spec;
        if (kind == WN__BASIS_RANDOM) CHECK_EQ_INT(blocks.block, 64);
        check_round_trip(&blocks, &p.item[0]);
        wn__params_release(&p);
    }
}

TEST(cosines_are_those_of_the_formula)
{
    if (!in_this_build(WN__BASIS_DCT)) SKIP("no FFTW");
    wn__params p = one_weight(4, (const int64_t[]){2, 3, 3, 5}, 4);
    const wn__basis_spec spec = spec_of(WN__BASIS_DCT, WN__OVER_TAPS);
    wn__transform *t;
    float c[90];
    CHECK_OK(wn__transform_new(&spec, &p.item[0], 0, 0, &t));
    wn__transform_analyse(t, p.item[0].value, c);
    for (int filter = 0; filter < 6; filter++)
        for (int a = 0; a < 3; a++)
            for (int b = 0; b < 5; b++) {
                double want = 0;
                for (int i = 0; i < 3; i++)
                    for (int j = 0; j < 5; j++)
                        want += (double)p.item[0].value[filter * 15 + i * 5 + j] * cos(M_PI * (i + 0.5) * a / 3) *
                                cos(M_PI * (j + 0.5) * b / 5);
                want *= sqrt((a ? 2.0 : 1.0) / 3) * sqrt((b ? 2.0 : 1.0) / 5);
                CHECK_NEAR(c[filter * 15 + a * 5 + b], want, 1e-5, 0);
            }
    wn__transform_free(t);
    wn__params_release(&p);
}

TEST(weights_without_taps_are_seen_along_their_channels)
{
    if (!in_this_build(WN__BASIS_DCT)) SKIP("no FFTW");
    wn__params p = one_weight(2, (const int64_t[]){4, 6}, 4);
    for (int i = 0; i < 24; i++)
        p.item[0].value[i] = 1; /* constant: one coefficient alone */
    const wn__basis_spec spec = spec_of(WN__BASIS_DCT, WN__OVER_TAPS);
    wn__transform *t;
    float c[24];
    CHECK_OK(wn__transform_new(&spec, &p.item[0], 0, 0, &t));
    wn__transform_analyse(t, p.item[0].value, c);
    CHECK_NEAR(c[0], sqrt(24), 1e-5, 0);
    for (int i = 1; i < 24; i++)
        CHECK_NEAR(c[i], 0, 1e-6, 0);
    wn__transform_free(t);
    wn__params_release(&p);
}

TEST(haar_wants_powers_of_two)
{
    wn__params p = one_weight(4, (const int64_t[]){6, 4, 3, 3}, 1);
    wn__basis_spec spec = spec_of(WN__BASIS_HAAR, WN__OVER_CHANNELS);
    wn__transform *t;
    CHECK_EQ_INT(wn__transform_new(&spec, &p.item[0], 0, 0, &t), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "layer.weight: basis haar does not fit: 6 outputs are no power of two");
    spec.over = WN__OVER_TAPS;
    CHECK_EQ_INT(wn__transform_new(&spec, &p.item[0], 0, 0, &t), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "3 rows of taps");
    wn__params_release(&p);
}

TEST(haar_of_a_constant_is_its_mean)
{
    wn__params p = one_weight(2, (const int64_t[]){1, 8}, 1);
    const float w[8] = {4, 4, 4, 4, 0, 0, 0, 0};
    memcpy(p.item[0].value, w, sizeof w);
    const wn__basis_spec spec = spec_of(WN__BASIS_HAAR, WN__OVER_CHANNELS);
    wn__transform *t;
    float c[8];
    CHECK_OK(wn__transform_new(&spec, &p.item[0], 0, 0, &t));
    wn__transform_analyse(t, w, c);
    CHECK_NEAR(c[0], 16 / sqrt(8), 1e-6, 0); /* mean */
    CHECK_NEAR(c[1], 16 / sqrt(8), 1e-6, 0); /* first half less second half */
    for (int i = 2; i < 8; i++)
        CHECK_NEAR(c[i], 0, 1e-6, 0);
    wn__transform_free(t);
    wn__params_release(&p);
}

TEST(another_seed_is_another_rotation)
{
    wn__params p = one_weight(2, (const int64_t[]){8, 8}, 1);
    wn__basis_spec spec = spec_of(WN__BASIS_RANDOM, 0);
    wn__transform *t[4];
    float c[4][64];
    CHECK_OK(wn__transform_new(&spec, &p.item[0], 0, 7, &t[0]));
    CHECK_OK(wn__transform_new(&spec, &p.item[0], 0, 7, &t[1]));
    CHECK_OK(wn__transform_new(&spec, &p.item[0], 0, 8, &t[2]));
    spec.seed = 1;
    CHECK_OK(wn__transform_new(&spec, &p.item[0], 0, 7, &t[3]));
    for (int i = 0; i < 4; i++) {
        wn__transform_analyse(t[i], p.item[0].value, c[i]);
        wn__transform_free(t[i]);
    }
    CHECK(memcmp(c[0], c[1], sizeof c[0]) == 0);
    CHECK(memcmp(c[0], c[2], sizeof c[0]) != 0);
    CHECK(memcmp(c[0], c[3], sizeof c[0]) != 0);
    wn__params_release(&p);
}

/* ---- under a map */

static wn__selection all_of(bool *selected, int count)
{
    for (int i = 0; i < count; i++)
        selected[i] = true;
    return (wn__selection){.selected = selected, .count = count};
}

static void enter(wn__params *p, const wn__basis_spec *spec, const int64_t *rank)
{
    bool selected[4];
    const wn__selection selection = all_of(selected, p->count);
    const wn__basis_use use = {.spec = spec, .selection = &selection, .rank = rank};
    CHECK_OK(wn__basis_enter(p, &use));
}

static void weight_of(const wn__param *p, float *weight) { CHECK_OK(p->map->materialise(p, p->value, weight)); }

/* d/dt of <g, W(c + t d)> at 0 is <grad, d>. */
static void check_gradient(wn__param *p)
{
    wn__rng rng = wn__rng_make(5, WN__FOR_TEST, 1, 0);
    float *g = calloc((size_t)p->count, sizeof *g), *grad = calloc((size_t)p->stored, sizeof *grad);
    float *moved = calloc((size_t)p->stored, sizeof *moved), *up = calloc((size_t)p->count, sizeof *up),
          *down = calloc((size_t)p->count, sizeof *down), *d = calloc((size_t)p->stored, sizeof *d);
    for (int64_t i = 0; i < p->count; i++)
        g[i] = (float)wn__rng_normal(&rng);
    for (int64_t i = 0; i < p->stored; i++)
        d[i] = !p->mask || p->mask[i] ? (float)wn__rng_normal(&rng) : 0;
    CHECK_OK(p->map->pull_back(p, g, grad));
    double want = 0, got = 0;
    const float step = 0x1p-8f;
    for (int sign = -1; sign <= 1; sign += 2) {
        for (int64_t i = 0; i < p->stored; i++)
            moved[i] = p->value[i] + (float)sign * step * d[i];
        CHECK_OK(p->map->materialise(p, moved, sign > 0 ? up : down));
    }
    for (int64_t i = 0; i < p->count; i++)
        want += (double)g[i] * ((double)up[i] - (double)down[i]) / (2 * (double)step);
    for (int64_t i = 0; i < p->stored; i++)
        got += (double)grad[i] * (double)d[i];
    CHECK_NEAR(got, want, 1e-3, 1e-3);
    free(g), free(grad), free(moved), free(up), free(down), free(d);
}

TEST(gradients_are_pulled_back_to_coefficients)
{
    for (int kind = WN__BASIS_DCT; kind <= WN__BASIS_LOW_RANK; kind++) {
        if (!in_this_build(kind)) continue;
        wn__params p = one_weight(4, (const int64_t[]){8, 4, 3, 3}, 6);
        const wn__basis_spec spec = spec_of(kind, WN__OVER_CHANNELS);
        const int64_t rank[1] = {3};
        enter(&p, &spec, rank);
        check_gradient(&p.item[0]);
        wn__params_release(&p);
    }
}

static double distance(const float *a, const float *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    return sqrt(sum);
}

/* Eckart and Young: what is lost are the other singular values, and no other matrix of the rank is nearer. */
TEST(svd_keeps_the_best_of_each_rank)
{
    if (!in_this_build(WN__BASIS_SVD)) SKIP("no LAPACK");
    wn__params dense = one_weight(4, (const int64_t[]){6, 2, 2, 2}, 9);
    wn__factors f;
    CHECK_OK(wn__factors_make(dense.item[0].value, 6, 8, &f));
    for (int64_t k = 1; k <= 6; k++) {
        wn__params p = one_weight(4, (const int64_t[]){6, 2, 2, 2}, 9);
        const wn__basis_spec spec = spec_of(WN__BASIS_SVD, 0);
        bool selected[1];
        const wn__selection selection = all_of(selected, 1);
        enter(&p, &spec, NULL);
        CHECK_EQ_INT(p.item[0].stored, 6);
        wn__scores scores;
        CHECK_OK(wn__scores_magnitude(&p, &selection, &scores));
        const wn__prune how = {.sparsity = 1 - (double)k / 6};
        CHECK_OK(wn__masks_prune(&p, &selection, (const float *const *)scores.score, &how));
        wn__scores_release(&scores);
        CHECK_EQ_INT(p.item[0].active, k);
        float weight[48];
        weight_of(&p.item[0], weight);
        double lost = 0;
        for (int64_t i = k; i < 6; i++)
            lost += (double)f.value[i] * (double)f.value[i];
        CHECK_NEAR(distance(weight, dense.item[0].value, 48), sqrt(lost), 1e-5, 1e-5);
        wn__rng rng = wn__rng_make(10, WN__FOR_TEST, (uint64_t)k, 0);
        for (int trial = 0; trial < 20; trial++) { /* other matrices of this rank nearby */
            float other[48] = {0};
            for (int64_t i = 0; i < k; i++) {
                float a[6], b[8];
                for (int r = 0; r < 6; r++)
                    a[r] = f.value[i] * f.left[i * 6 + r] + 0.1f * (float)wn__rng_normal(&rng);
                for (int c = 0; c < 8; c++)
                    b[c] = f.right[i * 8 + c] + 0.1f * (float)wn__rng_normal(&rng);
                for (int r = 0; r < 6; r++)
                    for (int c = 0; c < 8; c++)
                        other[r * 8 + c] += a[r] * b[c];
            }
            CHECK(distance(other, dense.item[0].value, 48) >= sqrt(lost) - 1e-5);
        }
        wn__params_release(&p);
    }
    wn__factors_release(&f);
    wn__params_release(&dense);
}

TEST(low_rank_starts_at_the_best_fit_and_counts_both_factors)
{
    if (!in_this_build(WN__BASIS_LOW_RANK)) SKIP("no LAPACK");
    wn__params p = one_weight(2, (const int64_t[]){10, 7}, 11), dense = one_weight(2, (const int64_t[]){10, 7}, 11);
    const wn__basis_spec spec = spec_of(WN__BASIS_LOW_RANK, 0);
    const int64_t rank[1] = {3};
    wn__factors f;
    float weight[70];
    enter(&p, &spec, rank);
    CHECK_EQ_INT(p.item[0].stored, 3 * 17);
    weight_of(&p.item[0], weight);
    CHECK_OK(wn__factors_make(dense.item[0].value, 10, 7, &f));
    double lost = 0;
    for (int i = 3; i < 7; i++)
        lost += (double)f.value[i] * (double)f.value[i];
    CHECK_NEAR(distance(weight, dense.item[0].value, 70), sqrt(lost), 1e-5, 1e-5);
    wn__factors_release(&f);
    wn__params_release(&p);
    wn__params_release(&dense);
}

TEST(ranks_fit_the_budget_and_no_factored_layer_is_larger_than_it_was)
{
    if (!in_this_build(WN__BASIS_LOW_RANK)) SKIP("no LAPACK");
    wn__params p = one_weight(2, (const int64_t[]){40, 60}, 12);
    CHECK_OK(wn__params_add(&p, "small.weight", WN__WEIGHT, 2, (const int64_t[]){4, 5}));
    for (int i = 0; i < 20; i++)
        p.item[1].value[i] = (float)(i % 7) - 3;
    bool selected[2];
    const wn__selection selection = all_of(selected, 2);
    for (int scope = WN__SCOPE_GLOBAL; scope <= WN__SCOPE_LAYER; scope++)
        for (int tenth = 1; tenth < 10; tenth++) {
            int64_t rank[2], spent = 0;
            const wn__prune how = {.scope = scope, .sparsity = 1 - tenth / 10.0};
            CHECK_OK(wn__ranks_choose(&p, &selection, &how, rank));
            CHECK(rank[0] >= 1 && rank[0] * 100 < 2400);
            spent = (rank[0] ? rank[0] * 100 : 2400) + (rank[1] ? rank[1] * 9 : 20);
            CHECK(spent <= 242 * tenth + (scope == WN__SCOPE_LAYER ? 9 : 0));
        }
    wn__params_release(&p);
}

/* The canonical basis through all the machinery is pruning as it always was. */
TEST(canonical_coefficients_are_pruned_like_weights_bit_for_bit)
{
    wn__params p = one_weight(4, (const int64_t[]){8, 4, 3, 3}, 13);
    wn__transform *t;
    const wn__basis_spec spec = spec_of(WN__BASIS_CANONICAL, 0);
    float c[288];
    CHECK_OK(wn__transform_new(&spec, &p.item[0], 0, 0, &t));
    wn__transform_analyse(t, p.item[0].value, c);
    CHECK(memcmp(c, p.item[0].value, sizeof c) == 0);
    enter(&p, &spec, NULL);
    CHECK(!p.item[0].map); /* weights as they are */
    wn__transform_free(t);
    wn__params_release(&p);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(square_bases_are_orthonormal_and_round_trips_exact_to_rounding),
                                    RUN(large_layers_come_back_too),
                                    RUN(cosines_are_those_of_the_formula),
                                    RUN(weights_without_taps_are_seen_along_their_channels),
                                    RUN(haar_wants_powers_of_two),
                                    RUN(haar_of_a_constant_is_its_mean),
                                    RUN(another_seed_is_another_rotation),
                                    RUN(gradients_are_pulled_back_to_coefficients),
                                    RUN(svd_keeps_the_best_of_each_rank),
                                    RUN(low_rank_starts_at_the_best_fit_and_counts_both_factors),
                                    RUN(ranks_fit_the_budget_and_no_factored_layer_is_larger_than_it_was),
                                    RUN(canonical_coefficients_are_pruned_like_weights_bit_for_bit),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
