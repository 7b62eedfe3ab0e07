#include "data/samples.h"

#include "base/alloc.h"
#include "base/fail.h"
#include "base/rng.h"
#include "data/sample_reader.h"
#include "data/targets.h"

void wn__samples_release(wn__samples *s)
{
    wn__free(s->images);
    wn__targets_release(&s->targets);
    wn__free(s->index);
    *s = (wn__samples){0};
}

/* ---- which */

/* Those samples of the range whose class is this one, or all without classes. */
typedef struct choice {
    const int32_t *label; /* (range.count); NULL: all */
    wn__range range;
    int32_t class;
    int64_t needed, step; /* the first goes to index[0], the next to index[step] */
} choice;

static bool is_candidate(const choice *c, int64_t i) { return !c->label || c->label[i] == c->class; }

/* Selection sampling (Fan, Muller, Rezucha 1962): in the order of the data. */
static wn_status choose(choice c, uint64_t seed, int64_t *index)
{
    int64_t left = 0;
    for (int64_t i = 0; i < c.range.count; i++)
        left += is_candidate(&c, i);
    if (left < c.needed && !c.label)
        return wn__fail(WN_EUSAGE, "%lld samples are asked for, but there are %lld", (long long)c.needed, (long long)left);
    if (left < c.needed)
        return wn__fail(WN_EUSAGE, "%lld images of each class are asked for, but of class %d there are %lld", (long long)c.needed, c.class,
                        (long long)left);
    wn__rng rng = wn__rng_make(seed, WN__FOR_SCORE, (uint64_t)c.class, 0);
    for (int64_t i = 0; c.needed > 0; i++) {
        if (!is_candidate(&c, i) || wn__rng_below(&rng, (uint64_t)left--) >= (uint64_t)c.needed) continue;
        *index = c.range.first + i;
        index += c.step;
        c.needed--;
    }
    return WN_OK;
}

static wn_status read_labels(const wn__dataset *data, wn__range range, int32_t *label)
{
    wn__scratch scratch = {0};
    wn_status status = WN_OK;
    for (int64_t i = 0; status == WN_OK && i < range.count; i++)
        status = wn__source_read(data->source, data->type->name, WN__PART_TRAIN, range.first + i, &scratch, NULL, label + i);
    wn__scratch_release(&scratch);
    return status;
}

static wn_status choose_each(const wn__dataset *data, wn__range range, int64_t each, uint64_t seed, int64_t *index)
{
    const int classes = data->facts.sample.classes;
    int32_t *label = WN_NEW_ARRAY(int32_t, range.count);
    wn_status status = label ? read_labels(data, range, label) : wn__no_memory((size_t)range.count * sizeof *label);
    for (int k = 0; status == WN_OK && k < classes; k++)
        status = choose((choice){label, range, k, each, classes}, seed, index + k);
    wn__free(label);
    return status;
}

/* ---- reading them */

static wn_status read_samples(const wn__dataset *data, const wn__normalize *normalize, wn__samples *s)
{
    const int64_t elements = wn__sample_elements(&data->facts.sample);
    wn__sample_reader reader = {.data = data, .normalize = *normalize};
    wn_status status = wn__sample_reader_open(&reader);
    for (int64_t i = 0; status == WN_OK && i < s->n; i++)
        status = wn__sample_reader_read(&reader, data->source, WN__PART_TRAIN, s->index[i], 0, s->index[i], s->images + i * elements,
                                        wn__targets_at(&s->targets, i));
    wn__sample_reader_close(&reader);
    return status;
}

static wn_status draw(const wn__dataset *data, wn__range range, const wn__normalize *normalize, int64_t each, uint64_t seed, wn__samples *s)
{
    const wn__sample_spec *spec = &data->facts.sample;
    const int64_t floats = s->n * wn__sample_elements(spec);
    s->images = WN_NEW_ARRAY(float, floats);
    s->index = WN_NEW_ARRAY(int64_t, s->n);
    WN_TRY(wn__targets_alloc(spec->target, wn__sample_target_width(spec), s->n, &s->targets));
    if (!s->images || !s->index) return wn__no_memory((size_t)floats * sizeof(float));
    if (spec->target == WN_TARGET_CLASS)
        WN_TRY(choose_each(data, range, each, seed, s->index));
    else
        WN_TRY(choose((choice){.range = range, .needed = s->n, .step = 1}, seed, s->index));
    return read_samples(data, normalize, s);
}

wn_status wn__samples_draw(const wn__dataset *data, wn__range range, const wn__normalize *normalize, int64_t each, uint64_t seed,
                           wn__samples *out)
{
    wn__samples s = {.n = each * data->facts.sample.classes};
    const wn_status status = draw(data, range, normalize, each, seed, &s);
    if (status != WN_OK)
        wn__samples_release(&s);
    else
        *out = s;
    return status;
}
