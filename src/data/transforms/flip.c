#include "base/fail.h"
#include "data/crops.h"
#include "data/transform.h"

extern const wn__sample_transform wn__sample_transform_flip;

typedef struct flip_config {
    double p;
} flip_config;

static const wn__setting settings[] = {WN_SETTING_FLOAT(flip_config, p, 0.5, 0, 1, "probability"), {0}};

static wn_status pixels(const void *config, wn__rng *r, wn__canvas *canvas)
{
    wn__pixels *image;
    if (wn__rng_uniform_double(r) >= ((const flip_config *)config)->p) return WN_OK;
    WN_TRY(wn__canvas_own(canvas, &image));
    wn__flip(image);
    return WN_OK;
}

const wn__sample_transform wn__sample_transform_flip = {
    .name = "flip",
    .summary = "mirrored left to right",
    .settings = settings,
    .config_size = sizeof(flip_config),
    .pixels = pixels,
};
