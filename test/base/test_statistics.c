#include "base/statistics.h"
#include "test.h"

/* Upper 2.5 % points of Student's t as printed in the NIST/SEMATECH handbook, table 1.3.6.7.2 (three decimals). */
TEST(quantile_agrees_with_the_published_table)
{
    static const struct {
        int freedom;
        double upper_025, upper_05, upper_001;
    } rows[] = {{1, 12.706, 6.314, 318.309}, {2, 4.303, 2.920, 22.327}, {3, 3.182, 2.353, 10.215}, {4, 2.776, 2.132, 7.173},
                {5, 2.571, 2.015, 5.893},    {9, 2.262, 1.833, 4.297},  {10, 2.228, 1.812, 4.144}, {19, 2.093, 1.729, 3.579},
                {30, 2.042, 1.697, 3.385},   {60, 2.000, 1.671, 3.232}, {100, 1.984, 1.660, 3.174}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CHECK_NEAR(wn__student_quantile(0.975, rows[i].freedom), rows[i].upper_025, 0.0006, 0);
        CHECK_NEAR(wn__student_quantile(0.95, rows[i].freedom), rows[i].upper_05, 0.0006, 0);
        CHECK_NEAR(wn__student_quantile(0.999, rows[i].freedom), rows[i].upper_001, 0.0011, 0);
    }
}

/* Closed forms: Cauchy for one degree of freedom; p = 1/2 + t / (2 sqrt(2 + t^2)) for two. */
TEST(quantile_has_the_stated_accuracy)
{
    for (int i = 1; i <= 999; i++) {
        const double p = i / 1000.0, q = 2 * p - 1;
        if (i == 500) continue;
        CHECK_NEAR(wn__student_quantile(p, 1), tan(M_PI * (p - 0.5)), 0, 1e-9);
        CHECK_NEAR(wn__student_quantile(p, 2), q * sqrt(2 / (1 - q * q)), 0, 1e-9);
    }
    CHECK_NEAR(wn__student_quantile(0.5, 3), 0, 0, 0);
    CHECK_NEAR(wn__student_cdf(wn__student_quantile(0.975, 1000), 1000), 0.975, 1e-12, 0);
}

TEST(incomplete_beta_has_its_identities)
{
    for (double x = 0; x <= 1; x += 0.0625) {
        CHECK_NEAR(wn__incomplete_beta(x, 1, 1), x, 1e-13, 0);
        CHECK_NEAR(wn__incomplete_beta(x, 3, 1), x * x * x, 1e-13, 0);
        CHECK_NEAR(wn__incomplete_beta(x, 2.5, 7) + wn__incomplete_beta(1 - x, 7, 2.5), 1, 1e-13, 0);
        CHECK_NEAR(wn__incomplete_beta(x, 0.5, 0.5), 2 / M_PI * asin(sqrt(x)), 1e-12, 0);
    }
    CHECK_NEAR(wn__incomplete_beta(0.5, 800, 800), 0.5, 1e-12, 0);
}

TEST(summary_of_known_values)
{
    const double values[] = {90.0, 91.0, 92.0, 93.0, 94.0};
    const wn__summary s = wn__summarise(values, 5);
    CHECK_EQ_INT(s.n, 5);
    CHECK_NEAR(s.mean, 92, 1e-12, 0);
    CHECK_NEAR(s.sd, sqrt(2.5), 1e-12, 0);
    CHECK_NEAR(s.half_width, 2.776445105 * sqrt(2.5) / sqrt(5), 1e-6, 0);
}

TEST(one_value_has_no_spread_and_none_no_mean)
{
    const double values[] = {90.0, NAN};
    const wn__summary one = wn__summarise(values, 2), none = wn__summarise(values, 0);
    CHECK_EQ_INT(one.n, 1);
    CHECK_NEAR(one.mean, 90, 0, 0);
    CHECK(isnan(one.sd) && isnan(one.half_width) && !wn__has_spread(one));
    CHECK(isnan(none.mean));
}

TEST(differences_are_paired_by_seed)
{
    const int64_t seeds_a[] = {0, 1, 2, 7}, seeds_b[] = {2, 0, 1, 9};
    const double a[] = {10, 20, 30, 99}, b[] = {29, 9, 19, -50};
    const wn__summary d = wn__paired_difference((wn__by_seed){seeds_a, a, 4}, (wn__by_seed){seeds_b, b, 4});
    CHECK_EQ_INT(d.n, 3);
    CHECK_NEAR(d.mean, 1, 1e-12, 0);
    CHECK_NEAR(d.sd, 0, 1e-12, 0);
}

/* Of a mean it is the values themselves; of a mean over pairs the average stays, too. */
TEST(jackknife_of_a_mean_is_its_values)
{
    const double x[] = {3, 5, 10}, sum = 18, pairs[] = {2, 7, 5}; /* |x - y| of 01, 02, 12 */
    double without[3], values[3];
    for (int i = 0; i < 3; i++)
        without[i] = (sum - x[i]) / 2;
    wn__jackknife(sum / 3, without, 3, values);
    for (int i = 0; i < 3; i++)
        CHECK_NEAR(values[i], x[i], 1e-12, 0);
    for (int i = 0; i < 3; i++)
        without[i] = pairs[2 - i];
    wn__jackknife(14.0 / 3, without, 3, values);
    CHECK_NEAR(wn__summarise(values, 3).mean, 14.0 / 3, 1e-12, 0);
    CHECK_NEAR(values[0], 14.0 / 3 + 2 * (14.0 / 3 - 5), 1e-12, 0);
}

static wn__summary interval(int n, double mean, double half_width) { return (wn__summary){n, mean, half_width / 2, half_width}; }

TEST(equivalence_needs_five_seeds_and_an_interval_inside_the_margin)
{
    CHECK_EQ_INT(wn__judge(WN__CLAIM_EQUIVALENT, interval(5, 0.1, 0.15), 0.3), WN__SUPPORTED);
    CHECK_EQ_INT(wn__judge(WN__CLAIM_EQUIVALENT, interval(4, 0.1, 0.15), 0.3), WN__UNDECIDED);
    CHECK_EQ_INT(wn__judge(WN__CLAIM_EQUIVALENT, interval(5, 0.1, 0.25), 0.3), WN__UNDECIDED);
    CHECK_EQ_INT(wn__judge(WN__CLAIM_EQUIVALENT, interval(3, -1, 0.25), 0.3), WN__CONTRADICTED);
    CHECK_EQ_INT(wn__judge(WN__CLAIM_EQUIVALENT, interval(3, 1, 0.25), 0.3), WN__CONTRADICTED);
}

TEST(better_and_not_worse_read_the_whole_interval)
{
    CHECK_EQ_INT(wn__judge(WN__CLAIM_BETTER, interval(3, 0.5, 0.4), 0), WN__SUPPORTED);
    CHECK_EQ_INT(wn__judge(WN__CLAIM_BETTER, interval(3, 0.5, 0.6), 0), WN__UNDECIDED);
    CHECK_EQ_INT(wn__judge(WN__CLAIM_BETTER, interval(3, -0.5, 0.4), 0), WN__CONTRADICTED);
    CHECK_EQ_INT(wn__judge(WN__CLAIM_BETTER, interval(1, 0.5, NAN), 0), WN__UNDECIDED);
    CHECK_EQ_INT(wn__judge(WN__CLAIM_NOT_WORSE, interval(3, 0, 0.2), 0.3), WN__SUPPORTED);
    CHECK_EQ_INT(wn__judge(WN__CLAIM_NOT_WORSE, interval(3, 2, 0.2), 0.3), WN__SUPPORTED);
    CHECK_EQ_INT(wn__judge(WN__CLAIM_NOT_WORSE, interval(3, -0.4, 0.2), 0.3), WN__UNDECIDED);
    CHECK_EQ_INT(wn__judge(WN__CLAIM_NOT_WORSE, interval(3, -0.6, 0.2), 0.3), WN__CONTRADICTED);
    CHECK_EQ_TEXT(wn__verdict_name(WN__CONTRADICTED), "contradicted");
}

TEST(medians_are_the_middle_one_or_between_two)
{
    double odd[] = {5, -1, 3}, even[] = {4, 1, 9, 2}, one[] = {7};
    CHECK_NEAR(wn__median(odd, 3), 3, 0, 0);
    CHECK_NEAR(wn__median(even, 4), 3, 0, 0);
    CHECK_NEAR(wn__median(one, 1), 7, 0, 0);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(quantile_agrees_with_the_published_table),
                                    RUN(quantile_has_the_stated_accuracy),
                                    RUN(incomplete_beta_has_its_identities),
                                    RUN(summary_of_known_values),
                                    RUN(jackknife_of_a_mean_is_its_values),
                                    RUN(one_value_has_no_spread_and_none_no_mean),
                                    RUN(differences_are_paired_by_seed),
                                    RUN(equivalence_needs_five_seeds_and_an_interval_inside_the_margin),
                                    RUN(better_and_not_worse_read_the_whole_interval),
                                    RUN(medians_are_the_middle_one_or_between_two),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
