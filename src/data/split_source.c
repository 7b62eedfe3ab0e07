#include "data/split_source.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "data/stratify.h"

typedef struct split_source {
    wn__sample_source source, *from;
    int64_t count, *order; /* (count) */
} split_source;

static int64_t index_of(const split_source *s, wn__part part, int64_t index)
{
    return part == WN__PART_TRAIN && index < s->count ? s->order[index] : index;
}

static wn_status read_split(wn__sample_source *source, wn__part part, int64_t index, wn__scratch *scratch, wn__sample_input *input,
                            void *target)
{
    const split_source *s = (const split_source *)source;
    return s->from->read(s->from, part, index_of(s, part, index), scratch, input, target);
}

static const char *name_of(const wn__sample_source *source, wn__part part, int64_t index)
{
    const split_source *s = (const split_source *)source;
    return s->from->name(s->from, part, index_of(s, part, index));
}

static void close_split(wn__sample_source *source)
{
    split_source *s = (split_source *)source;
    wn__source_close(s->from);
    wn__free(s->order);
    wn__free(s);
}

/* Samples without a name go by their number. */
static uint64_t hash_of(const wn__sample_source *from, int64_t i)
{
    char number[32];
    if (from->name) return wn__name_hash(from->name(from, WN__PART_TRAIN, i));
    snprintf(number, sizeof number, "%" PRId64, i);
    return wn__name_hash(number);
}

static wn_status make_order(wn__dataset *data, split_source *s)
{
    const bool classes = data->facts.sample.target == WN_TARGET_CLASS;
    wn__stratum *strata = WN_NEW_ARRAY(wn__stratum, s->count);
    if (!strata) return wn__no_memory((size_t)s->count * sizeof *strata);
    wn__scratch scratch = {0};
    wn_status status = WN_OK;
    for (int64_t i = 0; status == WN_OK && i < s->count; i++) {
        strata[i].hash = hash_of(s->from, i);
        if (classes) status = wn__source_read(s->from, data->type->name, WN__PART_TRAIN, i, &scratch, NULL, &strata[i].label);
    }
    wn__scratch_release(&scratch);
    if (status == WN_OK) status = wn__stratified_order(s->count, strata, s->order);
    wn__free(strata);
    return status;
}

static wn_status open_split(wn__dataset *data, int64_t count)
{
    wn__sample_source *from = data->source;
    if (from->in_order)
        return wn__fail(WN_EUSAGE, "%s: a stream is read in its order, and cannot be split by names; valid: none, first-N, last-N",
                        data->type->name);
    split_source *s = WN_NEW(split_source);
    if (!s) return wn__no_memory(sizeof *s);
    *s = (split_source){*from, from, count, WN_NEW_ARRAY(int64_t, count)};
    const wn_status status = s->order ? make_order(data, s) : wn__no_memory((size_t)count * sizeof *s->order);
    if (status != WN_OK) {
        wn__free(s->order);
        wn__free(s);
        return status;
    }
    s->source.read = read_split;
    s->source.close = close_split;
    if (from->name) s->source.name = name_of;
    data->source = &s->source;
    return WN_OK;
}

wn_status wn__dataset_split(wn__dataset *data, const char *validation, int64_t train_size, wn__split *split)
{
    const wn__data_facts *facts = &data->facts;
    WN_TRY(wn__split_make(facts, validation, train_size, split));
    if (!wn__split_is_by_name(facts, validation, train_size)) return WN_OK;
    return open_split(data, facts->train_count - facts->own_validation);
}
