#include "kernels/update.h"

#include <math.h>

void wn__mask_f32(int64_t n, const uint8_t *restrict mask, float *restrict x)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = mask[i] ? x[i] : 0.0f;
}

void wn__clamp_f32(int64_t n, float limit, float *x)
{
    for (int64_t i = 0; i < n; i++) {
        const float low = x[i] < -limit ? -limit : x[i];
        x[i] = low > limit ? limit : low;
    }
}

void wn__scale_f32(int64_t n, float factor, float *x)
{
    for (int64_t i = 0; i < n; i++)
        x[i] *= factor;
}

double wn__sum_squares_f32(int64_t n, const float *x)
{
    double lane[8] = {0};
    int64_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int j = 0; j < 8; j++)
            lane[j] += (double)x[i + j] * x[i + j];
    for (int j = 0; i < n; i++, j++)
        lane[j] += (double)x[i] * x[i];
    double sum = 0;
    for (int j = 0; j < 8; j++)
        sum += lane[j];
    return sum;
}

void wn__sgd_f32(int64_t n, float rate, float decay, const float *restrict grad, float *restrict value)
{
    for (int64_t i = 0; i < n; i++)
        value[i] -= rate * (grad[i] + decay * value[i]);
}

void wn__sgd_momentum_f32(int64_t n, float rate, float decay, float momentum, int nesterov, const float *restrict grad,
                          float *restrict velocity, float *restrict value)
{
    const float look_ahead = nesterov ? 1.0f : 0.0f, follow = nesterov ? momentum : 1.0f;
    for (int64_t i = 0; i < n; i++) {
        const float g = grad[i] + decay * value[i];
        velocity[i] = momentum * velocity[i] + g;
        value[i] -= rate * (look_ahead * g + follow * velocity[i]);
    }
}

void wn__adam_f32(int64_t n, const wn__adam_numbers *a, const float *restrict grad, float *restrict mean, float *restrict square,
                  float *restrict value)
{
    const wn__adam_numbers c = *a;
    for (int64_t i = 0; i < n; i++) {
        const float w = c.shrink * value[i], g = grad[i] + c.decay * w;
        mean[i] = c.b1 * mean[i] + (1.0f - c.b1) * g;
        square[i] = c.b2 * square[i] + (1.0f - c.b2) * g * g;
        value[i] = w - c.rate * mean[i] / (sqrtf(square[i]) * c.root_scale + c.eps);
    }
}
