/* Nothing dense hides: a perceptron of two layers so wide that their dense form would fit nowhere is trained on stored entries alone, its
 * topology changing all the while.
 *
 *     bench/huge_mlp                      3072-200000-200000-10, of whose 40.6 billion weights 0.01 % are stored; growth at random (SET)
 *     bench/huge_mlp --growth gradient    growth by the gradient of all 40.6 billion (RigL)
 *     bench/huge_mlp --linear             a dense 3072-10 beside it, which it has to beat
 *
 * CIFAR-10 where WINNOW_DATA has it, `shapes` otherwise. Prints for each epoch: loss, test accuracy, seconds, peak bytes as the library counts
 * them and as the kernel does (VmHWM).
 */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/log.h"
#include "data/catalog.h"
#include "data/loader.h"
#include "network/network.h"
#include "nn/init.h"
#include "nn/loss.h"
#include "nn/optimizer.h"
#include "nn/schedule.h"
#include "sparse/dynamic/topology.h"
#include "sparse/prune/distribution.h"
#include "train/evaluate.h"

typedef enum growth { STATIC, RANDOM, GRADIENT } growth;
static const char *const growth_names[] = {"none", "random", "gradient", NULL};

typedef struct options {
    bool linear;
    int64_t width, train, test, epochs, batch, every, threads;
    double sparsity, rate, fraction;
    growth growth;
    uint64_t seed;
} options;

typedef struct run {
    options o;
    wn__dataset data;
    wn__pool *pool;
    wn_graph *graph;
    wn__device *device;
    wn__network net;
    wn__updater *updater;
    wn__loader *loader;
    wn__evaluator *evaluator;
    wn_targets targets; /* of the current batch */
    double *loss;       /* (batch) */
    int64_t batch;      /* its size */
    double growing;     /* seconds, of the current update */
    wn__topology topology[2];
} run;

static const int grown[2] = {0, 2}; /* parameters whose topology changes: fc1.weight, fc2.weight */

/* --- the network ----------------------------------------------------------------------------------------------------------------- */

static wn_status make_graph(run *r)
{
    const wn__sample_spec *d = &r->data.facts.sample;
    r->graph = wn_graph_new(r->o.linear ? "linear" : "huge-mlp", d->channels, d->height, d->width);
    int x = wn_graph_input(r->graph);
    if (!r->o.linear) {
        x = wn_graph_relu(r->graph, wn_graph_linear(r->graph, x, "fc1", (int)r->o.width, true));
        x = wn_graph_relu(r->graph, wn_graph_linear(r->graph, x, "fc2", (int)r->o.width, true));
    }
    return wn_graph_finish(r->graph, wn_graph_linear(r->graph, x, "out", d->classes, true));
}

/* How many entries each parameter stores: both wide layers by ER, all else dense. Shapes suffice for that. */
static wn_status count_entries(const run *r, int64_t *active)
{
    wn__param shape[6] = {{0}};
    bool selected[6] = {false};
    const wn__params shapes = {.item = shape, .count = r->graph->params};
    const wn__selection selection = {.selected = selected, .count = r->graph->params};
    for (int i = 0; i < r->graph->params; i++) {
        const wn__param_spec *spec = &r->graph->param[i];
        shape[i].ndim = spec->ndim;
        shape[i].count = 1;
        for (int d = 0; d < spec->ndim; d++)
            shape[i].count *= shape[i].dim[d] = spec->dim[d];
        selected[i] = i == grown[0] || i == grown[1];
    }
    return wn__distribution_counts(&shapes, &selection, &(wn__distribute){.distribution = WN__ER, .sparsity = r->o.sparsity}, active, NULL);
}

static wn_status make_sparse_params(run *r)
{
    wn__pattern pattern[6] = {{0}};
    int64_t active[6];
    wn_status status = count_entries(r, active);
    for (int i = 0; status == WN_OK && i < 2; i++) {
        const int64_t *dim = r->graph->param[grown[i]].dim;
        wn__rng rng = wn__rng_make(r->o.seed, WN__FOR_MASK, (uint64_t)i, 0);
        status = wn__pattern_random(dim[0], dim[1], active[grown[i]], &rng, &pattern[grown[i]]);
    }
    r->net.graph = r->graph;
    if (status == WN_OK) status = wn__graph_make_sparse_params(r->graph, pattern, &r->net.params);
    for (int i = 0; i < 6; i++)
        wn__pattern_release(&pattern[i]);
    return status;
}

static void scale(wn__param *p, double factor)
{
    for (int64_t e = 0; e < p->stored; e++)
        p->value[e] *= (float)factor;
}

/* Outputs read 200,000 units, a unit a dozen: steps small enough for the outputs would leave the units as they were drawn. With units scaled
 * down and the outputs' weights scaled up by as much, the network computes the same, and both move its logits equally fast. */
static void balance(run *r)
{
    wn__param *fc2 = &r->net.params.item[2], *out = &r->net.params.item[4];
    const double factor = pow((double)fc2->stored / ((double)r->o.width * (double)r->o.width), 0.25);
    scale(fc2, factor);
    scale(out, 1 / factor);
}

static wn_status make_network(run *r)
{
    WN_TRY(make_graph(r));
    WN_TRY(r->o.linear ? wn__network_make(r->graph, &r->net) : make_sparse_params(r));
    WN_TRY(wn__init_params(&r->net.params, &(wn__init_options){.weights = WN__INIT_KAIMING}, r->o.seed));
    WN_TRY(wn__init_sparse(&r->net.params, WN__SPARSE_INIT_IN_NORMAL, 0, false, r->o.seed));
    if (!r->o.linear) balance(r);
    int64_t stored = 0, dense = 0;
    for (int i = 0; i < r->net.params.count; i++) {
        stored += r->net.params.item[i].stored;
        dense += r->net.params.item[i].count;
    }
    printf("%s: %lld parameters stored of %lld (%.4f %%)", r->graph->name, (long long)stored, (long long)dense,
           100.0 * (double)stored / (double)dense);
    for (int i = 0; !r->o.linear && i < 2; i++)
        printf(", %s %lld", r->net.params.item[grown[i]].name, (long long)r->net.params.item[grown[i]].stored);
    printf("\n");
    return WN_OK;
}

/* --- data and the rest ----------------------------------------------------------------------------------------------------------- */

static wn_status load_data(run *r)
{
    const wn__dataset_type *type;
    double config[32];
    WN_TRY(wn__dataset_find("cifar10", &type));
    if (wn__dataset_load(type, NULL, NULL, r->pool, false, &r->data) == WN_OK) return WN_OK;
    wn__dataset_release(&r->data);
    printf("no CIFAR-10 (%s): made-up images instead\n", wn_error_message());
    WN_TRY(wn__dataset_find("shapes", &type));
    WN_TRY(wn__settings_defaults(type->settings, config));
    return wn__dataset_load(type, config, NULL, r->pool, false, &r->data);
}

static wn_status make_loaders(run *r)
{
    wn__loader_options o = {.data = &r->data, .part = WN__PART_TRAIN, .batch = r->o.batch, .last_batch = WN__LAST_DROP};
    o.seed = r->o.seed;
    o.order = WN__SAMPLES_SHUFFLED;
    o.threads = 1;
    WN_TRY(wn__split_make(&r->data.facts, "none", r->o.train, &o.split));
    if (r->o.test && r->o.test < o.split.test.count) o.split.test.count = r->o.test;
    WN_TRY(wn__normalize_find("dataset", &r->data, &o.normalize));
    WN_TRY(wn__loader_new(&o, &r->loader));
    printf("%s: %lld training images, %lld test images\n", r->data.type->name, (long long)o.split.train.count,
           (long long)o.split.test.count);
    o.part = WN__PART_TEST;
    o.last_batch = WN__LAST_KEEP;
    o.threads = 0;
    return wn__evaluator_new(&o, NULL, &r->evaluator);
}

static wn_status make_run(run *r)
{
    const wn__backend *sparse = wn__backend_find("sparse");
    wn__optimizer sgd = {0};
    static double config[32]; /* borrowed by the updater */
    WN_TRY(wn__pool_new((int)r->o.threads, &r->pool));
    WN_TRY(load_data(r));
    WN_TRY(make_loaders(r));
    WN_TRY(make_network(r));
    WN_TRY(sparse->open(sparse, &(wn__device_options){.dtype = WN__F32, .pool = r->pool}, &r->device));
    WN_TRY(wn__optimizer_find("sgd", &sgd.type));
    WN_TRY(wn__settings_defaults(sgd.type->settings, config));
    sgd.config = config;
    WN_TRY(wn__updater_new(&sgd, &r->net.params, r->pool, &r->updater));
    r->loss = WN_NEW_ARRAY(double, r->o.batch);
    if (!r->loss) return wn__no_memory((size_t)r->o.batch * sizeof(double));
    return wn__network_start(&r->net, r->device, &(wn__executor_options){.batch = r->o.batch, .training = true});
}

static void release(run *r)
{
    for (int i = 0; i < 2; i++)
        wn__topology_release(&r->topology[i]);
    wn__network_release(&r->net);
    wn__updater_free(r->updater);
    if (r->device) r->device->close(r->device);
    wn_graph_free(r->graph);
    wn__evaluator_free(r->evaluator);
    wn__loader_free(r->loader);
    wn__dataset_release(&r->data);
    wn__free(r->loss);
    wn__pool_free(r->pool);
}

/* --- topology -------------------------------------------------------------------------------------------------------------------- */

static wn_status grow_by_gradient(void *arg, const wn__weight_gradient *gradient)
{
    run *r = arg;
    const double start = wn__seconds();
    const int which = gradient->param == &r->net.params.item[grown[1]];
    WN_TRY(wn__topology_grow_gradient(&r->topology[which], gradient, r->pool));
    r->growing += wn__seconds() - start;
    return WN_OK;
}

static wn_status begin_update(run *r, double fraction)
{
    for (int i = 0; i < 2; i++) {
        WN_TRY(wn__topology_init(&r->net.params.item[grown[i]], &(wn__drop){.fraction = fraction}, &r->topology[i]));
        if (r->o.growth == GRADIENT) WN_TRY(wn__executor_read_gradient(r->net.ex, grown[i], grow_by_gradient, r));
    }
    return WN_OK;
}

static wn_status end_update(run *r, int64_t step)
{
    const double start = wn__seconds();
    wn__topology_made made[2];
    for (int i = 0; i < 2; i++) {
        wn__rng rng = wn__rng_make(r->o.seed, WN__FOR_TOPOLOGY, (uint64_t)step, (uint64_t)i);
        if (r->o.growth == RANDOM)
            WN_TRY(wn__topology_grow_random(&r->topology[i], &rng));
        else
            WN_TRY(wn__executor_read_gradient(r->net.ex, grown[i], NULL, NULL));
        WN_TRY(wn__topology_apply(&r->topology[i], &r->net.params, &r->net.params.item[grown[i]], WN__REGROWN_KEEPS, &made[i]));
        wn__topology_release(&r->topology[i]);
    }
    printf("  step %lld: grown by %s: %lld of fc1 and %lld of fc2 (%lld and %lld had just been dropped), %.2f s, and %.2f s to apply\n",
           (long long)step, growth_names[r->o.growth], (long long)made[0].dropped, (long long)made[1].dropped, (long long)made[0].regrown,
           (long long)made[1].regrown, r->growing, wn__seconds() - start);
    if (r->growing > 0) {
        const double width = (double)r->o.width, flops = 2 * (double)r->o.batch * width * (width + (double)r->net.params.item[0].dim[1]);
        printf("  all gradients of that batch are a product of %.2f TFLOP: as if at %.0f GFLOP/s\n", 1e-12 * flops,
               1e-9 * flops / r->growing);
    }
    r->growing = 0;
    return WN_OK;
}

/* --- training -------------------------------------------------------------------------------------------------------------------- */

static wn_status cross_entropy(void *arg, const float *logits, int64_t first, int64_t n, float *dlogits)
{
    const run *r = arg;
    const wn__loss_rows rows = {.n = n,
                                .batch = r->batch,
                                .classes = r->data.facts.sample.classes,
                                .logits = logits,
                                .targets = wn__targets_from(&r->targets, first)};
    wn__loss_compute(&(wn__loss){0}, &rows, r->pool, &(wn__loss_out){.loss = r->loss + first, .dlogits = dlogits});
    return WN_OK;
}

/* SET updates its topology behind the optimizer's step, RigL in place of it. */
static wn_status train_step(run *r, int64_t step, int64_t steps, double rate, double *loss)
{
    const wn__batch *batch;
    const bool updates = !r->o.linear && r->o.growth != STATIC && (step + 1) % r->o.every == 0 && step + 1 < steps * 3 / 4;
    WN_TRY(wn__loader_next(r->loader, &batch));
    r->targets = batch->targets;
    r->batch = batch->n;
    if (updates && r->o.growth == GRADIENT) WN_TRY(begin_update(r, wn__topology_cosine(r->o.fraction, step, steps * 3 / 4)));
    WN_TRY(wn__executor_gradients(r->net.ex, batch->input, batch->n, (wn__step_info){.training = true, .step = step}, cross_entropy, r));
    for (int64_t i = 0; i < batch->n; i++)
        *loss += r->loss[i];
    if (!isfinite(*loss)) return wn__fail(WN_EDIVERGED, "the loss of step %lld is not finite", (long long)step);
    if (!updates || r->o.growth == RANDOM) WN_TRY(wn__updater_step(r->updater, rate, step + 1));
    if (updates && r->o.growth == RANDOM) WN_TRY(begin_update(r, wn__topology_cosine(r->o.fraction, step, steps * 3 / 4)));
    return updates ? end_update(r, step) : WN_OK;
}

/* Peak resident kilobytes of this process; 0 where the kernel does not tell. */
static int64_t peak_resident(void)
{
    long long kilobytes = 0;
    char line[256];
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f) && sscanf(line, "VmHWM: %lld", &kilobytes) != 1) {
    }
    if (f) fclose(f);
    return kilobytes;
}

static wn_status train(run *r)
{
    const int64_t batches = wn__loader_batches(r->loader), steps = batches * r->o.epochs;
    const wn__schedule schedule = {.kind = WN__SCHEDULE_COSINE, .base = r->o.rate, .length = steps, .warm_up = steps / 20, .every = 1};
    if (!r->o.every) r->o.every = batches;
    WN_TRY(wn__schedule_check(&schedule));
    for (int64_t epoch = 0; epoch < r->o.epochs; epoch++) {
        const double start = wn__seconds();
        double loss = 0;
        for (int64_t i = 0; i < batches; i++)
            WN_TRY(train_step(r, epoch * batches + i, steps, wn__schedule_rate(&schedule, epoch * batches + i), &loss));
        const double trained = wn__seconds();
        wn__evaluation e;
        WN_TRY(wn__evaluator_run(r->evaluator, r->net.ex, r->pool, false, &e));
        printf("epoch %lld: loss %.4f, test accuracy %.2f %%, %.1f s and %.1f s for the test; peak %.3f GiB counted, %.3f GiB resident\n",
               (long long)epoch + 1, loss / (double)(batches * r->o.batch), 100 * wn__evaluation_headline(&e), trained - start,
               wn__seconds() - trained, (double)wn__alloc_statistics().peak / 0x1p30, (double)peak_resident() / 0x1p20);
        fflush(stdout);
        wn__evaluation_release(&e);
    }
    return WN_OK;
}

/* --- options --------------------------------------------------------------------------------------------------------------------- */

static const struct option long_options[] = {
    {"linear", no_argument, NULL, 'l'},       {"width", required_argument, NULL, 'w'}, {"sparsity", required_argument, NULL, 's'},
    {"growth", required_argument, NULL, 'g'}, {"every", required_argument, NULL, 'v'}, {"fraction", required_argument, NULL, 'f'},
    {"epochs", required_argument, NULL, 'e'}, {"train", required_argument, NULL, 'n'}, {"test", required_argument, NULL, 'm'},
    {"batch", required_argument, NULL, 'b'},  {"rate", required_argument, NULL, 'r'},  {"threads", required_argument, NULL, 't'},
    {"seed", required_argument, NULL, 'd'},   {"help", no_argument, NULL, 'h'},        {0}};

static int usage(int code)
{
    fprintf(
        code ? stderr : stdout,
        "usage: huge_mlp [--linear] [--width N] [--sparsity S] [--growth random|gradient|none] [--every STEPS] [--fraction F]\n"
        "                [--epochs N] [--train IMAGES] [--test IMAGES] [--batch N] [--rate R] [--threads N] [--seed N]\n"
        "defaults: width 200000, sparsity 0.9999, growth random, every epoch, fraction 0.3, 5 epochs, all images, batch 128, rate 0.02\n");
    return code;
}

static bool take_number(const char *text, double least, double most, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return end != text && !*end && *value >= least && *value <= most;
}

static bool take_growth(const char *text, growth *out)
{
    for (int i = 0; growth_names[i]; i++)
        if (!strcmp(text, growth_names[i])) {
            *out = (growth)i;
            return true;
        }
    return false;
}

static bool take_option(int letter, const char *text, options *o)
{
    double x = 0;
    if (letter == 'l') return o->linear = true;
    if (letter == 'g') return take_growth(text, &o->growth);
    if (letter == 's') return take_number(text, 0, 1, &o->sparsity);
    if (letter == 'f') return take_number(text, 0, 1, &o->fraction);
    if (letter == 'r') return take_number(text, 1e-9, 1e9, &o->rate);
    const bool may_be_zero = letter == 'v' || letter == 'n' || letter == 'm' || letter == 'd';
    if (!take_number(text, may_be_zero ? 0 : 1, 1e9, &x)) return false;
    switch (letter) {
    case 'w': o->width = (int64_t)x; break;
    case 'v': o->every = (int64_t)x; break;
    case 'e': o->epochs = (int64_t)x; break;
    case 'n': o->train = (int64_t)x; break;
    case 'm': o->test = (int64_t)x; break;
    case 'b': o->batch = (int64_t)x; break;
    case 't': o->threads = (int64_t)x; break;
    case 'd': o->seed = (uint64_t)x; break;
    default: return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    run r = {.o = {.width = 200000,
                   .sparsity = 0.9999,
                   .growth = RANDOM,
                   .fraction = 0.3,
                   .epochs = 5,
                   .batch = 128,
                   .rate = 0.02,
                   .threads = 2,
                   .seed = 1}};
    for (int letter; (letter = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
        if (letter == 'h') return usage(0);
        if (letter == '?') return usage(2);
        if (take_option(letter, optarg, &r.o)) continue;
        fprintf(stderr, "huge_mlp: bad value \"%s\"\n", optarg);
        return usage(2);
    }
    if (optind < argc) return usage(2);
    wn_status status = make_run(&r);
    if (status == WN_OK) status = train(&r);
    if (status != WN_OK) fprintf(stderr, "huge_mlp: %s\n", wn_error_message());
    release(&r);
    return status == WN_OK ? 0 : 1;
}
