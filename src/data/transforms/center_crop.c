#include "data/crops.h"
#include "data/transform.h"

extern const wn__sample_transform wn__sample_transform_center_crop;

typedef struct center_crop_config {
    wn__numbers size;
} center_crop_config;

static const wn__setting settings[] = {
    WN_SETTING_NUMBERS(center_crop_config, size, "224", 1, 8192, "height and width, or one number for both"), {0}};

static wn_status check(const void *config) { return wn__size_check(&((const center_crop_config *)config)->size); }

static void size(const void *config, int *height, int *width)
{
    const center_crop_config *c = config;
    *height = wn__size_height(&c->size);
    *width = wn__size_width(&c->size);
}

static wn_status pixels(const void *config, wn__rng *r, wn__canvas *canvas)
{
    (void)r;
    const wn__pixels *image = wn__canvas_image(canvas);
    int height, width;
    size(config, &height, &width);
    if (image->height == height && image->width == width) return WN_OK;
    return wn__canvas_crop(canvas, wn__center_crop(image->height, image->width, height, width));
}

const wn__sample_transform wn__sample_transform_center_crop = {
    .name = "center-crop",
    .summary = "the middle of a picture; a smaller one is padded with zeros",
    .steady = true,
    .settings = settings,
    .config_size = sizeof(center_crop_config),
    .check = check,
    .size = size,
    .pixels = pixels,
};
