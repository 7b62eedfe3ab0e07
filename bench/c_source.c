/* Exported C source beside the library and beside plain loops over dense weights: milliseconds of one input on one thread, in turns.
 *
 *     c_source [MODEL [SPARSITY [ROUNDS]]]        # resnet20 95% 30
 *
 * The source is compiled with `cc -O3 -march=native`. Plain loops go over output channels, rows, columns, input channels and windows with a test for the border, as
 * generators of C for dense networks write them; batch norm is folded there, too. */
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/rng.h"
#include "exchange/inference.h"
#include "handle/handle.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* ---- plain loops */

static float bounded(const wn__inference_op *op, float v)
{
    if (!op->relu) return v;
    return v < 0 ? 0 : op->most > 0 && v > op->most ? op->most : v;
}

static void plain_conv(const wn__inference_op *op, const wn__inference_op *from, const float *in, float *out)
{
    const wn__node *n = op->node;
    const int64_t inputs = from->c / n->groups, each = op->c / n->groups;
    for (int64_t o = 0; o < op->c; o++)
        for (int64_t y = 0; y < op->h; y++)
            for (int64_t x = 0; x < op->w; x++) {
                float sum = op->bias ? op->bias[o] : 0;
                for (int64_t c = 0; c < inputs; c++)
                    for (int64_t i = 0; i < n->kernel_h; i++)
                        for (int64_t j = 0; j < n->kernel_w; j++) {
                            const int64_t r = y * n->stride - n->pad + i, q = x * n->stride - n->pad + j;
                            if (r < 0 || q < 0 || r >= from->h || q >= from->w) continue;
                            sum += op->weight[((o * inputs + c) * n->kernel_h + i) * n->kernel_w + j] *
                                   in[((o / each * inputs + c) * from->h + r) * from->w + q];
                        }
                out[(o * op->h + y) * op->w + x] = bounded(op, sum);
            }
}

static void plain_linear(const wn__inference_op *op, const float *in, float *out)
{
    const int64_t row = op->weights / op->c;
    for (int64_t o = 0; o < op->c; o++) {
        float sum = op->bias ? op->bias[o] : 0;
        for (int64_t i = 0; i < row; i++)
            sum += op->weight[o * row + i] * in[i];
        out[o] = bounded(op, sum);
    }
}

static void plain_pool(const wn__inference_op *op, const wn__inference_op *from, const float *in, float *out)
{
    const wn__node *n = op->node;
    const bool largest = n->kind->op == WN__OP_MAX_POOL;
    for (int64_t c = 0; c < op->c; c++)
        for (int64_t y = 0; y < op->h; y++)
            for (int64_t x = 0; x < op->w; x++) {
                float a = largest ? -INFINITY : 0;
                int count = 0;
                for (int64_t i = 0; i < n->kernel_h; i++)
                    for (int64_t j = 0; j < n->kernel_w; j++) {
                        const int64_t r = y * n->stride - n->pad + i, q = x * n->stride - n->pad + j;
                        if (r < 0 || q < 0 || r >= from->h || q >= from->w) continue;
                        const float v = in[(c * from->h + r) * from->w + q];
                        a = largest ? (v > a ? v : a) : a + v;
                        count++;
                    }
                out[(c * op->h + y) * op->w + x] = largest ? a : a / (float)count;
            }
}

static void plain_rest(const wn__inference_op *op, const float *in, const float *other, float *out)
{
    const int64_t plane = op->h * op->w;
    for (int64_t i = 0; i < op->c * plane; i++) {
        const float v = op->weight ? op->weight[i / plane] * in[i] + op->bias[i / plane] : in[i];
        out[i] = bounded(op, other ? v + other[i] : v);
    }
}

static void plain(const wn__inference *p, float **value)
{
    for (int i = 1; i < p->ops; i++) {
        const wn__inference_op *op = &p->op[i], *from = &p->op[op->input[0]];
        const float *in = value[op->input[0]];
        if (op->node->kind->op == WN__OP_CONV)
            plain_conv(op, from, in, value[i]);
        else if (op->node->kind->op == WN__OP_LINEAR)
            plain_linear(op, in, value[i]);
        else if (op->node->kind->op == WN__OP_MAX_POOL || op->node->kind->op == WN__OP_AVG_POOL)
            plain_pool(op, from, in, value[i]);
        else
            plain_rest(op, in, op->inputs > 1 ? value[op->input[1]] : NULL, value[i]);
    }
}

/* ---- exported source */

typedef struct source {
    void (*predict)(const float *x, float *y, void *scratch, const void *weights); /* one argument more harms none */
    void *scratch;
    const void *weights; /* where they are outside */
    long bytes;
} source;

static void fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, wn_error_message());
    exit(1);
}

static source compiled(wn_network *net, const char *folder, const char *target)
{
    char path[300], command[1500], line[300];
    source s = {0};
    const wn_network_export_options how = {.size = sizeof how, .format = "c", .target = target, .name = "net"};
    snprintf(path, sizeof path, "%s/%s", folder, target);
    if (wn_network_export(net, path, &how) != WN_OK) fail("export");
    snprintf(command, sizeof command, "cd %s && cc -O3 -march=native -fPIC -shared -o %s.so %s.c $(ls %s.S 2>/dev/null) && size %s.so",
             folder, target, target, target, target);
    if (system(command) != 0) exit(1);
    snprintf(path, sizeof path, "%s/%s.so", folder, target);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) exit(1);
    *(void **)&s.predict = dlsym(library, "net_predict");
    s.weights = dlsym(library, "net_weights");
    snprintf(path, sizeof path, "%s/%s.h", folder, target);
    FILE *header = fopen(path, "r");
    while (header && fgets(line, sizeof line, header))
        sscanf(line, "#define NET_SCRATCH %ld", &s.bytes);
    fclose(header);
    s.scratch = malloc((size_t)s.bytes);
    return s;
}

/* ---- the table */

enum { SIDES = 4, MOST_ROUNDS = 1000 };
static double took[SIDES][MOST_ROUNDS];

static int ascending(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static void show(const char *name, double *times, int rounds, double by)
{
    qsort(times, (size_t)rounds, sizeof *times, ascending);
    printf("%-28s median %8.4f ms   least %8.4f ms   median by the library's %6.2f\n", name, times[rounds / 2], times[0],
           times[rounds / 2] / by);
}

int main(int argc, char **argv)
{
    const char *model = argc > 1 ? argv[1] : "resnet20", *sparsity = argc > 2 ? argv[2] : "95%";
    const int rounds = argc > 3 ? atoi(argv[3]) : 30, times = 20;
    char recipe[200], folder[] = "/tmp/winnow-c-XXXXXX";
    const wn_network_options options = {.size = sizeof options, .threads = 1, .backend = "sparse", .seed = 1};
    const wn_network_prune_options prune = {.size = sizeof prune, .mask = "{scope: layer}", .sparsity = sparsity};
    wn_network_info info = {.size = sizeof info};
    wn_network *net;
    wn__inference p;
    if (rounds < 1 || rounds > MOST_ROUNDS || !mkdtemp(folder)) return 2;
    snprintf(recipe, sizeof recipe, "{model: {arch: %s}}", model);
    if (wn_network_from_recipe(recipe, &options, &net) != WN_OK || wn_network_prune(net, &prune) != WN_OK) fail(model);
    if (wn_network_look(net, &info) != WN_OK || wn__inference_make(net->net.graph, &net->net.params, false, &p) != WN_OK) fail(model);
    float **value = calloc((size_t)p.ops, sizeof *value), *y = calloc((size_t)info.outputs, sizeof *y);
    for (int i = 0; i < p.ops; i++)
        value[i] = calloc((size_t)(p.op[i].c * p.op[i].h * p.op[i].w), sizeof **value);
    wn__rng r = wn__rng_make(1, WN__FOR_TEST, 0, 0);
    for (int64_t i = 0; i < info.channels * info.height * info.width; i++)
        value[0][i] = (float)wn__rng_normal(&r);
    const source simd = compiled(net, folder, "simd"), small = compiled(net, folder, "small");
    for (int round = 0; round < rounds; round++) {
        for (int side = 0; side < SIDES; side++) {
            const int n = side == 3 ? 1 : times;
            const double begin = now();
            for (int k = 0; k < n; k++) {
                if (side == 0 && wn_network_predict(net, value[0], 1, y) != WN_OK) fail("predict");
                if (side == 1) simd.predict(value[0], y, simd.scratch, simd.weights);
                if (side == 2) small.predict(value[0], y, small.scratch, small.weights);
                if (side == 3) plain(&p, value);
            }
            took[side][round] = (now() - begin) / n;
        }
    }
    qsort(took[0], (size_t)rounds, sizeof **took, ascending);
    const double by = took[0][rounds / 2];
    printf("%s, %s of weights zero, one input, one thread; scratch %ld (simd) and %ld bytes (small)\n", model, sparsity, simd.bytes,
           small.bytes);
    show("library (sparse kernels)", took[0], rounds, by);
    show("C source, simd", took[1], rounds, by);
    show("C source, small", took[2], rounds, by);
    show("plain dense loops", took[3], rounds, by);
    printf("source in %s\n", folder);
    return 0;
}
