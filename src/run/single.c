/* Single steps: train, evaluate, inspect. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arguments.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/options.h"
#include "io/json_file.h"
#include "network/likeness.h"
#include "network/weights_file.h"
#include "plan/advice.h"
#include "recipe/data_record.h"
#include "recipe/used_keys.h"
#include "recipe/weights_recipe.h"
#include "run/experiment.h"
#include "run/fastest.h"
#include "run/stage.h"
#include "run/store.h"
#include "train/evaluate.h"
#include "winnow/experiment.h"

/* ---- train */

static wn_status write_record(const wn__context *c, const char *folder, uint64_t seed)
{
    wn__text text = {0};
    json_t *environment = wn__environment(c->plan, &c->plan->stage[0]);
    char *recipe = wn__path_join(folder, "resolved.yaml"), *machine = wn__path_join(folder, "environment.json");
    wn_status status = recipe && machine && environment ? wn__recipe_write(c->recipe, &text) : wn__no_memory(256);
    if (status == WN_OK) status = wn__file_write(recipe, text.data, text.size);
    if (status == WN_OK) wn__data_add_record(environment, c->recipe);
    if (status == WN_OK) status = wn__slice_set(environment, "seed", json_integer((json_int_t)seed));
    if (status == WN_OK) status = wn__json_save(machine, environment);
    json_decref(environment);
    wn__text_release(&text);
    wn__free(recipe);
    wn__free(machine);
    return status;
}

/* The first line in which two texts differ. */
static void find_difference(const char *there, const char *here, wn__text *out)
{
    while (*there && *here) {
        const size_t a = strcspn(there, "\n"), b = strcspn(here, "\n");
        if (a != b || memcmp(there, here, a) != 0) {
            while (*there == ' ' && *here == ' ')
                there++, here++;
            wn__text_add(out, ": there \"%.*s\", here \"%.*s\"", (int)strcspn(there, "\n"), there, (int)strcspn(here, "\n"), here);
            return;
        }
        there += a + (there[a] != 0);
        here += b + (here[b] != 0);
    }
}

static wn_status refuse_folder(const wn__context *c, const char *folder)
{
    char *path = wn__path_join(folder, "resolved.yaml"), *there = NULL;
    size_t size;
    wn__text here = {0}, what = {0};
    wn_status status = path ? wn__recipe_write(c->recipe, &here) : wn__no_memory(64);
    if (status == WN_OK && wn__file_exists(path) && wn__file_read(path, &there, &size) == WN_OK) find_difference(there, here.data, &what);
    if (status == WN_OK)
        status = wn__fail(WN_EMISMATCH, "%s holds a training of another recipe%s; choose another folder (--out), or remove this one",
                          folder, what.data ? what.data : ", seed or machine");
    wn__text_release(&here);
    wn__text_release(&what);
    wn__free(there);
    wn__free(path);
    return status;
}

/* A folder holds one training: that which began it. A checkpoint that cannot be read holds nothing. */
static wn_status check_folder(const wn__context *c, const char *folder)
{
    char *path = wn__path_join(folder, "checkpoint.safetensors");
    wn__safetensors *file = NULL;
    if (!path) return wn__no_memory(64);
    bool other = false;
    if (wn__file_exists(path) && wn__safetensors_open(path, &file) == WN_OK) {
        const char *identity = wn__safetensors_meta(file, "identity");
        other = !identity || strcmp(identity, c->plan->stage[0].identity) != 0;
        wn__safetensors_close(file);
    }
    wn__free(path);
    return other ? refuse_folder(c, folder) : WN_OK;
}

static wn_score score_of(const wn__metric *m, double value)
{
    return (wn_score){m->name, m->title, m->percent, m->less_is_better, m->counted, value};
}

/* The headline on a part. */
static wn_score stored_score(const wn__recipe *recipe, const json_t *result, const char *part)
{
    const wn__metric *headline = wn__metric_headline(&recipe->train.metrics);
    char key[96];
    snprintf(key, sizeof key, "%s_%s", part, headline->key);
    return score_of(headline, wn__json_number(result, key));
}

static wn_status train_alone(wn__context *c, uint64_t seed, const char *folder, wn_train_summary *summary)
{
    char lock_path[sizeof summary->weights], weights[sizeof summary->weights];
    wn__lock lock;
    if (snprintf(weights, sizeof weights, "%s/final.safetensors", folder) >= (int)sizeof weights)
        return wn__fail(WN_EINVAL, "%s: the path is too long", folder);
    json_t *result = json_object();
    if (!result) return wn__no_memory(64);
    snprintf(lock_path, sizeof lock_path, "%s/lock", folder);
    wn_status status = wn__make_folders(folder);
    if (status == WN_OK) status = wn__lock_take(&lock, lock_path);
    if (status == WN_OK) {
        status = check_folder(c, folder);
        if (status == WN_OK) status = write_record(c, folder, seed);
        if (status == WN_OK) status = wn__stage_train(c, &c->plan->stage[0], folder, result);
        if (status == WN_OK) status = wn__context_check_data(c);
        wn__lock_release(&lock);
    }
    if (status == WN_OK && summary) {
        *summary = (wn_train_summary){
            .test = stored_score(c->recipe, result, "test"),
            .validation = stored_score(c->recipe, result, "validation"),
            .test_accuracy = wn__json_number(result, "test_accuracy"),
            .test_loss = wn__json_number(result, "test_loss"),
            .validation_accuracy = wn__json_number(result, "validation_accuracy"),
            .parameters = (int64_t)wn__json_number(result, "network"),
            .steps = (int64_t)wn__json_number(result, "steps"),
            .seconds = wn__json_number(result, "seconds"),
        };
        memcpy(summary->weights, weights, sizeof weights);
    }
    json_decref(result);
    return status;
}

static wn_status settle_data(wn__recipe *recipe, const wn_run_options *options, const char *folder)
{
    char *environment = wn__path_join(folder, "environment.json");
    if (!environment) return wn__no_memory(64);
    const wn_status status = wn__data_settle(recipe, options->data_folder, (int)recipe->top.threads, environment);
    wn__free(environment);
    return status;
}

/* Labels and their teacher count where the row dense has other labels than hard ones. */
static wn_status check_train_keys(const wn__recipe *r)
{
    const bool hard = wn__recipe_row(r, "dense")->axes.labels == WN__LABELS_HARD;
    const char *const used[] = {"name",
                                "data",
                                "model",
                                "train",
                                "methods.dense",
                                "backend",
                                "dtype",
                                "threads",
                                "memory",
                                "kernels",
                                "world",
                                "bootstrap",
                                "!bootstrap.n",
                                "!bootstrap.variants",
                                "!bootstrap.converged",
                                "!bootstrap.margin",
                                hard ? NULL : "labels",
                                "teacher",
                                NULL};
    return wn__used_keys_check(r->doc, "winnow train", used);
}

wn_status wn_train(const wn_run_options *options, uint64_t seed, const char *folder, wn_train_summary *summary)
{
    WN__COMPLETE(wn_run_options, options);
    WN__NEED(folder);
    WN__NEED_COUNT(options->threads);
    WN__NEED_COUNT(options->checkpoint_seconds);
    const wn__recipe_source source = {.path = options->recipe,
                                      .set = options->set,
                                      .sets = options->sets,
                                      .no_compare = true,
                                      .data = options->data,
                                      .weights = options->weights};
    wn__recipe *recipe;
    wn__agenda *plan = NULL;
    wn__machine machine;
    WN_TRY(wn__recipe_read(&source, &recipe));
    recipe->top.threads = wn__machine_threads(options->threads, recipe->top.threads, 1, false);
    wn_status status = check_train_keys(recipe);
    if (status == WN_OK) status = settle_data(recipe, options, folder);
    if (status == WN_OK) status = wn__fastest_settle(recipe, folder, (int)recipe->top.threads, true);
    if (status == WN_OK) status = wn__machine_choose(recipe->top.backend, (wn__dtype)recipe->top.dtype, (int)recipe->top.threads, &machine);
    if (status == WN_OK) {
        recipe->top.backend = machine.backend->name;
        status = wn__agenda_make_dense(recipe, &machine, seed, &plan);
    }
    if (status == WN_OK) {
        wn__context context = {.recipe = recipe,
                               .plan = plan,
                               .root = "",
                               .data_folder = options->data_folder,
                               .machine = machine,
                               .progress = options->progress,
                               .user = options->user,
                               .stop = options->stop,
                               .checkpoint_seconds = options->checkpoint_seconds,
                               .stages = 1};
        wn__agenda_advise(plan);
        status = train_alone(&context, seed, folder, summary);
        wn__context_release(&context);
    }
    wn__agenda_free(plan);
    wn__recipe_free(recipe);
    return status;
}

/* ---- values that are not finite */

/* A network of such weights says nothing, and everything that is computed from it is as they are. */
static void tell_nonfinite(const wn__safetensors *file, const char *path)
{
    const char *first = NULL;
    long long count = 0;
    for (int i = 0; i < wn__safetensors_count(file); i++) {
        const wn__st_tensor *t = wn__safetensors_at(file, i);
        for (int64_t e = 0; e < t->count; e++) {
            if (isfinite(wn__st_float(t, e))) continue;
            if (!first) first = t->name;
            count++;
        }
    }
    if (count > 0) wn__log(WN_LOG_WARNING, "%s: %lld values are not finite, the first in %s", path, count, first);
}

/* ---- evaluate */

static wn_status pick_part(const char *name, wn__part *part)
{
    const char *wanted = name ? name : "test";
    for (int i = WN__PART_TRAIN; i <= WN__PART_TEST; i++)
        if (strcmp(wn__part_name((wn__part)i), wanted) == 0) {
            *part = (wn__part)i;
            return WN_OK;
        }
    return wn__fail(WN_EUSAGE, "there is no part \"%s\"; valid: train, validation, test", wanted);
}

static void copy_scores(const wn__evaluation *from, wn_evaluation *to)
{
    _Static_assert((int)WN__MOST_METRICS <= (int)WN_MOST_SCORES, "room for all");
    const wn__metric_set *set = &from->metrics;
    to->score[to->scores++] = score_of(wn__metric_headline(set), wn__evaluation_headline(from));
    for (int i = 0; i < set->count; i++)
        if (i != set->headline) to->score[to->scores++] = score_of(set->metric[i], from->score[i]);
}

/* Names and what they point to in one block; NULL without names, or without memory. */
static const char **copy_names(const wn__sample_spec *spec)
{
    size_t size = (size_t)spec->classes * sizeof(char *);
    for (int k = 0; spec->class_names && k < spec->classes; k++)
        size += strlen(spec->class_names[k]) + 1;
    const char **names = spec->class_names ? wn__alloc(size) : NULL;
    char *text = names ? (char *)(names + spec->classes) : NULL;
    for (int k = 0; names && k < spec->classes; k++) {
        names[k] = strcpy(text, spec->class_names[k]);
        text += strlen(text) + 1;
    }
    return names;
}

static wn_status copy_evaluation(const wn__dataset *data, wn__evaluation *from, wn_evaluation *to)
{
    double *accuracy = from->confusion ? WN_NEW_ARRAY(double, data->facts.sample.classes) : NULL;
    if (from->confusion && !accuracy) return wn__no_memory((size_t)data->facts.sample.classes * sizeof *accuracy);
    *to = (wn_evaluation){
        .count = from->n,
        .accuracy = wn__evaluation_score(from, "accuracy"),
        .loss = from->loss,
        .soft_error = wn__evaluation_score(from, "soft-error"),
        .classes = data->facts.sample.classes,
        .class_names = copy_names(&data->facts.sample),
        .class_accuracy = accuracy,
        .confusion = from->confusion,
    };
    for (int k = 0; accuracy && k < data->facts.sample.classes; k++) {
        accuracy[k] = wn__evaluation_class_accuracy(from, k);
        to->correct += from->confusion[k * data->facts.sample.classes + k];
    }
    copy_scores(from, to);
    from->confusion = NULL; /* handed over */
    return WN_OK;
}

static wn_status evaluate(wn__context *c, const wn__safetensors *file, const wn_eval_options *o, wn_evaluation *out)
{
    wn__network net;
    wn__evaluator *evaluator = NULL;
    wn__evaluation got = {0};
    wn__part part;
    WN_TRY(pick_part(o->part, &part));
    wn_status status = wn__network_make(c->recipe->graph, &net);
    if (status == WN_OK) status = wn__network_read(file, WN__PART_VALUES | WN__PART_MASKS, NULL, &net.params);
    if (status != WN_OK) status = wn__fail_within(status, "%s: ", o->weights);
    if (status == WN_OK) status = wn__context_load(c);
    wn__loader_options loader = wn__context_loader(c, 0, true, 0);
    loader.part = part;
    const wn__backend *backend = wn__machine_backend(&c->machine, wn__network_is_masked(&net.params));
    if (status == WN_OK) status = wn__context_start(c, &net, backend, (wn__dtype)c->recipe->top.dtype);
    if (status == WN_OK)
        status = wn__evaluator_new(&loader, &(wn__evaluation_rule){.metrics = &c->recipe->train.metrics, .may_end = true}, &evaluator);
    if (status == WN_OK) status = wn__evaluator_run(evaluator, net.ex, c->devices.pool, true, &got);
    if (status == WN_OK) status = copy_evaluation(&c->data, &got, out);
    wn__evaluation_release(&got);
    wn__evaluator_free(evaluator);
    wn__network_release(&net);
    return status;
}

static wn_status evaluate_file(const wn__safetensors *file, wn__recipe *r, const wn_eval_options *o, wn_evaluation *out)
{
    WN_TRY(wn__recipe_needs_data(r, o->weights));
    WN_TRY(wn__weights_check_classes(file, o->weights, r));
    WN_TRY(wn__weights_build_graph(file, r, o->weights, wn__recipe_input(r)));
    const int threads = wn__machine_threads(o->threads, r->top.threads, 1, false);
    wn__context context = {.recipe = r, .data_folder = o->data_folder, .stop = o->stop};
    WN_TRY(wn__machine_choose(r->top.backend, (wn__dtype)r->top.dtype, threads, &context.machine));
    WN_TRY(wn__recipe_settle_targets(r));
    r->train_images = -1; /* not planned */
    const wn_status status = evaluate(&context, file, o, out);
    wn__context_release(&context);
    return status;
}

wn_status wn_eval(const wn_eval_options *options, wn_evaluation *evaluation)
{
    WN__COMPLETE(wn_eval_options, options);
    WN__NEED(options->weights);
    WN__NEED(evaluation);
    WN__NEED_TEXTS(options->sets, options->set);
    WN__NEED_COUNT(options->threads);
    static const char *const used[] = {"data",    "!data.augment", "!data.last_batch", "model", "!model.weights", "backend",       "dtype",
                                       "threads", "memory",        "kernels",          "world", "train.batch",    "train.metrics", NULL};
    wn__safetensors *file;
    wn__recipe *recipe = NULL;
    WN_TRY(wn__weights_open(options->weights, options->names, &file));
    wn_status status = wn__recipe_of_weights_on(file, options->weights, options->data, options->set, options->sets, &recipe);
    if (status == WN_OK) status = wn__used_keys_check(recipe->doc, "winnow eval", used);
    if (status == WN_OK) tell_nonfinite(file, options->weights);
    if (status == WN_OK) status = evaluate_file(file, recipe, options, evaluation);
    wn__recipe_free(recipe);
    wn__safetensors_close(file);
    return status;
}

void wn_evaluation_release(wn_evaluation *evaluation)
{
    if (!evaluation) return;
    wn__free((void *)evaluation->class_names);
    wn__free(evaluation->class_accuracy);
    wn__free(evaluation->confusion);
    *evaluation = (wn_evaluation){0};
}

/* ---- inspect */

static int64_t count_nonzero(const wn__st_tensor *t)
{
    const int size = wn__st_dtype_size(t->dtype);
    const bool is_float = t->dtype == WN__ST_F32 || t->dtype == WN__ST_F64 || t->dtype == WN__ST_BF16 || t->dtype == WN__ST_F16;
    const uint8_t *bytes = t->data;
    int64_t nonzero = 0;
    if (t->dtype == WN__ST_OTHER) return t->count; /* not told */
    for (int64_t i = 0; i < t->count; i++, bytes += size) {
        bool any = false;
        for (int b = 0; b < size; b++) /* -0.0 is a zero */
            any = any || (b == size - 1 && is_float ? bytes[b] & 0x7F : bytes[b]);
        nonzero += any;
    }
    return nonzero;
}

static bool ends_with(const char *name, const char *end)
{
    const size_t n = strlen(name), e = strlen(end);
    return n > e && strcmp(name + n - e, end) == 0;
}

/* "conv1" of "conv1.values". */
static const wn__st_tensor *find_part(const wn__safetensors *file, const char *name, int length, const char *part)
{
    char whole[512];
    snprintf(whole, sizeof whole, "%.*s%s", length, name, part);
    return wn__safetensors_find(file, whole);
}

/* Length of the name before the last dot; 0 without one. */
static int owner_length(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? (int)(dot - name) : 0;
}

/* Where a compressed weight keeps its rows (see src/network/network_file.h): shown with the values, not by itself. */
static bool is_index(const wn__safetensors *file, const wn__st_tensor *t)
{
    if (!ends_with(t->name, ".shape") && !ends_with(t->name, ".columns") && !ends_with(t->name, ".row_start")) return false;
    return find_part(file, t->name, owner_length(t->name), ".values") && find_part(file, t->name, owner_length(t->name), ".shape");
}

/* A tensor of the network itself: neither a mask nor a slot of another tensor ("conv1.weight.momentum"). */
static bool is_network_tensor(const wn__safetensors *file, const wn__st_tensor *t)
{
    const int owner = owner_length(t->name);
    if (ends_with(t->name, "_mask")) return false;
    return owner == 0 || (!find_part(file, t->name, owner, "") && !find_part(file, t->name, owner, ".shape"));
}

/* The dense shape of the weight whose values these are; false if they are no such thing. */
static bool compressed_info(const wn__safetensors *file, const wn__st_tensor *t, char *name, size_t size, wn_tensor_info *info)
{
    const wn__st_tensor *shape = ends_with(t->name, ".values") ? find_part(file, t->name, owner_length(t->name), ".shape") : NULL;
    if (!shape || shape->dtype != WN__ST_I64 || shape->ndim != 1 || shape->count < 1 || shape->count > WN_MAX_DIMS) return false;
    int64_t count = 1, dim[WN_MAX_DIMS] = {0};
    memcpy(dim, shape->data, (size_t)shape->count * sizeof *dim);
    for (int64_t d = 0; d < shape->count; d++)
        if (dim[d] < 1 || __builtin_mul_overflow(count, dim[d], &count)) return false;
    if (t->count > count) return false;
    snprintf(name, size, "%.*s", owner_length(t->name), t->name);
    *info = (wn_tensor_info){
        .name = name, .dtype = wn__st_type(t), .dims = (int)shape->count, .count = count, .nonzero = t->count, .compressed = true};
    memcpy(info->dim, dim, sizeof dim);
    return true;
}

static void plain_info(const wn__safetensors *file, const wn__st_tensor *t, wn_tensor_info *info)
{
    const wn__st_tensor *mask = find_part(file, t->name, (int)strlen(t->name), "_mask");
    *info = (wn_tensor_info){.name = t->name,
                             .dtype = wn__st_type(t),
                             .dims = t->ndim,
                             .count = t->count,
                             .nonzero = count_nonzero(mask ? mask : t),
                             .masked = mask != NULL};
    memcpy(info->dim, t->dim, sizeof info->dim);
}

static void inspect_tensor(const wn__safetensors *file, const wn__st_tensor *t, wn_tensor_visit visit, void *user, wn_file_summary *sum)
{
    char name[512];
    wn_tensor_info info;
    if (is_index(file, t)) return;
    if (!compressed_info(file, t, name, sizeof name, &info)) plain_info(file, t, &info);
    if (visit) visit(user, &info);
    if (!info.compressed && !is_network_tensor(file, t)) return;
    sum->tensors++;
    sum->count += info.count;
    sum->nonzero += info.nonzero;
    if (!info.masked && !info.compressed) return;
    sum->masked_count += info.count;
    sum->masked_nonzero += info.nonzero;
}

/* Of a file that does not say it: which network it may be of. */
static wn_status show_likeness(const wn__safetensors *file, wn_text_visit meta, void *user)
{
    wn__likeness likeness;
    wn__text text = {0};
    if (!meta || wn__safetensors_meta(file, "arch")) return WN_OK;
    WN_TRY(wn__likeness_find(file, &likeness));
    wn_status status = wn__likeness_show(file, &likeness, &text);
    if (status == WN_OK && text.failed) status = wn__no_memory(text.size);
    if (status == WN_OK) meta(user, "looks like", text.data);
    wn__text_release(&text);
    return status;
}

wn_status wn_inspect_named(const char *path, const char *names, wn_tensor_visit visit, wn_text_visit meta, void *user,
                           wn_file_summary *summary)
{
    WN__NEED(path);
    wn__safetensors *file;
    wn_file_summary sum = {0};
    WN_TRY(wn__file_size(path, &sum.bytes));
    WN_TRY(wn__weights_open(path, names, &file));
    sum.checked = wn__safetensors_has_crc(file);
    for (int i = 0; meta && i < wn__safetensors_meta_count(file); i++) {
        const char *key, *value;
        wn__safetensors_meta_at(file, i, &key, &value);
        meta(user, key, value);
    }
    tell_nonfinite(file, path);
    for (int i = 0; i < wn__safetensors_count(file); i++)
        inspect_tensor(file, wn__safetensors_at(file, i), visit, user, &sum);
    const wn_status status = show_likeness(file, meta, user);
    wn__safetensors_close(file);
    if (summary) *summary = sum;
    return status;
}

wn_status wn_inspect(const char *path, wn_tensor_visit visit, wn_text_visit meta, void *user, wn_file_summary *summary)
{
    WN__NEED(path);
    return wn_inspect_named(path, NULL, visit, meta, user, summary);
}
