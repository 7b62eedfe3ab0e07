#include "train/trainer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cpu.h"
#include "base/fail.h"
#include "base/files.h"
#include "base/locale.h"
#include "base/log.h"
#include "base/stop.h"
#include "io/json_file.h"
#include "sparse/cost.h"
#include "sparse/prune/selection.h"
#include "tensor/compression.h"
#include "train/checkpoint.h"
#include "train/confusion_file.h"
#include "train/evaluate.h"
#include "train/growth_batch.h"
#include "train/run_files.h"

#define CHECKPOINT_SECONDS 60

typedef struct run {
    const wn__train_stage *stage;
    wn__train_state state;
    wn__checkpoint_owner owner;
    char *checkpoint, *final; /* paths */
    wn__metric_set metrics;
    wn__run_files files;
    wn__executor *ex;
    wn__updater *updater;
    wn__loader *loader;
    wn__evaluator *validation, *test; /* validation: NULL without */
    wn__evaluator *train;             /* of the training images as they are; NULL: not evaluated */
    int64_t batches;                  /* per epoch of the data stream */
    int64_t classes;
    int64_t image_flops;     /* training, one image */
    int64_t reading_flops;   /* more for an image whose gradient is made for all entries of weights */
    wn__growth_batch growth; /* images that growth looks at, if not those of the step */
    wn__rewirer *rewirer;    /* NULL: the topology stays */
    int64_t memory_expected;
    wn__sparsity sparsity;

    /* of the current step */
    const wn__batch *batch;
    wn__loss loss;     /* soft or hard */
    float *teacher;    /* (batch, classes); NULL without soft labels */
    double *row_loss;  /* (batch) */
    double *row_score; /* (metrics, batch) */
    double step_loss;

    double started, epoch_started, last_checkpoint, step_started, last_told, waited_before; /* seconds */
    double seconds_before;                                                                  /* of earlier processes */
    double evaluated;                                                                       /* since the last line of timing */
    int64_t epoch_images;
} run;

/* ---- setting up */

char *wn__train_final_path(const char *folder) { return wn__path_join(folder, "final.safetensors"); }

char *wn__train_average_path(const char *folder) { return wn__path_join(folder, "average.safetensors"); }

char *wn__train_step_path(const char *folder, int64_t step)
{
    char name[64];
    snprintf(name, sizeof name, "step-%" PRId64 ".safetensors", step);
    return wn__path_join(folder, name);
}

static wn_status check_stage(const wn__train_stage *s)
{
    WN_TRY(wn__schedule_check(&s->spec.schedule));
    if (s->spec.first < 0 || s->spec.last < s->spec.first)
        return wn__fail(WN_EINVAL, "%s: steps %" PRId64 " to %" PRId64 ", must not go back", s->name, s->spec.first, s->spec.last);
    if (s->spec.loss.soft && !s->teacher && !s->cache) return wn__fail(WN_EINVAL, "%s: soft labels without a teacher", s->name);
    if (s->spec.loss.soft && !(s->spec.loss.temperature > 0))
        return wn__fail(WN_EUSAGE, "%s: temperature %g, must be positive", s->name, s->spec.loss.temperature);
    const wn__sample_spec *d = &s->loader.data->facts.sample;
    if (d->channels != s->graph->c || d->height != s->graph->h || d->width != s->graph->w)
        return wn__fail(WN_EMISMATCH, "%s takes images of %" PRId64 "x%" PRId64 "x%" PRId64 ", the data set has %dx%dx%d", s->graph->name,
                        s->graph->c, s->graph->h, s->graph->w, d->channels, d->height, d->width);
    if (d->classes != wn__graph_classes(s->graph))
        return wn__fail(WN_EMISMATCH, "%s has %" PRId64 " outputs, the data set has %d classes", s->graph->name,
                        wn__graph_classes(s->graph), d->classes);
    return WN_OK;
}

/* What an interrupted process left of files that it was replacing. */
static wn_status remove_leftovers(const char *folder)
{
    char **names;
    int count;
    WN_TRY(wn__list_folder(folder, &names, &count));
    for (int i = 0; i < count; i++) {
        if (!strstr(names[i], ".safetensors.tmp-")) continue;
        char *path = wn__path_join(folder, names[i]);
        if (path) unlink(path);
        wn__free(path);
    }
    wn__free_names(names, count);
    return WN_OK;
}

static wn_status make_paths(run *r)
{
    WN_TRY(wn__make_folders(r->stage->folder));
    WN_TRY(remove_leftovers(r->stage->folder));
    r->checkpoint = wn__path_join(r->stage->folder, "checkpoint.safetensors");
    r->final = wn__train_final_path(r->stage->folder);
    return r->checkpoint && r->final ? WN_OK : wn__no_memory(64);
}

static wn_status make_evaluator(const run *r, wn__part part, wn__evaluator **out)
{
    wn__loader_options o = r->stage->loader;
    o.part = part;
    if (r->stage->eval_batch) o.batch = r->stage->eval_batch;
    const int64_t count = wn__split_range(&o.split, part).count;
    if (count == 0) return WN_OK;
    if (o.batch > count) o.batch = count;
    return wn__evaluator_new(&o, &(wn__evaluation_rule){.loss = &r->stage->spec.loss, .metrics = &r->metrics}, out);
}

/* Images that are used again and again: what the network makes of them tells how far it has learnt them by heart. */
static wn_status make_train_evaluator(run *r)
{
    const wn__evaluation_steps *when = &r->stage->spec.evaluate;
    wn__loader_options o = r->stage->loader;
    if (when->train_images <= 0) return WN_OK;
    if (when->train_images < o.split.train.count) o.split.train.count = when->train_images;
    o.ideal = false;
    if (r->stage->eval_batch) o.batch = r->stage->eval_batch;
    if (o.batch > o.split.train.count) o.batch = o.split.train.count;
    return wn__evaluator_new(&o, &(wn__evaluation_rule){.loss = &r->stage->spec.loss, .metrics = &r->metrics}, &r->train);
}

static wn_status make_buffers(run *r)
{
    const int64_t batch = r->stage->loader.batch;
    r->row_loss = WN_NEW_ARRAY(double, batch);
    r->row_score = WN_NEW_ARRAY(double, batch * r->metrics.count);
    if (r->stage->spec.loss.soft) r->teacher = WN_NEW_ARRAY(float, batch * r->classes);
    if (!r->row_loss || !r->row_score || (r->stage->spec.loss.soft && !r->teacher))
        return wn__no_memory((size_t)(batch * r->classes) * sizeof(float));
    return WN_OK;
}

/* Executors for the batch sizes that occur, now, so that steps and evaluations allocate nothing. */
static wn_status prepare(run *r)
{
    const wn__train_stage *s = r->stage;
    const int64_t batch = s->loader.batch, samples = wn__loader_samples(r->loader);
    const int64_t sizes[2] = {batch < samples ? batch : samples, samples % batch};
    for (int i = 0; i < 2; i++) {
        if (sizes[i] == 0) continue;
        WN_TRY(wn__executor_prepare(r->ex, sizes[i]));
        if (s->spec.loss.soft && s->teacher) WN_TRY(wn__teacher_prepare(s->teacher, sizes[i]));
    }
    if (r->validation) WN_TRY(wn__evaluator_prepare(r->validation, r->ex));
    if (r->train) WN_TRY(wn__evaluator_prepare(r->train, r->ex));
    return r->test ? wn__evaluator_prepare(r->test, r->ex) : WN_OK;
}

/* All that the steps need is allocated when they begin. */
static void tell_memory(run *r)
{
    wn__alloc_trim();
    r->memory_expected = wn__peak_expected();
    const int64_t available = wn__memory_available(), more = r->memory_expected - wn__resident().now;
    const bool matters = available > 0 && more > available / 5 * 4;
    wn__log(matters ? WN_LOG_INFO : WN_LOG_DEBUG, "%s: estimated %.3f GiB of memory", r->stage->name, (double)r->memory_expected / 0x1p30);
}

/* FLOPs and non-zeros of the network as it is now. */
static wn_status measure_cost(run *r)
{
    wn__cost cost;
    WN_TRY(wn__cost_make(r->stage->graph, r->stage->params, &cost));
    r->image_flops = cost.training_flops;
    const bool all_gradients = (r->rewirer && wn__rewirer_always_listens(r->rewirer)) ||
                               (r->stage->spec.thinning.kind && wn__thinning_trains_all(&r->stage->spec.thinning));
    if (all_gradients) r->image_flops += cost.dense_flops - cost.flops;
    r->reading_flops = cost.dense_flops - cost.flops;
    wn__cost_release(&cost);
    r->sparsity = wn__sparsity_measure(r->stage->params, NULL);
    return WN_OK;
}

static void record_kernel(void *layers, const char *node, const char *implementation)
{
    json_object_set_new(layers, node, json_string(implementation));
}

/* What layers ran on: dense or sparse kernels were chosen by measurement, which may differ from machine to machine. No bit depends on it. */
static wn_status record_kernels(const run *r)
{
    const wn__train_stage *s = r->stage;
    if (!s->device->compressed) return WN_OK;
    const int64_t batch = s->loader.batch, samples = wn__loader_samples(r->loader);
    char *path = wn__path_join(s->folder, "kernels.json");
    json_t *layers = json_object(),
           *record = json_pack("{s:s, s:s, s:O}", "cpu", wn__cpu_name(), "isa", wn__isa_name(wn__isa_in_use()), "layers", layers);
    wn_status status = path && layers && record ? WN_OK : wn__no_memory(256);
    if (status == WN_OK) status = wn__executor_kernels(r->ex, batch < samples ? batch : samples, record_kernel, layers);
    if (status == WN_OK) status = wn__json_save(path, record);
    json_decref(record);
    json_decref(layers);
    wn__free(path);
    return status;
}

static wn_status set_up(run *r)
{
    const wn__train_stage *s = r->stage;
    if (s->spec.rewires && s->spec.rewiring.rule.gradient != WN__LOOK_BATCH)
        WN_TRY(wn__growth_batch_init(&r->growth, &s->spec.rewiring.rule, &s->loader, s->noise_seed));
    const wn__executor_options options = {.batch = r->growth.most > s->loader.batch ? r->growth.most : s->loader.batch,
                                          .micro_batch = s->micro_batch,
                                          .training = true,
                                          .memory = s->memory,
                                          .recompute = s->recompute,
                                          .gradient_readers = s->spec.rewires && s->spec.rewiring.rule.grow != WN__GROW_NONE &&
                                                              s->spec.rewiring.rule.grow != WN__GROW_RANDOM};
    wn__resident_reset_peak();
    r->classes = wn__graph_classes(s->graph);
    WN_TRY(measure_cost(r));
    WN_TRY(make_buffers(r));
    WN_TRY(wn__loader_new(&s->loader, &r->loader));
    r->batches = wn__loader_batches(r->loader);
    WN_TRY(make_evaluator(r, WN__PART_VALIDATION, &r->validation));
    WN_TRY(make_evaluator(r, WN__PART_TEST, &r->test));
    WN_TRY(make_train_evaluator(r));
    WN_TRY(wn__executor_new(s->graph, s->params, s->device, &options, &r->ex));
    if (r->rewirer) WN_TRY(wn__rewirer_attach(r->rewirer, r->ex));
    WN_TRY(prepare(r));
    tell_memory(r);
    return record_kernels(r);
}

static void release(run *r)
{
    wn__updater_free(r->updater);
    wn__rewirer_free(r->rewirer);
    wn__growth_batch_release(&r->growth);
    wn__executor_free(r->ex);
    wn__loader_free(r->loader);
    wn__evaluator_free(r->validation);
    wn__evaluator_free(r->test);
    wn__evaluator_free(r->train);
    wn__free(r->checkpoint);
    wn__free(r->final);
    wn__free(r->teacher);
    wn__free(r->row_loss);
    wn__free(r->row_score);
}

/* ---- state */

static bool averages(const run *r) { return r->stage->spec.average.decay > 0; }

static void place(run *r, int64_t *epoch, int64_t *batch)
{
    const int64_t position = r->state.step + r->stage->spec.data_offset;
    *epoch = position / r->batches;
    *batch = position % r->batches;
}

static void fresh_state(run *r)
{
    const wn__train_stage *s = r->stage;
    r->state = (wn__train_state){
        .step = s->spec.first,
        .updates = s->spec.keep_slots ? s->spec.slots_updates : 0,
        .best_step = -1,
        .best_validation = NAN,
        .best_test = NAN,
    };
    for (int m = 0; m < WN__MOST_METRICS; m++)
        r->state.train[m] = r->state.validation[m] = r->state.test[m] = r->state.average_validation[m] = r->state.average_test[m] = NAN;
}

/* What is damaged counts as not there: the training begins anew. */
static wn_status load_checkpoint(run *r)
{
    if (!wn__file_exists(r->checkpoint)) return WN_OK;
    const wn_status status = wn__checkpoint_load(r->checkpoint, &r->owner, r->stage->params, &r->state);
    if (status != WN_EFORMAT) return status;
    wn__log(WN_LOG_WARNING, "%s: %s; the training begins anew", r->stage->name, wn_error_message());
    return WN_OK;
}

static wn_status load_or_start(run *r)
{
    const wn__train_stage *s = r->stage;
    const int slots = s->optimizer.type->slots(s->optimizer.config);
    r->owner = (wn__checkpoint_owner){.info = {s->graph, s->loader.data, &s->loader.normalize, s->recipe},
                                      .optimizer = s->optimizer.type,
                                      .stage = s->name,
                                      .metrics = &r->metrics,
                                      .identity = s->identity,
                                      .data_seed = s->loader.seed,
                                      .noise_seed = s->noise_seed};
    if (s->device->compressed || s->spec.rewires) WN_TRY(wn__params_compress_masked(s->params));
    if (s->spec.thinning.kind) WN_TRY(wn__thinning_attach(&s->spec.thinning, s->params));
    WN_TRY(wn__freeze(&s->spec.freezing, s->params));
    if (!s->spec.keep_slots) WN_TRY(wn__params_allocate_slots(s->params, slots));
    WN_TRY(wn__updater_new(&s->optimizer, s->params, s->device->pool, &r->updater)); /* adds slots that are missing */
    fresh_state(r);
    if (averages(r)) WN_TRY(wn__average_start(s->params));
    if (s->spec.rewires) WN_TRY(wn__rewirer_new(&s->spec.rewiring, s->params, s->device->pool, s->noise_seed, &r->rewirer));
    r->owner.rewirer = r->rewirer;
    if (r->rewirer) r->state.rewired = wn__rewirer_made(r->rewirer);
    WN_TRY(load_checkpoint(r));
    bool changed;
    if (s->spec.thinning.kind) wn__thinning_after_step(&s->spec.thinning, s->params, &changed); /* counts of what was loaded */
    r->seconds_before = r->state.seconds;
    return WN_OK;
}

static wn_status save_checkpoint(run *r)
{
    wn__train_state *st = &r->state;
    place(r, &st->epoch, &st->batch);
    st->seconds = r->seconds_before + (wn__seconds() - r->started);
    if (r->rewirer) st->rewired = wn__rewirer_made(r->rewirer);
    WN_TRY(wn__run_files_sync(&r->files, &st->lengths));
    WN_TRY(wn__checkpoint_save(r->checkpoint, &r->owner, r->stage->params, st));
    r->last_checkpoint = wn__seconds();
    return WN_OK;
}

/* The state before this step, if it is one of those to keep. */
static wn_status keep_state(run *r)
{
    const wn__train_stage *s = r->stage;
    for (int i = 0; i < s->spec.keeps; i++) {
        if (s->spec.keep[i] != r->state.step) continue;
        wn__st_writer *w;
        char *path = wn__train_step_path(s->folder, r->state.step);
        if (!path) return wn__no_memory(64);
        wn_status status = wn__st_writer_new(&w);
        if (status == WN_OK) {
            status = wn__network_add(w, &r->owner.info, s->params, WN__FORM_STORED, s->optimizer.type);
            if (status == WN_OK) status = wn__st_writer_meta(w, "stage", s->name);
            if (status == WN_OK) status = wn__st_writer_meta_int(w, "step", r->state.step);
            if (status == WN_OK) status = wn__st_writer_meta_int(w, "updates", r->state.updates);
            if (status == WN_OK) status = wn__st_writer_write(w, path);
            wn__st_writer_free(w);
        }
        wn__free(path);
        return status;
    }
    return WN_OK;
}

/* ---- one step */

static bool soft_now(const run *r) { return r->stage->spec.loss.soft && r->state.step < r->stage->spec.soft_until; }

static wn_status get_soft_labels(run *r)
{
    r->loss = r->stage->spec.loss;
    r->loss.soft = soft_now(r);
    if (!r->loss.soft) return WN_OK;
    if (r->stage->teacher) return wn__teacher_infer(r->stage->teacher, r->batch->input, r->batch->n, r->teacher);
    return wn__soft_cache_read(r->stage->cache, r->batch, r->teacher);
}

/* The executor's question for a (micro-)batch: values are kept per sample, and added up when all are there. */
static wn_status loss_gradient(void *arg, const float *logits, int64_t first, int64_t n, float *dlogits)
{
    run *r = arg;
    const wn__loss_rows rows = {.n = n,
                                .batch = r->batch->n,
                                .classes = r->classes,
                                .logits = logits,
                                .targets = wn__targets_from(&r->batch->targets, first),
                                .teacher = r->loss.soft ? r->teacher + first * r->classes : NULL};
    const wn__metric_rows told = {
        .n = n, .k = r->classes, .outputs = logits, .targets = wn__targets_from(&r->batch->told, first), .loss = r->row_loss + first};
    wn__loss_compute(&r->loss, &rows, r->stage->device->pool, &(wn__loss_out){.loss = r->row_loss + first, .dlogits = dlogits});
    wn__metric_rows_compute(&r->metrics, &told, r->stage->device->pool, r->stage->loader.batch, r->row_score + first);
    return WN_OK;
}

/* `what` ("loss", "validation loss") came out as `value`; the batch that was trained on last tells which layer breaks. */
static wn_status diverged(run *r, const char *what, double value, wn__step_info step)
{
    const char *node = "";
    const wn_status looked = r->batch ? wn__executor_find_nonfinite(r->ex, r->batch->input, r->batch->n, step, &node) : WN_OK;
    if (looked != WN_OK && looked != WN_ENOMEM) return looked;
    return wn__fail(WN_EDIVERGED, "%s: the %s is %g at step %" PRId64 " (epoch %" PRId64 "); %s%s", r->stage->name, what, value,
                    r->state.step, r->batch ? r->batch->epoch : 0,
                    *node             ? "the first output that is not finite is that of layer "
                    : looked == WN_OK ? "no layer's output is the cause"
                                      : "there is no memory to find the layer",
                    node);
}

static void count_batch(run *r)
{
    wn__train_state *st = &r->state;
    for (int m = 0; m < r->metrics.count; m++)
        for (int64_t i = 0; i < r->batch->n; i++)
            st->sum[m] += r->row_score[m * r->stage->loader.batch + i];
    st->seen += r->batch->n;
    st->flops += r->image_flops * r->batch->n;
    if (r->loss.soft) st->teacher_flops += r->stage->teacher_flops_per_image * r->batch->n;
    r->epoch_images += r->batch->n;
}

/* ---- topology */

static wn_status begin_rewiring(run *r)
{
    const wn__schedule *rates = &r->stage->spec.schedule;
    return wn__rewirer_begin(r->rewirer, r->ex, r->state.step, wn__schedule_rate(rates, r->state.step), rates->base);
}

static wn_status finish_rewiring(run *r)
{
    WN_TRY(wn__rewirer_finish(r->rewirer, r->ex));
    r->state.rewired = wn__rewirer_made(r->rewirer);
    return measure_cost(r);
}

/* Hard labels of the images that growth looks at. */
static wn_status growth_gradient(void *arg, const float *logits, int64_t first, int64_t n, float *dlogits)
{
    run *r = arg;
    wn__loss loss = r->stage->spec.loss;
    loss.soft = false;
    const wn__loss_rows rows = {
        .n = n, .batch = r->growth.n, .classes = r->classes, .logits = logits, .targets = wn__targets_from(&r->growth.targets, first)};
    const wn__loss_out out = {.dlogits = dlogits};
    wn__loss_compute(&loss, &rows, r->stage->device->pool, &out);
    return WN_OK;
}

/* A pass of its own, for growth: over the step's batch, whose statistics batch norm has seen already, or over other images. */
static wn_status look_again(run *r, wn__step_info step)
{
    step.update_statistics = false;
    const int64_t reading = wn__rewirer_wants_gradient(r->rewirer) ? r->reading_flops : 0;
    const bool own = r->growth.n > 0;
    r->state.flops += (r->image_flops + reading) * (own ? r->growth.n : r->batch->n);
    if (own) return wn__executor_gradients(r->ex, r->growth.images, r->growth.n, step, growth_gradient, r);
    return wn__executor_gradients(r->ex, r->batch->input, r->batch->n, step, loss_gradient, r);
}

/* After the step's gradients, and after the optimizer's step if there was one: then growth looks at the batch at the new weights. */
static wn_status rewire_apart(run *r, wn__step_info step, bool stepped)
{
    const wn__topology_rule *rule = &r->stage->spec.rewiring.rule;
    if (rule->gradient == WN__LOOK_BATCHES) WN_TRY(wn__growth_batch_fill(&r->growth, r->batch->epoch, r->batch->index));
    if (wn__topology_needs_gradients(rule) && (stepped || r->growth.n > 0)) WN_TRY(look_again(r, step));
    WN_TRY(begin_rewiring(r));
    if (wn__rewirer_wants_gradient(r->rewirer)) WN_TRY(look_again(r, step));
    return finish_rewiring(r);
}

static wn_status update_weights(run *r)
{
    r->state.updates++;
    return wn__updater_step(r->updater, wn__schedule_rate(&r->stage->spec.schedule, r->state.step), r->state.updates);
}

/* After the step, at the new weights. */
static wn_status prune_more(run *r)
{
    WN_TRY(wn__gradual_prune(&r->stage->spec.gradual, r->state.step, r->stage->params));
    return measure_cost(r);
}

/* ---- from dense to sparse */

static wn_status enter_step(run *r)
{
    const wn__train_stage *s = r->stage;
    bool changed, restarts;
    if (!s->spec.thinning.kind) return WN_OK;
    WN_TRY(wn__thinning_before_step(&s->spec.thinning, r->state.step, s->params, &changed, &restarts));
    if (restarts) r->state.updates = 0;
    return changed ? measure_cost(r) : WN_OK;
}

static wn_status leave_step(run *r)
{
    bool changed;
    if (!r->stage->spec.thinning.kind) return WN_OK;
    wn__thinning_after_step(&r->stage->spec.thinning, r->stage->params, &changed);
    return changed ? measure_cost(r) : WN_OK;
}

static wn_status stop(run *r)
{
    WN_TRY(save_checkpoint(r));
    return wn__fail(WN_ESTOPPED, "%s: stopped after step %" PRId64 " of %" PRId64 "; the same command continues", r->stage->name,
                    r->state.step, r->stage->spec.last);
}

static wn_status run_step(run *r)
{
    const wn__train_stage *s = r->stage;
    const wn__step_info step = {.training = true, .update_statistics = true, .seed = s->noise_seed, .step = r->state.step};
    const bool rewires = r->rewirer && wn__rewiring_is_due(&s->spec.rewiring, r->state.step);
    const bool instead = rewires && s->spec.rewiring.rule.update == WN__UPDATE_INSTEAD;
    /* The step's own pass is the one that growth looks at, unless it looks at other images, or what it finds decides how much grows where. */
    const bool at_once = instead && r->growth.most == 0 && !wn__topology_needs_gradients(&s->spec.rewiring.rule);
    const wn_status read = wn__loader_next(r->loader, &r->batch);
    if (read != WN_OK) return read == WN_ESTOPPED ? stop(r) : read;
    WN_TRY(get_soft_labels(r));
    WN_TRY(enter_step(r));
    if (at_once) WN_TRY(begin_rewiring(r));
    WN_TRY(wn__executor_gradients(r->ex, r->batch->input, r->batch->n, step, loss_gradient, r));
    double sum = 0;
    for (int64_t i = 0; i < r->batch->n; i++)
        sum += r->row_loss[i];
    r->step_loss = sum / (double)r->batch->n;
    if (!isfinite(r->step_loss)) return diverged(r, "loss", r->step_loss, step);
    count_batch(r);
    if (at_once && wn__rewirer_wants_gradient(r->rewirer)) r->state.flops += r->reading_flops * r->batch->n;
    if (!instead) WN_TRY(update_weights(r));
    if (s->spec.gradual.last.sparsity > 0 && wn__gradual_is_due(&s->spec.gradual.when, r->state.step)) WN_TRY(prune_more(r));
    WN_TRY(leave_step(r));
    if (rewires) WN_TRY(at_once ? finish_rewiring(r) : rewire_apart(r, step, !instead));
    r->state.step++;
    if (averages(r)) wn__average_step(&s->spec.average, r->state.step - s->spec.first, s->params, s->device->pool);
    return WN_OK;
}

static void show_progress(run *r)
{
    const wn__train_stage *s = r->stage;
    const double now = wn__seconds(), seconds = fmax(now - r->step_started, 1e-9);
    if (!s->progress) return;
    const wn__train_progress p = {.stage = s->name,
                                  .step = r->state.step,
                                  .first_step = s->spec.first,
                                  .last_step = s->spec.last,
                                  .epoch = r->batch->epoch,
                                  .loss = r->step_loss,
                                  .rate = wn__schedule_rate(&s->spec.schedule, r->state.step - 1),
                                  .images_per_second = (double)r->batch->n / seconds,
                                  .seconds = seconds};
    s->progress(s->user, &p);
}

/* ---- epochs */

static wn__metrics_line line_of(const run *r, const char *split)
{
    const wn__train_stage *s = r->stage;
    return (wn__metrics_line){.stage = s->name,
                              .step = r->state.step,
                              .epoch = (double)(r->state.step + s->spec.data_offset) / (double)r->batches,
                              .split = split,
                              .metrics = &r->metrics,
                              .lr = wn__schedule_rate(&s->spec.schedule, r->state.step > s->spec.first ? r->state.step - 1 : r->state.step),
                              .nnz = r->sparsity.network_active,
                              .density = (double)r->sparsity.network_active / (double)r->sparsity.network,
                              .flops_total = s->flops_before + r->state.flops + r->state.teacher_flops};
}

static wn_status end_of_training_epoch(run *r)
{
    wn__train_state *st = &r->state;
    if (st->seen == 0) return WN_OK;
    wn__metrics_line line = line_of(r, "train");
    line.n = st->seen;
    line.score = st->train;
    line.epoch_of_training = true;
    for (int m = 0; m < r->metrics.count; m++) {
        st->train[m] = r->metrics.metric[m]->row ? st->sum[m] / (double)st->seen : NAN;
        st->sum[m] = 0;
    }
    st->seen = 0;
    return wn__run_files_metrics(&r->files, &line);
}

static wn_status tell_evaluation(run *r, const char *split, const wn__evaluation *e)
{
    if (!isfinite(e->loss)) {
        char what[32];
        snprintf(what, sizeof what, "%s loss", split);
        return diverged(r, what, e->loss, (wn__step_info){.training = false});
    }
    wn__metrics_line line = line_of(r, split);
    line.n = e->n;
    line.score = e->score;
    return wn__run_files_metrics(&r->files, &line);
}

static wn_status evaluate_one(run *r, wn__evaluator *evaluator, const char *split, wn__evaluation *e)
{
    WN_TRY(wn__evaluator_run(evaluator, r->ex, r->stage->device->pool, false, e));
    return tell_evaluation(r, split, e);
}

/* What the trained network takes each class for goes into a file of its own. */
static wn_status evaluate_test(run *r, wn__evaluation *e)
{
    const wn__train_stage *s = r->stage;
    const bool confusion = r->state.step == s->spec.last && r->classes <= WN__MOST_CONFUSED;
    WN_TRY(wn__evaluator_run(r->test, r->ex, s->device->pool, confusion, e));
    wn_status status = tell_evaluation(r, wn__part_name(WN__PART_TEST), e);
    if (status == WN_OK && e->confusion) status = wn__confusion_write(s->folder, e, s->loader.data->facts.sample.class_names);
    wn__free(e->confusion);
    e->confusion = NULL;
    return status;
}

static wn_status evaluate_parts(run *r)
{
    wn__train_state *st = &r->state;
    wn__evaluation e = {0};
    bool best = false;
    if (r->train) WN_TRY(evaluate_one(r, r->train, "train-images", &e));
    if (r->validation) {
        WN_TRY(evaluate_one(r, r->validation, wn__part_name(WN__PART_VALIDATION), &e));
        memcpy(st->validation, e.score, sizeof st->validation);
        best =
            st->best_step < 0 || wn__metric_is_better(wn__metric_headline(&r->metrics), wn__evaluation_headline(&e), st->best_validation);
    }
    if (best) {
        st->best_step = st->step;
        st->best_validation = wn__evaluation_headline(&e);
    }
    if (!r->test) return WN_OK;
    WN_TRY(evaluate_test(r, &e));
    memcpy(st->test, e.score, sizeof st->test);
    if (best) st->best_test = wn__evaluation_headline(&e);
    return WN_OK;
}

/* The average in the place of the weights, for a while. */
static wn_status evaluate_average(run *r)
{
    wn__train_state *st = &r->state;
    wn__evaluation validation = {0}, test = {0};
    wn_status status = WN_OK;
    if (!averages(r)) return WN_OK;
    wn__average_swap(r->stage->params);
    if (r->validation) status = evaluate_one(r, r->validation, "validation-average", &validation);
    if (status == WN_OK && r->test) status = evaluate_one(r, r->test, "test-average", &test);
    wn__average_swap(r->stage->params);
    if (status == WN_OK && r->validation) memcpy(st->average_validation, validation.score, sizeof st->average_validation);
    if (status == WN_OK && r->test) memcpy(st->average_test, test.score, sizeof st->average_test);
    return status;
}

static wn_status evaluate(run *r)
{
    const double begin = wn__seconds();
    WN_TRY(evaluate_parts(r));
    WN_TRY(evaluate_average(r));
    r->evaluated += wn__seconds() - begin;
    return WN_OK;
}

bool wn__evaluation_is_due(const wn__evaluation_steps *when, int64_t step)
{
    const int64_t turn = when->early * when->every;
    int64_t often = step < turn ? when->early : step < 2 * turn ? when->early / 2 : 1;
    if (often < 1) often = 1;
    const int64_t distance = when->every / often > 0 ? when->every / often : 1;
    return step % distance == 0;
}

/* ", validation 0.9133"; before the first evaluation there is no such number. */
static void show_score(const char *part, double value, char *text, size_t size)
{
    if (isnan(value))
        snprintf(text, size, ", %s not yet evaluated", part);
    else
        wn__snprintf(text, size, ", %s %.4f", part, value);
}

/* Short epochs would flood the log: between the lines of the first and the last one lie some seconds. */
static void tell_of_epoch(run *r, double now, double images_per_second)
{
    const wn__train_state *st = &r->state;
    const bool worth_it = r->last_told == 0 || now - r->last_told >= 5 || st->step == r->stage->spec.last;
    if (worth_it) r->last_told = now;
    const int h = r->metrics.headline;
    char train[64], validation[48] = "", test[48] = "";
    wn__snprintf(train, sizeof train, ", %s %.4f", wn__metric_headline(&r->metrics)->title, st->train[h]);
    if (r->validation) show_score("validation", st->validation[h], validation, sizeof validation);
    if (!r->stage->hide_test) show_score("test", st->test[h], test, sizeof test);
    if (r->stage->spec.first == r->stage->spec.last) {
        wn__log(WN_LOG_INFO, "%s: nothing is trained%s%s", r->stage->name, validation, test);
        return;
    }
    wn__log(worth_it ? WN_LOG_INFO : WN_LOG_DEBUG, "%s: step %" PRId64 " of %" PRId64 ", loss %.4f%s%s%s, %.0f images/s", r->stage->name,
            st->step, r->stage->spec.last, st->train[r->metrics.loss], h == r->metrics.loss || isnan(st->train[h]) ? "" : train, validation,
            test, images_per_second);
}

static wn_status end_of_epoch(run *r, bool want_evaluation)
{
    const double trained = wn__seconds(), between = r->evaluated;
    const wn__train_state *st = &r->state;
    WN_TRY(end_of_training_epoch(r));
    if (r->rewirer) WN_TRY(wn__run_files_topology(&r->files, r->stage->name, st->step, r->rewirer));
    if (want_evaluation) WN_TRY(evaluate(r));
    const double now = wn__seconds(), seconds = trained - r->epoch_started - between;
    const double waited = wn__loader_waited(r->loader);
    const wn__timing t = {.step = st->step,
                          .train_seconds = seconds,
                          .images_per_second = (double)r->epoch_images / fmax(seconds, 1e-9),
                          .evaluate_seconds = now - trained + between,
                          .waited_seconds = waited - r->waited_before,
                          .peak_bytes = wn__alloc_statistics().peak};
    r->waited_before = waited;
    r->epoch_started = now;
    r->epoch_images = 0;
    r->evaluated = 0;
    tell_of_epoch(r, now, t.images_per_second);
    return wn__run_files_timing(&r->files, &t);
}

static bool checkpoint_is_due(const run *r)
{
    const wn__train_stage *s = r->stage;
    if (s->checkpoint_steps && (r->state.step - s->spec.first) % s->checkpoint_steps == 0) return true;
    return wn__seconds() - r->last_checkpoint >= (s->checkpoint_seconds > 0 ? s->checkpoint_seconds : CHECKPOINT_SECONDS);
}

static bool is_pause(const run *r) { return r->stage->pause_step > 0 && r->state.step >= r->stage->pause_step; }

static wn_status run_steps(run *r)
{
    const wn__train_stage *s = r->stage;
    const int64_t every = s->evaluate_every > 0 ? s->evaluate_every : 1;
    while (r->state.step < s->spec.last) {
        int64_t epoch, batch;
        WN_TRY(keep_state(r));
        if (wn__stop_wanted(s->stop) || is_pause(r)) return stop(r);
        r->step_started = wn__seconds();
        WN_TRY(run_step(r));
        show_progress(r);
        place(r, &epoch, &batch);
        const bool ended = r->state.step == s->spec.last;
        if (s->spec.evaluate.every && !ended && wn__evaluation_is_due(&s->spec.evaluate, r->state.step)) WN_TRY(evaluate(r));
        if (batch == 0 && !ended) WN_TRY(end_of_epoch(r, !s->spec.evaluate.every && epoch % every == 0));
        if (r->state.step < s->spec.last && checkpoint_is_due(r)) WN_TRY(save_checkpoint(r));
    }
    return keep_state(r);
}

/* The weights that operations saw, whatever they are stored as. */
static wn_status save_network(const run *r, const char *path)
{
    wn__params view;
    WN_TRY(wn__params_view(r->stage->params, &view));
    const wn_status status = wn__network_save(path, &r->owner.info, &view, NULL);
    wn__params_view_release(&view);
    return status;
}

static wn_status save_average(const run *r)
{
    if (!averages(r)) return WN_OK;
    char *path = wn__train_average_path(r->stage->folder);
    if (!path) return wn__no_memory(64);
    wn__average_swap(r->stage->params);
    const wn_status status = save_network(r, path);
    wn__average_swap(r->stage->params);
    wn__free(path);
    return status;
}

static wn_status finish(run *r)
{
    WN_TRY(end_of_epoch(r, true));
    const int64_t peak = wn__resident().peak;
    const bool matters = (double)peak > 1.1 * (double)r->memory_expected && peak - r->memory_expected > (int64_t)1 << 28;
    wn__log(matters ? WN_LOG_INFO : WN_LOG_DEBUG, "%s: at most %.3f GiB of memory, estimated were %.3f", r->stage->name,
            (double)peak / 0x1p30, (double)r->memory_expected / 0x1p30);
    WN_TRY(save_average(r));
    WN_TRY(save_network(r, r->final));
    r->state.finished = true;
    return save_checkpoint(r);
}

static wn_status train(run *r)
{
    int64_t epoch, batch;
    place(r, &epoch, &batch);
    WN_TRY(wn__loader_seek(r->loader, epoch, batch));
    r->started = r->epoch_started = r->last_checkpoint = wn__seconds();
    WN_TRY(wn__run_files_open(&r->files, r->stage->folder, &r->state.lengths, r->rewirer != NULL, r->state.step));
    wn_status status = run_steps(r);
    if (status == WN_OK) status = finish(r);
    const wn_status closed = wn__run_files_close(&r->files);
    return status != WN_OK ? status : closed;
}

static void report(const run *r, wn__train_result *out)
{
    const wn__train_state *st = &r->state;
    *out = (wn__train_result){.steps = r->stage->spec.last - r->stage->spec.first,
                              .metrics = r->metrics,
                              .best_step = st->best_step,
                              .best_validation = st->best_validation,
                              .best_test = st->best_test,
                              .flops_stage = st->flops,
                              .flops_total = r->stage->flops_before + st->flops + st->teacher_flops,
                              .seconds = st->seconds,
                              .rewired = st->rewired};
    memcpy(out->test, st->test, sizeof out->test);
    memcpy(out->validation, st->validation, sizeof out->validation);
    memcpy(out->train, st->train, sizeof out->train);
    memcpy(out->average_test, st->average_test, sizeof out->average_test);
    memcpy(out->average_validation, st->average_validation, sizeof out->average_validation);
}

wn_status wn__train_run(const wn__train_stage *stage, wn__train_result *result)
{
    run r = {.stage = stage,
             .metrics = stage->metrics.count ? stage->metrics : wn__metric_set_usual(stage->loader.data->facts.sample.target)};
    wn_status status;
    WN_TRY_OR(done, check_stage(stage));
    WN_TRY_OR(done, make_paths(&r));
    WN_TRY_OR(done, load_or_start(&r));
    if (!r.state.finished) {
        WN_TRY_OR(done, set_up(&r));
        WN_TRY_OR(done, train(&r));
    }
    WN_TRY_OR(done, wn__params_uncover(stage->params));
    report(&r, result);
    status = WN_OK;
done:
    release(&r);
    return status;
}
