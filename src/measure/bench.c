#include "winnow/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arguments.h"
#include "base/cpu.h"
#include "base/fail.h"
#include "base/locale.h"
#include "base/log.h"
#include "base/options.h"
#include "base/rng.h"
#include "base/statistics.h"
#include "base/text.h"
#include "measure/rates.h"
#include "methods/method.h"
#include "models/named.h"
#include "network/machine.h"
#include "network/masks_file.h"
#include "network/network.h"
#include "nn/init.h"
#include "nn/loss.h"
#include "nn/optimizer.h"
#include "sparse/cost.h"
#include "sparse/prune/distribution.h"
#include "tensor/compression.h"

#define WARM_SECONDS 0.1 /* threads may be slow to spread over cores */
enum { WARM_UP = 3, USUAL_RUNS = 15, USUAL_BATCH = 128 };

typedef struct bench {
    const wn_bench_options *options;
    int64_t batch;
    int runs;
    wn_graph *graph;
    wn__network net;
    wn__devices devices;
    wn__device *device;
    wn__updater *updater;
    void *optimizer_config;
    float *images, *logits;
    int32_t *labels;
    double *seconds; /* (runs) */
    int64_t step;
    int64_t estimate, peak; /* bytes in memory: expected, and reached */
    int64_t own;            /* bytes that operations keep for themselves */
} bench;

/* --- network ------------------------------------------------------------------------------------------------------------------- */

static wn_status build_network(bench *b)
{
    const wn_bench_options *o = b->options;
    if (!o->model) return wn__fail(WN_EUSAGE, "a model is needed; `winnow models` lists them");
    const wn__named_model named = {
        .name = o->model, .set = o->set, .sets = o->sets, .input = {o->channels, o->image, o->image, o->classes}};
    const wn__init_options init = {0};
    WN_TRY(wn__named_model_build(&named, &b->graph));
    WN_TRY(wn__network_make(b->graph, &b->net));
    return wn__init_params(&b->net.params, &init, 0);
}

static wn_status draw_masks(bench *b)
{
    const wn_bench_options *o = b->options;
    static const wn__setting rows[] = {WN_SETTING_SPARSITY(wn__distribute, sparsity, NULL, ""),
                                       WN_SETTING_CHOICE(wn__distribute, distribution, "uniform", wn__distribution_names, ""),
                                       {0}};
    wn__distribute how = {0};
    WN_TRY(wn__settings_set(rows, &how, "sparsity", o->sparsity));
    WN_TRY(wn__settings_set(rows, &how, "distribution", o->distribution ? o->distribution : "uniform"));
    how.dense = o->dense_first ? WN__DENSE_FIRST : WN__DENSE_NONE;
    wn__selection selection;
    WN_TRY(wn__selection_make(b->graph, NULL, 0, &selection));
    int64_t *active = WN_NEW_ARRAY(int64_t, b->net.params.count);
    wn_status status = active ? wn__distribution_counts(&b->net.params, &selection, &how, active, NULL)
                              : wn__no_memory((size_t)b->net.params.count * sizeof *active);
    if (status == WN_OK) status = wn__masks_random(&b->net.params, &selection, active, 0);
    wn__free(active);
    wn__selection_release(&selection);
    return status;
}

static wn_status make_sparse(bench *b)
{
    const wn_bench_options *o = b->options;
    if (o->mask && o->sparsity) return wn__fail(WN_EUSAGE, "either a sparsity or a file of masks, not both");
    if (o->distribution && !o->sparsity) return wn__fail(WN_EUSAGE, "distribution \"%s\" of what? A sparsity is needed", o->distribution);
    if (o->mask) WN_TRY(wn__masks_load(o->mask, &b->net.params));
    return o->sparsity ? draw_masks(b) : WN_OK;
}

/* --- machine ------------------------------------------------------------------------------------------------------------------- */

static wn_status choose_kernels(const char *name, wn__kernels *out)
{
    *out = WN__KERNELS_MEASURED;
    if (!name) return WN_OK;
    for (int i = 0; wn__kernels_names[i]; i++)
        if (strcmp(name, wn__kernels_names[i]) == 0) {
            *out = (wn__kernels)i;
            return WN_OK;
        }
    return wn__fail(WN_EUSAGE, "kernels \"%s\"; valid: measured, sparse, dense", name);
}

static wn_status open_device(bench *b)
{
    const wn_bench_options *o = b->options;
    const wn__backend *backend = o->backend ? wn__backend_find(o->backend) : wn__backends[0];
    if (!backend) return wn__fail(WN_EUSAGE, "backend \"%s\" is not in this build; `winnow doctor` lists the backends", o->backend);
    if (o->kernels && strcmp(backend->name, "sparse") != 0)
        return wn__fail(WN_EUSAGE, "kernels are those of backend sparse; %s has no choice", backend->name);
    const bool bf16 = o->dtype && strcmp(o->dtype, "bf16") == 0;
    if (o->dtype && !bf16 && strcmp(o->dtype, "f32") != 0) return wn__fail(WN_EUSAGE, "dtype \"%s\"; valid: f32, bf16", o->dtype);
    b->devices.threads = o->threads;
    WN_TRY(choose_kernels(o->kernels, &b->devices.kernels));
    return wn__devices_get(&b->devices, backend, bf16 ? WN__BF16 : WN__F32, &b->device);
}

static wn_status make_optimizer(bench *b)
{
    wn__optimizer optimizer = {0};
    WN_TRY(wn__optimizer_find("sgd", &optimizer.type));
    if (!(b->optimizer_config = wn__alloc(optimizer.type->config_size))) return wn__no_memory(optimizer.type->config_size);
    optimizer.config = b->optimizer_config;
    WN_TRY(wn__settings_defaults(optimizer.type->settings, b->optimizer_config));
    WN_TRY(wn__settings_set(optimizer.type->settings, b->optimizer_config, "momentum", "0.9"));
    WN_TRY(wn__settings_set(optimizer.type->settings, b->optimizer_config, "weight_decay", "1e-4"));
    return wn__updater_new(&optimizer, &b->net.params, b->devices.pool, &b->updater);
}

static wn_status make_batch(bench *b)
{
    const wn_graph *g = b->graph;
    const int64_t values = b->batch * g->c * g->h * g->w, classes = wn__graph_classes(g);
    b->images = WN_NEW_ARRAY(float, values);
    b->logits = WN_NEW_ARRAY(float, b->batch *classes);
    b->labels = WN_NEW_ARRAY(int32_t, b->batch);
    b->seconds = WN_NEW_ARRAY(double, b->runs);
    if (!b->images || !b->logits || !b->labels || !b->seconds) return wn__no_memory((size_t)values * sizeof(float));
    wn__rng rng = wn__rng_make(0, WN__FOR_TEST, 0, 0);
    for (int64_t i = 0; i < values; i++)
        b->images[i] = (float)wn__rng_normal(&rng);
    for (int64_t i = 0; i < b->batch; i++)
        b->labels[i] = (int32_t)wn__rng_below(&rng, (uint64_t)classes);
    return WN_OK;
}

static wn_status parse_memory(const char *text, int64_t *bytes)
{
    char *end;
    *bytes = 0;
    if (!text) return WN_OK;
    const double gib = wn__strtod(text, &end);
    if (end == text || *end || !(gib > 0 && gib <= 1e6))
        return wn__fail(WN_EUSAGE, "memory \"%s\": wants GiB, above 0 and at most 1000000", text);
    *bytes = (int64_t)(gib * 0x1p30);
    return WN_OK;
}

static wn_status executor_options(const bench *b, wn__executor_options *out)
{
    const wn_bench_options *o = b->options;
    if (o->micro_batch < 0) return wn__fail(WN_EUSAGE, "micro-batch %lld, must be at least 1", (long long)o->micro_batch);
    *out = (wn__executor_options){.batch = b->batch, .micro_batch = o->micro_batch, .training = !o->inference};
    return parse_memory(o->memory, &out->memory);
}

/* Network and device. */
static wn_status open_machine(bench *b, const wn_bench_options *options)
{
    wn__resident_reset_peak();
    *b = (bench){
        .options = options, .batch = options->batch ? options->batch : USUAL_BATCH, .runs = options->runs ? options->runs : USUAL_RUNS};
    if (b->batch < 1 || b->runs < 1) return wn__fail(WN_EUSAGE, "batch and runs must be at least 1");
    WN_TRY(wn__need_count("wn_bench_options", "threads", options->threads));
    WN_TRY(wn__need_texts("wn_bench_options", "sets", options->sets, "set", options->set));
    WN_TRY(build_network(b));
    WN_TRY(make_sparse(b));
    WN_TRY(open_device(b));
    return b->device->compressed ? wn__params_compress_masked(&b->net.params) : WN_OK;
}

/* Weights, gradients and momentum, with the indices of those that are compressed. */
static int64_t parameter_bytes(const bench *b)
{
    int64_t bytes = 0;
    for (int i = 0; i < b->net.params.count; i++) {
        const wn__param *p = &b->net.params.item[i];
        bytes += p->stored * (int64_t)sizeof(float) * (wn__role_is_trained(p->role) && !b->options->inference ? 3 : 1);
        bytes += p->pattern ? (int64_t)wn__pattern_bytes(p->pattern) : 0;
    }
    return bytes;
}

/* All that the steps need is allocated when they begin. */
static wn_status estimate_memory(bench *b)
{
    int64_t plan;
    WN_TRY(wn__executor_plan_bytes(b->net.ex, b->batch, &plan));
    wn__alloc_trim();
    b->estimate = wn__peak_expected();
    const int64_t parameters = parameter_bytes(b);
    wn__log(
        WN_LOG_INFO,
        "%s: estimated %.3f GiB of memory: %.3f activations, gradients and scratch, %.3f parameters, %.3f operations' own, %.3f all else",
        b->graph->name, (double)b->estimate / 0x1p30, (double)plan / 0x1p30, (double)parameters / 0x1p30, (double)b->own / 0x1p30,
        (double)(b->estimate - plan - parameters - b->own) / 0x1p30);
    return WN_OK;
}

static wn_status open_bench(bench *b, const wn_bench_options *options)
{
    wn__executor_options executor;
    WN_TRY(open_machine(b, options));
    WN_TRY(executor_options(b, &executor));
    WN_TRY(make_optimizer(b));
    WN_TRY(make_batch(b));
    const int64_t before = wn__alloc_statistics().bytes;
    int64_t buffers;
    WN_TRY(wn__network_start(&b->net, b->device, &executor));
    WN_TRY(wn__executor_prepare(b->net.ex, b->batch));
    WN_TRY(wn__executor_plan_bytes(b->net.ex, b->batch, &buffers));
    b->own = wn__alloc_statistics().bytes - before - buffers;
    return WN_OK;
}

static void close_bench(bench *b)
{
    wn__updater_free(b->updater);
    wn__network_release(&b->net);
    wn__devices_release(&b->devices);
    wn_graph_free(b->graph);
    wn__free(b->optimizer_config);
    wn__free(b->images);
    wn__free(b->logits);
    wn__free(b->labels);
    wn__free(b->seconds);
}

/* --- the step ------------------------------------------------------------------------------------------------------------------ */

static wn_status loss_gradient(void *arg, const float *logits, int64_t first, int64_t n, float *dlogits)
{
    const bench *b = arg;
    static const wn__loss cross_entropy = {0};
    const wn__loss_rows rows = {.n = n,
                                .batch = b->batch,
                                .classes = wn__graph_classes(b->graph),
                                .logits = logits,
                                .targets = wn__class_targets(b->labels + first)};
    const wn__loss_out out = {.dlogits = dlogits};
    wn__loss_compute(&cross_entropy, &rows, b->devices.pool, &out);
    return WN_OK;
}

static wn_status run_step(bench *b)
{
    const wn__step_info step = {.training = !b->options->inference, .update_statistics = true, .step = b->step};
    if (b->options->inference) return wn__executor_infer(b->net.ex, b->images, b->batch, step, b->logits);
    WN_TRY(wn__executor_gradients(b->net.ex, b->images, b->batch, step, loss_gradient, b));
    WN_TRY(wn__updater_step(b->updater, 1e-3, ++b->step));
    b->net.params.version++;
    return WN_OK;
}

static wn_status run_steps(bench *b, int count, double *seconds)
{
    for (int i = 0; i < count; i++) {
        const double start = wn__seconds();
        WN_TRY(run_step(b));
        if (seconds) seconds[i] = wn__seconds() - start;
    }
    b->peak = wn__resident().peak;
    return WN_OK;
}

static wn_status warm_up(bench *b)
{
    const double start = wn__seconds();
    WN_TRY(run_steps(b, WARM_UP, NULL));
    while (wn__seconds() - start < WARM_SECONDS)
        WN_TRY(run_steps(b, 1, NULL));
    return WN_OK;
}

static wn_status fill_floors(bench *b, wn_bench_result *r)
{
    wn__rates rates;
    int64_t traffic;
    WN_TRY(wn__executor_traffic(b->net.ex, b->batch, &traffic));
    WN_TRY(wn__rates_measure(b->devices.pool, &rates));
    const double moving = 1e3 * (double)traffic / rates.bytes;
    r->traffic = traffic;
    r->floor_ms = 1e3 * (double)r->flops / rates.loading + moving;
    r->arithmetic_floor_ms = 1e3 * (double)r->flops / rates.arithmetic + moving;
    return WN_OK;
}

static wn_status fill_result(bench *b, wn_bench_result *r)
{
    *r = (wn_bench_result){.threads = wn__pool_threads(b->devices.pool),
                           .runs = b->runs,
                           .batch = b->batch,
                           .estimate_bytes = b->estimate,
                           .peak_bytes = b->peak};
    r->ms_median = 1e3 * wn__median(b->seconds, b->runs);
    r->ms_min = 1e3 * b->seconds[0];
    r->images_per_s = 1e3 * (double)b->batch / r->ms_median;
    wn__cost cost;
    WN_TRY(wn__cost_make(b->graph, &b->net.params, &cost));
    r->parameters = cost.parameters;
    r->active = cost.active;
    r->flops = cost.flops * b->batch * (b->options->inference ? 1 : 3);
    r->flops_ratio = (double)cost.flops / (double)cost.dense_flops;
    wn__cost_release(&cost);
    r->gflops_per_s = 1e-6 * (double)r->flops / r->ms_median;
    snprintf(r->backend, sizeof r->backend, "%s", b->device->backend->name);
    b->device->backend->describe(r->library, sizeof r->library);
    snprintf(r->dtype, sizeof r->dtype, "%s", b->device->dtype == WN__BF16 ? "bf16" : "f32");
    snprintf(r->isa, sizeof r->isa, "%s", wn__isa_name(wn__isa_in_use()));
    snprintf(r->cpu, sizeof r->cpu, "%s", wn__cpu_name());
    WN_TRY(wn__executor_plan_bytes(b->net.ex, b->batch, &r->bytes));
    return fill_floors(b, r);
}

wn_status wn_bench_step(const wn_bench_options *options, wn_bench_result *result)
{
    WN__COMPLETE(wn_bench_options, options);
    WN__NEED(result);
    bench b;
    wn_status status = open_bench(&b, options);
    if (status == WN_OK) status = estimate_memory(&b);
    if (status == WN_OK) status = warm_up(&b);
    if (status == WN_OK) status = run_steps(&b, b.runs, b.seconds);
    if (status == WN_OK) status = fill_result(&b, result);
    close_bench(&b);
    return status;
}

/* --- topology updates ---------------------------------------------------------------------------------------------------------- */

enum { STATIC_STEPS = 4, USUAL_UPDATES = 9 }; /* between updates; timed updates */

static wn_status find_rewiring(const char *name, wn__rewiring *how)
{
    const wn__method *method = wn__method_find(name);
    if (!method || method->axes.topology.grow == WN__GROW_NONE)
        return wn__fail(WN_EUSAGE, "\"%s\" is no method that changes its mask; `winnow methods` lists them", name);
    /* An epoch of 391 steps, as on CIFAR-10 in batches of 128; the beginning of a run of 250. */
    return wn__rewiring_resolve(&method->axes.topology, 391, 250 * 391, how);
}

/* A step that changes the topology, as the training loop makes it. */
static wn_status update_step(bench *b, wn__rewirer *r, const wn__rewiring *how)
{
    const wn__step_info step = {.training = true, .update_statistics = true, .step = b->step};
    const bool instead = how->rule.update == WN__UPDATE_INSTEAD, shares = how->rule.redistribute == WN__SHARE_GRADIENT;
    if (!instead) WN_TRY(run_step(b));
    if (shares) WN_TRY(wn__executor_gradients(b->net.ex, b->images, b->batch, step, loss_gradient, b));
    WN_TRY(wn__rewirer_begin(r, b->net.ex, 0, 1e-3, 1e-3));
    if (wn__rewirer_wants_gradient(r) || (instead && !shares))
        WN_TRY(wn__executor_gradients(b->net.ex, b->images, b->batch, step, loss_gradient, b));
    return wn__rewirer_finish(r, b->net.ex);
}

/* seconds (3, runs): the update, the step after it, and the median of some more. */
static wn_status time_update(bench *b, wn__rewirer *r, const wn__rewiring *how, double *seconds, int run)
{
    double rest[STATIC_STEPS], start = wn__seconds();
    WN_TRY(update_step(b, r, how));
    seconds[run] = wn__seconds() - start;
    WN_TRY(run_steps(b, 1, seconds + b->runs + run));
    WN_TRY(run_steps(b, STATIC_STEPS, rest));
    seconds[2 * b->runs + run] = wn__median(rest, STATIC_STEPS);
    return WN_OK;
}

static void fill_updates(bench *b, double *seconds, const wn__rewiring *how, wn_bench_updates *out)
{
    out->ms_update = 1e3 * wn__median(seconds, b->runs);
    out->ms_after = 1e3 * wn__median(seconds + b->runs, b->runs);
    out->ms_usual = 1e3 * wn__median(seconds + 2 * b->runs, b->runs);
    if (out->ms_static == 0) out->ms_static = out->ms_usual; /* measured among the updates */
    out->interval = how->interval;
    const double usual = how->interval > 1 ? (double)(how->interval - 2) * out->ms_usual + out->ms_after : 0;
    out->ms_average = (out->ms_update + usual) / (double)how->interval;
    out->ratio = out->ms_average / out->ms_static;
}

static wn_status time_updates(bench *b, wn__rewirer *r, const wn__rewiring *how, wn_bench_updates *out)
{
    double *seconds = WN_NEW_ARRAY(double, 3 * b->runs);
    if (!seconds) return wn__no_memory((size_t)b->runs * 3 * sizeof *seconds);
    wn_status status = warm_up(b);
    if (status == WN_OK && wn__rewirer_always_listens(r)) { /* then usual steps are not those of a static topology */
        status = run_steps(b, b->runs, seconds);
        out->ms_static = 1e3 * wn__median(seconds, b->runs);
    }
    if (status == WN_OK) status = wn__rewirer_attach(r, b->net.ex);
    if (status == WN_OK) status = time_update(b, r, how, seconds, 0); /* its plan is made */
    for (int run = 0; run < b->runs && status == WN_OK; run++)
        status = time_update(b, r, how, seconds, run);
    if (status == WN_OK) fill_updates(b, seconds, how, out);
    wn__free(seconds);
    return status;
}

static wn_status bench_updates(bench *b, const wn__rewiring *how, wn_bench_updates *out)
{
    wn__rewirer *r = NULL;
    *out = (wn_bench_updates){.threads = wn__pool_threads(b->devices.pool), .runs = b->runs, .batch = b->batch};
    snprintf(out->backend, sizeof out->backend, "%s", b->device->backend->name);
    WN_TRY(wn__params_compress_masked(&b->net.params)); /* on dense devices, too */
    WN_TRY(wn__rewirer_new(how, &b->net.params, b->devices.pool, 0, &r));
    const wn_status status = time_updates(b, r, how, out);
    const wn__rewired made = wn__rewirer_made(r);
    out->connections = made.updates ? made.dropped / made.updates : 0;
    wn__rewirer_free(r);
    for (int i = 0; i < b->net.params.count; i++)
        out->active += wn__role_is_trained(b->net.params.item[i].role) ? b->net.params.item[i].active : 0;
    return status;
}

wn_status wn_bench_topology(const wn_bench_options *options, wn_bench_updates *updates)
{
    WN__COMPLETE(wn_bench_options, options);
    WN__NEED(updates);
    bench b;
    wn__rewiring how;
    wn_bench_options own = *options;
    if (!own.runs) own.runs = USUAL_UPDATES;
    if (!own.backend) own.backend = "sparse";
    if (!own.sparsity && !own.mask) return wn__fail(WN_EUSAGE, "mask updates of what? A sparsity is needed");
    if (own.inference) return wn__fail(WN_EUSAGE, "mask updates are made while training");
    WN_TRY(find_rewiring(own.topology ? own.topology : "rigl", &how));
    wn_status status = open_bench(&b, &own);
    if (status == WN_OK) status = bench_updates(&b, &how, updates);
    close_bench(&b);
    return status;
}

/* --- its memory ---------------------------------------------------------------------------------------------------------------- */

/* Of a plan without a limit: its own bytes, and those of the process with it; to b->own, those that its operations keep. */
static wn_status measure_plan(bench *b, wn__executor_options options, int64_t *bytes, int64_t *all)
{
    const int64_t before = wn__alloc_statistics().bytes;
    options.memory = 0;
    WN_TRY(wn__network_start(&b->net, b->device, &options));
    const wn_status status = wn__executor_plan_bytes(b->net.ex, b->batch, bytes);
    *all = wn__memory_expected() + *bytes;
    b->own = wn__alloc_statistics().bytes - before;
    wn__network_stop(&b->net);
    return status;
}

static wn_status fill_memory(bench *b, wn_bench_memory *m)
{
    wn__executor_options options;
    WN_TRY(executor_options(b, &options));
    const bool whole = !options.micro_batch || options.micro_batch > b->batch;
    *m = (wn_bench_memory){.batch = b->batch, .micro_batch = whole ? b->batch : options.micro_batch};
    snprintf(m->backend, sizeof m->backend, "%s", b->device->backend->name);
    snprintf(m->dtype, sizeof m->dtype, "%s", b->device->dtype == WN__BF16 ? "bf16" : "f32");
    m->parameter_bytes = parameter_bytes(b);
    WN_TRY(make_optimizer(b));
    WN_TRY(make_batch(b));
    WN_TRY(measure_plan(b, options, &m->bytes, &m->estimate_bytes));
    m->operation_bytes = b->own;
    options.recompute = true;
    return measure_plan(b, options, &m->recomputed_bytes, &m->recomputed_estimate_bytes);
}

wn_status wn_bench_plan(const wn_bench_options *options, wn_bench_memory *memory)
{
    WN__COMPLETE(wn_bench_options, options);
    WN__NEED(memory);
    bench b;
    wn_status status = open_machine(&b, options);
    if (status == WN_OK) status = fill_memory(&b, memory);
    close_bench(&b);
    return status;
}

/* --- its parts ----------------------------------------------------------------------------------------------------------------- */

typedef struct part {
    wn_bench_phase phase;
    double flops;
    double *seconds; /* (runs) */
} part;

typedef struct parts {
    part *item;
    int count, runs, run;
    bool failed;
} parts;

static double flops_of(const wn__op_desc *d, wn__phase phase)
{
    const bool counts = phase == WN__FORWARD || phase == WN__BACKWARD_DATA || phase == WN__BACKWARD_PARAMS;
    const double pixels = (double)(d->n * d->out_h * d->out_w), out = (double)d->out_c;
    if (counts && d->kind == WN__OP_CONV) {
        const int64_t inputs = d->in_c / d->groups;
        return 2 * pixels * out * (double)(inputs * d->kernel_h * d->kernel_w);
    }
    if (counts && d->kind == WN__OP_LINEAR) return 2 * pixels * out * (double)(d->in_c * d->in_h * d->in_w);
    return 0;
}

static void add_part(parts *p, const wn__call_time *t)
{
    double *seconds = WN_NEW_ARRAY(double, p->runs);
    p->failed = p->failed || !seconds || wn__make_room(&p->item, p->count, sizeof *p->item) != WN_OK;
    if (p->failed) {
        wn__free(seconds);
        return;
    }
    p->item[p->count++] = (part){.phase = {.node = t->node, .phase = wn__phase_name(t->phase), .implementation = t->implementation},
                                 .flops = t->density * flops_of(t->desc, t->phase),
                                 .seconds = seconds};
}

static void observe(void *user, const wn__call_time *t)
{
    parts *p = user;
    if (t->index >= p->count) add_part(p, t);
    if (!p->failed) p->item[t->index].seconds[p->run] = t->seconds;
}

static wn_status time_parts(bench *b, parts *p)
{
    WN_TRY(warm_up(b));
    wn__executor_observe(b->net.ex, observe, p);
    for (p->run = 0; p->run < p->runs && !p->failed; p->run++)
        WN_TRY(run_steps(b, 1, b->seconds + p->run));
    return p->failed ? wn__no_memory(sizeof(part)) : WN_OK;
}

wn_status wn_bench_kernels(const wn_bench_options *options, wn_bench_visit visit, void *user, wn_bench_result *result)
{
    WN__COMPLETE(wn_bench_options, options);
    WN__NEED(result);
    bench b;
    wn_status status = open_bench(&b, options);
    parts p = {.runs = b.runs};
    if (status == WN_OK) status = time_parts(&b, &p);
    if (status == WN_OK) status = fill_result(&b, result);
    for (int i = 0; i < p.count; i++) {
        wn_bench_phase *phase = &p.item[i].phase;
        phase->ms_median = 1e3 * wn__median(p.item[i].seconds, p.runs);
        phase->ms_min = 1e3 * p.item[i].seconds[0];
        phase->gflops_per_s = p.item[i].flops > 0 ? 1e-6 * p.item[i].flops / phase->ms_median : 0;
        if (status == WN_OK && visit) visit(user, phase);
        wn__free(p.item[i].seconds);
    }
    wn__free(p.item);
    close_bench(&b);
    return status;
}
