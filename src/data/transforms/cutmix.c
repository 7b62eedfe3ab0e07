#include <math.h>
#include <string.h>

#include "data/crops.h"
#include "data/transform.h"

extern const wn__sample_transform wn__sample_transform_cutmix;

typedef struct cutmix_config {
    double alpha;
} cutmix_config;

static const wn__setting settings[] = {WN_SETTING_FLOAT(cutmix_config, alpha, 1, 0.01, 100, "the share is drawn from Beta(alpha, alpha)"),
                                       {0}};

/* From middle - half to middle + half, cut off at the edges. */
static void draw_span(int size, double half, wn__rng *r, int *first, int *count)
{
    const int middle = (int)wn__rng_below(r, (uint64_t)size), reach = (int)(half * size);
    const int begin = middle - reach > 0 ? middle - reach : 0, end = middle + reach < size ? middle + reach : size;
    *first = begin;
    *count = end - begin;
}

static void copy_part(const wn__mix *b, wn__crop part, const float *from, float *to)
{
    for (int c = 0; c < b->channels; c++)
        for (int y = part.top; y < part.top + part.height; y++) {
            const int64_t at = ((int64_t)c * b->height + y) * b->width + part.left;
            memcpy(to + at, from + at, (size_t)part.width * sizeof *to);
        }
}

static void paste(const wn__mix *b, wn__crop part)
{
    const int64_t count = (int64_t)b->channels * b->height * b->width;
    memcpy(b->kept, b->input + (b->n - 1) * count, (size_t)count * sizeof(float));
    for (int64_t i = b->n - 1; i >= 0; i--)
        copy_part(b, part, i ? b->input + (i - 1) * count : b->kept, b->input + i * count);
}

static void mix_targets(const wn__mix *b, float share)
{
    const int64_t k = b->classes;
    memcpy(b->kept, b->targets + (b->n - 1) * k, (size_t)k * sizeof(float));
    for (int64_t i = b->n - 1; i >= 0; i--)
        for (int64_t c = 0; c < k; c++)
            b->targets[i * k + c] = share * b->targets[i * k + c] + (1 - share) * (i ? b->targets[(i - 1) * k + c] : b->kept[c]);
}

/* As torchvision: sides of sqrt(1 - share) of the image's; what is cut off at its edges counts in the share. */
static void mix(const void *config, wn__rng *r, const wn__mix *b)
{
    const double share = wn__draw_share(((const cutmix_config *)config)->alpha, r), half = 0.5 * sqrt(1 - share);
    wn__crop part;
    draw_span(b->width, half, r, &part.left, &part.width);
    draw_span(b->height, half, r, &part.top, &part.height);
    paste(b, part);
    mix_targets(b, (float)(1 - (double)part.height * part.width / ((double)b->height * b->width)));
}

const wn__sample_transform wn__sample_transform_cutmix = {
    .name = "cutmix",
    .summary = "a part of each sample is the same part of the one before it in the batch; targets by area",
    .paper = "Yun et al. 2019, arXiv:1905.04899",
    .settings = settings,
    .config_size = sizeof(cutmix_config),
    .mix = mix,
};
