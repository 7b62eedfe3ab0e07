/* Convolutions and linear layers by themselves: the sparse backend at some densities, its dense kernels, oneDNN, and Eigen's sparse product.
 *
 *     build/bench/kernels --shapes bench/shapes/cifar.txt
 *     build/bench/kernels --shapes bench/shapes/resnet50.txt --batch 32 --density 1,0.6,0.5,0.4,0.2,0.1
 *     build/bench/kernels --shapes bench/shapes/cifar.txt --mask mask.safetensors    # of winnow prune, where a shape is in it
 *     build/bench/kernels --shapes bench/shapes/cifar.txt --rows power               # row lengths by a power law instead of even ones
 *
 * Takes turns: a round runs each phase of each side once. The table has dense-equivalent and non-zero GFLOP/s of the least time;
 * "break-even" is the density at which the sparse kernels take as long as oneDNN in float32, between those measured. --json: a line for each shape, side and phase.
 */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/sparse/choice.h"
#include "backend/trial.h"
#include "base/alloc.h"
#include "base/cpu.h"
#include "base/fail.h"
#include "base/log.h"
#include "io/safetensors.h"
#ifdef WN_HAVE_EIGEN
#include "eigen_product.h"
#endif

#define MOST_DENSITIES 16
#define MOST_SIDES (2 * MOST_DENSITIES + 4)
#define MOST_RUNS 101
#define EIGEN_COLUMNS 64 /* that a thread multiplies at a time */

static const wn__phase phases[] = {WN__FORWARD, WN__BACKWARD_DATA, WN__BACKWARD_PARAMS};
static const char *const phase_names[] = {"forward", "backward data", "backward weights"};
enum { PHASES = 3 };

typedef struct options {
    const char *shapes, *mask;
    double density[MOST_DENSITIES];
    int densities, threads, runs;
    int64_t batch;
    bool power, json;
} options;

typedef struct side {
    char name[32];
    double density; /* 0: dense */
    bool peer;      /* not of this project */
    wn__device *device;
    wn__pattern pattern;
    wn__trial *trial;
    void *eigen[2]; /* the weight, forward and transposed */
    double seconds[PHASES][MOST_RUNS];
} side;

typedef struct bench {
    options o;
    wn__pool *pool;
    wn__safetensors *masks;
    char shape[64];
    wn__op_desc d;
    side side[MOST_SIDES];
    int sides, run;
} bench;

/* --- shapes ---------------------------------------------------------------------------------------------------------------------- */

static bool read_shape(const char *line, int64_t batch, wn__op_desc *d)
{
    long long in, out, size, kernel, stride, groups = 1;
    *d = (wn__op_desc){.n = batch, .inputs = 1, .input_gradient = true, .stride = 1, .groups = 1};
    if (sscanf(line, "linear %lld %lld", &in, &out) == 2) {
        d->kind = WN__OP_LINEAR;
        d->in_c = in;
        d->out_c = out;
        d->in_h = d->in_w = d->out_h = d->out_w = 1;
        return in > 0 && out > 0;
    }
    if (sscanf(line, "conv %lld %lld %lld %lld %lld %lld", &in, &out, &size, &kernel, &stride, &groups) < 5) return false;
    if (in < 1 || out < 1 || size < 1 || kernel < 1 || kernel > size + kernel / 2 * 2 || stride < 1 || groups < 1 || in % groups ||
        out % groups)
        return false;
    d->kind = WN__OP_CONV;
    d->in_c = in;
    d->out_c = out;
    d->in_h = d->in_w = size;
    d->kernel_h = d->kernel_w = (int)kernel;
    d->stride = (int)stride;
    d->groups = (int)groups;
    d->pad = d->in_border[0] = d->out_border = (int)kernel / 2;
    d->out_h = d->out_w = (size + 2 * d->pad - kernel) / stride + 1;
    d->input_gradient = in > 3;
    return true;
}

static int64_t rows(const wn__op_desc *d) { return d->out_c; }
static int64_t columns(const wn__op_desc *d)
{
    return d->kind == WN__OP_LINEAR ? d->in_c : d->in_c / d->groups * d->kernel_h * d->kernel_w;
}
static double operations(const wn__op_desc *d, double entries) { return 2.0 * (double)(d->n * d->out_h * d->out_w) * entries; }
static bool runs(const wn__op_desc *d, int phase) { return phases[phase] != WN__BACKWARD_DATA || d->input_gradient; }

/* --- patterns -------------------------------------------------------------------------------------------------------------------- */

/* Row r of a random order keeps about stored / r^(1/2) entries. */
static wn_status power_pattern(const wn__op_desc *d, double density, wn__pattern *out)
{
    wn__rng rng = wn__rng_make(0, WN__FOR_TEST, 1, 0);
    const int64_t all = rows(d) * columns(d);
    int64_t *rank = WN_NEW_ARRAY(int64_t, rows(d));
    uint8_t *mask = WN_NEW_ARRAY(uint8_t, all);
    if (!rank || !mask) return wn__no_memory((size_t)all);
    double sum = 0;
    for (int64_t r = 0; r < rows(d); r++) {
        const int64_t other = (int64_t)wn__rng_below(&rng, (uint64_t)r + 1);
        rank[r] = rank[other];
        rank[other] = r;
        sum += 1 / sqrt((double)(r + 1));
    }
    for (int64_t i = 0; i < all; i++) {
        const double kept = density * (double)rows(d) / sum / sqrt((double)(rank[i / columns(d)] + 1));
        mask[i] = wn__rng_uniform(&rng) < fmin(kept, 1);
    }
    const wn_status status = wn__pattern_from_mask(rows(d), columns(d), mask, out);
    wn__free(rank);
    wn__free(mask);
    return status;
}

static wn_status make_pattern(const bench *b, double density, wn__pattern *out)
{
    wn__rng rng = wn__rng_make(0, WN__FOR_TEST, 0, 0);
    const wn__op_desc *d = &b->d;
    if (density >= 1) return wn__pattern_full(rows(d), columns(d), out);
    if (b->o.power) return power_pattern(d, density, out);
    return wn__pattern_random(rows(d), columns(d), (int64_t)((double)(rows(d) * columns(d)) * density), &rng, out);
}

/* The first mask of this shape in the file; NULL if there is none. */
static const wn__st_tensor *find_mask(const bench *b)
{
    const wn__op_desc *d = &b->d;
    for (int i = 0; b->masks && i < wn__safetensors_count(b->masks); i++) {
        const wn__st_tensor *t = wn__safetensors_at(b->masks, i);
        const size_t length = strlen(t->name);
        if (length < 5 || strcmp(t->name + length - 5, "_mask") != 0 || t->ndim < 2 || t->dim[0] != d->out_c) continue;
        const bool conv = t->ndim == 4 && d->kind == WN__OP_CONV && t->dim[1] == d->in_c / d->groups && t->dim[2] == d->kernel_h;
        if (conv || (t->ndim == 2 && d->kind == WN__OP_LINEAR && t->dim[1] == d->in_c)) return t;
    }
    return NULL;
}

/* --- sides ----------------------------------------------------------------------------------------------------------------------- */

#ifdef WN_HAVE_EIGEN
static bool is_product(const wn__op_desc *d)
{
    return d->kind == WN__OP_LINEAR || (d->kernel_h == 1 && d->kernel_w == 1 && d->stride == 1 && d->groups == 1);
}

/* Of the same weight; its images and gradients are arrays (channel, all pixels of all images), taken from the trial, which has enough room. */
static wn_status add_eigen(bench *b, const side *like)
{
    side *s = &b->side[b->sides++];
    const wn__pattern *p = &like->pattern;
    float *transposed = WN_NEW_ARRAY(float, p->stored);
    if (!transposed) return wn__no_memory((size_t)p->stored * sizeof *transposed);
    for (int64_t k = 0; k < p->stored; k++)
        transposed[k] = like->trial->args.param[0][p->entry[k]];
    *s = (side){.density = like->density, .peer = true, .trial = like->trial};
    snprintf(s->name, sizeof s->name, "Eigen %.3g", s->density);
    s->eigen[0] = eigen_matrix_new(p->rows, p->columns, p->row_start, p->column, like->trial->args.param[0]);
    s->eigen[1] = eigen_matrix_new(p->columns, p->rows, p->column_start, p->row, transposed);
    wn__free(transposed);
    return WN_OK;
}

typedef struct eigen_work {
    const eigen_matrix *matrix;
    const float *in;
    float *out;
    int64_t width;
} eigen_work;

static void multiply_columns(void *arg, int64_t chunk, int worker)
{
    (void)worker;
    const eigen_work *w = arg;
    const int64_t first = chunk * EIGEN_COLUMNS, left = w->width - first;
    eigen_matrix_multiply(w->matrix, w->in, w->out, w->width, first, left < EIGEN_COLUMNS ? left : EIGEN_COLUMNS);
}

static wn_status run_eigen(const bench *b, const side *s, int phase, double *seconds)
{
    const wn__op_args *a = &s->trial->args;
    const bool back = phases[phase] == WN__BACKWARD_DATA;
    eigen_work w = {s->eigen[back], back ? a->dout[0] : a->in[0], back ? a->din[0] : a->out, b->d.n * b->d.out_h * b->d.out_w};
    const double start = wn__seconds();
    wn__parallel_for(b->pool, (w.width + EIGEN_COLUMNS - 1) / EIGEN_COLUMNS, multiply_columns, &w);
    *seconds = wn__seconds() - start;
    return WN_OK;
}
#endif

static wn_status add_side(bench *b, const char *name, const char *backend, wn__dtype dtype, double density)
{
    side *s = &b->side[b->sides++];
    const wn__backend *of = wn__backend_find(backend);
    *s = (side){.density = density, .peer = strcmp(backend, "sparse") != 0};
    snprintf(s->name, sizeof s->name, "%s", name);
    WN_TRY(of->open(of, &(wn__device_options){.dtype = dtype, .pool = b->pool, .kernels = WN__KERNELS_SPARSE}, &s->device));
    if (density > 0) WN_TRY(make_pattern(b, density, &s->pattern));
    return wn__trial_new(s->device, &b->d, density > 0 ? &s->pattern : NULL, &s->trial);
}

static wn_status add_sparse(bench *b, double density)
{
    char name[32];
    snprintf(name, sizeof name, "sparse %.3g", density);
    WN_TRY(add_side(b, name, "sparse", WN__F32, density));
#ifdef WN_HAVE_EIGEN
    if (is_product(&b->d)) WN_TRY(add_eigen(b, &b->side[b->sides - 1]));
#endif
    return WN_OK;
}

static wn_status add_masked(bench *b, const wn__st_tensor *mask)
{
    side *s = &b->side[b->sides++];
    const wn__backend *sparse = wn__backend_find("sparse");
    *s = (side){0};
    WN_TRY(sparse->open(sparse, &(wn__device_options){.pool = b->pool, .kernels = WN__KERNELS_SPARSE}, &s->device));
    WN_TRY(wn__pattern_from_mask(rows(&b->d), columns(&b->d), mask->data, &s->pattern));
    s->density = (double)s->pattern.stored / (double)mask->count;
    snprintf(s->name, sizeof s->name, "mask %.3g", s->density);
    return wn__trial_new(s->device, &b->d, &s->pattern, &s->trial);
}

static wn_status add_sides(bench *b)
{
    if (wn__backend_find("onednn")) {
        WN_TRY(add_side(b, "onednn f32", "onednn", WN__F32, 0));
        if (add_side(b, "onednn bf16", "onednn", WN__BF16, 0) != WN_OK) b->sides--;
    }
    WN_TRY(add_side(b, "dense", "sparse", WN__F32, 0));
    for (int i = 0; i < b->o.densities; i++)
        WN_TRY(add_sparse(b, b->o.density[i]));
    const wn__st_tensor *mask = find_mask(b);
    return mask ? add_masked(b, mask) : WN_OK;
}

static void release_sides(bench *b)
{
    for (int i = 0; i < b->sides; i++) {
        side *s = &b->side[i];
#ifdef WN_HAVE_EIGEN
        for (int k = 0; k < 2; k++)
            if (s->eigen[k]) eigen_matrix_free(s->eigen[k]);
#endif
        if (s->device) wn__trial_free(s->trial);
        if (s->device) s->device->close(s->device);
        wn__pattern_release(&s->pattern);
    }
    b->sides = 0;
}

/* --- running --------------------------------------------------------------------------------------------------------------------- */

static bool has_phase(const bench *b, const side *s, int phase)
{
    return runs(&b->d, phase) && (!s->eigen[0] || phases[phase] != WN__BACKWARD_PARAMS);
}

static wn_status run_side(bench *b, side *s, int phase, double *seconds)
{
#ifdef WN_HAVE_EIGEN
    if (s->eigen[0]) return run_eigen(b, s, phase, seconds);
#endif
    (void)b;
    return wn__trial_run(s->trial, phases[phase], seconds);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static wn_status run_sides(bench *b)
{
    for (int run = -1; run < b->o.runs; run++) /* the first one warms up */
        for (int i = 0; i < b->sides; i++)
            for (int p = 0; p < PHASES; p++)
                if (has_phase(b, &b->side[i], p)) WN_TRY(run_side(b, &b->side[i], p, &b->side[i].seconds[p][run < 0 ? 0 : run]));
    for (int i = 0; i < b->sides; i++)
        for (int p = 0; p < PHASES; p++)
            qsort(b->side[i].seconds[p], (size_t)b->o.runs, sizeof(double), by_value);
    return WN_OK;
}

/* --- results --------------------------------------------------------------------------------------------------------------------- */

static double median(const bench *b, const side *s, int phase) { return s->seconds[phase][b->o.runs / 2]; }

static void print_json(const bench *b)
{
    const double all = (double)(rows(&b->d) * columns(&b->d));
    for (int i = 0; i < b->sides; i++)
        for (int p = 0; p < PHASES; p++) {
            const side *s = &b->side[i];
            if (!has_phase(b, s, p)) continue;
            const double seconds = median(b, s, p), density = s->density > 0 ? s->density : 1;
            printf("{\"shape\": \"%s\", \"batch\": %lld, \"threads\": %d, \"side\": \"%s\", \"density\": %.6g, \"rows\": \"%s\", ",
                   b->shape, (long long)b->d.n, wn__pool_threads(b->pool), s->name, density,
                   strncmp(s->name, "mask", 4) == 0 ? "pruned"
                   : b->o.power                     ? "power law"
                                                    : "random");
            printf("\"phase\": \"%s\", \"ms_median\": %.6g, \"ms_min\": %.6g, \"gflops_dense\": %.6g, \"gflops_nonzero\": %.6g, ",
                   phase_names[p], 1e3 * seconds, 1e3 * s->seconds[p][0], 1e-9 * operations(&b->d, all) / seconds,
                   1e-9 * operations(&b->d, all * density) / seconds);
            printf("\"isa\": \"%s\", \"cpu\": \"%s\"}\n", wn__isa_name(wn__isa_in_use()), wn__cpu_name());
        }
}

/* The density at which `seconds` of the sparse sides, a line between each two, reach those of the peer; 0 if they do at none. Phase -1: all. */
static double break_even(const bench *b, int phase)
{
    const side *peer = &b->side[0], *dense = NULL;
    double denser = 0, even = 0;
    if (!peer->peer) return 0;
    for (int i = 0; i < b->sides; i++) { /* from the densest on */
        const side *s = &b->side[i];
        if (strncmp(s->name, "sparse", 6) != 0) continue;
        double time = 0, limit = 0;
        for (int p = 0; p < PHASES; p++)
            if ((phase < 0 || p == phase) && runs(&b->d, p)) time += s->seconds[p][0], limit += peer->seconds[p][0];
        if (time <= limit) {
            even = dense ? s->density + (dense->density - s->density) * (limit - time) / (denser - time) : s->density;
            break;
        }
        dense = s;
        denser = time;
    }
    return even;
}

static void print_even(const bench *b)
{
    if (!b->side[0].peer || !b->o.densities) return;
    printf("  %-14s", "break-even");
    for (int p = -1; p < PHASES; p++) {
        const int phase = p + 1 < PHASES ? p + 1 : -1;
        const double even = break_even(b, phase);
        if (even > 0)
            printf(phase < 0 ? "  all three: %.2f" : "           %7.2f", even);
        else
            printf(phase < 0 ? "  all three: %s" : "           %7s", "-");
    }
    printf("\n");
}

static void print_table(const bench *b)
{
    const double all = operations(&b->d, (double)(rows(&b->d) * columns(&b->d)));
    printf("\n%-16s", b->shape);
    for (int p = 0; p < PHASES; p++)
        printf("  %16s", phase_names[p]);
    printf("\n");
    for (int i = 0; i < b->sides; i++) {
        const side *s = &b->side[i];
        printf("  %-14s", s->name);
        for (int p = 0; p < PHASES; p++) {
            const double rate = 1e-9 * all / s->seconds[p][0];
            if (has_phase(b, s, p))
                printf("   %7.0f %7.0f", rate, rate * (s->density > 0 ? s->density : 1));
            else
                printf("   %7s %7s", "-", "-");
        }
        printf("\n");
    }
    print_even(b);
}

/* As the backend sees it when it chooses. */
static wn_status print_choice(const bench *b)
{
    double density[WN__CHOICES];
    if (b->o.json || b->d.groups > 1) return WN_OK;
    for (int i = 0; i < b->sides; i++) {
        if (strcmp(b->side[i].name, "dense") != 0) continue;
        WN_TRY(wn__break_even((wn__sparse *)b->side[i].device, &b->d, density));
        printf("  own dense from %12.2f %17.2f %17.2f  (measured once, kept)\n", density[0], density[1], density[2]);
    }
    return WN_OK;
}

/* --- the program ----------------------------------------------------------------------------------------------------------------- */

static wn_status bench_shape(bench *b)
{
    wn_status status = add_sides(b);
    if (status == WN_OK) status = run_sides(b);
    if (status == WN_OK) (b->o.json ? print_json : print_table)(b);
    if (status == WN_OK) status = print_choice(b);
    fflush(stdout);
    release_sides(b);
    return status;
}

static wn_status bench_shapes(bench *b, FILE *file)
{
    char line[256];
    for (int number = 1; fgets(line, sizeof line, file); number++) {
        line[strcspn(line, "#\r\n")] = 0;
        if (strspn(line, " \t") == strlen(line)) continue;
        if (!read_shape(line, b->o.batch, &b->d)) return wn__fail(WN_EFORMAT, "%s:%d: no shape: \"%s\"", b->o.shapes, number, line);
        char *to = b->shape; /* single spaces */
        for (char *word = strtok(line, " \t"); word && to + strlen(word) + 2 < b->shape + sizeof b->shape; word = strtok(NULL, " \t"))
            to += sprintf(to, "%s%s", to == b->shape ? "" : " ", word);
        WN_TRY(bench_shape(b));
    }
    return WN_OK;
}

static wn_status run_bench(bench *b)
{
    WN_TRY(wn__pool_new(b->o.threads, &b->pool));
    if (b->o.mask) WN_TRY(wn__safetensors_open(b->o.mask, &b->masks));
    FILE *file = fopen(b->o.shapes, "r");
    if (!file) return wn__fail(WN_EIO, "%s: cannot be read", b->o.shapes);
    if (!b->o.json)
        printf("%s, %s, %d threads, batch %lld, %s rows; GFLOP/s: dense-equivalent, non-zero\n", wn__cpu_name(),
               wn__isa_name(wn__isa_in_use()), wn__pool_threads(b->pool), (long long)b->o.batch, b->o.power ? "power-law" : "random");
#ifndef WN_HAVE_EIGEN
    fprintf(stderr, "kernels: built without Eigen, whose product is left out (Debian: libeigen3-dev)\n");
#endif
    const wn_status status = bench_shapes(b, file);
    fclose(file);
    return status;
}

/* "0.5,0.1": falling. */
static bool read_densities(char *text, options *o)
{
    o->densities = 0;
    for (char *word = strtok(text, ","); word; word = strtok(NULL, ",")) {
        char *end;
        const double density = strtod(word, &end);
        if (*end || !(density > 0 && density <= 1) || o->densities == MOST_DENSITIES) return false;
        if (o->densities && density >= o->density[o->densities - 1]) return false;
        o->density[o->densities++] = density;
    }
    return o->densities > 0;
}

static bool read_options(int count, char **arguments, options *o)
{
    static const struct option long_options[] = {
        {"shapes", required_argument, NULL, 's'},  {"density", required_argument, NULL, 'd'}, {"batch", required_argument, NULL, 'b'},
        {"threads", required_argument, NULL, 't'}, {"runs", required_argument, NULL, 'n'},    {"mask", required_argument, NULL, 'm'},
        {"rows", required_argument, NULL, 'r'},    {"json", no_argument, NULL, 'j'},          {0}};
    *o = (options){.density = {1, 0.6, 0.4, 0.2, 0.1, 0.05, 0.02}, .densities = 7, .runs = 7, .batch = 128};
    bool good = true;
    for (int c; good && (c = getopt_long(count, arguments, "", long_options, NULL)) != -1;) {
        if (c == 's')
            o->shapes = optarg;
        else if (c == 'd')
            good = read_densities(optarg, o);
        else if (c == 'b')
            good = (o->batch = atoll(optarg)) > 0;
        else if (c == 't')
            good = (o->threads = atoi(optarg)) > 0;
        else if (c == 'n')
            good = (o->runs = atoi(optarg)) > 0 && o->runs <= MOST_RUNS;
        else if (c == 'm')
            o->mask = optarg;
        else if (c == 'r')
            good = (o->power = strcmp(optarg, "power") == 0) || strcmp(optarg, "random") == 0;
        else if (c == 'j')
            o->json = true;
        else
            good = false;
    }
    return good && o->shapes && optind == count;
}

int main(int count, char **arguments)
{
    bench *b = WN_NEW(bench);
    if (!b) return 1;
    if (!read_options(count, arguments, &b->o)) {
        fprintf(stderr, "usage: kernels --shapes FILE [--density 1,0.5,...] [--batch N] [--threads N] [--runs N] [--mask FILE] "
                        "[--rows random|power] [--json]\nDensities fall.\n");
        return 2;
    }
    const wn_status status = run_bench(b);
    if (status != WN_OK) fprintf(stderr, "kernels: %s\n", wn_error_message());
    wn__safetensors_close(b->masks);
    wn__pool_free(b->pool);
    wn__free(b);
    return status == WN_OK ? 0 : 1;
}
