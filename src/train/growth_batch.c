#include "train/growth_batch.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

static wn_status append(wn__growth_batch *g)
{
    const wn__batch *batch;
    WN_TRY(wn__loader_next(g->loader, &batch));
    memcpy(g->images + g->n * g->values, batch->input, (size_t)(batch->n * g->values) * sizeof(float));
    wn__targets_copy(&g->targets, g->n, &batch->targets, 0, batch->n);
    g->n += batch->n;
    return WN_OK;
}

static wn_status open_stream(wn__growth_batch *g, const wn__topology_rule *rule, const wn__loader_options *stream, uint64_t seed)
{
    wn__loader_options o = *stream;
    const int64_t images = wn__split_range(&o.split, o.part).count;
    o.threads = 0; /* nothing is prepared ahead of seldom updates */
    g->batches = rule->gradient == WN__LOOK_BATCHES ? rule->batches : 0;
    if (g->batches == 0) {
        o.batch = rule->images < images ? rule->images : images;
        o.seed = seed;
        o.order = WN__SAMPLES_SHUFFLED;
        wn__loader_unaugmented(&o);
    }
    g->most = o.batch * (g->batches ? g->batches : 1);
    return wn__loader_new(&o, &g->loader);
}

/* As the loader's. */
static wn_status alloc_targets(wn__growth_batch *g, const wn__sample_spec *sample)
{
    const wn_target_kind kind = wn__loader_target_kind(g->loader);
    return wn__targets_alloc(kind, kind == sample->target ? wn__sample_target_width(sample) : sample->classes, g->most, &g->targets);
}

wn_status wn__growth_batch_init(wn__growth_batch *g, const wn__topology_rule *rule, const wn__loader_options *stream, uint64_t seed)
{
    const wn__sample_spec *sample = &stream->data->facts.sample;
    *g = (wn__growth_batch){.values = wn__sample_elements(sample)};
    wn_status status = open_stream(g, rule, stream, seed);
    if (status == WN_OK) {
        g->images = WN_NEW_ARRAY(float, g->most * g->values);
        status = g->images ? alloc_targets(g, sample) : wn__no_memory((size_t)(g->most * g->values) * sizeof(float));
    }
    if (status == WN_OK && g->batches == 0) status = append(g);
    if (status != WN_OK) wn__growth_batch_release(g);
    return status;
}

void wn__growth_batch_release(wn__growth_batch *g)
{
    wn__loader_free(g->loader);
    wn__free(g->images);
    wn__targets_release(&g->targets);
    *g = (wn__growth_batch){0};
}

wn_status wn__growth_batch_fill(wn__growth_batch *g, int64_t epoch, int64_t batch)
{
    if (g->batches == 0) return WN_OK;
    g->n = 0;
    WN_TRY(wn__loader_seek(g->loader, epoch, batch));
    for (int64_t i = 0; i < g->batches; i++)
        WN_TRY(append(g));
    return WN_OK;
}
