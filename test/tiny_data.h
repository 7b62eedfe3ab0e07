/* Data sets of samples that a test owns. */
#ifndef WN_TEST_TINY_DATA_H
#define WN_TEST_TINY_DATA_H

#include "data/dataset.h"
#include "data/memory_source.h"
#include "test.h"

/* Release with wn__dataset_release, unless it's kept to the end. */
static inline wn__dataset tiny_dataset(const wn__dataset_type *type, wn__memory_part train, wn__memory_part test)
{
    wn__memory_source *memory;
    CHECK_OK(wn__memory_source_new(&type->facts.sample, &memory));
    memory->owned = false;
    memory->train = train;
    memory->test = test;
    memory->source.train_count = train.n;
    memory->source.test_count = test.n;
    wn__dataset data = {.type = type, .facts = type->facts, .source = &memory->source};
    data.facts.train_count = train.n;
    data.facts.test_count = test.n;
    return data;
}

/* The sample's own bytes in a set that is in memory, and its class. */
static inline const uint8_t *tiny_pixels(const wn__dataset *data, wn__part part, int64_t index, int32_t *label)
{
    wn__sample_input input;
    int32_t class;
    CHECK_OK(wn__source_read(data->source, "tiny", part, index, NULL, &input, label ? label : &class));
    return input.data;
}

#endif
