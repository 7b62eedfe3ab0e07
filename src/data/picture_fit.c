#include "data/picture_fit.h"

#include "base/fail.h"
#include "data/crops.h"

enum { MOST_PIXELS = 1 << 27 };
static int64_t capped(int64_t side) { return side < MOST_PIXELS ? side : MOST_PIXELS + 1; }

/* The smallest size in the picture's proportions that covers the network's; the longer side is cut off to whole pixels, as torchvision does. */
static wn__resize_options covering(const wn__pixels *in, int height, int width)
{
    const int64_t wide = capped((int64_t)in->width * height / in->height), high = capped((int64_t)in->height * width / in->width);
    const bool by_height = (int64_t)in->width * height >= (int64_t)in->height * width;
    return (wn__resize_options){
        .height = by_height ? height : (int)high, .width = by_height ? (int)wide : width, .filter = WN__FILTER_BILINEAR};
}

/* Covers the network's size, and no more. */
static wn_status cover(wn__canvas *canvas, int height, int width)
{
    const wn__pixels *image = wn__canvas_image(canvas);
    const wn__resize_options size = covering(image, height, width);
    if ((int64_t)size.height * size.width > MOST_PIXELS)
        return wn__fail(WN_EUNSUPPORTED, "a picture of %d x %d pixels is too narrow to be scaled to %d x %d", image->width, image->height,
                        width, height);
    WN_TRY(wn__canvas_resize(canvas, wn__crop_all(image), size.height, size.width, size.filter));
    return wn__canvas_crop(canvas, wn__center_crop(size.height, size.width, height, width));
}

wn_status wn__picture_fit(const wn__transforms *fit, int height, int width, wn__canvas *canvas)
{
    const wn__pixels *image = wn__canvas_image(canvas);
    if (fit) return wn__transforms_pixels(fit, (wn__draw){0}, canvas);
    return image->height == height && image->width == width ? WN_OK : cover(canvas, height, width);
}

wn_status wn__picture_check_size(const wn__canvas *canvas, int height, int width)
{
    const wn__pixels *image = wn__canvas_image(canvas), *given = &canvas->given;
    if (image->height == height && image->width == width) return WN_OK;
    return wn__fail(WN_EUSAGE, "a picture of %d x %d pixels becomes %d x %d, but the network sees %d x %d", given->width, given->height,
                    image->width, image->height, width, height);
}
