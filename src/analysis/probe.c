#include "analysis/probe.h"

#include <math.h>

#include "base/fail.h"

const char *const wn__probe_names[4] = {"train_loss", "train_error", "test_loss", "test_error"};

bool wn__has_statistics(const wn__params *params)
{
    for (int i = 0; i < params->count; i++)
        if (params->item[i].role == WN__VARIANCE) return true;
    return false;
}

void wn__forget_statistics(wn__params *params)
{
    for (int i = 0; i < params->count; i++) {
        wn__param *p = &params->item[i];
        if (wn__role_is_trained(p->role)) continue;
        for (int64_t k = 0; k < p->count; k++)
            p->value[k] = p->role == WN__VARIANCE ? 1.0f : 0.0f;
    }
    params->version++;
}

wn_status wn__probe_make(const wn__probe_options *options, wn__probe *out)
{
    wn__probe p = {.options = *options, .norms = wn__has_statistics(options->params)};
    wn__loader_options loader = *options->train;
    wn_status status = WN_OK;
    if (options->train_images > 0 && options->train_images < loader.split.train.count) loader.split.train.count = options->train_images;
    if (options->train_images >= 0) status = wn__evaluator_new(&loader, NULL, &p.train);
    loader.part = WN__PART_TEST;
    if (status == WN_OK) status = wn__evaluator_new(&loader, NULL, &p.test);
    if (status != WN_OK) {
        wn__probe_release(&p);
        return status;
    }
    *out = p;
    return WN_OK;
}

void wn__probe_release(wn__probe *p)
{
    wn__evaluator_free(p->train);
    wn__evaluator_free(p->test);
    *p = (wn__probe){0};
}

static wn_status evaluate(const wn__probe *p, wn__evaluator *evaluator, double *loss, double *error)
{
    wn__evaluation e = {0};
    *loss = *error = NAN;
    if (!evaluator) return WN_OK;
    WN_TRY(wn__evaluator_run(evaluator, p->options.executor, p->options.pool, false, &e));
    *loss = e.loss;
    *error = 1 - wn__evaluation_score(&e, "accuracy");
    return WN_OK;
}

wn_status wn__probe_evaluate(const wn__probe *p, wn__probe_point *out)
{
    if (p->norms && p->options.reestimate) {
        wn__forget_statistics(p->options.params);
        WN_TRY(wn__reestimate_statistics(p->options.executor, p->options.train, p->options.batches));
    }
    WN_TRY(evaluate(p, p->train, &out->train_loss, &out->train_error));
    return evaluate(p, p->test, &out->test_loss, &out->test_error);
}
