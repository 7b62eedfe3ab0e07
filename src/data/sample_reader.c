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
    r->fitted = wn__alloc(bytes);
    r->changed = wn__alloc(bytes);
    return r->fitted && r->changed ? WN_OK : wn__no_memory(bytes);
}

void wn__sample_reader_close(wn__sample_reader *r)
{
    wn__free(r->fitted);
    wn__free(r->changed);
    wn__scratch_release(&r->scratch);
    wn__resizer_release(&r->resizer);
    wn__pixels_release(&r->resized);
    r->fitted = r->changed = NULL;
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

static void cut_middle(const wn__pixels *from, int height, int width, uint8_t *out)
{
    const wn__crop crop = wn__center_crop(from->height, from->width, height, width);
    for (int c = 0; c < from->channels; c++)
        for (int y = 0; y < height; y++, out += width)
            memcpy(out, from->data + ((size_t)(c * from->height + crop.top + y) * (size_t)from->width) + crop.left, (size_t)width);
}

static wn_status fit(wn__sample_reader *r, const wn__sample_input *input, const wn__sample_spec *spec)
{
    const wn__pixels in = {spec->channels, input->height, input->width, (uint8_t *)input->data, 0}; /* not written */
    const wn__resize_options size = covering(input, spec->height, spec->width);
    if ((int64_t)size.height * size.width > MOST_PIXELS)
        return wn__fail(WN_EUNSUPPORTED, "a picture of %d x %d pixels is too narrow to be scaled to %d x %d", input->width, input->height,
                        spec->width, spec->height);
    WN_TRY(wn__resize(&r->resizer, &in, wn__crop_all(&in), &size, &r->resized));
    cut_middle(&r->resized, spec->height, spec->width, r->fitted);
    return WN_OK;
}

static wn_status put_pixels(wn__sample_reader *r, const wn__sample_input *input, int64_t epoch, int64_t sample, float *out)
{
    const wn__sample_spec *spec = &r->data->facts.sample;
    const uint8_t *pixels = input->data;
    if (input->height != spec->height || input->width != spec->width) {
        WN_TRY(fit(r, input, spec));
        pixels = r->fitted;
    }
    if (!wn__augment_is_none(&r->augment)) {
        wn__augment_image(&r->augment, r->seed, epoch, sample, spec->channels, spec->height, spec->width, pixels, r->changed);
        pixels = r->changed;
    }
    wn__normalize_image(&r->normalize, spec->channels, (int64_t)spec->height * spec->width, pixels, out);
    return WN_OK;
}

wn_status wn__sample_reader_read(wn__sample_reader *r, wn__sample_source *source, wn__part part, int64_t index, int64_t epoch,
                                 int64_t sample, void *out, void *target)
{
    const wn__sample_spec *spec = &r->data->facts.sample;
    wn__sample_input input;
    WN_TRY(wn__source_read(source, r->data->type->name, part, index, &r->scratch, &input, target));
    if (spec->input == WN_INPUT_PIXELS) {
        const wn_status status = put_pixels(r, &input, epoch, sample, out);
        return status != WN_OK && source->name ? wn__fail_within(status, "%s: ", source->name(source, part, index)) : status;
    }
    memcpy(out, input.data, (size_t)wn__sample_input_bytes(spec));
    return WN_OK;
}
