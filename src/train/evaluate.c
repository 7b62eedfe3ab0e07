#include "train/evaluate.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/stop.h"
#include "nn/softmax.h"

void wn__evaluation_release(wn__evaluation *e)
{
    wn__free(e->confusion);
    *e = (wn__evaluation){0};
}

double wn__evaluation_class_accuracy(const wn__evaluation *e, int64_t k)
{
    int64_t of_class = 0;
    for (int64_t c = 0; c < e->classes; c++)
        of_class += e->confusion[k * e->classes + c];
    return of_class ? (double)e->confusion[k * e->classes + k] / (double)of_class : NAN;
}

double wn__evaluation_headline(const wn__evaluation *e) { return e->score[e->metrics.headline]; }

double wn__evaluation_score(const wn__evaluation *e, const char *name)
{
    for (int i = 0; i < e->metrics.count; i++)
        if (strcmp(e->metrics.metric[i]->name, name) == 0) return e->score[i];
    return NAN;
}

struct wn__evaluator {
    wn__loader *loader;
    wn__loss loss_kind;
    wn__metric_set metrics;
    const wn_stop *stop;
    bool may_end;
    bool confuses; /* samples of one class each */
    bool keeps;    /* outputs and targets of the whole part, for metrics that need them; else of a batch */
    int64_t batch, samples, classes;
    float *outputs;     /* (batch or samples, classes) */
    wn_targets targets; /* (samples) of the whole part */
    double *loss;       /* (batch or samples) */
    double *score;      /* (metrics, batch) */
    float *scratch;     /* (samples, 2) of the whole part */
};

static wn_status take_memory(wn__evaluator *e, const wn__sample_spec *sample)
{
    const int64_t rows = e->keeps ? e->samples : e->batch;
    e->outputs = WN_NEW_ARRAY(float, rows * e->classes);
    e->loss = WN_NEW_ARRAY(double, rows);
    e->score = WN_NEW_ARRAY(double, e->metrics.count * e->batch);
    if (!e->outputs || !e->loss || !e->score) return wn__no_memory((size_t)(rows * e->classes) * sizeof(float));
    if (!e->keeps) return WN_OK;
    e->scratch = WN_NEW_ARRAY(float, 2 * rows);
    return e->scratch ? wn__targets_alloc(sample->target, wn__sample_target_width(sample), rows, &e->targets)
                      : wn__no_memory((size_t)(2 * rows) * sizeof(float));
}

wn_status wn__evaluator_new(const wn__loader_options *options, const wn__evaluation_rule *rule, wn__evaluator **out)
{
    const wn__sample_spec *sample = &options->data->facts.sample;
    wn__loader_options plain = *options;
    plain.order = WN__SAMPLES_IN_ORDER;
    wn__loader_unaugmented(&plain);
    plain.last_batch = WN__LAST_KEEP;
    wn__evaluator *e = WN_NEW(wn__evaluator);
    if (!e) return wn__no_memory(sizeof *e);
    e->batch = options->batch;
    e->classes = sample->classes;
    if (rule && rule->loss) e->loss_kind = (wn__loss){.hard = rule->loss->hard, .config = rule->loss->config};
    e->stop = options->stop;
    e->may_end = rule && rule->may_end;
    e->confuses = sample->target == WN_TARGET_CLASS;
    e->metrics = rule && rule->metrics ? *rule->metrics : wn__metric_set_usual(sample->target);
    for (int i = 0; i < e->metrics.count; i++)
        e->keeps = e->keeps || e->metrics.metric[i]->whole;
    wn_status status = wn__loader_new(&plain, &e->loader);
    if (status == WN_OK) {
        e->samples = wn__loader_samples(e->loader);
        status = take_memory(e, sample);
    }
    if (status != WN_OK) {
        wn__evaluator_free(e);
        return status;
    }
    *out = e;
    return WN_OK;
}

void wn__evaluator_free(wn__evaluator *e)
{
    if (!e) return;
    wn__loader_free(e->loader);
    wn__targets_release(&e->targets);
    wn__free(e->outputs);
    wn__free(e->loss);
    wn__free(e->score);
    wn__free(e->scratch);
    wn__free(e);
}

wn_status wn__evaluator_prepare(const wn__evaluator *e, wn__executor *ex)
{
    const int64_t rest = e->samples % e->batch;
    if (e->samples >= e->batch) WN_TRY(wn__executor_prepare_inference(ex, e->batch));
    return rest ? wn__executor_prepare_inference(ex, rest) : WN_OK;
}

static void count_confusion(const wn__metric_rows *rows, int64_t *confusion)
{
    for (int64_t i = 0; i < rows->n; i++)
        confusion[rows->targets.classes[i] * rows->k + wn__largest_output(rows->outputs + i * rows->k, rows->k)]++;
}

/* The next batch; its outputs go behind those of the `sum->n` samples before it, where they are kept. */
static wn_status add_batch(wn__evaluator *e, wn__executor *ex, wn__pool *pool, wn__evaluation *sum)
{
    const wn__batch *b;
    const int64_t at = e->keeps ? sum->n : 0;
    float *outputs = e->outputs + at * e->classes;
    if (e->may_end && wn__stop_wanted(e->stop)) return wn__fail(WN_ESTOPPED, "evaluation: stopped on request");
    WN_TRY(wn__loader_next(e->loader, &b));
    WN_TRY(wn__executor_infer(ex, b->input, b->n, (wn__step_info){0}, outputs));
    const wn__loss_rows rows = {.n = b->n, .batch = b->n, .classes = e->classes, .logits = outputs, .targets = b->targets};
    wn__loss_compute(&e->loss_kind, &rows, pool, &(wn__loss_out){.loss = e->loss + at});
    const wn__metric_rows told = {.n = b->n, .k = e->classes, .outputs = outputs, .targets = b->targets, .loss = e->loss + at};
    wn__metric_rows_compute(&e->metrics, &told, pool, e->batch, e->score);
    for (int64_t i = 0; i < b->n; i++) {
        sum->loss += told.loss[i];
        for (int m = 0; m < e->metrics.count; m++)
            sum->score[m] += e->score[m * e->batch + i];
    }
    if (e->keeps) wn__targets_copy(&e->targets, at, &b->targets, 0, b->n);
    sum->n += b->n;
    if (sum->confusion) count_confusion(&told, sum->confusion);
    return WN_OK;
}

static void finish(const wn__evaluator *e, wn__evaluation *sum)
{
    const wn__metric_rows all = {.n = sum->n, .k = e->classes, .outputs = e->outputs, .targets = e->targets, .loss = e->loss};
    sum->loss /= (double)sum->n;
    for (int m = 0; m < e->metrics.count; m++) {
        const wn__metric *metric = e->metrics.metric[m];
        sum->score[m] = metric->whole ? metric->whole(&all, e->scratch) : sum->score[m] / (double)sum->n;
    }
}

wn_status wn__evaluator_run(wn__evaluator *e, wn__executor *ex, wn__pool *pool, bool want_confusion, wn__evaluation *out)
{
    wn__evaluation sum = {.classes = e->classes, .metrics = e->metrics};
    const bool confuses = want_confusion && e->confuses;
    if (confuses && !(sum.confusion = WN_NEW_ARRAY(int64_t, e->classes * e->classes)))
        return wn__no_memory((size_t)(e->classes * e->classes) * sizeof(int64_t));
    wn_status status = wn__loader_seek(e->loader, 0, 0);
    for (int64_t b = 0; status == WN_OK && b < wn__loader_batches(e->loader); b++)
        status = add_batch(e, ex, pool, &sum);
    if (status != WN_OK) {
        wn__evaluation_release(&sum);
        return status;
    }
    finish(e, &sum);
    *out = sum;
    return WN_OK;
}

#define ENOUGH_BATCHES 100 /* 0.9^100: what was there before counts 3e-5 */

wn_status wn__reestimate_statistics(wn__executor *ex, const wn__loader_options *options, int64_t batches)
{
    wn__loader *loader;
    wn__loader_options again = *options;
    again.ideal = false; /* statistics need no new samples, and a finite set may have none left */
    WN_TRY(wn__loader_new(&again, &loader));
    float *logits = WN_NEW_ARRAY(float, options->batch * options->data->facts.sample.classes);
    wn_status status = logits ? WN_OK : wn__no_memory((size_t)(options->batch * options->data->facts.sample.classes) * sizeof(float));
    const wn__step_info step = {.training = true, .update_statistics = true};
    for (int64_t i = 0; status == WN_OK && i < (batches ? batches : ENOUGH_BATCHES); i++) {
        const wn__batch *b;
        status = wn__loader_next(loader, &b);
        if (status == WN_OK) status = wn__executor_infer(ex, b->input, b->n, step, logits);
    }
    wn__free(logits);
    wn__loader_free(loader);
    return status;
}
