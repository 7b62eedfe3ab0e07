#include "base/fail.h"
#include "data/crops.h"
#include "data/transform.h"

extern const wn__sample_transform wn__sample_transform_random_resized_crop;

typedef struct crop_config {
    wn__numbers size, scale, ratio;
    int interpolation;
} crop_config;

static const wn__setting settings[] = {
    WN_SETTING_NUMBERS(crop_config, size, "224", 1, 8192, "of the result: height and width, or one number for both"),
    WN_SETTING_NUMBERS(crop_config, scale, "[0.08, 1]", 0, 1, "range of the part's area"),
    WN_SETTING_NUMBERS(crop_config, ratio, "[0.75, 1.3333333333333333]", 0.001, 1000, "range of the part's width to its height"),
    WN_SETTING_CHOICE(crop_config, interpolation, "bilinear", wn__interpolation_names, "the filter, wider where pictures become smaller"),
    {0}};

static wn_status check(const void *config)
{
    const crop_config *c = config;
    WN_TRY(wn__size_check(&c->size));
    WN_TRY(wn__range_check("scale", &c->scale));
    return wn__range_check("ratio", &c->ratio);
}

static void size(const void *config, int *height, int *width)
{
    const crop_config *c = config;
    *height = wn__size_height(&c->size);
    *width = wn__size_width(&c->size);
}

static wn_status pixels(const void *config, wn__rng *r, wn__canvas *canvas)
{
    const crop_config *c = config;
    const wn__pixels *image = wn__canvas_image(canvas);
    const wn__crop_ranges ranges = {{c->scale.value[0], c->scale.value[1]}, {c->ratio.value[0], c->ratio.value[1]}};
    const wn__crop part = wn__random_resized_crop(&ranges, image->height, image->width, r);
    int height, width;
    size(c, &height, &width);
    return wn__canvas_resize(canvas, part, height, width, (wn__filter)c->interpolation);
}

const wn__sample_transform wn__sample_transform_random_resized_crop = {
    .name = "random-resized-crop",
    .summary = "a part of drawn area, ratio and place, resized; torchvision's RandomResizedCrop",
    .paper = "Szegedy et al. 2015, arXiv:1409.4842",
    .settings = settings,
    .config_size = sizeof(crop_config),
    .check = check,
    .size = size,
    .pixels = pixels,
};
