#include "base/fail.h"
#include "data/rand_augment.h"
#include "data/transform.h"

extern const wn__sample_transform wn__sample_transform_randaugment;

typedef struct rand_config {
    int64_t operations, magnitude;
} rand_config;

static const wn__setting settings[] = {WN_SETTING_INT(rand_config, operations, 2, 1, 14, "so many, one after the other"),
                                       WN_SETTING_INT(rand_config, magnitude, 9, 0, 30, "of each"),
                                       {0}};

static wn_status pixels(const void *config, wn__rng *r, wn__canvas *canvas)
{
    const rand_config *c = config;
    const wn__rand_augment augment = {(int)c->operations, (int)c->magnitude};
    wn__pixels *image;
    WN_TRY(wn__canvas_own(canvas, &image));
    return wn__rand_augment_image(&augment, r, image, wn__canvas_spare(canvas));
}

const wn__sample_transform wn__sample_transform_randaugment = {
    .name = "randaugment",
    .summary = "drawn ones of 14 operations, each at the same magnitude; torchvision's RandAugment",
    .paper = "Cubuk et al. 2020, arXiv:1909.13719",
    .settings = settings,
    .config_size = sizeof(rand_config),
    .pixels = pixels,
};
