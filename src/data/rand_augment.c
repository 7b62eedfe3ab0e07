#include "data/rand_augment.h"

#include <math.h>

#include "base/fail.h"
#include "data/affine.h"
#include "data/colors.h"

enum {
    IDENTITY,
    SHEAR_X,
    SHEAR_Y,
    TRANSLATE_X,
    TRANSLATE_Y,
    ROTATE,
    BRIGHTNESS,
    COLOR,
    CONTRAST,
    SHARPNESS,
    POSTERIZE,
    SOLARIZE,
    AUTO_CONTRAST,
    EQUALIZE
};

/* Place `i` of 31 from `first` to `last`, in float and from the nearer end, as torch.linspace. */
static double place(double first, double last, int i)
{
    const int steps = WN__RAND_AUGMENT_BINS - 1;
    const float low = (float)first, high = (float)last, step = (high - low) / (float)steps;
    return i < WN__RAND_AUGMENT_BINS / 2 ? (float)(low + (double)step * i) : (float)(high - (double)step * (steps - i));
}

/* If all went well the result, in spare, becomes the image. */
static wn_status exchange(wn_status status, wn__pixels *p, wn__pixels *spare)
{
    const wn__pixels kept = *p;
    if (status != WN_OK) return status;
    *p = *spare;
    *spare = kept;
    return WN_OK;
}

static wn_status transform(wn__affine affine, wn__pixels *p, wn__pixels *spare)
{
    return exchange(wn__transform(p, &affine, spare), p, spare);
}

wn_status wn__rand_augment_apply(int operation, int magnitude, bool negative, wn__pixels *p, wn__pixels *spare)
{
    const double sign = negative ? -1 : 1, factor = 1 + sign * place(0, 0.9, magnitude), shear = sign * place(0, 0.3, magnitude);
    switch (operation) {
    case SHEAR_X: return transform(wn__shear(shear, 0), p, spare);
    case SHEAR_Y: return transform(wn__shear(0, shear), p, spare);
    case TRANSLATE_X: return transform(wn__move((int)(sign * place(0, 150.0 / 331.0 * p->width, magnitude)), 0), p, spare);
    case TRANSLATE_Y: return transform(wn__move(0, (int)(sign * place(0, 150.0 / 331.0 * p->height, magnitude))), p, spare);
    case ROTATE: return transform(wn__turn(sign * place(0, 30, magnitude), p->height, p->width), p, spare);
    case BRIGHTNESS: wn__change_brightness(p, factor); break;
    case COLOR: wn__change_saturation(p, factor); break;
    case CONTRAST: wn__change_contrast(p, factor); break;
    case SHARPNESS: return exchange(wn__change_sharpness(p, factor, spare), p, spare);
    case POSTERIZE: wn__posterize(p, 8 - (int)nearbyint(magnitude * 4.0 / (WN__RAND_AUGMENT_BINS - 1))); break;
    case SOLARIZE: wn__solarize(p, place(255, 0, magnitude)); break;
    case AUTO_CONTRAST: wn__stretch_contrast(p); break;
    case EQUALIZE: wn__equalize(p); break;
    default: break;
    }
    return WN_OK;
}

wn_status wn__rand_augment_image(const wn__rand_augment *a, wn__rng *r, wn__pixels *p, wn__pixels *spare)
{
    for (int i = 0; i < a->operations; i++) {
        const int operation = (int)wn__rng_below(r, WN__RAND_AUGMENT_OPERATIONS);
        const bool negative = wn__rng_u64(r) >> 63;
        WN_TRY(wn__rand_augment_apply(operation, a->magnitude, negative, p, spare));
    }
    return WN_OK;
}
