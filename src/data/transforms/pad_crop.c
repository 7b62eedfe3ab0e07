#include "base/fail.h"
#include "data/augment.h"
#include "data/transform.h"

extern const wn__sample_transform wn__sample_transform_pad_crop;

typedef struct pad_config {
    int64_t pad;
    bool reflect;
} pad_config;

static const wn__setting settings[] = {WN_SETTING_INT(pad_config, pad, 4, 1, 64, "pixels on each side"),
                                       WN_SETTING_BOOL(pad_config, reflect, false, "by reflection, the edge not repeated; else zeros"),
                                       {0}};

static wn_status pixels(const void *config, wn__rng *r, wn__canvas *canvas)
{
    const pad_config *c = config;
    const wn__pixels *image = wn__canvas_image(canvas);
    const wn__augment augment = {.pad = (int)c->pad, .reflect = c->reflect};
    const int side = image->height < image->width ? image->height : image->width;
    wn__pixels *out = wn__canvas_spare(canvas);
    if (c->reflect && c->pad >= side)
        return wn__fail(WN_EUSAGE, "pad %d by reflection of a picture of %d x %d: the padding must be smaller", (int)c->pad, image->width,
                        image->height);
    WN_TRY(wn__pixels_make(out, image->channels, image->height, image->width));
    wn__augment_draw(&augment, r, image->channels, image->height, image->width, image->data, out->data);
    wn__canvas_turn(canvas);
    return WN_OK;
}

const wn__sample_transform wn__sample_transform_pad_crop = {
    .name = "pad-crop",
    .summary = "the old size at a drawn place of the padded picture",
    .settings = settings,
    .config_size = sizeof(pad_config),
    .pixels = pixels,
};
