#include "data/transform.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/elementary.h"
#include "base/fail.h"

#define WN__TRANSFORM(name) extern const wn__sample_transform wn__sample_transform_##name;
#include "data/transforms/list.h"
#undef WN__TRANSFORM
#define WN__TRANSFORM(name) &wn__sample_transform_##name,
const wn__sample_transform *const wn__sample_transforms[] = {
#include "data/transforms/list.h"
    NULL};
#undef WN__TRANSFORM

const wn__sample_transform *wn__sample_transform_find(const char *name)
{
    for (int i = 0; wn__sample_transforms[i]; i++)
        if (strcmp(wn__sample_transforms[i]->name, name) == 0) return wn__sample_transforms[i];
    return NULL;
}

/* ---- lists */

/* Pixels come before inputs, these before batches. */
static int turn(const wn__sample_transform *type) { return type->pixels ? 0 : type->normalize ? 1 : type->input ? 2 : 3; }

wn_status wn__transforms_add(wn__transforms *list, const wn__sample_transform *type, void **config)
{
    static const char *const kinds[] = {"pixels", "normalisation", "normalised inputs", "batches"};
    const wn__sample_transform *before = list->count ? list->item[list->count - 1].type : NULL;
    if (list->count == WN__MOST_TRANSFORMS) return wn__fail(WN_EUSAGE, "%s: at most %d transforms are possible", type->name, list->count);
    if (before && turn(type) < turn(before))
        return wn__fail(WN_EUSAGE, "%s is of %s and must stand before %s, which is of %s", type->name, kinds[turn(type)], before->name,
                        kinds[turn(before)]);
    *config = wn__alloc(type->config_size ? type->config_size : 1);
    if (!*config) return wn__no_memory(type->config_size);
    list->item[list->count++] = (struct wn__listed_transform){type, *config};
    return type->settings ? wn__settings_defaults(type->settings, *config) : WN_OK;
}

void wn__transforms_release(wn__transforms *list)
{
    for (int i = 0; i < list->count; i++)
        wn__free(list->item[i].config);
    *list = (wn__transforms){0};
}

void wn__transforms_size(const wn__transforms *list, int *height, int *width)
{
    for (int i = 0; i < list->count; i++)
        if (list->item[i].type->size) list->item[i].type->size(list->item[i].config, height, width);
}

bool wn__transforms_give_size(const wn__transforms *list)
{
    int height = 0, width = 0;
    if (list) wn__transforms_size(list, &height, &width);
    return height > 0;
}

bool wn__transforms_change_pixels(const wn__transforms *list)
{
    return list && list->count > 0 && list->item[0].type->pixels; /* they stand first */
}

bool wn__transforms_mix(const wn__transforms *list)
{
    return list && list->count > 0 && list->item[list->count - 1].type->mix; /* they stand last */
}

bool wn__transforms_normalize(const wn__transforms *list, int channels, wn__normalize *out)
{
    bool found = false;
    for (int i = 0; list && i < list->count; i++) {
        if (!list->item[i].type->normalize) continue;
        list->item[i].type->normalize(list->item[i].config, channels, out);
        found = true;
    }
    return found;
}

void wn__transforms_write(const wn__transforms *list, wn__text *out)
{
    char shown[128];
    for (int i = 0; i < list->count; i++) {
        wn__text_add(out, "%s{%s: {", i ? ", " : "[", list->item[i].type->name);
        for (const wn__setting *row = list->item[i].type->settings; row && row->name; row++)
            wn__text_add(out, "%s%s: %s", row == list->item[i].type->settings ? "" : ", ", row->name,
                         wn__settings_show(row, list->item[i].config, shown, sizeof shown));
        wn__text_add(out, "}}");
    }
    wn__text_add(out, "%s", list->count ? "]" : "[]");
}

/* ---- doing it */

static wn__rng stream(wn__purpose purpose, wn__draw draw, int place)
{
    return wn__rng_make(draw.seed, purpose, (uint64_t)draw.epoch * 256 + (uint64_t)place, (uint64_t)draw.sample);
}

wn_status wn__transforms_pixels(const wn__transforms *list, wn__draw draw, wn__canvas *canvas)
{
    for (int i = 0; i < list->count; i++) {
        const struct wn__listed_transform *t = &list->item[i];
        wn__rng r = stream(WN__FOR_CHANGES, draw, i);
        const wn_status status = t->type->pixels ? t->type->pixels(t->config, &r, canvas) : WN_OK;
        if (status != WN_OK) return wn__fail_within(status, "%s: ", t->type->name);
    }
    return WN_OK;
}

void wn__transforms_input(const wn__transforms *list, wn__draw draw, int channels, int height, int width, float *input)
{
    for (int i = 0; i < list->count; i++) {
        const struct wn__listed_transform *t = &list->item[i];
        wn__rng r = stream(WN__FOR_CHANGES, draw, i);
        if (t->type->input) t->type->input(t->config, &r, channels, height, width, input);
    }
}

void wn__transforms_batch(const wn__transforms *list, wn__draw draw, const wn__mix *batch)
{
    int mixes = 0;
    while (mixes < list->count && list->item[list->count - 1 - mixes].type->mix)
        mixes++;
    if (mixes == 0) return;
    wn__rng r = stream(WN__FOR_MIXING, draw, 0);
    const struct wn__listed_transform *t = &list->item[list->count - mixes + (int)wn__rng_below(&r, (uint64_t)mixes)];
    t->type->mix(t->config, &r, batch);
}

/* ---- for entries */

const char *const wn__interpolation_names[] = {"nearest", "bilinear", "bicubic", NULL};

static bool is_whole(double x) { return x == floor(x); }

wn_status wn__size_check(const wn__numbers *size)
{
    if (size->count <= 2 && is_whole(size->value[0]) && is_whole(size->value[size->count - 1])) return WN_OK;
    return wn__fail(WN_EUSAGE, "size: one or two whole numbers are needed, such as 224 or [192, 224] (height, width)");
}

wn_status wn__range_check(const char *name, const wn__numbers *range)
{
    if (range->count == 2 && range->value[0] <= range->value[1]) return WN_OK;
    return wn__fail(WN_EUSAGE, "%s: a range such as [0.5, 1] is needed, the smaller number first", name);
}

/* The logarithm of a gamma variate of shape a (Marsaglia and Tsang 2000; of a below 1 by a + 1). */
static double draw_ln_gamma(double a, wn__rng *r)
{
    const double d = a + 1 - 1.0 / 3, c = 1 / sqrt(9 * d);
    double v;
    for (bool taken = false; !taken;) {
        double x, u;
        do {
            x = wn__rng_normal(r);
            v = 1 + c * x;
        } while (v <= 0);
        v = v * v * v;
        u = 1 - wn__rng_uniform_double(r);
        taken = wn__ln(u) < x * x / 2 + d - d * v + d * wn__ln(v);
    }
    return wn__ln(d * v) + wn__ln(1 - wn__rng_uniform_double(r)) / a;
}

double wn__draw_share(double alpha, wn__rng *r)
{
    const double a = draw_ln_gamma(alpha, r), b = draw_ln_gamma(alpha, r);
    return 1 / (1 + wn__exp(b - a));
}
