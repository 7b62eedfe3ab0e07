#include "base/fail.h"
#include "data/crops.h"
#include "data/transform.h"

extern const wn__sample_transform wn__sample_transform_resize;

typedef struct resize_config {
    wn__numbers size;
    int interpolation;
} resize_config;

static const wn__setting settings[] = {
    WN_SETTING_NUMBERS(resize_config, size, "256", 1, 8192, "of the shorter side; two numbers: height and width, whatever the proportions"),
    WN_SETTING_CHOICE(resize_config, interpolation, "bilinear", wn__interpolation_names, "the filter, wider where pictures become smaller"),
    {0}};

static wn_status check(const void *config) { return wn__size_check(&((const resize_config *)config)->size); }

static void size(const void *config, int *height, int *width)
{
    const resize_config *c = config;
    if (c->size.count == 2) {
        *height = wn__size_height(&c->size);
        *width = wn__size_width(&c->size);
    } else if (*height > 0) {
        wn__short_side_size(*height, *width, (int)c->size.value[0], height, width);
    }
}

enum { MOST_PIXELS = 1 << 27 };

static wn_status pixels(const void *config, wn__rng *r, wn__canvas *canvas)
{
    (void)r;
    const resize_config *c = config;
    const wn__pixels *image = wn__canvas_image(canvas);
    int height = image->height, width = image->width;
    if ((double)height / width > 8192 || (double)width / height > 8192)
        return wn__fail(WN_EUNSUPPORTED, "a picture of %d x %d pixels is too narrow", width, height);
    size(c, &height, &width);
    if ((int64_t)height * width > MOST_PIXELS)
        return wn__fail(WN_EUNSUPPORTED, "a picture of %d x %d pixels is too narrow for %d x %d", image->width, image->height, width,
                        height);
    if (height == image->height && width == image->width) return WN_OK;
    return wn__canvas_resize(canvas, wn__crop_all(image), height, width, (wn__filter)c->interpolation);
}

const wn__sample_transform wn__sample_transform_resize = {
    .name = "resize",
    .summary = "to a size, antialiased, with Pillow's bytes",
    .steady = true,
    .settings = settings,
    .config_size = sizeof(resize_config),
    .check = check,
    .size = size,
    .pixels = pixels,
};
