#include "data/sample_reader.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "data/picture_fit.h"

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

/* The picture in the network's size, changed. */
static wn_status change(wn__sample_reader *r, const wn__sample_input *input, wn__draw draw)
{
    const wn__sample_spec *spec = &r->data->facts.sample;
    wn__canvas *canvas = &r->canvas;
    wn__canvas_begin(canvas, spec->channels, input->height, input->width, input->data);
    if (!r->gives_size) WN_TRY(wn__picture_fit(r->data->fit, spec->height, spec->width, canvas));
    if (r->transforms) WN_TRY(wn__transforms_pixels(r->transforms, draw, canvas));
    return wn__picture_check_size(canvas, spec->height, spec->width);
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
