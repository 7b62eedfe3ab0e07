#include "sparse/prune/saliency.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/elementary.h"
#include "base/fail.h"
#include "base/rng.h"
#include "base/stop.h"
#include "nn/loss.h"
#include "sparse/prune/flow.h"

const char *const wn__saliency_names[] = {"magnitude", "random", "snip", "grasp", "synflow", NULL};
static const char *const keep_names[] = {"lowest", "highest", "largest", NULL};
static const char *const mode_names[] = {"training", "evaluation", NULL};
static const char *const step_names[] = {"exponential", "linear", NULL};

#define ITERATIONS(usual) WN_SETTING_INT(wn__scoring, iterations, 0, 0, 10000, "scores are made anew after each; 0: " usual)
#define STEPS WN_SETTING_CHOICE(wn__scoring, steps, "exponential", step_names, "how density falls over the iterations")
#define MODE WN_SETTING_CHOICE(wn__scoring, mode, "training", mode_names, "batch norm over the batch, or by its running statistics")
#define SAMPLES WN_SETTING_INT(wn__scoring, samples, 10, 1, 1e6, "images of each class")

static const wn__setting no_settings[] = {{0}};
const wn__setting wn__snip_settings[] = {SAMPLES, MODE, ITERATIONS("one"), STEPS, {0}};
const wn__setting wn__grasp_settings[] = {
    SAMPLES,
    MODE,
    WN_SETTING_FLOAT(wn__scoring, temperature, 200, 1e-3, 1e6, "logits are divided by it"),
    WN_SETTING_CHOICE(wn__scoring, keep, "lowest", keep_names, "what stays of S = -w (H g): the lowest, the highest, or the largest |S|"),
    ITERATIONS("one"),
    STEPS,
    {0}};
const wn__setting wn__synflow_settings[] = {ITERATIONS("100"), STEPS, {0}};

const wn__setting *wn__saliency_settings(int score)
{
    static const wn__setting *const tables[] = {no_settings, no_settings, wn__snip_settings, wn__grasp_settings, wn__synflow_settings};
    return tables[score];
}

wn_status wn__scoring_defaults(int score, wn__scoring *out)
{
    *out = (wn__scoring){.score = score};
    return wn__settings_defaults(wn__saliency_settings(score), out);
}

bool wn__saliency_needs_images(int score) { return score == WN__SNIP || score == WN__GRASP; }
bool wn__saliency_needs_tangents(int score) { return score == WN__GRASP; }

/* ---- arrays over the selected weights */

static wn_status random_scores(const wn__saliency_input *in, const wn__params *params, wn__scores *out)
{
    WN_TRY(wn__scores_new(params, in->selection, out));
    for (int i = 0; i < params->count; i++) {
        wn__rng rng = wn__rng_make(in->seed, WN__FOR_SCORE, (uint64_t)i, 1);
        for (int64_t e = 0; out->score[i] && e < params->item[i].stored; e++) {
            const uint32_t bits = wn__rng_u32(&rng) % 0x7f800000u; /* any finite number >= 0: far more of them than in [0,1) */
            memcpy(&out->score[i][e], &bits, sizeof bits);
        }
    }
    return WN_OK;
}

/* ---- gradients and Hessian-vector products */

/* An array for each trained parameter, zeroed; NULL for others. */
typedef struct arrays {
    float **item;
    int count;
} arrays;

static void release_arrays(arrays *a)
{
    for (int i = 0; a->item && i < a->count; i++)
        wn__free(a->item[i]);
    wn__free(a->item);
}

static wn_status make_arrays(const wn__params *params, arrays *out)
{
    arrays a = {WN_NEW_ARRAY(float *, params->count), params->count};
    bool made = a.item != NULL;
    for (int i = 0; made && i < params->count; i++)
        if (wn__role_is_trained(params->item[i].role)) made = (a.item[i] = WN_NEW_ARRAY(float, params->item[i].stored)) != NULL;
    if (!made) {
        release_arrays(&a);
        return wn__no_memory((size_t)params->count * sizeof(float *));
    }
    *out = a;
    return WN_OK;
}

/* The mean cross-entropy over all samples of softmax(z / T), a batch of it at a time. */
typedef struct probe {
    const wn__scoring *how;
    const wn__saliency_input *input;
    wn__params *params;
    int64_t first, classes; /* of the batch at work */
    float *scaled;          /* (batch, classes) */
} probe;

static double temperature(const probe *p) { return p->how->score == WN__GRASP ? p->how->temperature : 1; }

static void scale(double factor, const float *in, int64_t count, float *out)
{
    for (int64_t k = 0; k < count; k++)
        out[k] = (float)(factor * (double)in[k]);
}

static wn__loss_rows rows_of(const probe *p, int64_t first, int64_t n)
{
    return (wn__loss_rows){.n = n,
                           .batch = p->input->samples->n,
                           .classes = p->classes,
                           .logits = p->scaled,
                           .targets = wn__targets_from(&p->input->samples->targets, p->first + first)};
}

static wn_status loss_gradient(void *arg, const float *logits, int64_t first, int64_t n, float *dlogits)
{
    const probe *p = arg;
    const wn__loss plain = {.temperature = 1};
    const wn__loss_rows rows = rows_of(p, first, n);
    scale(1 / temperature(p), logits, n * p->classes, p->scaled);
    wn__loss_compute(&plain, &rows, p->input->pool, &(wn__loss_out){.dlogits = dlogits});
    scale(1 / temperature(p), dlogits, n * p->classes, dlogits);
    return WN_OK;
}

static wn_status loss_tangent(void *arg, const float *logits, const float *t_logits, int64_t n, float *dlogits, float *t_dlogits)
{
    const probe *p = arg;
    const wn__loss plain = {.temperature = 1};
    const wn__loss_rows rows = rows_of(p, 0, n);
    WN_TRY(loss_gradient(arg, logits, 0, n, dlogits));
    wn__loss_tangent_compute(&plain, &rows, t_logits, t_dlogits);
    scale(1 / (temperature(p) * temperature(p)), t_dlogits, n * p->classes, t_dlogits);
    return WN_OK;
}

wn__executor_options wn__saliency_executor(int score, const wn__labelled *samples)
{
    return (wn__executor_options){.batch = samples->batch < samples->n ? samples->batch : samples->n,
                                  .training = true,
                                  .tangents = wn__saliency_needs_tangents(score)};
}

static wn_status open_probe(probe *p)
{
    const int64_t batch = wn__saliency_executor(p->how->score, p->input->samples).batch;
    p->classes = wn__graph_classes(p->input->graph);
    p->scaled = WN_NEW_ARRAY(float, batch * p->classes);
    return p->scaled ? WN_OK : wn__no_memory((size_t)(batch * p->classes) * sizeof(float));
}

static void add_up(const arrays *a, const wn__params *params, float *const *gradient)
{
    for (int i = 0; i < a->count; i++)
        for (int64_t e = 0; a->item[i] && e < params->item[i].stored; e++)
            a->item[i][e] += gradient ? gradient[i][e] : params->item[i].grad[e];
}

/* sum = the gradient over all samples, or its product with `vector`. */
static wn_status over_samples(probe *p, const arrays *vector, arrays *product, arrays *sum)
{
    const wn__labelled *s = p->input->samples;
    const wn_graph *g = p->input->graph;
    for (p->first = 0; p->first < s->n; p->first += s->batch) {
        const wn__step_info step = {.training = p->how->mode == WN__SCORE_TRAINING, .seed = p->input->seed, .step = p->first / s->batch};
        const int64_t n = s->n - p->first < s->batch ? s->n - p->first : s->batch;
        const float *images = s->images + p->first * g->c * g->h * g->w;
        if (vector)
            WN_TRY(wn__executor_hessian_vector(p->input->ex, images, n, step, loss_tangent, p, (const float *const *)vector->item,
                                               product->item));
        else
            WN_TRY(wn__executor_gradients(p->input->ex, images, n, step, loss_gradient, p));
        add_up(sum, p->params, product ? product->item : NULL);
    }
    return WN_OK;
}

static void snip_scores(const wn__params *params, const arrays *gradient, wn__scores *out)
{
    for (int i = 0; i < params->count; i++)
        for (int64_t e = 0; out->score[i] && e < params->item[i].stored; e++)
            out->score[i][e] = fabsf(params->item[i].value[e] * gradient->item[i][e]);
}

/* Over weights alone, and among them over those that are there. */
static void keep_weights(const wn__params *params, arrays *gradient)
{
    for (int i = 0; i < params->count; i++) {
        const wn__param *p = &params->item[i];
        for (int64_t e = 0; gradient->item[i] && e < p->stored; e++)
            if (p->role != WN__WEIGHT || (p->mask && !p->mask[e])) gradient->item[i][e] = 0;
    }
}

static wn_status grasp_scores(probe *p, arrays *gradient, wn__scores *out)
{
    arrays product = {0}, sum = {0};
    keep_weights(p->params, gradient);
    wn_status status = make_arrays(p->params, &product);
    if (status == WN_OK) status = make_arrays(p->params, &sum);
    if (status == WN_OK) status = over_samples(p, gradient, &product, &sum);
    for (int i = 0; status == WN_OK && i < p->params->count; i++)
        for (int64_t e = 0; out->score[i] && e < p->params->item[i].stored; e++) {
            const float s = -p->params->item[i].value[e] * sum.item[i][e];
            out->score[i][e] = p->how->keep == WN__GRASP_LOWEST ? -s : p->how->keep == WN__GRASP_HIGHEST ? s : fabsf(s);
        }
    release_arrays(&product);
    release_arrays(&sum);
    return status;
}

static wn_status gradient_scores(const wn__scoring *how, const wn__saliency_input *in, wn__params *params, wn__scores *out)
{
    probe p = {.how = how, .input = in, .params = params};
    arrays gradient = {0};
    WN_TRY(wn__scores_new(params, in->selection, out));
    wn_status status = open_probe(&p);
    if (status == WN_OK) status = make_arrays(params, &gradient);
    if (status == WN_OK) status = over_samples(&p, NULL, NULL, &gradient);
    if (status == WN_OK && how->score == WN__SNIP) snip_scores(params, &gradient, out);
    if (status == WN_OK && how->score == WN__GRASP) status = grasp_scores(&p, &gradient, out);
    release_arrays(&gradient);
    wn__free(p.scaled);
    if (status != WN_OK) wn__scores_release(out);
    return status;
}

/* ---- synaptic flow */

/* To float, as parts of the largest one. */
static void scale_flow(const wn__params *params, double *const *flow, wn__scores *out)
{
    double most = 0;
    for (int i = 0; i < params->count; i++)
        for (int64_t e = 0; flow[i] && e < params->item[i].stored; e++)
            if (flow[i][e] > most) most = flow[i][e];
    for (int i = 0; i < params->count; i++)
        for (int64_t e = 0; flow[i] && e < params->item[i].stored; e++)
            out->score[i][e] = most > 0 ? (float)(flow[i][e] / most) : 0;
}

static wn_status flow_scores(const wn__saliency_input *in, const wn__params *params, wn__scores *out)
{
    double **flow = WN_NEW_ARRAY(double *, params->count), total;
    if (!flow) return wn__no_memory((size_t)params->count * sizeof *flow);
    wn_status status = wn__scores_new(params, in->selection, out);
    for (int i = 0; status == WN_OK && i < params->count; i++)
        if (out->score[i] && !(flow[i] = WN_NEW_ARRAY(double, params->item[i].stored))) status = wn__no_memory(sizeof(double));
    if (status == WN_OK) status = wn__flow_scores(in->graph, params, in->pool, flow, &total);
    if (status == WN_OK && !isfinite(total)) status = wn__fail(WN_EDIVERGED, "%s: its synaptic flow is %g", in->graph->name, total);
    if (status == WN_OK) scale_flow(params, flow, out);
    if (status != WN_OK) wn__scores_release(out);
    for (int i = 0; i < params->count; i++)
        wn__free(flow[i]);
    wn__free(flow);
    return status;
}

/* ---- */

wn_status wn__saliency_scores(const wn__scoring *how, const wn__saliency_input *input, wn__params *params, wn__scores *out)
{
    *out = (wn__scores){0};
    switch ((wn__saliency)how->score) {
    case WN__MAGNITUDE: return wn__scores_magnitude(params, input->selection, out);
    case WN__RANDOM_SCORE: return random_scores(input, params, out);
    case WN__SYNFLOW: return flow_scores(input, params, out);
    case WN__SNIP:
    case WN__GRASP: break;
    }
    return gradient_scores(how, input, params, out);
}

static double part_kept(const wn__scoring *how, double density, int64_t rounds, int64_t round)
{
    const double share = (double)round / (double)rounds;
    if (round == rounds || density <= 0) return density;
    return how->steps == WN__DOWN_LINEAR ? 1 - (1 - density) * share : wn__exp(wn__ln(density) * share);
}

/* How a round prunes: all of `last` at its end, before that less. */
static void soften(const wn__scoring *how, const wn__params *params, const wn__prune *last, int64_t rounds, int64_t round, wn__prune *out,
                   int64_t *keep)
{
    *out = *last;
    out->sparsity = round == rounds ? last->sparsity : 1 - part_kept(how, 1 - last->sparsity, rounds, round);
    out->keep = last->keep ? keep : NULL;
    for (int i = 0; last->keep && i < params->count; i++) {
        const double all = (double)params->item[i].stored, part = part_kept(how, (double)last->keep[i] / all, rounds, round);
        keep[i] = round == rounds ? last->keep[i] : llround(part * all);
    }
}

static int64_t rounds_of(const wn__scoring *how) { return how->iterations > 0 ? how->iterations : how->score == WN__SYNFLOW ? 100 : 1; }

int64_t wn__saliency_flops(const wn__scoring *how, const wn_graph *graph)
{
    static const int64_t passes[] = {[WN__SNIP] = 3, [WN__GRASP] = 9, [WN__SYNFLOW] = 3};
    const int64_t images = wn__saliency_needs_images(how->score) ? how->samples * wn__graph_classes(graph) : 1;
    return passes[how->score] * images * rounds_of(how) * wn_graph_forward_flops(graph);
}

wn_status wn__saliency_prune(const wn__scoring *how, const wn__saliency_input *input, const wn__prune *prune, wn__params *params)
{
    const int64_t rounds = rounds_of(how);
    int64_t *keep = WN_NEW_ARRAY(int64_t, params->count);
    wn_status status = keep ? WN_OK : wn__no_memory((size_t)params->count * sizeof *keep);
    for (int64_t round = 1; status == WN_OK && round <= rounds; round++) {
        wn__prune now;
        wn__scores scores;
        if (wn__stop_wanted(input->stop)) {
            status = wn__fail(WN_ESTOPPED, "stopped after %lld of %lld scores", (long long)round - 1, (long long)rounds);
            break;
        }
        soften(how, params, prune, rounds, round, &now, keep);
        status = wn__saliency_scores(how, input, params, &scores);
        if (status == WN_OK) status = wn__masks_prune(params, input->selection, (const float *const *)scores.score, &now);
        wn__scores_release(&scores);
    }
    wn__free(keep);
    return status;
}
