#include "base/statistics.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

static double log_gamma(double x)
{
    int sign; /* lgamma() would write the global signgam */
    return lgamma_r(x, &sign);
}

static double away_from_zero(double x) { return fabs(x) < 1e-300 ? 1e-300 : x; }

/* The continued fraction 1 / (1 + d1 / (1 + d2 / (1 + ...))) of the incomplete beta function; it converges fast
 * for x < (a + 1) / (a + b + 2). */
static double beta_fraction(double x, double a, double b)
{
    double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), result = d;
    for (int m = 1; m <= 500; m++) {
        const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / away_from_zero(1 + even * d);
        c = away_from_zero(1 + even / c);
        result *= c * d;
        d = 1 / away_from_zero(1 + odd * d);
        c = away_from_zero(1 + odd / c);
        result *= c * d;
        if (fabs(c * d - 1) < 1e-15) break;
    }
    return result;
}

double wn__incomplete_beta(double x, double a, double b)
{
    assert(a > 0 && b > 0 && x >= 0 && x <= 1);
    if (x == 0 || x == 1) return x;
    if (x > (a + 1) / (a + b + 2)) return 1 - wn__incomplete_beta(1 - x, b, a);
    const double scale = exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * log(x) + b * log1p(-x)) / a;
    return scale * beta_fraction(x, a, b);
}

double wn__student_cdf(double t, double freedom)
{
    assert(freedom > 0);
    const double outside = wn__incomplete_beta(freedom / (freedom + t * t), freedom / 2, 0.5); /* P(|T| > |t|) */
    return t > 0 ? 1 - outside / 2 : outside / 2;
}

double wn__student_quantile(double p, double freedom)
{
    assert(p > 0 && p < 1);
    if (p == 0.5) return 0;
    if (p > 0.5) return -wn__student_quantile(1 - p, freedom); /* the lower tail keeps its digits */
    double low = -1;
    while (wn__student_cdf(low, freedom) > p)
        low *= 2;
    double high = low == -1 ? 0 : low / 2;
    for (int i = 0; i < 100; i++) {
        const double middle = (low + high) / 2;
        if (wn__student_cdf(middle, freedom) < p)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

typedef struct moments {
    int n;
    double mean, squares; /* sum of squared distances from the mean (Welford) */
} moments;

static void add_value(moments *m, double value)
{
    m->n++;
    const double distance = value - m->mean;
    m->mean += distance / m->n;
    m->squares += distance * (value - m->mean);
}

static wn__summary summary_of(moments m)
{
    wn__summary s = {.n = m.n, .mean = m.n > 0 ? m.mean : NAN, .sd = NAN, .half_width = NAN};
    if (m.n < 2) return s;
    s.sd = sqrt(m.squares / (m.n - 1));
    s.half_width = wn__student_quantile(0.975, m.n - 1) * s.sd / sqrt(m.n);
    return s;
}

wn__summary wn__summarise(const double *values, int n)
{
    moments m = {0};
    for (int i = 0; i < n; i++)
        if (!isnan(values[i])) add_value(&m, values[i]);
    return summary_of(m);
}

bool wn__has_spread(wn__summary s) { return s.n >= 2; }

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void wn__jackknife(double whole, const double *without, int n, double *values)
{
    double mean = 0;
    for (int i = 0; i < n; i++)
        mean += without[i] / n;
    for (int i = 0; i < n; i++)
        values[i] = whole + (n - 1) * (mean - without[i]);
}

double wn__median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, by_value);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

wn__summary wn__paired_difference(wn__by_seed a, wn__by_seed b)
{
    moments m = {0};
    for (int i = 0; i < a.n; i++)
        for (int j = 0; j < b.n; j++) {
            const double difference = a.values[i] - b.values[j];
            if (a.seeds[i] == b.seeds[j] && !isnan(difference)) add_value(&m, difference);
        }
    return summary_of(m);
}

/* The verdict on "the value lies above the bound". */
static wn__verdict judge_above(wn__summary s, double bound)
{
    if (s.mean - s.half_width > bound) return WN__SUPPORTED;
    return s.mean + s.half_width <= bound ? WN__CONTRADICTED : WN__UNDECIDED;
}

wn__verdict wn__judge(wn__claim_kind kind, wn__summary difference, double margin)
{
    if (!wn__has_spread(difference)) return WN__UNDECIDED;
    if (kind == WN__CLAIM_BETTER) return judge_above(difference, margin);
    const wn__verdict not_below = judge_above(difference, -margin);
    if (kind == WN__CLAIM_NOT_WORSE) return not_below;
    const wn__verdict above = judge_above(difference, margin);
    if (not_below == WN__CONTRADICTED || above == WN__SUPPORTED) return WN__CONTRADICTED;
    const bool inside = not_below == WN__SUPPORTED && above == WN__CONTRADICTED;
    return inside && difference.n >= WN__EQUIVALENCE_SEEDS ? WN__SUPPORTED : WN__UNDECIDED;
}

const char *wn__verdict_name(wn__verdict verdict)
{
    static const char *const names[] = {"undecided", "supported", "contradicted"};
    return names[verdict];
}
