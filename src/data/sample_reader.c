#include "data/sample_reader.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "data/crops.h"

wn_status wn__sample_reader_open(wn__sample_reader *r)
{
    const wn__sample_spec *spec = &r->data->facts.sample;
    const size_t bytes = (size_t)wn__sample_input_bytes(spec);
    if (spec->input != WN_INPUT_PIXELS) return WN_OK;
    r->gives_size = wn__transforms_give_size(r->transforms);
    r->changed = wn__alloc(bytes);
    return r->changed ? WN_OK : wn__no_memory(bytes);
}

void wn__sample_reader_close(wn__sample_reader *r)
{
    wn__free(r->changed);
    wn__scratch_release(&r->scratch);
    wn__canvas_release(&r->canvas);
    r->changed = NULL;
}

enum { MOST_PIXELS = 1 << 27 };
static int64_t capped(int64_t side) { return side < MOST_PIXELS ? side : MOST_PIXELS + 1; }

/* The smallest size in the picture's proportions that covers the network's; the longer side is cut off to whole pixels, as torchvision does. */
static wn__resize_options covering(const wn__sample_input *in, int height, int width)
{
    const int64_t wide = capped((int64_t)in->width * height / in->height), high = capped((int64_t)in->height * width / in->width);
    const bool by_height = (int64_t)in->width * height >= (int64_t)in->height * width;
    return (wn__resize_options){
        .height = by_height ? height : (int)high, .width = by_height ? (int)wide : width, .filter = WN__FILTER_BILINEAR};
}

/* Covers the network's size, and no more. */
static wn_status cover(wn__canvas *canvas, const wn__sample_input *input, const wn__sample_spec *spec)
{
    const wn__resize_options size = covering(input, spec->height, spec->width);
    if ((int64_t)size.height * size.width > MOST_PIXELS)
        return wn__fail(WN_EUNSUPPORTED, "a picture of %d x %d pixels is too narrow to be scaled to %d x %d", input->width, input->height,
                        spec->width, spec->height);
    WN_TRY(wn__canvas_resize(canvas, wn__crop_all(wn__canvas_image(canvas)), size.height, size.width, size.filter));
    return wn__canvas_crop(canvas, wn__center_crop(size.height, size.width, spec->height, spec->width));
}

/* The picture in the network's size, changed. */
static wn_status change(wn__sample_reader *r, const wn__sample_input *input, wn__draw draw)
{
    const wn__sample_spec *spec = &r->data->facts.sample;
    wn__canvas *canvas = &r->canvas;
    wn__canvas_begin(canvas, spec->channels, input->height, input->width, input->data);
    if (!r->gives_size && r->data->fit)
        WN_TRY(wn__transforms_pixels(r->data->fit, draw, canvas));
    else if (!r->gives_size && (input->height != spec->height || input->width != spec->width))
        WN_TRY(cover(canvas, input, spec));
    if (r->transforms) WN_TRY(wn__transforms_pixels(r->transforms, draw, canvas));
    const wn__pixels *image = wn__canvas_image(canvas);
    if (image->height == spec->height && image->width == spec->width) return WN_OK;
    return wn__fail(WN_EUSAGE, "a picture of %d x %d pixels becomes %d x %d, but the network sees %d x %d", input->width, input->height,
                    image->width, image->height, spec->width, spec->height);
}

static wn_status put_pixels(wn__sample_reader *r, const wn__sample_input *input, wn__draw draw, float *out)
{
    const wn__sample_spec *spec = &r->data->facts.sample;
    WN_TRY(change(r, input, draw));
    const uint8_t *pixels = wn__canvas_image(&r->canvas)->data;
    if (!wn__augment_is_none(&r->augment)) {
        wn__augment_image(&r->augment, draw.seed, draw.epoch, draw.sample, spec->channels, spec->height, spec->width, pixels, r->changed);
        pixels = r->changed;
    }
    wn__normalize_image(&r->normalize, spec->channels, (int64_t)spec->height * spec->width, pixels, out);
    if (r->transforms) wn__transforms_input(r->transforms, draw, spec->channels, spec->height, spec->width, out);
    return WN_OK;
}

wn_status wn__sample_reader_read(wn__sample_reader *r, wn__sample_source *source, wn__part part, int64_t index, int64_t epoch,
                                 int64_t sample, void *out, void *target)
{
    const wn__sample_spec *spec = &r->data->facts.sample;
    wn__sample_input input;
    WN_TRY(wn__source_read(source, r->data->type->name, part, index, &r->scratch, &input, target));
    if (spec->input == WN_INPUT_PIXELS) {
        const wn_status status = put_pixels(r, &input, (wn__draw){r->seed, epoch, sample}, out);
        return status != WN_OK && source->name ? wn__fail_within(status, "%s: ", source->name(source, part, index)) : status;
    }
    memcpy(out, input.data, (size_t)wn__sample_input_bytes(spec));
    return WN_OK;
}
