/* What a network says of pictures. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "winnow/data.h"
#include "winnow/network.h"

enum { USUAL_TOP = 5, USUAL_BATCH = 32 };

typedef struct predict_config {
    wn__texts set;
    const char *experiment, *names, *kernels;
    int64_t top, batch, threads;
} predict_config;

static const wn__option predict_options[] = {
    WN_OPTION_NUMBER(predict_config, top, "top", "K", "so many classes of each picture (default: 5)"),
    WN_OPTION_NUMBER(predict_config, batch, "batch", "N", "so many pictures at once (default: 32); 1 answers each as it comes",
                     .most = 1 << 16),
    WN_OPTION_CPUS(predict_config, threads, "threads", "(default: all CPUs)"),
    WN_OPTION_EXPERIMENT(predict_config, experiment),
    WN_OPTION_TEXT(predict_config, kernels, "kernels", "NAME",
                   "fastest (default): dense layers on Winnow's kernels or oneDNN's, as measured; own: the same bits everywhere"),
    WN_OPTION_TEXT(predict_config, names, "names", "FILE", "rename its tensors: lines as \"linear.* fc.*\", a pattern and its replacement"),
    WN_OPTION_LIST(predict_config, set, "set", "KEY=VALUE",
                   "what the file does not say of itself: model.arch=resnet20, data.set=cifar10; may be repeated"),
    {0}};

/* What an output is called by what it was learnt from. */
typedef enum output_kind { PROBABILITIES, SEVERAL, VALUES, LOGITS } output_kind;
static const char *const kind_names[] = {"probability", "probability", "value", "logit"};

typedef struct likely {
    int output;
    double value;
} likely;

typedef struct predictor {
    const wn__call *call;
    const predict_config *config;
    wn_network *net;
    wn_network_info info;
    output_kind kind;
    int64_t inputs, batch, waiting; /* numbers of an input; pictures at once, and read so far */
    int64_t found;                  /* pictures that arguments stand for */
    float *x, *y;                   /* (batch, inputs), (batch, outputs) */
    char **path;                    /* (waiting) owned */
    likely *answers;                /* (outputs) */
    wn__column column[5];           /* of the table, for JSON and CSV */
    wn__columns table;
    int64_t top;
    bool failed;      /* a picture could not be read */
    wn_status status; /* what ends it all */
} predictor;

/* ---- answers */

static output_kind kind_of(const char *targets)
{
    if (!targets) return LOGITS;
    if (strcmp(targets, "class") == 0 || strcmp(targets, "distribution") == 0) return PROBABILITIES;
    return strcmp(targets, "classes") == 0 ? SEVERAL : strcmp(targets, "values") == 0 ? VALUES : LOGITS;
}

/* The largest first; of equal ones in their order. */
static int by_value(const void *a, const void *b)
{
    const likely *l = a, *r = b;
    return l->value > r->value ? -1 : l->value < r->value ? 1 : l->output - r->output;
}

static void softmax(const float *y, int64_t n, likely *out)
{
    double top = y[0], sum = 0;
    for (int64_t k = 1; k < n; k++)
        top = y[k] > top ? y[k] : top;
    for (int64_t k = 0; k < n; k++)
        sum += out[k].value = exp(y[k] - top);
    for (int64_t k = 0; k < n; k++)
        out[k].value /= sum;
}

static void make_answers(const predictor *p, const float *y)
{
    const int64_t n = p->info.outputs;
    for (int64_t k = 0; k < n; k++)
        p->answers[k] = (likely){(int)k, p->kind == SEVERAL ? 1 / (1 + exp(-(double)y[k])) : (double)y[k]};
    if (p->kind == VALUES) return; /* in their order */
    if (p->kind == PROBABILITIES) softmax(y, n, p->answers);
    qsort(p->answers, (size_t)n, sizeof *p->answers, by_value);
}

/* ---- printing */

static const char *name_of(const predictor *p, int output) { return p->info.class_names ? p->info.class_names[output] : NULL; }

static void print_text(const predictor *p, const char *path)
{
    wn__answer *answer = p->call->answer;
    wn__answer_print(answer, "%s\n", path);
    for (int64_t i = 0; i < p->top; i++) {
        const likely *a = &p->answers[i];
        wn__answer_print(answer, p->kind <= SEVERAL ? "  %8.4f" : "  %8.6g", a->value);
        if (p->kind >= VALUES) wn__answer_print(answer, " (%s)", kind_names[p->kind]);
        wn__answer_print(answer, "  %d%s%s\n", a->output, name_of(p, a->output) ? " " : "",
                         name_of(p, a->output) ? name_of(p, a->output) : "");
    }
}

static void add_rows(predictor *p, const char *path)
{
    for (int64_t i = 0; i < p->top; i++) {
        const likely *a = &p->answers[i];
        wn__columns_text(&p->table, path);
        wn__columns_whole(&p->table, i + 1);
        wn__columns_whole(&p->table, a->output);
        wn__columns_text(&p->table, name_of(p, a->output));
        wn__columns_real(&p->table, a->value, "%g", a->value);
    }
}

/* ---- pictures */

static void forget(predictor *p)
{
    while (p->waiting > 0)
        free(p->path[--p->waiting]);
}

static void answer_waiting(predictor *p)
{
    const int64_t n = p->waiting;
    if (p->status == WN_OK) p->status = wn_network_predict(p->net, p->x, n, p->y);
    for (int64_t i = 0; p->status == WN_OK && i < n; i++) {
        make_answers(p, p->y + i * p->info.outputs);
        if (wn__answer_format_of(p->call->answer) == WN__ANSWER_TEXT)
            print_text(p, p->path[i]);
        else
            add_rows(p, p->path[i]);
    }
    if (wn__answer_format_of(p->call->answer) != WN__ANSWER_TEXT) wn__answer_stream(p->call->answer, &p->table);
    fflush(stdout);
    forget(p);
}

/* What cannot be read is told, and the others go on. Other failures would be those of all pictures. */
static void told(predictor *p, wn_status status)
{
    if (status == WN_ENOMEM || status == WN_EUSAGE || status == WN_EINVAL || status == WN_ESTOPPED) {
        p->status = status;
        return;
    }
    wn__console_error(p->call->console, "%s", wn_error_message());
    p->failed = true;
}

static void take_picture(void *user, const char *name, const void *bytes, size_t size)
{
    predictor *p = user;
    float *x = p->x + p->waiting * p->inputs;
    p->found++;
    if (p->status != WN_OK) return;
    const wn_status status = bytes ? wn_network_decode_image(p->net, name, bytes, size, x) : wn_network_read_image(p->net, name, x);
    if (status != WN_OK) {
        told(p, status);
        return;
    }
    if (!(p->path[p->waiting] = strdup(name))) {
        p->status = WN_ENOMEM;
        return;
    }
    if (++p->waiting == p->batch || wn_stop_requested()) answer_waiting(p);
}

static void take(predictor *p, const char *path)
{
    if (p->status != WN_OK) return;
    const int64_t before = p->found;
    const wn_status status = wn_data_pictures(path, take_picture, p);
    if (status != WN_OK && p->status == WN_OK) told(p, status);
    if (status != WN_OK || p->status != WN_OK || p->found > before) return;
    wn__console_error(p->call->console, "%s: no pictures", path);
    p->failed = true;
}

/* Paths on standard input, one a line. */
static void take_list(predictor *p)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    while (p->status == WN_OK && (length = getline(&line, &room, stdin)) >= 0) {
        if (length > 0 && line[length - 1] == '\n') line[--length] = 0;
        if (length > 0) take(p, line);
    }
    free(line);
}

/* ---- the whole */

static wn_status prepare(predictor *p)
{
    p->info.size = sizeof p->info;
    const wn_status status = wn_network_look(p->net, &p->info);
    if (status != WN_OK) return status;
    p->kind = kind_of(p->info.targets);
    const wn__column column[] = {{"image", NULL}, {"rank", NULL}, {"class", NULL}, {"name", NULL}, {kind_names[p->kind], NULL}};
    memcpy(p->column, column, sizeof column);
    p->table = (wn__columns){.column = p->column, .columns = 5};
    p->inputs = p->info.channels * p->info.height * p->info.width;
    p->top = p->kind == VALUES ? p->info.outputs : p->config->top ? p->config->top : USUAL_TOP;
    if (p->top > p->info.outputs) p->top = p->info.outputs;
    p->x = malloc((size_t)(p->batch * p->inputs) * sizeof *p->x);
    p->y = malloc((size_t)(p->batch * p->info.outputs) * sizeof *p->y);
    p->path = calloc((size_t)p->batch, sizeof *p->path);
    p->answers = calloc((size_t)p->info.outputs, sizeof *p->answers);
    return p->x && p->y && p->path && p->answers ? WN_OK : WN_ENOMEM;
}

static void release(predictor *p)
{
    forget(p);
    free(p->x);
    free(p->y);
    free(p->path);
    free(p->answers);
    wn__columns_release(&p->table);
    wn_network_close(p->net);
}

static void predict(predictor *p)
{
    for (int i = 1; i < p->call->count; i++) {
        if (strcmp(p->call->arguments[i], "-") == 0)
            take_list(p);
        else
            take(p, p->call->arguments[i]);
    }
    answer_waiting(p);
}

static int run_predict(const wn__call *call)
{
    const predict_config *config = call->config;
    predictor p = {.call = call, .config = config, .batch = config->batch ? config->batch : USUAL_BATCH};
    const wn_network_options open = {.size = sizeof open,
                                     .threads = (int)config->threads,
                                     .batch = p.batch,
                                     .set = config->set.items,
                                     .sets = config->set.count,
                                     .names = config->names,
                                     .kernels = config->kernels};
    char path[WN__PATH];
    p.status = wn_store_weights(NULL, config->experiment, call->arguments[0], path, sizeof path);
    if (p.status == WN_OK) p.status = wn_network_open(path, &open, &p.net);
    if (p.status == WN_OK) p.status = prepare(&p);
    if (p.status == WN_OK && p.kind == VALUES && config->top) {
        release(&p);
        return wn__wrong_usage(call, "--top is of classes; this network gives values, which are printed all");
    }
    if (p.status == WN_OK) predict(&p);
    const int code = wn__finish(call, p.status);
    release(&p);
    return code == WN__EXIT_OK && p.failed ? WN__EXIT_FAILED : code;
}

const wn__command wn__command_predict = {
    .name = "predict",
    .arguments = "NETWORK IMAGE|DIR|TAR|LIST|-...",
    .summary = "What a network says of pictures: the likeliest classes and their probabilities",
    .details = WN_NETWORK_NAMES
    "\n\n"
    "Pictures are JPEG, PNG and WebP files of any size, by their contents. DIR stands for all pictures in and below it, TAR for those in an\n"
    "archive or in several (photos-{00..17}.tar). LIST (.txt) stands for those that it names: a path a line, with its label or without. - reads\n"
    "paths from standard input. They become inputs as the weights file says, exactly as for `winnow eval`. What cannot\n"
    "be read is told on standard error; the others go on, and the exit code is 1. Probabilities are a softmax; of networks of several classes a\n"
    "picture each class has its own. Values are printed as they are. Where the file does not say what it learnt, logits are printed and called so.\n"
    "--json prints an object a line and --csv a row for each class of a picture, as soon as its pictures were read.",
    .options = predict_options,
    .config_size = sizeof(predict_config),
    .least = 2,
    .most = -1,
    .prints = WN__PRINTS_LINES,
    .run = run_predict,
};
