#include "data/sample_reader.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

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
    r->fitted = r->changed = NULL;
}

static void put_pixels(wn__sample_reader *r, const wn__sample_input *input, int64_t epoch, int64_t sample, float *out)
{
    const wn__sample_spec *spec = &r->data->facts.sample;
    const uint8_t *pixels = input->data;
    if (input->height != spec->height || input->width != spec->width) {
        wn__fit_image(spec->channels, input->height, input->width, pixels, spec->height, spec->width, r->fitted);
        pixels = r->fitted;
    }
    if (!wn__augment_is_none(&r->augment)) {
        wn__augment_image(&r->augment, r->seed, epoch, sample, spec->channels, spec->height, spec->width, pixels, r->changed);
        pixels = r->changed;
    }
    wn__normalize_image(&r->normalize, spec->channels, (int64_t)spec->height * spec->width, pixels, out);
}

wn_status wn__sample_reader_read(wn__sample_reader *r, wn__sample_source *source, wn__part part, int64_t index, int64_t epoch,
                                 int64_t sample, void *out, void *target)
{
    const wn__sample_spec *spec = &r->data->facts.sample;
    wn__sample_input input;
    WN_TRY(wn__source_read(source, r->data->type->name, part, index, &r->scratch, &input, target));
    if (spec->input == WN_INPUT_PIXELS)
        put_pixels(r, &input, epoch, sample, out);
    else
        memcpy(out, input.data, (size_t)wn__sample_input_bytes(spec));
    return WN_OK;
}
