#include "data/sample_source.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "data/targets.h"

const char *wn__part_name(wn__part part)
{
    static const char *const names[] = {[WN__PART_TRAIN] = "train", [WN__PART_VALIDATION] = "validation", [WN__PART_TEST] = "test"};
    return names[part];
}

/* ---- what a sample is */

int64_t wn__sample_elements(const wn__sample_spec *spec) { return (int64_t)spec->channels * spec->height * spec->width; }

int64_t wn__sample_input_bytes(const wn__sample_spec *spec) { return wn__sample_elements(spec) * (spec->input == WN_INPUT_PIXELS ? 1 : 4); }

int64_t wn__sample_target_width(const wn__sample_spec *spec)
{
    return spec->target == WN_TARGET_CLASS ? 1 : spec->target == WN_TARGET_POSITIONS ? spec->positions : spec->classes;
}

#define MOST_OUTPUTS 1000000

wn_status wn__sample_spec_check(const wn__sample_spec *s)
{
    if (s->channels < 1 || s->height < 1 || s->width < 1 || wn__sample_elements(s) > INT32_MAX)
        return wn__fail(WN_EINVAL, "inputs of %dx%dx%d: each must be at least 1, and the product at most %d", s->channels, s->height,
                        s->width, INT32_MAX);
    if (s->input == WN_INPUT_PIXELS && s->channels != 1 && s->channels != 3)
        return wn__fail(WN_EINVAL, "pixels of %d channels: must be 1 or 3", s->channels);
    if (s->input == WN_INPUT_TOKENS && (s->channels != 1 || s->height != 1 || s->vocabulary < 2))
        return wn__fail(WN_EINVAL, "tokens of %dx%dx%d and a vocabulary of %d: must be 1x1xSTEPS and at least 2", s->channels, s->height,
                        s->width, s->vocabulary);
    const int least = s->target == WN_TARGET_CLASS || s->target == WN_TARGET_POSITIONS ? 2 : 1;
    if (s->classes < least)
        return wn__fail(WN_EINVAL, "targets of kind %s of %d: must be at least %d", wn__target_kind_name(s->target), s->classes, least);
    if (s->classes > MOST_OUTPUTS) return wn__fail(WN_EINVAL, "targets of %d outputs: at most %d", s->classes, MOST_OUTPUTS);
    if (s->target == WN_TARGET_POSITIONS && (s->positions < 1 || s->positions > INT32_MAX))
        return wn__fail(WN_EINVAL, "targets of %lld positions: must be 1 to %d", (long long)s->positions, INT32_MAX);
    return WN_OK;
}

wn_status wn__sample_needs_class(const wn__sample_spec *spec, const char *what)
{
    if (spec->target == WN_TARGET_CLASS) return WN_OK;
    return wn__fail(WN_EUSAGE, "%s is for samples of one class each; these have targets of kind \"%s\"", what,
                    wn__target_kind_name(spec->target));
}

/* ---- reading */

void *wn__scratch_take(wn__scratch *scratch, size_t bytes)
{
    if (scratch->memory && bytes <= scratch->size) return scratch->memory;
    void *memory = wn__alloc(bytes > 0 ? bytes : 1);
    if (!memory) return NULL;
    wn__free(scratch->memory);
    scratch->memory = memory;
    scratch->size = bytes;
    return memory;
}

void wn__scratch_release(wn__scratch *scratch)
{
    wn__free(scratch->memory);
    wn__pixels_release(&scratch->pixels);
    *scratch = (wn__scratch){0};
}

int64_t wn__source_count(const wn__sample_source *source, wn__part part)
{
    return part == WN__PART_TEST ? source->test_count : source->train_count;
}

wn_status wn__source_read(wn__sample_source *source, const char *what, wn__part part, int64_t index, wn__scratch *scratch,
                          wn__sample_input *input, void *target)
{
    const int64_t count = wn__source_count(source, part);
    if (index < 0 || index >= count)
        return wn__fail(WN_EINVAL, "%s: sample %" PRId64 " is wanted, but there are %" PRId64, what, index, count);
    return source->read(source, part == WN__PART_TEST ? part : WN__PART_TRAIN, index, scratch, input, target);
}

void wn__source_close(wn__sample_source *source)
{
    if (source) source->close(source);
}
