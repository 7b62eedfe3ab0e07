#include "bench_infer.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "winnow/network.h"

#define WARM_SECONDS 0.1 /* threads may be slow to spread over cores */
#define SECONDS 2.0
enum { WARM_UP = 3, LEAST_RUNS = 30, MOST_RUNS = 100000 };

typedef struct infer {
    const wn__infer_options *options;
    const char *shown; /* the network as it was named */
    wn_network *net;
    wn_network_info info;
    int64_t batch, file_bytes, memory, peak;
    int threads, runs;
    float *x, *y;
    double *seconds;    /* (runs) ascending */
    double open, first; /* until it is open; until it has predicted once */
    int own, others;    /* layers on Winnow's kernels and on others */
    wn__columns *layers;
} infer;

/* ---- a network by name: random weights, of which so many are zero in each layer but the first */

/* Each pattern in quotes: some begin with signs that mean something to YAML. */
static void print_patterns(FILE *out, const char *list)
{
    while (*list) {
        const int length = (int)strcspn(list, ",");
        fprintf(out, "'%.*s', ", length, list);
        list += length;
        list += strspn(list, ", ");
    }
}

/* The section mask of a recipe; layers are patterns with commas between, or a list as recipes have it. NULL: out of memory. */
static char *mask_of(const wn__texts *layers)
{
    char *mask = NULL;
    size_t size;
    FILE *out = open_memstream(&mask, &size);
    if (!out) return NULL;
    fputs("{score: random, scope: distribution, distribution: uniform, layers: ", out);
    if (layers->count == 1 && layers->items[0][0] == '[') {
        fputs(layers->items[0], out);
    } else {
        fputc('[', out);
        for (int i = 0; i < layers->count; i++)
            print_patterns(out, layers->items[i]);
        fputs(layers->count ? "]" : "all]", out);
    }
    fputc('}', out);
    if (fclose(out) == 0) return mask;
    free(mask);
    return NULL;
}

static wn_status save_pruned(wn_network *net, const wn__infer_options *o, const char *path)
{
    char *mask = mask_of(o->layers);
    const wn_network_prune_options how = {.size = sizeof how, .mask = mask, .sparsity = o->sparsity};
    wn_status status = mask ? WN_OK : WN_ENOMEM;
    if (status == WN_OK && o->sparsity) status = wn_network_prune(net, &how);
    free(mask);
    return status == WN_OK ? wn_network_save(net, path, NULL) : status;
}

static wn_status make_network(const wn__infer_options *o, const char *const *set, const char *model, const char *path)
{
    char *recipe;
    wn_network *net;
    const wn_network_options how = {.size = sizeof how, .set = set, .sets = o->set->count};
    if (asprintf(&recipe, "{model: {arch: \"%s\"}}", model) < 0) return WN_ENOMEM;
    wn_status status = wn_network_from_recipe(recipe, &how, &net);
    free(recipe);
    if (status != WN_OK) return status;
    status = save_pruned(net, o, path);
    wn_network_close(net);
    return status;
}

/* "width=2" is "model.width=2" in a recipe. */
static wn_status make_file(const wn__infer_options *o, const char *model, const char *path)
{
    const int count = o->set->count;
    char **set = calloc((size_t)count + 1, sizeof *set);
    wn_status status = set ? WN_OK : WN_ENOMEM;
    for (int i = 0; status == WN_OK && i < count; i++)
        if (asprintf(&set[i], "model.%s", o->set->items[i]) < 0) {
            set[i] = NULL;
            status = WN_ENOMEM;
        }
    if (status == WN_OK) status = make_network(o, (const char *const *)set, model, path);
    for (int i = 0; set && i < count; i++)
        free(set[i]);
    free(set);
    return status;
}

/* By a process of its own, so that none of its memory is counted. */
static int make_elsewhere(const wn__call *call, const wn__infer_options *o, const char *model, const char *path)
{
    int state;
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) _exit(wn__finish(call, make_file(o, model, path)));
    pid_t ended = child;
    while (child > 0 && (ended = waitpid(child, &state, 0)) < 0 && errno == EINTR)
        ;
    if (child > 0 && ended == child && WIFEXITED(state)) return WEXITSTATUS(state);
    wn__console_error(call->console, "no process could make %s", model);
    return WN__EXIT_FAILED;
}

/* ---- times */

static void measure_memory(infer *f)
{
    struct rusage usage;
    long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%*s %lld", &pages) != 1) pages = 0;
    if (file) fclose(file);
    f->memory = (int64_t)pages * sysconf(_SC_PAGESIZE);
    if (getrusage(RUSAGE_SELF, &usage) == 0) f->peak = (int64_t)usage.ru_maxrss * 1024;
}

static wn_status run(infer *f) { return wn_network_predict(f->net, f->x, f->batch, f->y); }

static wn_status make_batch(infer *f)
{
    const int64_t values = f->batch * f->info.channels * f->info.height * f->info.width;
    uint32_t state = 1;
    f->x = malloc((size_t)values * sizeof *f->x);
    f->y = malloc((size_t)(f->batch * f->info.outputs) * sizeof *f->y);
    f->seconds = malloc((size_t)(f->options->runs ? f->options->runs : MOST_RUNS) * sizeof *f->seconds);
    if (!f->x || !f->y || !f->seconds) return WN_ENOMEM;
    for (int64_t i = 0; i < values; i++) {
        state = state * 1664525u + 1013904223u;
        f->x[i] = (float)(state >> 8) * 0x1p-22f - 2;
    }
    return WN_OK;
}

/* As recipes have it. */
static const char *long_name(const char *dtype)
{
    if (dtype && strcmp(dtype, "f32") == 0) return "float32";
    return dtype && strcmp(dtype, "bf16") == 0 ? "bfloat16" : dtype;
}

static wn_status open_network(infer *f, const char *path)
{
    const wn__infer_options *o = f->options;
    const wn_network_options how = {.size = sizeof how,
                                    .threads = (int)o->threads,
                                    .backend = o->backend,
                                    .dtype = long_name(o->dtype),
                                    .batch = f->batch,
                                    .kernels = o->kernels};
    const double start = wn__seconds_now();
    wn_status status = wn_network_open(path, &how, &f->net);
    f->open = wn__seconds_now() - start;
    f->info.size = sizeof f->info;
    if (status == WN_OK) status = wn_network_look(f->net, &f->info);
    if (status == WN_OK) status = make_batch(f);
    const double ready = wn__seconds_now();
    if (status == WN_OK) status = run(f);
    f->first = f->open + wn__seconds_now() - ready;
    return status;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static wn_status time_runs(infer *f)
{
    const int64_t least = f->options->runs ? f->options->runs : LEAST_RUNS, most = f->options->runs ? f->options->runs : MOST_RUNS;
    wn_status status = WN_OK;
    double start = wn__seconds_now();
    for (int i = 0; status == WN_OK && (i < WARM_UP || wn__seconds_now() - start < WARM_SECONDS); i++)
        status = run(f);
    start = wn__seconds_now();
    while (status == WN_OK && f->runs < most && (f->runs < least || wn__seconds_now() - start < SECONDS)) {
        const double before = wn__seconds_now();
        status = run(f);
        f->seconds[f->runs++] = wn__seconds_now() - before;
    }
    qsort(f->seconds, (size_t)f->runs, sizeof *f->seconds, ascending);
    return status;
}

static void take_layer(void *user, const char *layer, const char *kernels)
{
    infer *f = user;
    ++*(strncmp(kernels, "winnow", 6) == 0 ? &f->own : &f->others);
    if (!f->options->by_layer) return;
    wn__columns_text(f->layers, f->shown);
    wn__columns_whole(f->layers, f->batch);
    wn__columns_whole(f->layers, f->threads);
    wn__columns_text(f->layers, layer);
    wn__columns_text(f->layers, kernels);
}

static wn_status measure(infer *f, const char *path)
{
    struct stat file;
    wn_status status = open_network(f, path);
    if (status == WN_OK) status = time_runs(f);
    if (status == WN_OK) status = wn_network_look(f->net, &f->info); /* its backend is chosen now */
    f->threads = f->options->threads ? (int)f->options->threads : wn_cpu_count();
    f->file_bytes = stat(path, &file) == 0 ? (int64_t)file.st_size : 0;
    measure_memory(f);
    return status == WN_OK ? wn_network_kernels(f->net, f->batch, take_layer, f) : status;
}

/* ---- printing */

/* So many of a hundred runs took at most this, in milliseconds. */
static double percentile(const infer *f, double share)
{
    const int rank = (int)ceil(share / 100 * f->runs);
    return 1e3 * f->seconds[rank > 0 ? rank - 1 : 0];
}

static double images_per_second(const infer *f) { return 1e3 * (double)f->batch / percentile(f, 50); }

static void add_row(wn__columns *table, const infer *f)
{
    const wn_network_info *n = &f->info;
    const double ms[] = {percentile(f, 50), percentile(f, 90), percentile(f, 99), 1e3 * f->seconds[0]};
    wn__columns_text(table, f->shown);
    wn__columns_text(table, n->name);
    wn__columns_whole(table, n->weights);
    wn__columns_count(table, n->weights_active);
    wn__columns_whole(table, n->dense_flops);
    wn__columns_whole(table, n->flops);
    wn__columns_whole(table, f->batch);
    wn__columns_text(table, n->backend);
    wn__columns_whole(table, f->own);
    wn__columns_whole(table, f->others);
    wn__columns_whole(table, f->threads);
    wn__columns_whole(table, f->runs);
    for (size_t i = 0; i < sizeof ms / sizeof *ms; i++)
        wn__columns_real(table, ms[i], "%.3f", ms[i]);
    wn__columns_real(table, images_per_second(f), "%.0f", images_per_second(f));
    wn__columns_real(table, 1e3 * f->open, "%.1f", 1e3 * f->open);
    wn__columns_real(table, 1e3 * f->first, "%.1f", 1e3 * f->first);
    wn__columns_bytes(table, f->file_bytes);
    wn__columns_bytes(table, f->memory);
    wn__columns_bytes(table, f->peak);
}

/* ---- the whole */

static void release(infer *f)
{
    wn_network_close(f->net);
    free(f->x);
    free(f->y);
    free(f->seconds);
}

/* What is printed. */
typedef struct tables {
    wn__columns networks, layers;
} tables;

static wn_status bench_file(const wn__infer_options *o, const char *shown, const char *path, tables *to)
{
    infer f = {.options = o, .shown = shown, .batch = o->batch ? o->batch : 1, .layers = &to->layers};
    const wn_status status = measure(&f, path);
    if (status == WN_OK) add_row(&to->networks, &f);
    release(&f);
    return status;
}

static int bench_model(const wn__call *call, const wn__infer_options *o, const char *model, tables *to)
{
    const char *folder = getenv("TMPDIR");
    char own[1000];
    snprintf(own, sizeof own, "%s/winnow-bench-XXXXXX", folder && folder[0] ? folder : "/tmp");
    const int fd = o->out ? -1 : mkstemp(own);
    if (!o->out && fd < 0) {
        wn__console_error(call->console, "%s: a file cannot be made there", own);
        return WN__EXIT_FAILED;
    }
    if (fd >= 0) close(fd);
    const char *path = o->out ? o->out : own;
    int code = make_elsewhere(call, o, model, path);
    if (code == WN__EXIT_OK) code = wn__finish(call, bench_file(o, model, path, to));
    if (!o->out) unlink(own);
    return code;
}

/* A file that describes a network. */
static bool describes(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

/* Weights, rather than the name of a network: no such name has a dot or a slash. */
static bool is_weights(const char *name) { return !describes(name) && (strpbrk(name, "./") || access(name, F_OK) == 0); }

static int bench_one(const wn__call *call, const wn__infer_options *o, const char *name, tables *to)
{
    if ((describes(name) || is_weights(name)) && access(name, F_OK) != 0) {
        wn__console_error(call->console, "%s: %s", name, strerror(errno));
        return WN__EXIT_FAILED;
    }
    if (!is_weights(name)) return bench_model(call, o, name, to);
    if (o->sparsity || o->out || o->set->count)
        return wn__wrong_usage(call, "%s: --sparsity, --set and --out are for networks by name", name);
    return wn__finish(call, bench_file(o, name, name, to));
}

int wn__bench_infer(const wn__call *call, const wn__infer_options *options, const char *const *networks, int count)
{
    tables to = {
        WN_COLUMNS({"network", "network"}, {"arch", NULL}, {"weights", NULL}, {"weights_active", ">active"}, {"dense_flops", NULL},
                   {"flops", NULL}, {"batch", ">batch"}, {"backend", "backend"}, {"layers_own", NULL}, {"layers_onednn", NULL},
                   {"threads", ">threads"}, {"runs", NULL}, {"ms_median", ">median ms"}, {"ms_90", ">90% ms"}, {"ms_99", ">99% ms"},
                   {"ms_min", ">best ms"}, {"images_per_s", ">images/s"}, {"ms_open", ">open ms"}, {"ms_first", ">first ms"},
                   {"file_bytes", ">file"}, {"memory_bytes", ">memory"}, {"peak_bytes", ">peak"}),
        WN_COLUMNS({"network", "network"}, {"batch", ">batch"}, {"threads", ">threads"}, {"layer", "layer"}, {"kernels", "kernels"})};
    int code = WN__EXIT_OK;
    for (int i = 0; i < count && code == WN__EXIT_OK; i++)
        code = bench_one(call, options, networks[i], &to);
    wn__answer_lines(call->answer, &to.networks);
    if (options->by_layer) wn__answer_lines(call->answer, &to.layers);
    wn__columns_release(&to.layers);
    return code;
}
