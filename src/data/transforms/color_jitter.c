#include "base/fail.h"
#include "data/colors.h"
#include "data/transform.h"

extern const wn__sample_transform wn__sample_transform_color_jitter;

static const wn__setting settings[] = {
    WN_SETTING_FLOAT(wn__color_jitter, brightness, 0.4, 0, 10, "factors are from 1 - this, at least 0, to 1 + this; 0: unchanged"),
    WN_SETTING_FLOAT(wn__color_jitter, contrast, 0.4, 0, 10, "likewise"),
    WN_SETTING_FLOAT(wn__color_jitter, saturation, 0.4, 0, 10, "likewise"),
    WN_SETTING_FLOAT(wn__color_jitter, hue, 0, 0, 0.5, "largest turn of the circle of hues, either way"),
    {0}};

static wn_status pixels(const void *config, wn__rng *r, wn__canvas *canvas)
{
    wn__pixels *image;
    WN_TRY(wn__canvas_own(canvas, &image));
    wn__jitter_colors(config, r, image);
    return WN_OK;
}

const wn__sample_transform wn__sample_transform_color_jitter = {
    .name = "color-jitter",
    .summary = "brightness, contrast, saturation and hue by drawn amounts in a drawn order; torchvision's ColorJitter",
    .settings = settings,
    .config_size = sizeof(wn__color_jitter),
    .pixels = pixels,
};
