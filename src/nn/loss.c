#include "nn/loss.h"

#include <math.h>

#include "base/elementary.h"

const char *const wn__hard_loss_names[] = {"cross-entropy", "mse", NULL};
static const char *const reductions[] = {"mean", "batchmean", NULL};

const wn__setting wn__soft_label_settings[] = {
    {"T", WN__SETTING_FLOAT, offsetof(wn__loss, temperature), 0.01, 1000, "5", NULL, "temperature of both softmaxes"},
    {"alpha", WN__SETTING_FLOAT, offsetof(wn__loss, alpha), 0, 1, "0.9", NULL, "weight of the soft labels; the hard ones get the rest"},
    {"kl", WN__SETTING_CHOICE, offsetof(wn__loss, reduction), 0, 0, "mean", reductions, "mean over batch and classes, or over the batch"},
    {0}};

static double reduction_factor(const wn__loss *l, int64_t classes) { return l->reduction == WN__KL_MEAN ? 1.0 / (double)classes : 1.0; }

double wn__loss_soft_weight(const wn__loss *l, int64_t classes)
{
    return l->soft ? l->alpha * l->temperature * l->temperature * reduction_factor(l, classes) : 0;
}

double wn__loss_soft_gradient_scale(const wn__loss *l, int64_t classes)
{
    return l->soft ? l->alpha * l->temperature * reduction_factor(l, classes) : 0;
}

/* softmax(z * inverse_t) of a row: p_c = exp(z_c * inverse_t - top) / sum. */
typedef struct softmax {
    const float *z;
    double inverse_t, top, sum, log_sum;
} softmax;

static softmax softmax_make(const float *z, int64_t k, double inverse_t)
{
    softmax s = {.z = z, .inverse_t = inverse_t, .top = z[0]};
    for (int64_t c = 1; c < k; c++)
        if (z[c] > s.top) s.top = z[c];
    s.top *= inverse_t;
    for (int64_t c = 0; c < k; c++)
        s.sum += wn__exp(z[c] * inverse_t - s.top);
    s.log_sum = wn__ln(s.sum);
    return s;
}

static double log_p(const softmax *s, int64_t c) { return s->z[c] * s->inverse_t - s->top - s->log_sum; }
static double p_of(const softmax *s, int64_t c) { return wn__exp(s->z[c] * s->inverse_t - s->top) / s->sum; }

static bool all_finite(const float *z, int64_t k)
{
    bool finite = true;
    for (int64_t c = 0; c < k; c++)
        finite &= isfinite(z[c]) != 0;
    return finite;
}

static int64_t first_largest(const float *z, int64_t k)
{
    int64_t best = 0;
    for (int64_t c = 1; c < k; c++)
        if (z[c] > z[best]) best = c;
    return best;
}

static double target_of(const wn__loss *l, int64_t classes, int64_t c, int32_t label)
{
    return (c == label ? 1 - l->smoothing : 0) + l->smoothing / (double)classes;
}

static double row_squares(const wn__loss *l, int64_t k, int32_t label, const float *z)
{
    double sum = 0;
    for (int64_t c = 0; c < k; c++) {
        const double off = z[c] - target_of(l, k, c, label);
        sum += off * off;
    }
    return sum;
}

static double row_cross_entropy(const wn__loss *l, int64_t k, int32_t label, const softmax *student)
{
    double hard = -(1 - l->smoothing) * log_p(student, label);
    if (l->smoothing > 0)
        for (int64_t c = 0; c < k; c++)
            hard -= l->smoothing / (double)k * log_p(student, c);
    return hard;
}

static double row_loss(const wn__loss *l, int64_t k, int32_t label, const softmax *student, const softmax *soft, const softmax *teacher)
{
    const double hard = l->squares ? row_squares(l, k, label, student->z) : row_cross_entropy(l, k, label, student);
    if (!l->soft) return hard;
    double kl = 0;
    for (int64_t c = 0; c < k; c++)
        kl += p_of(teacher, c) * (log_p(teacher, c) - log_p(soft, c));
    return wn__loss_soft_weight(l, k) * kl + (1 - l->alpha) * hard;
}

static void row_gradient(const wn__loss *l, int64_t k, int64_t batch, int32_t label, const softmax *student, const softmax *soft,
                         const softmax *teacher, float *dlogits)
{
    const double hard_weight = l->soft ? 1 - l->alpha : 1, soft_scale = wn__loss_soft_gradient_scale(l, k);
    for (int64_t c = 0; c < k; c++) {
        const double target = target_of(l, k, c, label);
        double g = hard_weight * (l->squares ? 2 * (student->z[c] - target) : p_of(student, c) - target);
        if (l->soft) g += soft_scale * (p_of(soft, c) - p_of(teacher, c));
        dlogits[c] = (float)(g / (double)batch);
    }
}

static void compute_row(const wn__loss *l, const wn__loss_rows *rows, int64_t i, const wn__loss_out *out)
{
    const int64_t k = rows->classes;
    const float *z = rows->logits + i * k;
    const int32_t label = rows->targets.classes[i];
    const bool finite = all_finite(z, k) && (!l->soft || all_finite(rows->teacher + i * k, k));
    const softmax student = softmax_make(z, k, 1);
    softmax soft = {0}, teacher = {0};
    if (l->soft) {
        soft = softmax_make(z, k, 1 / l->temperature);
        teacher = softmax_make(rows->teacher + i * k, k, 1 / l->temperature);
    }
    if (out->loss) out->loss[i] = finite ? row_loss(l, k, label, &student, &soft, &teacher) : NAN;
    if (out->correct_probability) out->correct_probability[i] = p_of(&student, label);
    if (out->correct) out->correct[i] = first_largest(z, k) == label;
    if (out->dlogits) row_gradient(l, k, rows->batch, label, &student, &soft, &teacher, out->dlogits + i * k);
}

#define ROWS_PER_CHUNK 16

typedef struct job {
    const wn__loss *loss;
    const wn__loss_rows *rows;
    const wn__loss_out *out;
} job;

static void compute_chunk(void *arg, int64_t chunk, int worker)
{
    (void)worker;
    const job *j = arg;
    const int64_t first = chunk * ROWS_PER_CHUNK;
    for (int64_t i = first; i < first + ROWS_PER_CHUNK && i < j->rows->n; i++)
        compute_row(j->loss, j->rows, i, j->out);
}

void wn__loss_compute(const wn__loss *loss, const wn__loss_rows *rows, wn__pool *pool, const wn__loss_out *out)
{
    job j = {loss, rows, out};
    wn__parallel_for(pool, (rows->n + ROWS_PER_CHUNK - 1) / ROWS_PER_CHUNK, compute_chunk, &j);
}

/* dp_c = p_c (t_c - sum_j p_j t_j) / T, the derivative of softmax(z / T) along t. */
static void add_softmax_tangent(const softmax *s, int64_t k, const float *t, double scale, float *out)
{
    double mean = 0;
    for (int64_t c = 0; c < k; c++)
        mean += p_of(s, c) * t[c];
    for (int64_t c = 0; c < k; c++)
        out[c] += (float)(scale * s->inverse_t * p_of(s, c) * (t[c] - mean));
}

void wn__loss_tangent_compute(const wn__loss *l, const wn__loss_rows *rows, const float *t_logits, float *t_dlogits)
{
    const int64_t k = rows->classes;
    const double batch = (double)rows->batch;
    for (int64_t i = 0; i < rows->n; i++) {
        const float *z = rows->logits + i * k, *t = t_logits + i * k;
        float *out = t_dlogits + i * k;
        for (int64_t c = 0; c < k; c++)
            out[c] = 0;
        const softmax student = softmax_make(z, k, 1);
        const double hard_weight = (l->soft ? 1 - l->alpha : 1) / batch;
        for (int64_t c = 0; l->squares && c < k; c++)
            out[c] = (float)(2 * hard_weight * t[c]);
        if (!l->squares) add_softmax_tangent(&student, k, t, hard_weight, out);
        if (!l->soft) continue;
        const softmax soft = softmax_make(z, k, 1 / l->temperature);
        add_softmax_tangent(&soft, k, t, wn__loss_soft_gradient_scale(l, k) / batch, out);
    }
}
