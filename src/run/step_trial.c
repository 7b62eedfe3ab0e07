#include "run/step_trial.h"

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/rng.h"
#include "nn/init.h"

static wn_status draw_images(wn__step_trial *t)
{
    const wn_graph *g = t->recipe->graph;
    const int64_t values = t->recipe->train.batch * g->c * g->h * g->w;
    wn__rng rng = wn__rng_make(0, WN__FOR_TEST, 0, 0);
    if (!(t->images = WN_NEW_ARRAY(float, values))) return wn__no_memory((size_t)values * sizeof *t->images);
    for (int64_t i = 0; i < values; i++)
        t->images[i] = wn__rng_uniform(&rng) - 0.5f;
    return WN_OK;
}

wn_status wn__step_trial_open(const wn__recipe *recipe, wn__device *device, wn__step_trial *out)
{
    const wn__executor_options options = {
        .batch = recipe->train.batch, .micro_batch = recipe->train.micro_batch, .training = true, .memory = wn__recipe_memory(recipe)};
    *out = (wn__step_trial){.recipe = recipe};
    WN_TRY(draw_images(out));
    WN_TRY(wn__network_make(recipe->graph, &out->net));
    WN_TRY(wn__init_params(&out->net.params, &recipe->train.init, 0));
    return wn__network_start(&out->net, device, &options);
}

static wn_status small_gradient(void *arg, const float *logits, int64_t first, int64_t n, float *dlogits)
{
    const int64_t classes = *(const int64_t *)arg;
    (void)first;
    for (int64_t i = 0; i < n * classes; i++)
        dlogits[i] = 1e-3f * logits[i] / (float)n;
    return WN_OK;
}

wn_status wn__step_trial_run(wn__step_trial *trial, double *seconds)
{
    const wn__step_info step = {.training = true, .update_statistics = true};
    int64_t classes = wn__graph_classes(trial->recipe->graph);
    const double start = wn__seconds();
    WN_TRY(wn__executor_gradients(trial->net.ex, trial->images, trial->recipe->train.batch, step, small_gradient, &classes));
    *seconds = wn__seconds() - start;
    return WN_OK;
}

void wn__step_trial_close(wn__step_trial *trial)
{
    wn__network_release(&trial->net);
    wn__free(trial->images);
    *trial = (wn__step_trial){0};
}
