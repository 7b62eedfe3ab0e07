#include "analysis/gradient.h"

#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "nn/loss.h"
#include "nn/metric.h"

/* The same for every analysis, so that their numbers can be compared. */
#define SAMPLE_SEED 0x6c6162u

static const wn__step_info step = {.training = true};

/* --- the sample ---------------------------------------------------------------------------------------------------------------- */

void wn__sample_release(wn__sample *s)
{
    wn__free(s->images);
    wn__targets_release(&s->targets);
    *s = (wn__sample){0};
}

wn_status wn__sample_make(const wn__loader_options *options, wn__part part, int64_t n, wn__pool *pool, wn__sample *out)
{
    wn__loader_options plain = *options;
    const int64_t there = wn__split_range(&options->split, part).count;
    const wn__dataset *data = options->data;
    const int64_t image = wn__sample_elements(&data->facts.sample);
    wn__loader *loader;
    const wn__batch *b;
    plain.part = part;
    plain.batch = n < there ? n : there;
    plain.order = WN__SAMPLES_SHUFFLED;
    plain.seed = SAMPLE_SEED;
    wn__loader_unaugmented(&plain);
    plain.last_batch = WN__LAST_KEEP;
    plain.threads = 0;
    WN_TRY(wn__loader_new(&plain, &loader));
    wn__sample s = {.classes = data->facts.sample.classes, .pool = pool};
    wn_status status = wn__loader_next(loader, &b);
    if (status == WN_OK) {
        s.n = b->n;
        s.images = WN_NEW_ARRAY(float, s.n *image);
        status = s.images ? wn__targets_alloc(b->targets.kind, b->targets.width, s.n, &s.targets)
                          : wn__no_memory((size_t)(s.n * image) * sizeof(float));
    }
    if (status == WN_OK) {
        memcpy(s.images, b->input, (size_t)(s.n * image) * sizeof *s.images);
        wn__targets_copy(&s.targets, 0, &b->targets, 0, s.n);
        *out = s;
    } else {
        wn__sample_release(&s);
    }
    wn__loader_free(loader);
    return status;
}

/* --- loss and derivatives ------------------------------------------------------------------------------------------------------ */

/* Loss and headline of each image, where the headline is a mean over images. */
typedef struct counting {
    const wn__sample *sample;
    wn__metric_set metrics;
    double *loss;  /* (n) */
    double *score; /* (metrics, n) */
} counting;

static wn_status make_counting(const wn__sample *s, counting *c)
{
    *c = (counting){.sample = s, .metrics = wn__metric_set_usual(s->targets.kind), .loss = WN_NEW_ARRAY(double, s->n)};
    c->score = WN_NEW_ARRAY(double, c->metrics.count * s->n);
    return c->loss && c->score ? WN_OK : wn__no_memory((size_t)s->n * sizeof(double));
}

static void finish_counting(counting *c, wn_status status, double *loss, double *headline)
{
    double sum = 0, score = 0;
    for (int64_t i = 0; status == WN_OK && i < c->sample->n; i++) {
        sum += c->loss[i];
        score += c->score[c->metrics.headline * c->sample->n + i];
    }
    if (status == WN_OK && loss) *loss = sum / (double)c->sample->n;
    if (status == WN_OK && headline) *headline = wn__metric_headline(&c->metrics)->row ? score / (double)c->sample->n : NAN;
    wn__free(c->loss);
    wn__free(c->score);
}

static wn__loss_rows rows_of(const wn__sample *s, const float *logits, int64_t first, int64_t n)
{
    return (wn__loss_rows){.n = n, .batch = s->n, .classes = s->classes, .logits = logits, .targets = wn__targets_from(&s->targets, first)};
}

static wn_status count_loss(void *arg, const float *logits, int64_t first, int64_t n, float *dlogits)
{
    static const wn__loss plain = {0};
    const counting *c = arg;
    const wn__loss_rows rows = rows_of(c->sample, logits, first, n);
    const wn__metric_rows told = {.n = n, .k = rows.classes, .outputs = logits, .targets = rows.targets, .loss = c->loss + first};
    wn__loss_compute(&plain, &rows, c->sample->pool, &(wn__loss_out){.loss = c->loss + first, .dlogits = dlogits});
    wn__metric_rows_compute(&c->metrics, &told, c->sample->pool, c->sample->n, c->score + first);
    return WN_OK;
}

wn_status wn__sample_loss(wn__executor *ex, const wn__sample *s, double *loss, double *headline)
{
    counting c;
    float *logits = WN_NEW_ARRAY(float, s->n * s->classes);
    wn_status status = make_counting(s, &c);
    if (status == WN_OK && !logits) status = wn__no_memory((size_t)(s->n * s->classes) * sizeof *logits);
    if (status == WN_OK) status = wn__executor_infer(ex, s->images, s->n, step, logits);
    if (status == WN_OK) status = count_loss(&c, logits, 0, s->n, NULL);
    finish_counting(&c, status, loss, headline);
    wn__free(logits);
    return status;
}

wn_status wn__sample_gradient(wn__executor *ex, const wn__sample *s, double *loss, double *headline)
{
    counting c;
    wn_status status = make_counting(s, &c);
    if (status == WN_OK) status = wn__executor_gradients(ex, s->images, s->n, step, count_loss, &c);
    finish_counting(&c, status, loss, headline);
    return status;
}

static wn_status loss_tangent(void *arg, const float *logits, const float *t_logits, int64_t n, float *dlogits, float *t_dlogits)
{
    static const wn__loss plain = {0};
    const wn__sample *s = arg;
    const wn__loss_rows rows = rows_of(s, logits, 0, n);
    const wn__loss_out out = {.dlogits = dlogits};
    wn__loss_compute(&plain, &rows, s->pool, &out);
    wn__loss_tangent_compute(&plain, &rows, t_logits, t_dlogits);
    return WN_OK;
}

wn_status wn__sample_hessian_vector(wn__executor *ex, const wn__sample *s, const wn__param_arrays *vector, wn__param_arrays *product)
{
    return wn__executor_hessian_vector(ex, s->images, s->n, step, loss_tangent, (void *)s, (const float *const *)vector->item,
                                       product->item);
}

/* --- flow ---------------------------------------------------------------------------------------------------------------------- */

void wn__flow_release(wn__flow *f)
{
    wn__free(f->layer);
    *f = (wn__flow){0};
}

static void measure_layer(const wn__param *p, const uint8_t *active, wn__layer_flow *l)
{
    double gg = 0, ga = 0, g1 = 0, w1 = 0, w2 = 0;
    l->count = p->stored;
    for (int64_t k = 0; k < p->stored; k++) {
        const double g = p->grad[k], w = p->value[k];
        gg += g * g;
        if (active && !active[k]) continue;
        l->active++;
        ga += g * g;
        g1 += g;
        w1 += w;
        w2 += w * w;
        l->weight_most = fmax(l->weight_most, fabs(w));
    }
    const double n = l->active > 0 ? (double)l->active : 1;
    l->gradient_active = sqrt(ga);
    l->gradient_all = sqrt(gg);
    l->gradient_mean = g1 / n;
    l->gradient_std = sqrt(fmax(ga / n - g1 / n * (g1 / n), 0));
    l->weight_mean = w1 / n;
    l->weight_std = sqrt(fmax(w2 / n - w1 / n * (w1 / n), 0));
    l->weight_norm = sqrt(w2);
}

static wn_status measure_layers(const wn__params *params, uint8_t *const *active, wn__flow *f)
{
    double ga = 0, gg = 0;
    if (!(f->layer = WN_NEW_ARRAY(wn__layer_flow, params->count))) return wn__no_memory((size_t)params->count * sizeof *f->layer);
    for (int i = 0; i < params->count; i++) {
        if (!wn__role_is_trained(params->item[i].role)) continue;
        wn__layer_flow *l = &f->layer[f->layers++];
        l->param = i;
        measure_layer(&params->item[i], active ? active[i] : NULL, l);
        ga += l->gradient_active * l->gradient_active;
        gg += l->gradient_all * l->gradient_all;
    }
    f->gradient_active = sqrt(ga);
    f->gradient_all = sqrt(gg);
    return WN_OK;
}

/* Adds -rate times the active gradient; `kept` (all trained entries) gets the values from before. */
static void move(wn__params *params, uint8_t *const *active, double rate, float *kept)
{
    for (int i = 0; i < params->count; i++) {
        wn__param *p = &params->item[i];
        if (!wn__role_is_trained(p->role)) continue;
        for (int64_t k = 0; k < p->stored; k++) {
            *kept++ = p->value[k];
            if (!active || !active[i] || active[i][k]) p->value[k] = (float)(p->value[k] - rate * p->grad[k]);
        }
    }
    params->version++;
}

static void move_back(wn__params *params, const float *kept)
{
    for (int i = 0; i < params->count; i++) {
        wn__param *p = &params->item[i];
        if (!wn__role_is_trained(p->role)) continue;
        memcpy(p->value, kept, (size_t)p->stored * sizeof *kept);
        kept += p->stored;
    }
    params->version++;
}

wn_status wn__flow_measure(wn__executor *ex, wn__params *params, const wn__sample *s, uint8_t *const *active, double rate, wn__flow *out)
{
    wn__flow f = {0};
    int64_t size = 0;
    double after = 0;
    for (int i = 0; i < params->count; i++)
        if (wn__role_is_trained(params->item[i].role)) size += params->item[i].stored;
    float *kept = WN_NEW_ARRAY(float, size);
    wn_status status = kept ? wn__sample_gradient(ex, s, &f.loss, &f.headline) : wn__no_memory((size_t)size * sizeof *kept);
    if (status == WN_OK) status = measure_layers(params, active, &f);
    if (status == WN_OK) {
        move(params, active, rate, kept);
        status = wn__sample_loss(ex, s, &after, NULL);
        move_back(params, kept);
    }
    wn__free(kept);
    f.decrease = f.loss - after;
    f.predicted = rate * f.gradient_active * f.gradient_active;
    if (status == WN_OK)
        *out = f;
    else
        wn__flow_release(&f);
    return status;
}
