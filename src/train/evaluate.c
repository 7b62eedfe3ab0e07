#include "train/evaluate.h"

#include <math.h>

#include "base/alloc.h"
#include "base/fail.h"

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

struct wn__evaluator {
    wn__loader *loader;
    wn__loss loss_kind;
    int64_t batch, classes;
    float *logits;                      /* (batch, classes) */
    double *loss, *correct_probability; /* (batch) */
    uint8_t *correct;                   /* (batch) */
};

wn_status wn__evaluator_new(const wn__loader_options *options, wn__evaluator **out)
{
    wn__loader_options plain = *options;
    plain.order = WN__SAMPLES_IN_ORDER;
    plain.augment = (wn__augment){0};
    plain.last_batch = WN__LAST_KEEP;
    wn__evaluator *e = WN_NEW(wn__evaluator);
    if (!e) return wn__no_memory(sizeof *e);
    e->batch = options->batch;
    e->classes = options->data->facts.sample.classes;
    e->logits = WN_NEW_ARRAY(float, options->batch * e->classes);
    e->loss = WN_NEW_ARRAY(double, options->batch);
    e->correct_probability = WN_NEW_ARRAY(double, options->batch);
    e->correct = WN_NEW_ARRAY(uint8_t, options->batch);
    wn_status status = WN_OK;
    if (!e->logits || !e->loss || !e->correct_probability || !e->correct) status = wn__no_memory((size_t)options->batch * sizeof(double));
    if (status == WN_OK) status = wn__loader_new(&plain, &e->loader);
    if (status != WN_OK) {
        wn__evaluator_free(e);
        return status;
    }
    *out = e;
    return WN_OK;
}

void wn__evaluator_use_loss(wn__evaluator *e, const wn__loss *hard)
{
    e->loss_kind = (wn__loss){.hard = hard->hard, .config = hard->config};
}

void wn__evaluator_free(wn__evaluator *e)
{
    if (!e) return;
    wn__loader_free(e->loader);
    wn__free(e->logits);
    wn__free(e->loss);
    wn__free(e->correct_probability);
    wn__free(e->correct);
    wn__free(e);
}

wn_status wn__evaluator_prepare(const wn__evaluator *e, wn__executor *ex)
{
    const int64_t samples = wn__loader_samples(e->loader), rest = samples % e->batch;
    if (samples >= e->batch) WN_TRY(wn__executor_prepare_inference(ex, e->batch));
    return rest ? wn__executor_prepare_inference(ex, rest) : WN_OK;
}

static void count_confusion(const wn__evaluator *e, const wn__batch *b, int64_t *confusion)
{
    for (int64_t i = 0; i < b->n; i++) {
        const float *z = e->logits + i * e->classes;
        int64_t best = 0;
        for (int64_t c = 1; c < e->classes; c++)
            if (z[c] > z[best]) best = c;
        confusion[b->targets.classes[i] * e->classes + best]++;
    }
}

static wn_status add_batch(wn__evaluator *e, wn__executor *ex, wn__pool *pool, wn__evaluation *sum)
{
    const wn__batch *b;
    WN_TRY(wn__loader_next(e->loader, &b));
    WN_TRY(wn__executor_infer(ex, b->input, b->n, (wn__step_info){0}, e->logits));
    const wn__loss_rows rows = {.n = b->n, .batch = b->n, .classes = e->classes, .logits = e->logits, .targets = b->targets};
    const wn__loss_out out = {.loss = e->loss, .correct_probability = e->correct_probability, .correct = e->correct};
    wn__loss_compute(&e->loss_kind, &rows, pool, &out);
    for (int64_t i = 0; i < b->n; i++) {
        sum->loss += e->loss[i];
        sum->soft_error += 1 - e->correct_probability[i];
        sum->correct += e->correct[i];
    }
    sum->n += b->n;
    if (sum->confusion) count_confusion(e, b, sum->confusion);
    return WN_OK;
}

wn_status wn__evaluator_run(wn__evaluator *e, wn__executor *ex, wn__pool *pool, bool want_confusion, wn__evaluation *out)
{
    wn__evaluation sum = {.classes = e->classes};
    if (want_confusion && !(sum.confusion = WN_NEW_ARRAY(int64_t, e->classes * e->classes)))
        return wn__no_memory((size_t)(e->classes * e->classes) * sizeof(int64_t));
    wn_status status = wn__loader_seek(e->loader, 0, 0);
    for (int64_t b = 0; status == WN_OK && b < wn__loader_batches(e->loader); b++)
        status = add_batch(e, ex, pool, &sum);
    if (status != WN_OK) {
        wn__evaluation_release(&sum);
        return status;
    }
    sum.loss /= (double)sum.n;
    sum.soft_error /= (double)sum.n;
    sum.accuracy = (double)sum.correct / (double)sum.n;
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
