#include "nn/init.h"

#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "base/rng.h"

static const char *const weight_rules[] = {"kaiming", "kaiming-fan-out", "pytorch", "xavier", "xavier-normal", NULL};
static const char *const scale_rules[] = {"one", "uniform", NULL};
const char *const wn__reinit_names[] = {"same", "kd-ticket", NULL};
const char *const wn__sparse_init_names[] = {"dense",
                                             "fan-in-normal",
                                             "fan-in-uniform",
                                             "fan-out-normal",
                                             "fan-out-uniform",
                                             "fan-average-normal",
                                             "fan-average-uniform",
                                             "layer-scaled",
                                             NULL};

const wn__setting wn__init_settings[] = {
    WN_SETTING_CHOICE(wn__init_options, weights, "kaiming", weight_rules, "distribution of start weights"),
    WN_SETTING_CHOICE(wn__init_options, bn_scale, "one", scale_rules, "batch norm scales: 1, or drawn from U[0,1)"),
    {0}};

/* The weight that belongs to the bias `p`: "<node>.weight". */
static const wn__param *weight_of_bias(const wn__params *params, const wn__param *p)
{
    const char *dot = strrchr(p->name, '.');
    const size_t node = dot ? (size_t)(dot - p->name) : strlen(p->name);
    for (int i = 0; i < params->count; i++) {
        const char *name = params->item[i].name;
        if (params->item[i].role == WN__WEIGHT && !strncmp(name, p->name, node) && !strcmp(name + node, ".weight")) return &params->item[i];
    }
    return NULL;
}

wn_status wn__init_fans(const wn__params *params, int index, int64_t *fan_in, int64_t *fan_out)
{
    const wn__param *p = &params->item[index];
    if (p->role == WN__BIAS) p = weight_of_bias(params, p);
    if (!p || p->role != WN__WEIGHT || p->ndim < 2)
        return wn__fail(WN_EINVAL, "parameter %s has no fan: it belongs to no convolution or linear layer", params->item[index].name);
    int64_t field = 1;
    for (int d = 2; d < p->ndim; d++)
        field *= p->dim[d];
    *fan_in = p->dim[1] * field;
    *fan_out = p->dim[0] * field;
    return WN_OK;
}

static void fill(wn__param *p, float value)
{
    for (int64_t i = 0; i < p->stored; i++)
        p->value[i] = value;
}

/* A distribution that entries are drawn from: N(0, scale^2), or [low, low + scale). An entry is drawn from the words of its flat position
 * in the weight, so that a compressed weight gets what the dense one would have there. */
typedef struct draw {
    bool normal;
    double low, scale;
} draw;

static float draw_one(const draw *d, wn__rng *rng)
{
    return (float)(d->normal ? d->scale * wn__rng_normal(rng) : d->low + d->scale * (double)wn__rng_uniform(rng));
}

static void draw_stored(wn__param *p, wn__rng rng, const draw *d)
{
    const wn__pattern *q = p->pattern;
    const uint64_t words = d->normal ? 2 : 1;
    int64_t next = 0; /* position that the stream stands at */
    for (int64_t r = 0; r < q->rows; r++)
        for (int64_t e = q->row_start[r]; e < q->row_start[r + 1]; e++) {
            const int64_t position = r * q->columns + q->column[e];
            if (position != next) wn__rng_seek(&rng, words * (uint64_t)position);
            p->value[e] = draw_one(d, &rng);
            next = position + 1;
        }
}

static void draw_all(wn__param *p, wn__rng rng, draw d)
{
    if (p->pattern) {
        draw_stored(p, rng, &d);
        return;
    }
    for (int64_t i = 0; i < p->stored; i++)
        p->value[i] = draw_one(&d, &rng);
}

static void draw_normal(wn__param *p, wn__rng rng, double deviation) { draw_all(p, rng, (draw){.normal = true, .scale = deviation}); }

static void draw_uniform(wn__param *p, wn__rng rng, double low, double high) { draw_all(p, rng, (draw){.low = low, .scale = high - low}); }

static void draw_weight(wn__param *p, wn__rng rng, int rule, double fan_in, double fan_out)
{
    switch ((wn__init_weights)rule) {
    case WN__INIT_KAIMING: draw_normal(p, rng, sqrt(2 / fan_in)); break;
    case WN__INIT_KAIMING_FAN_OUT: draw_normal(p, rng, sqrt(2 / fan_out)); break;
    case WN__INIT_PYTORCH: draw_uniform(p, rng, -1 / sqrt(fan_in), 1 / sqrt(fan_in)); break;
    case WN__INIT_XAVIER: draw_uniform(p, rng, -sqrt(6 / (fan_in + fan_out)), sqrt(6 / (fan_in + fan_out))); break;
    case WN__INIT_XAVIER_NORMAL: draw_normal(p, rng, sqrt(2 / (fan_in + fan_out))); break;
    }
}

/* The KD-ticket networks draw convolutions by their fan-out and leave linear layers to PyTorch. */
static int rule_of(const wn__init_options *options, const wn__param *weight)
{
    return options->weights == WN__INIT_KAIMING_FAN_OUT && weight && weight->ndim == 2 ? WN__INIT_PYTORCH : options->weights;
}

static wn_status init_one(wn__params *params, int index, const wn__init_options *options, wn__rng rng)
{
    wn__param *p = &params->item[index];
    int64_t fan_in, fan_out;
    switch (p->role) {
    case WN__WEIGHT:
        WN_TRY(wn__init_fans(params, index, &fan_in, &fan_out));
        draw_weight(p, rng, rule_of(options, p), (double)fan_in, (double)fan_out);
        break;
    case WN__BIAS:
        fill(p, 0.0f);
        if (rule_of(options, weight_of_bias(params, p)) != WN__INIT_PYTORCH) break;
        WN_TRY(wn__init_fans(params, index, &fan_in, &fan_out));
        draw_uniform(p, rng, -1 / sqrt((double)fan_in), 1 / sqrt((double)fan_in));
        break;
    case WN__SCALE:
        fill(p, 1.0f);
        if (options->bn_scale) draw_uniform(p, rng, 0, 1);
        break;
    case WN__SHIFT:
    case WN__MEAN: fill(p, 0.0f); break;
    case WN__VARIANCE: fill(p, 1.0f); break;
    }
    return WN_OK;
}

static wn_status init_all(wn__params *params, const wn__init_options *options, wn__purpose purpose, uint64_t seed)
{
    for (int i = 0; i < params->count; i++) {
        wn__param *p = &params->item[i];
        if (p->map)
            return wn__fail(WN_EUNSUPPORTED, "parameter %s is stored as %s and cannot be drawn as plain weights", p->name, p->map->name);
        WN_TRY(init_one(params, i, options, wn__rng_make(seed, purpose, (uint64_t)i, 0)));
        wn__param_apply_mask(p);
    }
    params->version++;
    return WN_OK;
}

wn_status wn__init_params(wn__params *params, const wn__init_options *options, uint64_t seed)
{
    return init_all(params, options, WN__FOR_INIT, seed);
}

wn_status wn__reinit_params(wn__params *params, const wn__init_options *options, wn__reinit_rule rule, uint64_t seed)
{
    WN_TRY(init_all(params, options, WN__FOR_REINIT, seed));
    if (rule != WN__REINIT_KD_TICKET) return WN_OK;
    for (int i = 0; i < params->count; i++) {
        wn__param *p = &params->item[i];
        if (p->role != WN__WEIGHT || p->ndim != 4 || (!p->mask && !p->pattern) || p->active == 0) continue;
        const double n = (double)p->active / (double)p->dim[1];
        draw_normal(p, wn__rng_make(seed, WN__FOR_REINIT, (uint64_t)i, 0), sqrt(2 / n));
        wn__param_apply_mask(p);
    }
    return WN_OK;
}

/* ---- start weights that know which connections there are */

/* Active entries of each output and of each input channel. */
typedef struct fans {
    int64_t *in;   /* (rows) */
    int64_t *out;  /* (channels) */
    int64_t field; /* columns of an input channel */
} fans;

/* What is done with each active entry: e is its stored place. */
typedef void (*entry_call)(void *arg, int64_t row, int64_t column, int64_t e);

static void for_active(const wn__param *p, entry_call call, void *arg)
{
    const wn__pattern *q = p->pattern;
    const int64_t rows = p->dim[0], columns = p->count / rows;
    for (int64_t r = 0; r < rows; r++) {
        if (q)
            for (int64_t e = q->row_start[r]; e < q->row_start[r + 1]; e++)
                call(arg, r, q->column[e], e);
        else
            for (int64_t c = 0; c < columns; c++)
                if (!p->mask || p->mask[r * columns + c]) call(arg, r, c, r * columns + c);
    }
}

static void count_entry(void *arg, int64_t row, int64_t column, int64_t e)
{
    fans *f = arg;
    (void)e;
    f->in[row]++;
    f->out[column / f->field]++;
}

static wn_status count_fans(const wn__param *p, fans *f)
{
    const int64_t rows = p->dim[0], channels = p->dim[1];
    *f = (fans){.in = WN_NEW_ARRAY(int64_t, rows), .out = WN_NEW_ARRAY(int64_t, channels), .field = p->count / rows / channels};
    if (!f->in || !f->out) return wn__no_memory((size_t)(rows + channels) * sizeof(int64_t));
    for_active(p, count_entry, f);
    return WN_OK;
}

typedef struct fan_draw {
    wn__param *p;
    fans f;
    wn__sparse_init how;
    double gain;
    wn__rng rng;
    int64_t next; /* position that the stream stands at */
} fan_draw;

static double fan_of(const fan_draw *d, int64_t row, int64_t column)
{
    const double in = (double)d->f.in[row], out = (double)d->f.out[column / d->f.field];
    switch (d->how) {
    case WN__SPARSE_INIT_IN_NORMAL:
    case WN__SPARSE_INIT_IN_UNIFORM: return in;
    case WN__SPARSE_INIT_OUT_NORMAL:
    case WN__SPARSE_INIT_OUT_UNIFORM: return out;
    default: return 0.5 * (in + out);
    }
}

/* From the words of its flat position, so that masked and compressed weights get the same. */
static void draw_entry(void *arg, int64_t row, int64_t column, int64_t e)
{
    fan_draw *d = arg;
    const bool normal =
        d->how == WN__SPARSE_INIT_IN_NORMAL || d->how == WN__SPARSE_INIT_OUT_NORMAL || d->how == WN__SPARSE_INIT_AVERAGE_NORMAL;
    const double deviation = sqrt(d->gain / fan_of(d, row, column)), limit = sqrt(3.0) * deviation;
    const draw one = normal ? (draw){.normal = true, .scale = deviation} : (draw){.low = -limit, .scale = 2 * limit};
    const int64_t position = row * (d->p->count / d->p->dim[0]) + column;
    if (position != d->next) wn__rng_seek(&d->rng, (uint64_t)position * (normal ? 2 : 1));
    d->p->value[e] = draw_one(&one, &d->rng);
    d->next = position + 1;
}

static wn_status draw_by_fans(wn__param *p, wn__sparse_init how, double gain, wn__rng rng)
{
    fan_draw d = {.p = p, .how = how, .gain = gain, .rng = rng};
    const wn_status status = count_fans(p, &d.f);
    if (status == WN_OK) for_active(p, draw_entry, &d);
    wn__free(d.f.in);
    wn__free(d.f.out);
    return status;
}

static void scale_layer(wn__param *p)
{
    const float factor = p->active ? (float)sqrt((double)p->count / (double)p->active) : 1.0f;
    for (int64_t e = 0; e < p->stored; e++)
        p->value[e] *= factor;
}

wn_status wn__init_sparse(wn__params *params, wn__sparse_init how, double gain, bool redrawn, uint64_t seed)
{
    if (how == WN__SPARSE_INIT_NONE) return WN_OK;
    const bool average = how == WN__SPARSE_INIT_AVERAGE_NORMAL || how == WN__SPARSE_INIT_AVERAGE_UNIFORM;
    const double used = gain > 0 ? gain : average ? 1 : 2;
    for (int i = 0; i < params->count; i++) {
        wn__param *p = &params->item[i];
        if (p->role != WN__WEIGHT) continue;
        if (how == WN__SPARSE_INIT_LAYER)
            scale_layer(p);
        else
            WN_TRY(draw_by_fans(p, how, used, wn__rng_make(seed, redrawn ? WN__FOR_REINIT : WN__FOR_INIT, (uint64_t)i, 0)));
    }
    params->version++;
    return WN_OK;
}
