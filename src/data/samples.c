#include "data/samples.h"

#include "base/alloc.h"
#include "base/fail.h"
#include "base/rng.h"

void wn__samples_release(wn__samples *s)
{
    wn__free(s->images);
    wn__targets_release(&s->targets);
    wn__free(s->index);
    *s = (wn__samples){0};
}

static int64_t count_class(const wn__dataset *data, wn__range range, int class)
{
    int64_t count = 0;
    for (int64_t i = range.first; i < range.first + range.count; i++)
        count += data->train.labels[i] == class;
    return count;
}

/* Selection sampling (Fan, Muller, Rezucha 1962): in the order of the data. */
static wn_status draw_class(const wn__dataset *data, wn__range range, int class, int64_t each, uint64_t seed, int64_t *index)
{
    int64_t left = count_class(data, range, class), needed = each;
    if (left < each)
        return wn__fail(WN_EUSAGE, "%lld images of each class are asked for, but of class %d there are %lld", (long long)each, class,
                        (long long)left);
    wn__rng rng = wn__rng_make(seed, WN__FOR_SCORE, (uint64_t) class, 0);
    for (int64_t i = range.first; needed > 0; i++) {
        if (data->train.labels[i] != class) continue;
        if (wn__rng_below(&rng, (uint64_t)left--) >= (uint64_t)needed) continue;
        index[(each - needed--) * data->classes + class] = i;
    }
    return WN_OK;
}

static wn_status draw(const wn__dataset *data, wn__range range, const wn__normalize *normalize, int64_t each, uint64_t seed, wn__samples *s)
{
    const int64_t plane = (int64_t)data->height * data->width, size = data->channels * plane;
    s->images = WN_NEW_ARRAY(float, s->n *size);
    s->index = WN_NEW_ARRAY(int64_t, s->n);
    WN_TRY(wn__targets_alloc(WN_TARGET_CLASS, 1, s->n, &s->targets));
    if (!s->images || !s->index) return wn__no_memory((size_t)(s->n * size) * sizeof(float));
    for (int class = 0; class < data->classes; class ++)
        WN_TRY(draw_class(data, range, class, each, seed, s->index));
    for (int64_t i = 0; i < s->n; i++) {
        wn__targets_classes(&s->targets, i)[0] = data->train.labels[s->index[i]];
        wn__normalize_image(normalize, data->channels, plane, data->train.pixels + s->index[i] * size, s->images + i * size);
    }
    return WN_OK;
}

wn_status wn__samples_draw(const wn__dataset *data, wn__range range, const wn__normalize *normalize, int64_t each, uint64_t seed,
                           wn__samples *out)
{
    wn__samples s = {.n = each * data->classes};
    const wn_status status = draw(data, range, normalize, each, seed, &s);
    if (status != WN_OK)
        wn__samples_release(&s);
    else
        *out = s;
    return status;
}
