/* Prune a trained network to several sparsities and see how its outputs move; the last one is saved.
 *
 *     prune_and_save final.safetensors sparse.safetensors "{scope: layer}" 50% 80% 90%
 *
 * The third argument is the section `mask` of a recipe; "" prunes the smallest weights of all layers together.
 *
 * cc prune_and_save.c -o prune_and_save $(pkg-config --cflags --libs winnow) -lm */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <winnow/network.h>

enum { SAMPLES = 256 };

/* How far the outputs of a pruned network are from those of the dense one. */
typedef struct comparison {
    int64_t size, outputs; /* of an input, of its outputs */
    float *x, *dense, *sparse;
} comparison;

static wn_status begin(wn_network *net, comparison *c)
{
    wn_network_info info = {.size = sizeof info};
    const wn_status status = wn_network_look(net, &info);
    if (status != WN_OK) return status;
    *c = (comparison){.size = info.channels * info.height * info.width, .outputs = info.outputs};
    c->x = malloc((size_t)(SAMPLES * c->size) * sizeof *c->x);
    c->dense = malloc((size_t)(SAMPLES * c->outputs) * sizeof *c->dense);
    c->sparse = malloc((size_t)(SAMPLES * c->outputs) * sizeof *c->sparse);
    if (!c->x || !c->dense || !c->sparse) return WN_ENOMEM;
    for (int64_t i = 0; i < SAMPLES * c->size; i++) /* noise like normalised images; use your own */
        c->x[i] = 4 * (float)rand() / (float)RAND_MAX - 2;
    return wn_network_predict(net, c->x, SAMPLES, c->dense);
}

static int64_t best(const float *y, int64_t outputs)
{
    int64_t k = 0;
    for (int64_t i = 1; i < outputs; i++)
        if (y[i] > y[k]) k = i;
    return k;
}

static wn_status show(wn_network *net, const comparison *c)
{
    wn_network_info info = {.size = sizeof info};
    wn_status status = wn_network_predict(net, c->x, SAMPLES, c->sparse);
    if (status == WN_OK) status = wn_network_look(net, &info);
    if (status != WN_OK) return status;
    int64_t same = 0;
    for (int64_t i = 0; i < SAMPLES; i++)
        same += best(c->dense + i * c->outputs, c->outputs) == best(c->sparse + i * c->outputs, c->outputs);
    printf("%5.1f %% zeros, %4.2f times the FLOPs, %9lld bytes: %5.1f %% of the answers stay\n",
           100 - 100.0 * (double)info.weights_active / (double)info.weights, (double)info.flops / (double)info.dense_flops,
           (long long)info.bytes, 100.0 * (double)same / SAMPLES);
    return WN_OK;
}

int main(int argc, char **argv)
{
    wn_network *net = NULL;
    comparison c = {0};
    if (argc < 5) return fprintf(stderr, "usage: %s WEIGHTS RESULT MASK SPARSITY...\n", argv[0]), 2;
    wn_status status = wn_network_open(argv[1], NULL, &net);
    if (status == WN_OK) status = begin(net, &c);
    for (int i = 4; i < argc && status == WN_OK; i++) {
        const wn_network_prune_options how = {.size = sizeof how, .mask = argv[3], .sparsity = argv[i]};
        status = wn_network_prune(net, &how);
        if (status == WN_OK) status = show(net, &c);
    }
    if (status == WN_OK) status = wn_network_save(net, argv[2], NULL);
    if (status != WN_OK) fprintf(stderr, "%s: %s\n", wn_status_name(status), wn_error_message());
    wn_network_close(net);
    free(c.x);
    free(c.dense);
    free(c.sparse);
    return status == WN_OK ? 0 : 1;
}
