#include "lab/lab_line.h"

#include <math.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "lab/lab_curve.h"

/* Weights and statistics of both ends as vectors. */
typedef struct ends {
    wn__space weights, statistics;
    float *a, *b, *w;    /* of weights */
    float *as, *bs, *ws; /* of statistics */
} ends;

static wn_status read_ends(const wn__params *const *both, ends *e)
{
    WN_TRY(wn__space_make(both, 2, WN__SPACE_ACTIVE, &e->weights));
    WN_TRY(wn__space_make(both, 2, WN__SPACE_STATISTICS, &e->statistics));
    float **const vector[] = {&e->a, &e->b, &e->w, &e->as, &e->bs, &e->ws};
    for (int i = 0; i < 6; i++) {
        const int64_t size = i < 3 ? e->weights.size : e->statistics.size;
        if (!(*vector[i] = WN_NEW_ARRAY(float, size > 0 ? size : 1))) return wn__no_memory((size_t)size * sizeof(float));
    }
    wn__space_values(&e->weights, both[0], e->a);
    wn__space_values(&e->weights, both[1], e->b);
    wn__space_values(&e->statistics, both[0], e->as);
    wn__space_values(&e->statistics, both[1], e->bs);
    return WN_OK;
}

static void release_ends(ends *e)
{
    float *const vector[] = {e->a, e->b, e->w, e->as, e->bs, e->ws};
    for (int i = 0; i < 6; i++)
        wn__free(vector[i]);
    wn__space_release(&e->weights);
    wn__space_release(&e->statistics);
}

static void mix(const float *a, const float *b, double at, int64_t n, float *out)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = (float)((1 - at) * a[i] + at * b[i]);
}

static void set_position(const ends *e, double at, wn__params *params)
{
    mix(e->a, e->b, at, e->weights.size, e->w);
    mix(e->as, e->bs, at, e->statistics.size, e->ws);
    for (int64_t i = 0; i < e->statistics.size; i++) /* outside of the line variances may leave what is possible */
        if (!isfinite(e->ws[i])) e->ws[i] = 0;
    wn__space_set(&e->weights, e->w, params);
    wn__space_set(&e->statistics, e->ws, params);
    for (int i = 0; i < params->count; i++)
        if (params->item[i].role == WN__VARIANCE)
            for (int64_t k = 0; k < params->item[i].count; k++)
                params->item[i].value[k] = fmaxf(params->item[i].value[k], 0.0f);
}

static wn_status evaluate_points(wn__lab *lab, const wn__lab_line *l, const wn__probe *probe, const ends *e)
{
    for (int64_t i = 0; i < l->points; i++) {
        char name[WN__UNIT_NAME];
        wn__probe_point point;
        WN_TRY(wn__lab_progress(lab, l->before + i, l->all));
        wn__lab_curve_unit(l->prefix, i, name);
        if (wn__lab_unit(lab, name)) continue;
        set_position(e, l->position[i], probe->options.params);
        WN_TRY(wn__probe_evaluate(probe, &point));
        WN_TRY(wn__lab_unit_done(lab, name, wn__lab_curve_point_json(l->position[i], &point)));
    }
    return wn__lab_progress(lab, l->before + l->points, l->all);
}

wn_status wn__lab_line_evaluate(wn__lab *lab, const wn__params *a, const wn__params *b, const wn__lab_line *l)
{
    const wn__params *both[] = {a, b};
    ends e = {0};
    wn__network net = {0};
    wn__probe probe = {0};
    const wn__loader_options loader = wn__lab_loader(lab);
    wn_status status = read_ends(both, &e);
    if (status == WN_OK) status = wn__lab_union_network(lab, &e.weights, &net);
    const wn__probe_options options = {.params = &net.params,
                                       .executor = net.ex,
                                       .pool = lab->context.devices.pool,
                                       .train = &loader,
                                       .train_images = l->train_images,
                                       .reestimate = !l->interpolate_norms,
                                       .batches = l->batches};
    if (status == WN_OK) status = wn__probe_make(&options, &probe);
    if (status == WN_OK) status = evaluate_points(lab, l, &probe, &e);
    wn__probe_release(&probe);
    wn__network_release(&net);
    release_ends(&e);
    return status;
}
