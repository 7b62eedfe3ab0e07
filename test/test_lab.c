/* Analyses of networks: vectors, barriers. */
#include <math.h>
#include <string.h>

#include "lab/barrier.h"
#include "lab/compare.h"
#include "lab/eigen.h"
#include "lab/space.h"
#include "tensor/compression.h"
#include "test.h"

/* A weight (3, 4), a bias (3), a running mean (2). */
static wn__params make_params(float first)
{
    wn__params p = {0};
    CHECK_OK(wn__params_add(&p, "fc.weight", WN__WEIGHT, 2, (const int64_t[]){3, 4}));
    CHECK_OK(wn__params_add(&p, "fc.bias", WN__BIAS, 1, (const int64_t[]){3}));
    CHECK_OK(wn__params_add(&p, "bn.running_mean", WN__MEAN, 1, (const int64_t[]){2}));
    float value = first;
    for (int i = 0; i < p.count; i++)
        for (int64_t k = 0; k < p.item[i].stored; k++, value += 1)
            p.item[i].value[k] = value;
    return p;
}

static const uint8_t left[12] = {1, 0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0}, right[12] = {0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 1};

TEST(union_space_has_entries_active_in_either_network)
{
    wn__params a = make_params(1), b = make_params(101);
    CHECK_OK(wn__param_set_mask(&a.item[0], left));
    CHECK_OK(wn__param_set_mask(&b.item[0], right));
    const wn__params *both[] = {&a, &b};
    wn__space s;
    float v[16];
    CHECK_OK(wn__space_make(both, 2, WN__SPACE_ACTIVE, &s));
    CHECK_EQ_INT(s.size, 6 + 3);
    wn__space_values(&s, &b, v);
    const float want[] = {0, 104, 106, 0, 110, 112, 113, 114, 115};
    for (int i = 0; i < 9; i++)
        CHECK_NEAR(v[i], want[i], 0, 0);
    wn__space_release(&s);
    CHECK_OK(wn__space_make(both, 2, WN__SPACE_ALL, &s));
    CHECK_EQ_INT(s.size, 15);
    wn__space_release(&s);
    CHECK_OK(wn__space_make(both, 2, WN__SPACE_STATISTICS, &s));
    CHECK_EQ_INT(s.size, 2);
    wn__space_release(&s);
    wn__params_release(&a);
    wn__params_release(&b);
}

TEST(one_dense_network_makes_the_union_dense)
{
    wn__params a = make_params(1), b = make_params(101);
    CHECK_OK(wn__param_set_mask(&a.item[0], left));
    const wn__params *both[] = {&a, &b};
    wn__space s;
    CHECK_OK(wn__space_make(both, 2, WN__SPACE_ACTIVE, &s));
    CHECK_EQ_INT(s.size, 15);
    wn__space_release(&s);
    wn__params_release(&a);
    wn__params_release(&b);
}

TEST(compressed_and_masked_networks_are_the_same_vectors)
{
    wn__params masked = make_params(1), compressed = make_params(1), other = make_params(1);
    CHECK_OK(wn__param_set_mask(&masked.item[0], left));
    CHECK_OK(wn__param_set_mask(&compressed.item[0], left));
    CHECK_OK(wn__params_compress_masked(&compressed));
    CHECK_OK(wn__param_set_mask(&other.item[0], right));
    const wn__params *both[] = {&masked, &other};
    wn__space s;
    float a[16], b[16], c[16];
    CHECK_OK(wn__space_make(both, 2, WN__SPACE_ACTIVE, &s));
    wn__space_values(&s, &masked, a);
    wn__space_values(&s, &compressed, b);
    CHECK(memcmp(a, b, (size_t)s.size * sizeof(float)) == 0);
    for (int i = 0; i < s.size; i++)
        c[i] = (float)(50 + i);
    wn__space_set(&s, c, &masked);
    wn__space_set(&s, c, &compressed);
    wn__space_values(&s, &masked, a);
    wn__space_values(&s, &compressed, b);
    CHECK(memcmp(a, b, (size_t)s.size * sizeof(float)) == 0);
    CHECK_NEAR(a[0], 50, 0, 0); /* stored by both networks' masks and by `left` */
    CHECK_NEAR(a[2], 0, 0, 0);  /* only `right` has it: dropped */
    wn__param_arrays arrays;
    CHECK_OK(wn__param_arrays_make(&compressed, &arrays));
    wn__space_to_arrays(&s, a, &compressed, &arrays);
    wn__space_from_arrays(&s, &arrays, &compressed, b);
    CHECK(memcmp(a, b, (size_t)s.size * sizeof(float)) == 0);
    CHECK(arrays.item[2] == NULL);
    wn__param_arrays_release(&arrays);
    wn__space_release(&s);
    wn__params_release(&masked);
    wn__params_release(&compressed);
    wn__params_release(&other);
}

TEST(space_becomes_masks)
{
    wn__params a = make_params(1), b = make_params(101), c = make_params(7);
    CHECK_OK(wn__param_set_mask(&a.item[0], left));
    CHECK_OK(wn__param_set_mask(&b.item[0], right));
    const wn__params *both[] = {&a, &b};
    wn__space s;
    CHECK_OK(wn__space_make(both, 2, WN__SPACE_ACTIVE, &s));
    CHECK_OK(wn__space_mask(&s, &c));
    CHECK_EQ_INT(c.item[0].active, 6);
    for (int i = 0; i < 12; i++)
        CHECK_EQ_INT(c.item[0].mask[i], left[i] || right[i]);
    CHECK(c.item[1].mask == NULL);
    wn__space_release(&s);
    wn__params_release(&a);
    wn__params_release(&b);
    wn__params_release(&c);
}

TEST(vectors_have_distances_and_angles)
{
    const float a[] = {3, 0, 4}, b[] = {0, 5, 0}, zero[] = {0, 0, 0};
    CHECK_NEAR(wn__vector_distance(a, b, 3), sqrt(50), 1e-12, 0);
    CHECK_NEAR(wn__vector_cosine(a, b, 3), 0, 0, 0);
    CHECK_NEAR(wn__vector_cosine(a, a, 3), 1, 1e-15, 0);
    CHECK(isnan(wn__vector_cosine(a, zero, 3)));
}

TEST(positions_hold_both_ends_exactly)
{
    double at[29];
    wn__even_positions(-0.2, 1.2, 29, at);
    CHECK(at[4] == 0 && !signbit(at[4]) && at[24] == 1);
    CHECK_NEAR(at[0], -0.2, 0, 0);
    CHECK_NEAR(at[14], 0.5, 1e-12, 0);
}

TEST(barriers_are_measured_between_the_ends)
{
    const double at[] = {-0.5, 0, 0.25, 0.5, 1, 1.5}, hill[] = {9, 1, 3, 2, 2, 9}, slope[] = {0, 1, 1.25, 1.5, 2, 3};
    wn__barrier b = wn__barrier_measure(at, hill, 6);
    CHECK_NEAR(b.barrier, 1.5, 1e-12, 0);
    CHECK_NEAR(b.at, 0.25, 0, 0);
    CHECK_NEAR(b.excess, 1.75, 1e-12, 0);
    b = wn__barrier_measure(at, slope, 6);
    CHECK_NEAR(b.barrier, 0.5, 1e-12, 0);
    CHECK_NEAR(b.excess, 0, 1e-12, 0);
    const double broken[] = {0, 1, NAN, 1, 1, 0}, open[] = {0, NAN, 1, 1, 1, 0};
    CHECK(isinf(wn__barrier_measure(at, broken, 6).barrier));
    CHECK(isnan(wn__barrier_measure(at, open, 6).barrier));
}

TEST(masks_overlap_as_counted_and_by_chance)
{
    wn__params a = make_params(1), b = make_params(1);
    wn__overlap o;
    CHECK_OK(wn__param_set_mask(&a.item[0], left));
    CHECK_OK(wn__param_set_mask(&b.item[0], right));
    CHECK_OK(wn__params_compress_masked(&b));
    CHECK_OK(wn__overlap_measure(&a.item[0], &b.item[0], &o));
    CHECK_EQ_INT(o.count, 12);
    CHECK_EQ_INT(o.first, 4);
    CHECK_EQ_INT(o.second, 4);
    CHECK_EQ_INT(o.both, 2);
    CHECK_NEAR(wn__overlap_jaccard(o.first, o.second, (double)o.both), 2.0 / 6, 1e-12, 0);
    CHECK_NEAR(wn__overlap_chance(&o), 16.0 / 12, 1e-12, 0);
    CHECK_NEAR(wn__overlap_jaccard(0, 0, 0), 1, 0, 0);
    wn__params_release(&a);
    wn__params_release(&b);
}

TEST(networks_disagree_and_vote)
{
    float first[] = {0.9f, 0.1f, 0.6f, 0.4f, 0.2f, 0.8f}, second[] = {0.8f, 0.2f, 0.1f, 0.9f, 0.4f, 0.6f};
    int32_t label[] = {0, 1, 0}, p1[] = {0, 0, 1}, p2[] = {0, 1, 1};
    const wn__predictions networks[] = {{3, 2, first, label, p1, 0, 0}, {3, 2, second, label, p2, 0, 0}};
    double accuracy, loss;
    CHECK_NEAR(wn__disagreement(&networks[0], &networks[1]), 1.0 / 3, 1e-12, 0);
    CHECK_OK(wn__ensemble(networks, 2, &accuracy, &loss));
    CHECK_NEAR(accuracy, 2.0 / 3, 1e-12, 0); /* means 0.85, 0.35 and 0.3 for class 0 */
    CHECK_NEAR(loss, -(log(0.85) + log(0.65) + log(0.3)) / 3, 1e-6, 0);
}

TEST(map_of_points_in_a_plane_keeps_their_distances)
{
    if (!wn__eigen_available()) SKIP("no LAPACK in this build");
    const double x[][2] = {{0, 0}, {3, 0}, {3, 4}, {-1, 2}, {5, -2}};
    double distance[25], position[10], held;
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < 5; j++)
            distance[i * 5 + j] = hypot(x[i][0] - x[j][0], x[i][1] - x[j][1]);
    CHECK_OK(wn__mds(distance, 5, position, &held));
    CHECK_NEAR(held, 1, 1e-12, 0);
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < 5; j++)
            CHECK_NEAR(hypot(position[2 * i] - position[2 * j], position[2 * i + 1] - position[2 * j + 1]), distance[i * 5 + j], 1e-9, 0);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(union_space_has_entries_active_in_either_network),
                                    RUN(one_dense_network_makes_the_union_dense),
                                    RUN(compressed_and_masked_networks_are_the_same_vectors),
                                    RUN(space_becomes_masks),
                                    RUN(vectors_have_distances_and_angles),
                                    RUN(positions_hold_both_ends_exactly),
                                    RUN(barriers_are_measured_between_the_ends),
                                    RUN(masks_overlap_as_counted_and_by_chance),
                                    RUN(networks_disagree_and_vote),
                                    RUN(map_of_points_in_a_plane_keeps_their_distances),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
