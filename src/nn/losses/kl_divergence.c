/* KL(softmax(u / T) || softmax(z / T)) of a teacher's outputs u. */
#include "nn/loss.h"

extern const wn__loss_type wn__loss_kl_divergence;

static void prepare(wn__loss_row *row)
{
    row->student = wn__softmax_make(row->z, row->k, row->inverse_t);
    row->teacher = wn__softmax_make(row->target.values, row->k, row->inverse_t);
}

static double value(const wn__loss_row *row)
{
    double kl = 0;
    for (int64_t c = 0; c < row->k; c++)
        kl += wn__softmax_p(&row->teacher, c) * (wn__softmax_log_p(&row->teacher, c) - wn__softmax_log_p(&row->student, c));
    return kl;
}

static double gradient(const wn__loss_row *row, int64_t c) { return wn__softmax_p(&row->student, c) - wn__softmax_p(&row->teacher, c); }

static void add_tangent(const wn__loss_row *row, const float *t, double scale, float *out)
{
    wn__softmax_add_tangent(&row->student, row->k, t, scale, out);
}

const wn__loss_type wn__loss_kl_divergence = {
    .name = "kl-divergence",
    .summary = "divergence from a teacher's softmax; the part `soft` of labels of one class",
    .paper = "Hinton, Vinyals and Dean 2015, arXiv:1503.02531",
    .soft = WN__LOSS_OF(CLASS) | WN__LOSS_OF(DISTRIBUTION),
    .prepare = prepare,
    .value = value,
    .gradient = gradient,
    .add_tangent = add_tangent,
};
