/* winnow/shrink.h: trying networks, and choosing the smallest that holds. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arguments.h"
#include "base/cpu.h"
#include "base/fail.h"
#include "base/files.h"
#include "base/locale.h"
#include "base/log.h"
#include "base/options.h"
#include "base/rng.h"
#include "base/stop.h"
#include "lab/lab.h"
#include "lab/lab_names.h"
#include "network/weights_file.h"
#include "recipe/used_keys.h"
#include "recipe/weights_recipe.h"
#include "run/shrunk_file.h"
#include "sparse/basis/basis_map.h"
#include "sparse/basis/units.h"
#include "sparse/cost.h"
#include "tensor/compression.h"
#include "train/evaluate.h"
#include "winnow/shrink.h"

enum { HALVINGS = 7, TIMED_RUNS = 7 };

typedef enum way { WAY_NOTHING, WAY_UNITS, WAY_TIED_UNITS, WAY_LOW_RANK, WAYS } way;
static const char *const way_names[] = {"nothing", "units", "tied-units", "low-rank", NULL};
static const char *const size_names[] = {"bytes", "parameters", "flops", NULL};

/* One of the given networks, opened. */
typedef struct source {
    char *path, *label;
    wn__recipe *recipe;
    wn__context context;
    wn__params params;      /* as the file says: masks, or factors */
    wn__file_traits traits; /* types of its numbers */
    wn__evaluator *evaluator;
    const wn__metric *headline;
    wn__shrunk plain; /* made smaller, nothing else */
} source;

typedef struct search {
    const wn_shrink_options *options;
    wn_shrink_result *result;
    const wn__metric *headline; /* of all networks */
    int by, size;               /* by -1: all */
    source *best;               /* whose network is the smallest so far; NULL: none holds */
    wn__shrunk smallest;
} search;

/* ---- opening */

static wn_status open_recipe(const wn_lab_options *o, wn__safetensors *file, source *s)
{
    static const char *const used[] = {"data",    "!data.augment", "!data.last_batch", "model",         "backend", "dtype", "threads",
                                       "kernels", "world",         "train.batch",      "train.metrics", NULL};
    WN_TRY(wn__recipe_of_weights(file, s->path, o->set, o->sets, &s->recipe));
    WN_TRY(wn__used_keys_check(s->recipe->doc, "winnow shrink", used));
    wn__recipe *r = s->recipe;
    WN_TRY(wn__recipe_needs_data(r, s->path));
    WN_TRY(wn__weights_check_classes(file, s->path, r));
    WN_TRY(wn__recipe_build_graph(r, s->path, wn__recipe_input(r)));
    WN_TRY(wn__recipe_settle_targets(r));
    s->headline = wn__metric_headline(&r->train.metrics);
    r->train_images = -1; /* not planned */
    const int threads = wn__machine_threads(o->threads, r->top.threads, 1, false);
    s->context = (wn__context){.recipe = r, .data_folder = o->data_folder};
    return wn__machine_choose(r->top.backend, (wn__dtype)r->top.dtype, threads, &s->context.machine);
}

static wn_status open_params(const wn__safetensors *file, source *s)
{
    WN_TRY(wn__graph_make_params(s->recipe->graph, &s->params));
    const wn_status status = wn__network_read(file, WN__PART_VALUES | WN__PART_MASKS, NULL, &s->params);
    if (status != WN_OK) return wn__fail_within(status, "%s: ", s->path);
    WN_TRY(wn__basis_enter_fitted(file, &s->params));
    WN_TRY(wn__file_traits_read(s->path, file, &s->params, &s->traits));
    return wn__shrink(s->recipe->graph, &s->params, &s->plain);
}

static wn_status open_evaluator(source *s)
{
    WN_TRY(wn__context_load(&s->context));
    wn__loader_options loader = wn__context_loader(&s->context, 0, true, 0);
    loader.part = WN__PART_VALIDATION;
    if (wn__split_range(&loader.split, loader.part).count == 0)
        return wn__fail(WN_EUSAGE, "%s: there are no validation images to choose by; set data.validation=last-5000", s->label);
    return wn__evaluator_new(&loader, &(wn__evaluation_rule){.metrics = &s->recipe->train.metrics}, &s->evaluator);
}

static wn_status open_source(const wn_lab_options *o, const char *name, source *s)
{
    wn__safetensors *file;
    WN_TRY(wn__lab_find_network(o, name, &s->path, &s->label));
    WN_TRY(wn__weights_open(s->path, NULL, &file));
    wn_status status = open_recipe(o, file, s);
    if (status == WN_OK) status = open_params(file, s);
    wn__safetensors_close(file);
    return status == WN_OK ? open_evaluator(s) : status;
}

static void close_source(source *s)
{
    wn__evaluator_free(s->evaluator);
    wn__shrunk_release(&s->plain);
    wn__file_traits_release(&s->traits);
    wn__params_release(&s->params);
    if (s->recipe) wn__context_release(&s->context);
    wn__recipe_free(s->recipe);
    wn__free(s->path);
    wn__free(s->label);
}

/* ---- measuring one network */

static bool has_masks(const wn__params *params)
{
    for (int i = 0; i < params->count; i++)
        if ((params->item[i].mask && params->item[i].role == WN__WEIGHT) || params->item[i].pattern) return true;
    return false;
}

static wn_status start(source *s, const wn_graph *graph, wn__params *params, wn__network *out)
{
    wn__device *device;
    const wn__backend *backend = wn__machine_backend(&s->context.machine, has_masks(params));
    *out = wn__network_over(graph, params);
    WN_TRY(wn__context_device(&s->context, backend, (wn__dtype)s->recipe->top.dtype, &device));
    return wn__network_start_stored(out, device, &(wn__executor_options){.batch = s->recipe->train.batch});
}

static wn_status headline_of(source *s, const wn_graph *graph, wn__params *params, double *value, int64_t *images)
{
    wn__network net;
    wn__evaluation e = {0};
    WN_TRY(start(s, graph, params, &net));
    const wn_status status = wn__evaluator_run(s->evaluator, net.ex, s->context.devices.pool, false, &e);
    wn__network_release(&net);
    *value = wn__evaluation_headline(&e);
    *images = e.n;
    return status;
}

static wn_status add_row(search *q, wn_shrink_row row)
{
    WN_TRY(wn__make_room(&q->result->row, q->result->rows, sizeof row));
    q->result->row[q->result->rows++] = row;
    return WN_OK;
}

static int64_t size_of(const search *q, const wn_shrink_row *row)
{
    const int64_t size[] = {row->bytes, row->parameters, row->flops};
    return size[q->size];
}

/* Takes over what it is given. *holds: its headline does. */
static wn_status judge(search *q, source *s, wn__shrunk *tried, const char *by, double part, bool *holds)
{
    wn_shrink_result *result = q->result;
    wn_shrink_row row = {.part = part};
    wn__cost cost = {0};
    snprintf(row.network, sizeof row.network, "%s", s->label);
    snprintf(row.by, sizeof row.by, "%s", by);
    wn_status status = headline_of(s, tried->graph, &tried->params, &row.value, &result->images);
    if (status == WN_OK) status = wn__cost_make(tried->graph, &tried->params, &cost);
    row.parameters = cost.active;
    row.flops = cost.flops;
    row.bytes = cost.bytes;
    wn__cost_release(&cost);
    row.holds = !isnan(row.value) && !wn__metric_is_better(s->headline, result->hold.value, row.value);
    *holds = row.holds;
    const bool best = status == WN_OK && row.holds && (!q->best || size_of(q, &row) < size_of(q, &result->row[result->chosen]));
    if (status == WN_OK) status = add_row(q, row);
    if (status == WN_OK && best) {
        wn__shrunk_release(&q->smallest);
        q->smallest = *tried;
        q->best = s;
        result->chosen = result->rows - 1;
        *tried = (wn__shrunk){0};
    }
    wn__shrunk_release(tried);
    wn__log(WN_LOG_INFO, "%s: %s %.1f %%: %s %.4g with %lld parameters", s->label, by, 100 * part, s->headline->title, row.value,
            (long long)row.parameters);
    return status;
}

/* ---- pruning further */

/* The plain network again, to be changed; low rank sees the zeros of a mask as weights. */
static wn_status copy_params(const source *s, bool masks, wn__params *out)
{
    WN_TRY(wn__graph_make_params(s->plain.graph, out));
    for (int i = 0; masks && i < out->count; i++)
        if (s->plain.params.item[i].mask) WN_TRY(wn__param_set_mask(&out->item[i], s->plain.params.item[i].mask));
    return wn__params_copy_values(out, &s->plain.params);
}

static wn_status prune_further(const source *s, way how, double part, wn__params *params)
{
    static const char *const layers[] = {"all-but-last"};
    const wn__prune prune = {.scope = WN__SCOPE_GLOBAL, .sparsity = part};
    wn__selection selection = {0};
    wn__basis_spec spec;
    WN_TRY(copy_params(s, how != WAY_LOW_RANK, params));
    WN_TRY(wn__basis_defaults(how == WAY_LOW_RANK ? WN__BASIS_LOW_RANK : WN__BASIS_UNITS, &spec));
    spec.links = how == WAY_TIED_UNITS ? WN__LINKS_TIED : WN__LINKS_INSIDE;
    WN_TRY(wn__selection_make(s->plain.graph, layers, 1, &selection));
    wn_status status;
    if (how == WAY_LOW_RANK) {
        int64_t *rank = WN_NEW_ARRAY(int64_t, params->count);
        const wn__basis_use use = {.spec = &spec, .selection = &selection, .rank = rank};
        status = rank ? wn__ranks_choose(params, &selection, &prune, rank) : wn__no_memory((size_t)params->count * sizeof *rank);
        if (status == WN_OK) status = wn__basis_enter(params, &use);
        wn__free(rank);
    } else {
        status = wn__units_prune(s->plain.graph, params, &selection, &spec, &prune, NULL);
    }
    wn__selection_release(&selection);
    return status;
}

static wn_status try_part(search *q, source *s, way how, double part, bool *holds)
{
    wn__params params = {0};
    wn__shrunk tried = {0};
    wn_status status = prune_further(s, how, part, &params);
    if (status == WN_OK) status = wn__shrink(s->plain.graph, &params, &tried);
    wn__params_release(&params);
    return status == WN_OK ? judge(q, s, &tried, way_names[how], part, holds) : status;
}

/* As far as it holds, taking it that less pruned holds too. What a network has no units or no library for is left out. */
static wn_status prune_as_far_as_it_holds(search *q, source *s, way how)
{
    double good = 0, bad = 1;
    const bool asked = q->by == (int)how;
    for (int i = 0; i < HALVINGS; i++) {
        bool holds = false;
        const double part = (good + bad) / 2;
        const wn_status status = try_part(q, s, how, part, &holds);
        if (i == 0 && !asked && (status == WN_EUSAGE || status == WN_EUNSUPPORTED)) {
            wn__log(WN_LOG_INFO, "%s: not by %s: %s", s->label, way_names[how], wn_error_message());
            return WN_OK;
        }
        WN_TRY(status);
        if (wn__stop_wanted(q->options->networks->stop)) return wn__fail(WN_ESTOPPED, "shrink: stopped");
        *(holds ? &good : &bad) = part;
    }
    return WN_OK;
}

/* As it is, made smaller; it stays in the source to be pruned further. */
static wn_status try_plain(search *q, source *s, bool *holds)
{
    wn__shrunk again;
    WN_TRY(wn__shrink(s->plain.graph, &s->plain.params, &again));
    return judge(q, s, &again, "-", 0, holds);
}

static bool has_links(const wn_graph *g)
{
    for (int i = 0; i < g->nodes; i++)
        if (g->node[i].kind->channels == WN__CHANNELS_JOIN) return true;
    return false;
}

static wn_status try_source(search *q, source *s)
{
    bool holds;
    WN_TRY(try_plain(q, s, &holds));
    for (int how = WAY_UNITS; holds && how < WAYS; how++)
        if (q->by == how || (q->by < 0 && (how != WAY_TIED_UNITS || has_links(s->plain.graph))))
            WN_TRY(prune_as_far_as_it_holds(q, s, (way)how));
    return WN_OK;
}

/* ---- before and after */

static wn_status infer(wn__executor *ex, const float *images, int64_t n, float *logits, double *best)
{
    const double start = wn__seconds();
    int runs = 0;
    do {
        WN_TRY(wn__executor_infer(ex, images, n, (wn__step_info){0}, logits));
        runs++;
    } while (wn__seconds() - start < 0.03);
    const double seconds = (wn__seconds() - start) / runs;
    if (*best == 0 || seconds < *best) *best = seconds;
    return WN_OK;
}

static double largest_difference(const float *a, const float *b, int64_t n)
{
    double difference = 0, largest = 0;
    for (int64_t i = 0; i < n; i++) {
        difference = fmax(difference, fabs((double)a[i] - (double)b[i]));
        largest = fmax(largest, fabs((double)a[i]));
    }
    return largest > 0 ? difference / largest : difference;
}

typedef struct pair {
    wn__network before, plain, after;
    float *images, *first, *second;
    int64_t n;
} pair;

static wn_status run_pair(search *q, pair *p, int64_t classes)
{
    wn_shrink_result *r = q->result;
    double before = 0, after = 0, none = 0;
    WN_TRY(infer(p->before.ex, p->images, p->n, p->first, &none));
    WN_TRY(infer(p->plain.ex, p->images, p->n, p->second, &none));
    r->difference = largest_difference(p->first, p->second, p->n * classes);
    WN_TRY(infer(p->after.ex, p->images, p->n, p->second, &none)); /* what is made at the first call is not counted */
    for (int i = 0; i < TIMED_RUNS; i++) {
        WN_TRY(infer(p->before.ex, p->images, p->n, p->first, &before));
        WN_TRY(infer(p->after.ex, p->images, p->n, p->second, &after));
    }
    r->milliseconds_before = 1e3 * before;
    r->milliseconds = 1e3 * after;
    r->batch = (int)p->n;
    return WN_OK;
}

/* Of the source that the chosen network comes from, on noise as large as normalised images. */
static wn_status compare(search *q)
{
    source *s = q->best;
    const wn_graph *g = s->recipe->graph;
    const int64_t n = s->recipe->train.batch, classes = wn__graph_classes(g), pixels = n * g->c * g->h * g->w;
    pair p = {
        .images = WN_NEW_ARRAY(float, pixels), .first = WN_NEW_ARRAY(float, n *classes), .second = WN_NEW_ARRAY(float, n *classes), .n = n};
    wn__rng rng = wn__rng_make(0, WN__FOR_SCORE, 0, 0);
    wn_status status = p.images && p.first && p.second ? WN_OK : wn__no_memory((size_t)pixels * sizeof(float));
    for (int64_t i = 0; status == WN_OK && i < pixels; i++)
        p.images[i] = (float)wn__rng_normal(&rng);
    if (status == WN_OK) status = start(s, g, &s->params, &p.before);
    if (status == WN_OK) status = start(s, s->plain.graph, &s->plain.params, &p.plain);
    if (status == WN_OK) status = start(s, q->smallest.graph, &q->smallest.params, &p.after);
    if (status == WN_OK) status = run_pair(q, &p, classes);
    wn__network_release(&p.before);
    wn__network_release(&p.plain);
    wn__network_release(&p.after);
    wn__free(p.images);
    wn__free(p.first);
    wn__free(p.second);
    return status;
}

static wn_status describe_before(search *q)
{
    wn_shrink_result *r = q->result;
    source *s = q->best;
    int64_t images;
    wn__cost cost;
    WN_TRY(wn__cost_make(s->recipe->graph, &s->params, &cost));
    r->parameters = cost.parameters;
    r->flops = cost.dense_flops;
    r->bytes = cost.dense_bytes;
    wn__cost_release(&cost);
    return headline_of(s, s->recipe->graph, &s->params, &r->value, &images);
}

/* ---- the whole */

static wn_status none_holds(const search *q)
{
    const wn_shrink_result *r = q->result;
    int best = 0;
    for (int i = 1; i < r->rows; i++)
        if (wn__metric_is_better(q->headline, r->row[i].value, r->row[best].value)) best = i;
    const double unit = r->hold.percent ? 100 : 1;
    return wn__fail(WN_EUSAGE, "none of the networks holds %s %.4g%s on %lld validation images; the best, %s, has %.4g%s", r->hold.title,
                    unit * r->hold.value, r->hold.percent ? " %" : "", (long long)r->images, r->row[best].network,
                    unit * r->row[best].value, r->hold.percent ? " %" : "");
}

static wn_status save(const search *q)
{
    const char *result = q->options->result;
    if (!result) return WN_OK;
    char *folder = wn__path_folder(result);
    if (!folder) return wn__no_memory(strlen(result));
    wn_status status = wn__make_folders(folder);
    if (status == WN_OK) status = wn__shrunk_save(&q->best->context, &q->smallest, &q->best->traits, folder, wn__base_name(result));
    wn__free(folder);
    return status;
}

static wn_status index_of(const char *what, const char *name, const char *const *names, int usual, int *out)
{
    *out = usual;
    if (!name) return WN_OK;
    for (*out = 0; names[*out]; ++*out)
        if (strcmp(names[*out], name) == 0) return WN_OK;
    wn__text valid = {0};
    for (int i = 0; names[i]; i++)
        wn__text_add(&valid, "%s%s", i ? ", " : "", names[i]);
    const wn_status status = wn__fail(WN_EUSAGE, "%s: \"%s\" is unknown; valid: %s", what, name, valid.data ? valid.data : "");
    wn__text_release(&valid);
    return status;
}

/* The bound as it was given, in the unit of the networks' headline, which must be the same. */
static wn_status read_bound(search *q, const source *s)
{
    const wn__metric *m = s->headline;
    const char *text = q->options->hold;
    char *end = NULL;
    if (q->headline && q->headline != m)
        return wn__fail(WN_EUSAGE, "%s: its headline is %s, that of networks before it %s", s->label, m->title, q->headline->title);
    q->headline = m;
    double bound = text ? wn__strtod(text, &end) : 0;
    const bool percent = text && *end == '%';
    if (percent) bound /= 100;
    const bool fits = text && end != text && !end[percent] && isfinite(bound) && (m->percent ? bound > 0 && bound <= 1 : !percent);
    if (!fits)
        return wn__fail(WN_EUSAGE, "hold: \"%s\" is no %s; write %s", text ? text : "", m->title, m->percent ? "88% or 0.88" : "0.05");
    q->result->hold = (wn_score){m->name, m->title, m->percent, m->less_is_better, m->counted, bound};
    return WN_OK;
}

static wn_status read_options(search *q)
{
    if (q->options->networks->count < 1) return wn__fail(WN_EUSAGE, "shrink wants one network or more");
    WN_TRY(index_of("by", q->options->by, way_names, -1, &q->by));
    return index_of("size", q->options->smallest, size_names, 0, &q->size);
}

static wn_status run(search *q, source *list)
{
    const wn_lab_options *o = q->options->networks;
    for (int i = 0; i < o->count; i++) {
        WN_TRY(open_source(o, o->networks[i], &list[i]));
        WN_TRY(read_bound(q, &list[i]));
        WN_TRY(try_source(q, &list[i]));
    }
    if (!q->best) return none_holds(q);
    WN_TRY(describe_before(q));
    WN_TRY(compare(q));
    return save(q);
}

wn_status wn_shrink(const wn_shrink_options *options, wn_shrink_result *result)
{
    WN__COMPLETE(wn_shrink_options, options);
    WN__COMPLETE_WITHIN(wn_lab_options, options, networks);
    WN__NEED(result);
    WN_TRY(wn__lab_check(options->networks));
    search q = {.options = options, .result = result};
    *result = (wn_shrink_result){0};
    WN_TRY(read_options(&q));
    source *list = WN_NEW_ARRAY(source, options->networks->count);
    wn_status status = list ? run(&q, list) : wn__no_memory(sizeof *list);
    wn__shrunk_release(&q.smallest);
    for (int i = 0; list && i < options->networks->count; i++)
        close_source(&list[i]);
    wn__free(list);
    if (status != WN_OK) wn_shrink_result_release(result);
    return status;
}

void wn_shrink_result_release(wn_shrink_result *result)
{
    if (!result) return;
    wn__free(result->row);
    *result = (wn_shrink_result){0};
}
