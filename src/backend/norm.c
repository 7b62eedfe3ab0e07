#include "backend/norm.h"

#include <math.h>

#include "base/fail.h"

/* Rows of channels in `saved`: double, then float32. The last two are written by BACKWARD_PREPARE. */
enum { MEAN, R, S1, S2, DOUBLES };
enum { FLOAT_MEAN, FACTOR, SHIFT, OFFSET, SLOPE, FLOATS };

static double *saved_row(const wn__op *op, const wn__op_args *args, int row) { return (double *)args->saved + row * op->desc.in_c; }
static float *saved_floats(const wn__op *op, const wn__op_args *args) { return (float *)saved_row(op, args, DOUBLES); }
static int64_t pixels(const wn__op_desc *d) { return d->in_h * d->in_w; }

/* Scratch of a chunk: the larger of its moments and of its coefficients, two doubles per channel; the sums of all chunks lie behind. */
double *wn__norm_chunk_moments(const wn__op *op, const wn__op_args *args, int64_t chunk)
{
    return (double *)args->scratch + chunk * 2 * op->desc.in_c;
}

double *wn__norm_chunk_sums(const wn__op *op, const wn__op_args *args, int64_t chunk)
{
    return wn__norm_chunk_moments(op, args, wn__chunks(args->n) + chunk);
}

wn_status wn__norm_new(wn__device *device, const wn__op_desc *d, const wn__op_class *cls, const char *implementation, wn__op **out)
{
    WN_TRY(wn__op_new(device, d, sizeof **out, cls, implementation, out));
    wn__op *op = *out;
    const size_t channels = (size_t)d->in_c, chunks = (size_t)wn__chunks(d->n);
    op->saved_bytes = channels * (DOUBLES * sizeof(double) + FLOATS * sizeof(float));
    op->scratch_bytes = chunks * channels * 4 * sizeof(double);
    op->backward_needs_in = true;
    op->params_finish_late = true;
    op->backward_needs_out = d->relu && d->inputs == 2;
    return WN_OK;
}

static void set_coefficients(const wn__op *op, const wn__op_args *args, int64_t c, double mean, double r, float *floats)
{
    const int64_t channels = op->desc.in_c;
    const double factor = args->param[0][c] * r, rounded = (float)mean;
    floats[FLOAT_MEAN * channels + c] = (float)mean;
    floats[FACTOR * channels + c] = (float)factor;
    floats[SHIFT * channels + c] = (float)(args->param[1][c] - (mean - rounded) * factor);
}

/* Mean and 1/deviation that the phase works with. */
static void statistics_at(const wn__op *op, const wn__op_args *args, int64_t c, double *mean, double *r)
{
    if (args->step.training) {
        *mean = saved_row(op, args, MEAN)[c];
        *r = saved_row(op, args, R)[c];
    } else {
        *mean = args->param[2][c];
        *r = 1 / sqrt((double)args->param[3][c] + op->desc.eps);
    }
}

/* In training they were saved with the statistics; otherwise they are made for each chunk. */
wn__norm_values wn__norm_values_of(const wn__op *op, const wn__op_args *args, int64_t chunk)
{
    const int64_t channels = op->desc.in_c;
    float *floats = args->step.training ? saved_floats(op, args) : (float *)wn__norm_chunk_moments(op, args, chunk);
    for (int64_t c = 0; !args->step.training && c < channels; c++) {
        double mean, r;
        statistics_at(op, args, c, &mean, &r);
        set_coefficients(op, args, c, mean, r, floats);
    }
    return (wn__norm_values){floats + FLOAT_MEAN * channels, floats + FACTOR * channels, floats + SHIFT * channels};
}

wn__norm_gradients wn__norm_gradients_of(const wn__op *op, const wn__op_args *args)
{
    const int64_t channels = op->desc.in_c;
    const float *floats = saved_floats(op, args);
    return (wn__norm_gradients){floats + FLOAT_MEAN * channels, floats + FACTOR * channels, floats + OFFSET * channels,
                                floats + SLOPE * channels};
}

static wn__moments merge_chunks(const wn__op *op, const wn__op_args *args, int64_t c)
{
    const wn__op_desc *d = &op->desc;
    wn__moments all = {0, 0, 0};
    for (int64_t first = 0; first < args->n; first += WN__CHUNK) {
        const double *mean = wn__norm_chunk_moments(op, args, first / WN__CHUNK);
        const int64_t n = args->n - first < WN__CHUNK ? args->n - first : WN__CHUNK;
        const wn__moments both[] = {all, {(double)(n * pixels(d)), mean[c], mean[d->in_c + c]}};
        wn__reduce_moments(both, 2, 1, &all);
    }
    return all;
}

static void move_towards(float *running, float momentum, double now) { *running = (float)((1.0 - momentum) * *running + momentum * now); }

wn_status wn__norm_finish_statistics(wn__op *op, const wn__op_args *args)
{
    const wn__op_desc *d = &op->desc;
    if (!args->step.training) return WN_OK;
    for (int64_t c = 0; c < d->in_c; c++) {
        const wn__moments all = merge_chunks(op, args, c);
        const double r = 1 / sqrt(all.m2 / all.count + d->eps);
        saved_row(op, args, MEAN)[c] = all.mean;
        saved_row(op, args, R)[c] = r;
        set_coefficients(op, args, c, all.mean, r, saved_floats(op, args));
        if (!args->step.update_statistics) continue;
        move_towards(&args->param[2][c], d->momentum, all.mean);
        move_towards(&args->param[3][c], d->momentum, all.m2 / (all.count > 1 ? all.count - 1 : 1));
    }
    return WN_OK;
}

wn_status wn__norm_finish_prepare(wn__op *op, const wn__op_args *args)
{
    const wn__op_desc *d = &op->desc;
    const int64_t channels = d->in_c;
    const double count = (double)(args->n * pixels(d));
    double *s1 = saved_row(op, args, S1), *s2 = saved_row(op, args, S2);
    float *floats = saved_floats(op, args);
    wn__reduce_sums(wn__norm_chunk_sums(op, args, 0), wn__chunks(args->n), 2 * channels, 2 * channels, s1);
    for (int64_t c = 0; c < channels; c++) {
        double mean, r;
        statistics_at(op, args, c, &mean, &r);
        const double lost = mean - (float)mean, factor = args->param[0][c] * r;
        s2[c] = (s2[c] - lost * s1[c]) * r;
        const double slope = args->step.training ? -factor * r * s2[c] / count : 0;
        const double offset = args->step.training ? -factor * s1[c] / count - slope * lost : 0;
        set_coefficients(op, args, c, mean, r, floats);
        floats[OFFSET * channels + c] = (float)offset;
        floats[SLOPE * channels + c] = (float)slope;
    }
    return WN_OK;
}

static void store(const double *sums, int64_t count, float *out, bool accumulate)
{
    for (int64_t i = 0; out && i < count; i++)
        out[i] = (float)(accumulate ? out[i] + sums[i] : sums[i]);
}

/* The sums were made when the gradient was prepared. */
wn_status wn__norm_finish_params(wn__op *op, const wn__op_args *args)
{
    store(saved_row(op, args, S2), op->desc.in_c, args->dparam[0], args->accumulate);
    store(saved_row(op, args, S1), op->desc.in_c, args->dparam[1], args->accumulate);
    return WN_OK;
}
