/* Metrics against closed forms and scikit-learn 1.2; sets of them. */
#include <math.h>

#include "base/rng.h"
#include "nn/metric.h"
#include "test.h"

static const wn__metric *named(const char *name)
{
    const wn__metric *m = NULL;
    CHECK_OK(wn__metric_find(name, &m));
    return m;
}

static wn__metric_row row_of(const float *outputs, int64_t k, const int32_t *class)
{
    return (wn__metric_row){.k = k, .outputs = outputs, .target = {.kind = WN_TARGET_CLASS, .width = 1, .classes = class}, .loss = 0.25};
}

TEST(accuracies_count_the_first_of_equal_outputs)
{
    static const float z[7] = {2, 5, 5, 4, 3, 1, 3};
    static const int32_t first = 1, second = 2, fifth = 4, sixth = 6;
    wn__metric_row row = row_of(z, 7, &first);
    CHECK(named("accuracy")->row(&row) == 1 && named("top-5")->row(&row) == 1);
    row = row_of(z, 7, &second);
    CHECK(named("accuracy")->row(&row) == 0 && named("top-5")->row(&row) == 1);
    row = row_of(z, 7, &fifth); /* behind 5, 5, 4 */
    CHECK(named("top-5")->row(&row) == 1);
    row = row_of(z, 7, &sixth); /* behind 5, 5, 4 and the equal one: the fifth */
    CHECK(named("top-5")->row(&row) == 1);
    row = row_of(z, 7, &(int32_t){0}); /* the sixth */
    CHECK(named("top-5")->row(&row) == 0);
    row = row_of(z, 3, &(int32_t){0}); /* of three outputs all are among five */
    CHECK(named("top-5")->row(&row) == 1);
}

TEST(soft_error_is_what_the_softmax_leaves)
{
    static const float z[3] = {0.25f, 3.0f, -1.5f};
    const wn__metric_row row = row_of(z, 3, &(int32_t){1});
    CHECK_NEAR(named("soft-error")->row(&row), 1 - exp(3.0) / (exp(0.25) + exp(3.0) + exp(-1.5)), 1e-12, 0);
    CHECK(named("loss")->row(&row) == 0.25);
}

TEST(squared_errors_are_averaged_over_values)
{
    static const float z[3] = {1, -2, 0.5f}, y[3] = {0.5f, -2.25f, 2};
    const wn__metric_row row = {.k = 3, .outputs = z, .target = {.kind = WN_TARGET_VALUES, .width = 3, .values = y}};
    CHECK_NEAR(named("mse")->row(&row), (0.25 + 0.0625 + 2.25) / 3, 1e-12, 0);
}

/* ---- average precision */

static const float scores[18] = {0.9f, 0.1f, 0.5f, 0.8f, 0.4f, 0.5f, 0.8f, 0.3f, -1, 0.2f, 0.3f, 0.5f, 0.1f, 0.9f, 2, -0.5f, 0.3f, 0.5f};

static double precision_of(const float *has)
{
    float scratch[12];
    const wn__metric_rows rows = {.n = 6, .k = 3, .outputs = scores, .targets = {.kind = WN_TARGET_CLASSES, .width = 3, .values = has}};
    return named("mean-average-precision")->whole(&rows, scratch);
}

TEST(average_precision_equals_scikit_learn_with_equal_outputs_too)
{
    static const float has[18] = {1, 0, 0, 0, 1, 1, 1, 0, 0, 1, 0, 0, 0, 1, 1, 0, 1, 0};
    CHECK_NEAR(precision_of(has), 0.7907407407407407, 1e-15, 0);
}

TEST(classes_that_no_sample_has_are_left_out)
{
    static const float without[18] = {1, 0, 0, 0, 1, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1, 0}, none[18] = {0};
    CHECK_NEAR(precision_of(without), 0.8361111111111111, 1e-15, 0);
    CHECK(isnan(precision_of(none)));
}

/* By its definition: over all thresholds that are outputs. */
static double slow_precision(int64_t n, const float *z, const float *has)
{
    double sum = 0, before = 0, all = 0;
    for (int64_t i = 0; i < n; i++)
        all += has[i] > 0;
    for (float threshold = 9; threshold >= 0; threshold--) {
        double found = 0, taken = 0;
        for (int64_t i = 0; i < n; i++) {
            taken += z[i] >= threshold;
            found += z[i] >= threshold && has[i] > 0;
        }
        if (taken > 0) sum += (found / all - before) * found / taken;
        before = found / all;
    }
    return sum;
}

TEST(average_precision_equals_its_definition)
{
    enum { N = 200 };
    float z[N], has[N], scratch[2 * N];
    for (uint64_t draw = 0; draw < 20; draw++) {
        wn__rng rng = wn__rng_make(1, WN__FOR_TEST, draw, 0);
        for (int i = 0; i < N; i++) {
            z[i] = (float)wn__rng_below(&rng, 10); /* many equal ones */
            has[i] = i == 0 || wn__rng_below(&rng, 5) == 0;
        }
        const wn__metric_rows rows = {.n = N, .k = 1, .outputs = z, .targets = {.kind = WN_TARGET_CLASSES, .width = 1, .values = has}};
        CHECK_NEAR(named("mean-average-precision")->whole(&rows, scratch), slow_precision(N, z, has), 1e-13, 0);
    }
}

/* ---- the registry */

TEST(every_kind_of_target_has_a_headline_and_the_loss)
{
    for (int kind = WN_TARGET_CLASS; kind <= WN_TARGET_POSITIONS; kind++) {
        const wn__metric_set set = wn__metric_set_usual((wn_target_kind)kind);
        CHECK(set.count >= 1 && set.metric[set.loss]->is_loss);
        CHECK(wn__metric_headline(&set) == wn__metric_usual((wn_target_kind)kind));
        for (int m = 0; m < set.count; m++)
            CHECK(!set.metric[m]->on_request && (set.metric[m]->targets & 1u << kind));
    }
}

TEST(metrics_have_either_a_value_of_each_sample_or_one_of_all)
{
    for (int m = 0; wn__metrics[m]; m++) {
        const wn__metric *metric = wn__metrics[m];
        CHECK(metric->name && metric->key && metric->title && metric->summary && (metric->row != NULL) != (metric->whole != NULL));
        CHECK((metric->usual & ~metric->targets) == 0);
    }
}

TEST(what_is_asked_for_is_told_and_its_first_is_the_headline)
{
    const wn__metric *asked[] = {named("top-5"), named("loss")};
    wn__metric_set set;
    CHECK_OK(wn__metric_set_make(WN_TARGET_CLASS, asked, 2, &set));
    CHECK_EQ_INT(set.count, 4);
    CHECK_EQ_TEXT(wn__metric_headline(&set)->name, "top-5");
    CHECK_EQ_TEXT(set.metric[3]->key, "top5");
    CHECK_STATUS(wn__metric_set_make(WN_TARGET_VALUES, asked, 2, &set), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "metric 'top-5' does not judge targets of this kind; valid: loss, mse");
}

TEST(better_is_by_direction_and_anything_is_better_than_nothing)
{
    CHECK(wn__metric_is_better(named("accuracy"), 0.9, 0.8) && !wn__metric_is_better(named("accuracy"), 0.8, 0.8));
    CHECK(wn__metric_is_better(named("mse"), 0.1, 0.2) && !wn__metric_is_better(named("mse"), 0.2, 0.1));
    CHECK(wn__metric_is_better(named("mse"), 0.1, NAN) && !wn__metric_is_better(named("mse"), NAN, 0.1));
}

TEST(threads_and_micro_batches_give_the_same_bytes)
{
    enum { N = 53, K = 7 };
    float z[N * K];
    int32_t y[N];
    double loss[N], whole[4 * N], threaded[4 * N], parts[4 * N];
    wn__rng rng = wn__rng_make(1, WN__FOR_TEST, 99, 0);
    for (int i = 0; i < N * K; i++)
        z[i] = (float)wn__rng_normal(&rng);
    for (int i = 0; i < N; i++) {
        y[i] = i % K;
        loss[i] = i;
    }
    const wn__metric *top = named("top-5");
    wn__metric_set set;
    CHECK_OK(wn__metric_set_make(WN_TARGET_CLASS, &top, 1, &set));
    wn__metric_rows rows = {.n = N, .k = K, .outputs = z, .targets = {.kind = WN_TARGET_CLASS, .width = 1, .classes = y}, .loss = loss};
    wn__pool *pool;
    CHECK_OK(wn__pool_new(3, &pool));
    wn__metric_rows_compute(&set, &rows, NULL, N, whole);
    wn__metric_rows_compute(&set, &rows, pool, N, threaded);
    wn__pool_free(pool);
    for (int first = 0; first < N; first += 10) {
        const wn__metric_rows some = {.n = first + 10 < N ? 10 : N - first,
                                      .k = K,
                                      .outputs = z + first * K,
                                      .targets = {.kind = WN_TARGET_CLASS, .width = 1, .classes = y + first},
                                      .loss = loss + first};
        wn__metric_rows_compute(&set, &some, NULL, N, parts + first);
    }
    CHECK(memcmp(whole, threaded, sizeof whole) == 0 && memcmp(whole, parts, sizeof whole) == 0);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(accuracies_count_the_first_of_equal_outputs),
                                    RUN(soft_error_is_what_the_softmax_leaves),
                                    RUN(squared_errors_are_averaged_over_values),
                                    RUN(average_precision_equals_scikit_learn_with_equal_outputs_too),
                                    RUN(classes_that_no_sample_has_are_left_out),
                                    RUN(average_precision_equals_its_definition),
                                    RUN(every_kind_of_target_has_a_headline_and_the_loss),
                                    RUN(metrics_have_either_a_value_of_each_sample_or_one_of_all),
                                    RUN(what_is_asked_for_is_told_and_its_first_is_the_headline),
                                    RUN(better_is_by_direction_and_anything_is_better_than_nothing),
                                    RUN(threads_and_micro_batches_give_the_same_bytes),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
