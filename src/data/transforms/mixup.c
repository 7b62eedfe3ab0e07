#include <string.h>

#include "data/transform.h"

extern const wn__sample_transform wn__sample_transform_mixup;

typedef struct mixup_config {
    double alpha;
} mixup_config;

static const wn__setting settings[] = {WN_SETTING_FLOAT(mixup_config, alpha, 0.2, 0.01, 100, "the share is drawn from Beta(alpha, alpha)"),
                                       {0}};

/* rows (n, count): each becomes share times itself and the rest of the one before it. kept (count). */
static void blend(float *rows, int64_t n, int64_t count, float share, float *kept)
{
    memcpy(kept, rows + (n - 1) * count, (size_t)count * sizeof *kept);
    for (int64_t i = n - 1; i >= 0; i--) {
        float *row = rows + i * count;
        const float *other = i ? row - count : kept;
        for (int64_t k = 0; k < count; k++)
            row[k] = share * row[k] + (1 - share) * other[k];
    }
}

static void mix(const void *config, wn__rng *r, const wn__mix *b)
{
    const float share = (float)wn__draw_share(((const mixup_config *)config)->alpha, r);
    blend(b->input, b->n, (int64_t)b->channels * b->height * b->width, share, b->kept);
    blend(b->targets, b->n, b->classes, share, b->kept);
}

const wn__sample_transform wn__sample_transform_mixup = {
    .name = "mixup",
    .summary = "each sample and its target mixed with the one before it in the batch, by one share a batch",
    .paper = "Zhang et al. 2018, arXiv:1710.09412",
    .settings = settings,
    .config_size = sizeof(mixup_config),
    .mix = mix,
};
