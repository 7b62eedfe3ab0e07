#include <limits.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "test.h"
#include "winnow/graph.h"

enum { BUILDERS = 11, MOST_CALLS = 6, GRAPHS = 20000 };

static const int odd_numbers[] = {-1, 0, 1, 2, 3, 7, 16, 1000, 65536, INT_MAX / 2, INT_MAX, INT_MIN};
static const double odd_rates[] = {0, 0.5, 6, -1, 1, 1e300, INFINITY, NAN};

static int64_t draw(wn__rng *rng, int64_t n) { return (int64_t)wn__rng_below(rng, (uint64_t)n); }
static int odd(wn__rng *rng) { return odd_numbers[draw(rng, sizeof odd_numbers / sizeof *odd_numbers)]; }
static double odd_rate(wn__rng *rng) { return odd_rates[draw(rng, sizeof odd_rates / sizeof *odd_rates)]; }

/* A builder with arguments that are mostly nonsense; some of them fit, so that graphs grow. */
static int build(wn_graph *g, int builder, wn__rng *rng, int last)
{
    static const char *const names[] = {NULL, "", "a", "b", "c", "d"};
    char fresh[16];
    snprintf(fresh, sizeof fresh, "n%lld", (long long)draw(rng, 1000000));
    const char *name = draw(rng, 4) ? fresh : names[draw(rng, 6)];
    const int x = draw(rng, 4) ? last : odd(rng);
    switch (builder) {
    case 0: return wn_graph_input(g);
    case 1:
        return wn_graph_conv(g, x, name,
                             (wn_conv){.out = odd(rng),
                                       .kernel = odd(rng),
                                       .kernel_h = draw(rng, 2) ? odd(rng) : 0,
                                       .stride = odd(rng),
                                       .pad = odd(rng),
                                       .groups = draw(rng, 2) ? odd(rng) : 1,
                                       .bias = draw(rng, 2)});
    case 2: return wn_graph_linear(g, x, name, odd(rng), draw(rng, 2));
    case 3: return wn_graph_batch_norm(g, x, name);
    case 4: return wn_graph_relu(g, x);
    case 5: return wn_graph_clipped_relu(g, x, odd_rate(rng));
    case 6: return wn_graph_add(g, x, draw(rng, 2) ? x : odd(rng));
    case 7: return wn_graph_max_pool(g, x, odd(rng), odd(rng), odd(rng));
    case 8: return wn_graph_avg_pool(g, x, odd(rng), odd(rng), odd(rng));
    case 9: return draw(rng, 4) ? wn_graph_dropout(g, x, odd_rate(rng)) : wn_graph_global_pool(g, x);
    default: return wn_graph_share(g, x, odd(rng));
    }
}

/* One refused call ends a graph, so each begins with some that fit. */
static wn_graph *start_graph(wn__rng *rng, int *last)
{
    wn_graph *g = draw(rng, 2) ? wn_graph_new("g", 3, 8, 8) : wn_graph_new(draw(rng, 2) ? "g" : NULL, odd(rng), odd(rng), odd(rng));
    *last = wn_graph_input(g);
    for (int64_t i = draw(rng, 4); i > 0; i--)
        *last = wn_graph_conv(g, *last, NULL, (wn_conv){.out = 4, .kernel = 3, .pad = 1});
    return g;
}

TEST(no_argument_of_a_builder_does_harm)
{
    int finished = 0;
    for (int i = 0; i < GRAPHS; i++) {
        wn__rng rng = wn__rng_make(1, WN__FOR_INIT, (uint64_t)i, 0);
        int last;
        wn_graph *g = start_graph(&rng, &last);
        for (int64_t k = draw(&rng, MOST_CALLS); k > 0; k--) {
            const int node = build(g, (int)draw(&rng, BUILDERS), &rng, last);
            if (node >= 0) last = node;
        }
        finished += wn_graph_finish(g, wn_graph_linear(g, last, NULL, 10, true)) == WN_OK;
        CHECK(wn_graph_parameter_count(g) >= 0 && wn_graph_forward_flops(g) >= 0);
        wn_graph_free(g);
    }
    printf("  %d of %d graphs can be finished\n", finished, GRAPHS);
    CHECK(finished > 0 && finished < GRAPHS);
    CHECK_EQ_INT(wn__alloc_statistics().bytes, 0);
}

TEST(builders_take_no_graph)
{
    for (int builder = 0; builder < BUILDERS; builder++)
        for (int i = 0; i < 100; i++) {
            wn__rng rng = wn__rng_make(2, WN__FOR_INIT, (uint64_t)i, (uint64_t)builder);
            CHECK_EQ_INT(build(NULL, builder, &rng, 0), -1);
        }
    CHECK_STATUS(wn_graph_finish(NULL, 0), WN_ENOMEM);
    CHECK_EQ_TEXT(wn_graph_name(NULL), "");
    CHECK_EQ_INT(wn_graph_parameter_count(NULL), 0);
    CHECK_EQ_INT(wn_graph_forward_flops(NULL), 0);
    wn_graph_free(NULL);
}

TEST(a_name_may_be_left_out)
{
    wn_graph *g = wn_graph_new(NULL, 3, 8, 8);
    int x = wn_graph_conv(g, wn_graph_input(g), NULL, (wn_conv){.out = 4, .kernel = 3});
    x = wn_graph_linear(g, wn_graph_batch_norm(g, x, NULL), NULL, 10, true);
    CHECK_OK(wn_graph_finish(g, x));
    CHECK_EQ_TEXT(wn_graph_name(g), "network");
    wn_graph_free(g);
}

TEST(sizes_beyond_any_machine_are_refused)
{
    wn_graph *g = wn_graph_new("wide", 1 << 20, 1 << 20, 1 << 20);
    CHECK_STATUS(wn_graph_finish(g, wn_graph_input(g)), WN_EINVAL);
    CHECK_HAS_TEXT(wn_error_message(), "more than 2^40 values");
    wn_graph_free(g);
    g = wn_graph_new("heavy", 1 << 30, 1, 1);
    CHECK_STATUS(wn_graph_finish(g, wn_graph_linear(g, wn_graph_input(g), "fc", 1 << 30, false)), WN_EINVAL);
    CHECK_HAS_TEXT(wn_error_message(), "fc: a weight of ");
    wn_graph_free(g);
    g = wn_graph_new("long", 1, 1 << 20, 1 << 20);
    int x = wn_graph_input(g);
    for (int i = 0; i < 100; i++) /* 2^57 multiply-adds each */
        x = wn_graph_conv(g, x, NULL, (wn_conv){.out = 1, .kernel = 363, .pad = 181});
    CHECK_EQ_INT(x, -1);
    CHECK_STATUS(wn_graph_finish(g, x), WN_EINVAL);
    CHECK_HAS_TEXT(wn_error_message(), "2^60 multiply-adds");
    wn_graph_free(g);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(no_argument_of_a_builder_does_harm),
                                    RUN(builders_take_no_graph),
                                    RUN(a_name_may_be_left_out),
                                    RUN(sizes_beyond_any_machine_are_refused),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
