#include "data/world.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/rng.h"

const char *const wn__world_names[] = {"none", "real", "ideal", NULL};

/* --- label noise ----------------------------------------------------------------------------------------------------------------- */

int32_t wn__noisy_label(double probability, wn__part part, int64_t sample, int32_t label, int classes)
{
    if (probability <= 0 || classes < 2) return label;
    wn__rng rng = wn__rng_make(0, WN__FOR_LABELS, (uint64_t)sample, (uint64_t)part);
    if (wn__rng_uniform_double(&rng) >= probability) return label;
    const int32_t away = 1 + (int32_t)wn__rng_below(&rng, (uint64_t)classes - 1);
    return (label + away) % classes;
}

/* Another source with noise on its labels. */
typedef struct noisy_source {
    wn__sample_source source, *clean;
    double probability;
    int classes;
} noisy_source;

static wn_status read_noisy(wn__sample_source *source, wn__part part, int64_t index, wn__scratch *scratch, wn__sample_input *input,
                            void *target)
{
    const noisy_source *s = (const noisy_source *)source;
    WN_TRY(s->clean->read(s->clean, part, index, scratch, input, target));
    *(int32_t *)target = wn__noisy_label(s->probability, part, index, *(int32_t *)target, s->classes);
    return WN_OK;
}

static const char *name_of(const wn__sample_source *source, wn__part part, int64_t index)
{
    const wn__sample_source *clean = ((const noisy_source *)source)->clean;
    return clean->name(clean, part, index);
}

static void close_noisy(wn__sample_source *source)
{
    wn__source_close(((noisy_source *)source)->clean);
    wn__free(source);
}

wn_status wn__dataset_add_noise(wn__dataset *data, double probability)
{
    if (probability <= 0) return WN_OK;
    WN_TRY(wn__sample_needs_class(&data->facts.sample, "data.label_noise"));
    noisy_source *s = WN_NEW(noisy_source);
    if (!s) return wn__no_memory(sizeof *s);
    *s = (noisy_source){*data->source, data->source, probability, data->facts.sample.classes};
    s->source.read = read_noisy;
    s->source.close = close_noisy;
    if (s->source.name) s->source.name = name_of;
    data->source = &s->source;
    return WN_OK;
}

/* --- loading ----------------------------------------------------------------------------------------------------------------------- */

/* Of all samples that are there. */
static wn_status split_all(const wn__data_facts *facts, const char *validation, wn__split *split)
{
    wn__data_facts all = *facts;
    WN_TRY(wn__split_needs_order(facts, validation));
    if (facts->stream_count > 0) all.train_count = facts->stream_count;
    return wn__split_make(&all, validation, 0, split);
}

wn_status wn__world_samples(const wn__data_facts *facts, const char *validation, int64_t *available)
{
    wn__split split;
    WN_TRY(split_all(facts, validation, &split));
    *available = split.train.count;
    return WN_OK;
}

static wn_status check_counts(const wn__dataset_type *type, const wn__world_request *q, int64_t available)
{
    const int64_t wanted = q->third ? 2 * q->n : q->n;
    if (q->n >= 1 && wanted <= available) return WN_OK;
    return wn__fail(WN_EUSAGE, "%s: a world of %" PRId64 " samples%s, but %" PRId64 " are there", type->name, q->n,
                    q->third ? " and as many for the origin of masks" : "", available);
}

/* In memory from now on: the first n, the third sample, the validation and test images. The rest is read from the stream. */
static wn_status keep_some(wn__dataset *data, wn__pool *pool, const wn__world_request *q, wn__split *split, wn__range *third)
{
    const wn__range all = split->train, held = split->validation;
    const int64_t n = q->n, extra = q->third ? n : 0;
    const wn__range ranges[] = {{all.first, n}, {all.first + all.count - extra, extra}, held};
    WN_TRY(wn__dataset_keep(data, ranges, 3, pool));
    data->stream_first = all.first;
    *third = (wn__range){n, extra};
    split->validation.first = n + extra;
    split->train = (wn__range){0, n};
    return WN_OK;
}

static wn_status make_world(wn__dataset *data, wn__pool *pool, const wn__world_request *q, wn__split *split, wn__range *third)
{
    WN_TRY(wn__dataset_add_noise(data, q->label_noise));
    WN_TRY(split_all(&data->facts, q->validation, split));
    WN_TRY(check_counts(data->type, q, split->train.count));
    if (data->type->streams) return keep_some(data, pool, q, split, third);
    if (q->third) *third = (wn__range){split->train.first + split->train.count - q->n, q->n};
    split->train.count = q->n;
    return WN_OK;
}

wn_status wn__world_load(const wn__dataset_type *type, const void *config, const char *folder, wn__pool *pool,
                         const wn__world_request *request, wn__dataset *out, wn__split *split, wn__range *third)
{
    wn__dataset data;
    *third = (wn__range){0};
    WN_TRY(wn__dataset_open(type, config, folder, pool, request->unverified, &data));
    const wn_status status = make_world(&data, pool, request, split, third);
    if (status != WN_OK)
        wn__dataset_release(&data);
    else
        *out = data;
    return status;
}
