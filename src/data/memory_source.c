#include "data/memory_source.h"

#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

static const wn__memory_part *part_of(const wn__memory_source *r, wn__part part) { return part == WN__PART_TEST ? &r->test : &r->train; }

static wn_status read_memory(wn__sample_source *source, wn__part part, int64_t index, wn__scratch *scratch, wn__sample_input *input,
                             void *target)
{
    (void)scratch;
    const wn__memory_source *r = (const wn__memory_source *)source;
    const wn__memory_part *p = part_of(r, part);
    if (input) *input = (wn__sample_input){(const char *)p->inputs + (size_t)index * r->input_bytes, r->height, r->width};
    memcpy(target, (const char *)p->targets + (size_t)index * r->target_bytes, r->target_bytes);
    return WN_OK;
}

static void close_memory(wn__sample_source *source)
{
    wn__memory_source *r = (wn__memory_source *)source;
    for (int part = 0; r->owned && part < 2; part++) {
        wn__free(part ? r->test.inputs : r->train.inputs);
        wn__free(part ? r->test.targets : r->train.targets);
    }
    wn__free(r);
}

wn_status wn__memory_source_new(const wn__sample_spec *spec, wn__memory_source **out)
{
    wn__memory_source *r = WN_NEW(wn__memory_source);
    if (!r) return wn__no_memory(sizeof *r);
    *r = (wn__memory_source){.source = {.read = read_memory, .close = close_memory},
                             .input_bytes = (size_t)wn__sample_input_bytes(spec),
                             .target_bytes = (size_t)wn__sample_target_width(spec) * 4,
                             .height = spec->height,
                             .width = spec->width,
                             .owned = true};
    *out = r;
    return WN_OK;
}

static void set_part(wn__memory_source *r, wn__part part, wn__memory_part p)
{
    *(part == WN__PART_TEST ? &r->test : &r->train) = p;
    *(part == WN__PART_TEST ? &r->source.test_count : &r->source.train_count) = p.n;
}

wn_status wn__memory_source_make_room(wn__memory_source *r, wn__part part, int64_t n)
{
    const wn__memory_part p = {n, wn__alloc_array(n, r->input_bytes), wn__alloc_array(n, r->target_bytes)};
    set_part(r, part, p);
    return p.inputs && p.targets ? WN_OK : wn__no_memory((size_t)n * (r->input_bytes + r->target_bytes));
}

/* ---- copies */

/* Pieces, so that a generator can be asked by several threads. */
enum { PIECE = 64 };
typedef struct copying {
    wn__sample_source *from;
    const char *what;
    wn__part part;
    wn__range range;
    wn__memory_source *to;
    int64_t at; /* where the range begins there */
    atomic_bool failed;
} copying;

static wn_status copy_sample(const copying *c, int64_t i, wn__scratch *scratch)
{
    const wn__memory_source *to = c->to;
    const wn__memory_part *p = part_of(to, c->part);
    const size_t at = (size_t)(c->at + i);
    wn__sample_input input;
    WN_TRY(wn__source_read(c->from, c->what, c->part, c->range.first + i, scratch, &input, (char *)p->targets + at * to->target_bytes));
    if (input.height != to->height || input.width != to->width)
        return wn__fail(WN_EUNSUPPORTED, "%s: images of several sizes are not kept in memory", c->what);
    memcpy((char *)p->inputs + at * to->input_bytes, input.data, to->input_bytes);
    return WN_OK;
}

static wn_status copy_samples(const copying *c, int64_t first, int64_t end)
{
    wn__scratch scratch = {0};
    wn_status status = WN_OK;
    for (int64_t i = first; status == WN_OK && i < end; i++)
        status = copy_sample(c, i, &scratch);
    wn__scratch_release(&scratch);
    return status;
}

static void copy_piece(void *arg, int64_t chunk, int worker)
{
    (void)worker;
    copying *c = arg;
    const int64_t first = chunk * PIECE, end = first + PIECE < c->range.count ? first + PIECE : c->range.count;
    if (copy_samples(c, first, end) != WN_OK) c->failed = true;
}

/* A failure is repeated here, where its message is seen. */
static wn_status copy_range(copying c, wn__pool *pool)
{
    if (c.from->in_order || !pool) return copy_samples(&c, 0, c.range.count);
    wn__parallel_for(pool, (c.range.count + PIECE - 1) / PIECE, copy_piece, &c);
    return c.failed ? copy_samples(&c, 0, c.range.count) : WN_OK;
}

static wn_status copy_parts(copying c, const wn__range *train, int ranges, wn__pool *pool)
{
    int64_t all = 0;
    for (int i = 0; i < ranges; i++)
        all += train[i].count;
    WN_TRY(wn__memory_source_make_room(c.to, WN__PART_TRAIN, all));
    for (int i = 0; i < ranges; i++) {
        c.range = train[i];
        WN_TRY(copy_range(c, pool));
        c.at += train[i].count;
    }
    c.part = WN__PART_TEST;
    c.range = (wn__range){0, c.from->test_count};
    c.at = 0;
    WN_TRY(wn__memory_source_make_room(c.to, WN__PART_TEST, c.range.count));
    return copy_range(c, pool);
}

wn_status wn__memory_source_copy(wn__sample_source *from, const char *what, const wn__sample_spec *spec, const wn__range *train, int ranges,
                                 wn__pool *pool, wn__memory_source **out)
{
    wn__memory_source *r;
    WN_TRY(wn__memory_source_new(spec, &r));
    const copying c = {.from = from, .what = what, .part = WN__PART_TRAIN, .to = r};
    const wn_status status = copy_parts(c, train, ranges, pool);
    if (status != WN_OK)
        wn__source_close(&r->source);
    else
        *out = r;
    return status;
}
