#include "run/results_writer.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "io/json_file.h"
#include "run/stage.h"
#include "run/store.h"
#include "train/confusion_file.h"
#include "train/trainer.h"

struct wn__results_writer {
    const wn__agenda *plan;
    const char *root;
    json_t **result; /* (stages) of done stages, NULL for others; kept between writes */
    bool *needed;    /* (stages) scratch */
};

static const wn__selection *row_selection(const wn__recipe *r, int row) { return &r->selection[r->row[row].selection]; }

wn_status wn__results_writer_new(const wn__agenda *plan, const char *root, wn__results_writer **out)
{
    wn__results_writer *r = WN_NEW(wn__results_writer);
    if (!r) return wn__no_memory(sizeof *r);
    r->plan = plan;
    r->root = root;
    r->result = WN_NEW_ARRAY(json_t *, plan->stages);
    r->needed = WN_NEW_ARRAY(bool, plan->stages);
    if (!r->result || !r->needed) {
        wn__results_writer_free(r);
        return wn__no_memory((size_t)plan->stages * sizeof *r->result);
    }
    *out = r;
    return WN_OK;
}

void wn__results_writer_free(wn__results_writer *r)
{
    if (!r) return;
    for (int i = 0; r->result && i < r->plan->stages; i++)
        json_decref(r->result[i]);
    wn__free(r->result);
    wn__free(r->needed);
    wn__free(r);
}

static wn_status load_results(wn__results_writer *r)
{
    for (int i = 0; i < r->plan->stages; i++) {
        const char *identity = r->plan->stage[i].identity;
        if (!r->result[i] && wn__store_is_done(r->root, identity)) WN_TRY(wn__store_result(r->root, identity, &r->result[i]));
    }
    return WN_OK;
}

/* ---- cost */

static int64_t soft_end(const wn__train_plan *t) { return t->spec.soft_until < t->spec.last ? t->spec.soft_until : t->spec.last; }

/* Stages with the same cache that read it in `epoch` of the stream. */
static int users_in(const wn__agenda *plan, int cache, int64_t epoch)
{
    const int64_t per = plan->recipe->clock.steps_per_epoch;
    int users = 0;
    for (int i = 0; i < plan->stages; i++) {
        const wn__train_plan *t = &plan->stage[i].train;
        if (plan->stage[i].kind != WN__STAGE_TRAIN || t->cache != cache) continue;
        users += t->spec.first + t->spec.data_offset < (epoch + 1) * per && soft_end(t) + t->spec.data_offset > epoch * per;
    }
    return users;
}

static int64_t lower(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t upper(int64_t a, int64_t b) { return a > b ? a : b; }

double wn__teacher_images(const wn__agenda *plan, const wn__train_plan *t)
{
    const wn__recipe *r = plan->recipe;
    if (!t->spec.loss.soft) return 0;
    if (t->cache < 0) return (double)wn__soft_images(r, t);
    const int64_t per = r->clock.steps_per_epoch, first = t->spec.first + t->spec.data_offset, end = soft_end(t) + t->spec.data_offset;
    double images = 0;
    for (int64_t e = first / per; e * per < end; e++)
        images += (double)wn__images_between(r, upper(first, e * per), lower(end, (e + 1) * per)) / users_in(plan, t->cache, e);
    return images;
}

static int teacher_users(const wn__agenda *plan, const wn__train_plan *t)
{
    int users = 0;
    if (!t->spec.loss.soft) return 0;
    for (int i = 0; i < plan->stages; i++)
        users += plan->stage[i].kind == WN__STAGE_TRAIN && t->cache >= 0 && plan->stage[i].train.cache == t->cache;
    return users ? users : 1;
}

/* FLOPs and seconds of everything that a stage needed; r->needed is marked. */
static void total_cost(wn__results_writer *r, int stage, double *flops, double *seconds)
{
    const wn__agenda *plan = r->plan;
    memset(r->needed, 0, (size_t)plan->stages * sizeof *r->needed);
    wn__agenda_mark_needed(plan, stage, r->needed);
    *flops = *seconds = 0;
    for (int i = 0; i < plan->stages; i++) {
        if (!r->needed[i] || !r->result[i]) continue;
        *seconds += json_number_value(json_object_get(r->result[i], "seconds"));
        *flops += json_number_value(json_object_get(r->result[i], "score_flops")); /* of masks by some scores */
        if (plan->stage[i].kind != WN__STAGE_TRAIN) continue;
        *flops += json_number_value(json_object_get(r->result[i], "train_flops"));
        *flops += wn__teacher_images(plan, &plan->stage[i].train) * (double)plan->stage[i].train.teacher.flops;
    }
}

/* Identities in an order in which they could run; `stage` last. r->needed holds what is still to come. */
static wn_status append_stages(wn__results_writer *r, int stage, json_t *list)
{
    if (!r->needed[stage]) return WN_OK;
    r->needed[stage] = false;
    const wn__stage *s = &r->plan->stage[stage];
    for (int i = 0; i < s->parents; i++)
        WN_TRY(append_stages(r, s->parent[i], list));
    return json_array_append_new(list, json_string(s->identity)) == 0 ? WN_OK : wn__no_memory(128);
}

/* ---- a row */

static wn_status set_int(json_t *o, const char *key, int64_t value) { return wn__slice_set(o, key, json_integer(value)); }
static wn_status set_real(json_t *o, const char *key, double value) { return wn__slice_set(o, key, wn__json_real_or_null(value)); }
static wn_status set_text(json_t *o, const char *key, const char *value) { return wn__slice_set(o, key, json_string(value)); }

/* `to` of `out` = `from` of `result`; left out where that has none. */
static wn_status copy(json_t *out, const char *to, const json_t *result, const char *from)
{
    json_t *value = json_object_get(result, from);
    return value ? wn__slice_set(out, to, json_incref(value)) : WN_OK;
}

static wn_status add_labels(json_t *out, const wn__agenda *plan, const wn__row *row, const wn__train_plan *t)
{
    const wn_target_kind targets = wn__recipe_targets(plan->recipe);
    const int64_t classes = plan->recipe->data.facts.sample.classes;
    json_t *labels = json_object();
    WN_TRY(wn__slice_set(out, "labels", labels));
    WN_TRY(set_text(labels, "kind", t->spec.loss.soft ? "soft" : row->axes.labels == WN__LABELS_SMOOTH ? "smooth" : "hard"));
    if (t->spec.loss.smoothing > 0) WN_TRY(set_real(labels, "smoothing", t->spec.loss.smoothing));
    if (!t->spec.loss.soft) return WN_OK;
    WN_TRY(set_text(labels, "teacher", t->teacher.files ? t->teacher.files->file[0].file : plan->stage[t->teacher.stage].identity));
    WN_TRY(set_real(labels, "temperature", t->spec.loss.temperature));
    WN_TRY(set_real(labels, "alpha", t->spec.loss.alpha));
    WN_TRY(set_text(labels, "kl", t->spec.loss.reduction == WN__KL_MEAN ? "mean" : "batchmean"));
    if (t->spec.soft_until < INT64_MAX) WN_TRY(set_int(labels, "until_step", t->spec.soft_until));
    WN_TRY(set_real(labels, "kl_weight", wn__loss_soft_weight(&t->spec.loss, targets, classes)));
    return set_real(labels, "gradient_scale", wn__loss_soft_gradient_scale(&t->spec.loss, targets, classes));
}

static wn_status add_paths(json_t *out, const char *identity)
{
    static const char *const files[][2] = {{"metrics", "metrics.jsonl"}, {"timing", "timing.jsonl"}, {"weights", "final.safetensors"}};
    char path[128];
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "../stages/%.16s/%s", identity, files[i][1]);
        WN_TRY(set_text(out, files[i][0], path));
    }
    return WN_OK;
}

/* Of stages that have it: older ones do not, nor those of many classes. */
static wn_status add_confusion(json_t *out, const char *root, const char *identity)
{
    char path[128];
    char *folder = wn__store_stage_folder(root, identity), *file = folder ? wn__path_join(folder, WN__CONFUSION_FILE) : NULL;
    const bool there = file && wn__file_exists(file);
    wn_status status = file ? WN_OK : wn__no_memory(strlen(root));
    snprintf(path, sizeof path, "../stages/%.16s/%s", identity, WN__CONFUSION_FILE);
    wn__free(file);
    wn__free(folder);
    return there ? set_text(out, "confusion", path) : status;
}

/* Of the file of weights as it lies there. */
static wn_status add_file_bytes(json_t *out, const char *root, const char *identity)
{
    int64_t bytes;
    char *folder = wn__store_stage_folder(root, identity);
    char *path = folder ? wn__train_final_path(folder) : NULL;
    wn_status status = path ? WN_OK : wn__no_memory(strlen(root));
    if (status == WN_OK && wn__file_exists(path)) {
        status = wn__file_size(path, &bytes);
        if (status == WN_OK) status = set_int(out, "file_bytes", bytes);
    }
    wn__free(path);
    wn__free(folder);
    return status;
}

/* Layers with `selected`, and the sums over them. */
static wn_status add_layers(json_t *out, const wn__results_writer *r, int row, const json_t *result)
{
    const wn_graph *graph = r->plan->recipe->graph;
    const wn__selection *selection = row_selection(r->plan->recipe, row);
    json_t *layers = json_deep_copy(json_object_get(result, "layers")), *layer;
    int64_t selected = 0, nonzero = 0;
    size_t index;
    WN_TRY(wn__slice_set(out, "layers", layers));
    json_array_foreach(layers, index, layer)
    {
        const char *name = json_string_value(json_object_get(layer, "name"));
        bool in = false;
        for (int p = 0; p < graph->params && p < selection->count; p++)
            in = in || (selection->selected[p] && name && strcmp(graph->param[p].name, name) == 0);
        WN_TRY(wn__slice_set(layer, "selected", json_boolean(in)));
        selected += in ? json_integer_value(json_object_get(layer, "count")) : 0;
        nonzero += in ? json_integer_value(json_object_get(layer, "nonzero")) : 0;
    }
    WN_TRY(set_int(out, "selected", selected));
    WN_TRY(set_int(out, "selected_nonzero", nonzero));
    return set_real(out, "sparsity_selected", selected ? 1 - (double)nonzero / (double)selected : 0);
}

/* "<to><key of the metric><to_end>" of `out` = "<from><key><from_end>" of `result`. */
typedef struct score_names {
    const char *to, *to_end, *from, *from_end;
} score_names;

static wn_status copy_score(json_t *out, const json_t *result, const wn__metric *m, score_names names)
{
    char to[96], from[96];
    snprintf(to, sizeof to, "%s%s%s", names.to, m->key, names.to_end);
    snprintf(from, sizeof from, "%s%s%s", names.from, m->key, names.from_end);
    return copy(out, to, result, from);
}

static const score_names of_test = {"test_", "", "test_", ""}, of_validation = {"validation_", "", "validation_", ""},
                         of_best = {"test_", "_at_best_validation", "best_test_", ""},
                         of_average = {"average_test_", "", "average_test_", ""},
                         of_average_validation = {"average_validation_", "", "average_validation_", ""},
                         of_pruned = {"pruned_", "", "pruned_", ""},
                         of_reestimated = {"pruned_", "_reestimated_bn", "pruned_", "_reestimated_bn"};

/* Of the test part all metrics, the headline first; of the validation part the headline and what the recipe asks for by name. */
static wn_status copy_scores(json_t *out, const wn__recipe *recipe, const json_t *result)
{
    const wn__metric_set *set = &recipe->train.metrics;
    const wn__metric *headline = wn__metric_headline(set);
    WN_TRY(copy_score(out, result, headline, of_test));
    for (int i = 0; i < set->count; i++)
        if (i != set->headline) WN_TRY(copy_score(out, result, set->metric[i], of_test));
    WN_TRY(copy_score(out, result, headline, of_validation));
    for (int i = 0; i < recipe->train.askeds; i++)
        WN_TRY(copy_score(out, result, recipe->train.asked[i], of_validation));
    return WN_OK;
}

static wn_status add_scores(json_t *out, const wn__recipe *recipe, const json_t *result)
{
    static const char *const same[] = {"steps", "bytes", "network", "network_nonzero", "inference_flops", "teacher_images", "seconds"};
    WN_TRY(copy_scores(out, recipe, result));
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        WN_TRY(copy(out, same[i], result, same[i]));
    WN_TRY(copy(out, "topology", result, "topology"));
    WN_TRY(copy(out, "small", result, "small"));
    WN_TRY(copy(out, "wide", result, "wide"));
    WN_TRY(copy(out, "train_flops_ratio", result, "train_flops_ratio"));
    WN_TRY(copy_score(out, result, wn__metric_headline(&recipe->train.metrics), of_best));
    WN_TRY(copy_score(out, result, wn__metric_headline(&recipe->train.metrics), of_average));
    WN_TRY(copy_score(out, result, wn__metric_headline(&recipe->train.metrics), of_average_validation));
    WN_TRY(copy(out, "parameters", result, "network_nonzero"));
    WN_TRY(copy(out, "train_flops_stage", result, "train_flops"));
    WN_TRY(set_int(out, "test_count", recipe->test_images));
    const json_t *best = json_object_get(result, "best_step");
    const int64_t per = recipe->clock.steps_per_epoch;
    WN_TRY(wn__slice_set(out, "best_validation_epoch", json_is_integer(best) ? json_integer(json_integer_value(best) / per) : json_null()));
    WN_TRY(set_real(out, "epochs", (double)json_integer_value(json_object_get(result, "steps")) / (double)per));
    const double network = json_number_value(json_object_get(result, "network"));
    const double dense = (double)wn_graph_forward_flops(recipe->graph);
    WN_TRY(set_real(out, "flops_ratio", json_number_value(json_object_get(result, "inference_flops")) / dense));
    return set_real(out, "sparsity_network", network > 0 ? 1 - json_number_value(json_object_get(result, "network_nonzero")) / network : 0);
}

/* Straight after pruning, and whose weights these are: a stage's, or those of a file. */
static wn_status add_pruned(json_t *out, const wn__agenda *plan, int evaluate, const json_t *result)
{
    const wn__evaluate_plan *e = &plan->stage[evaluate].evaluate;
    const wn__metric *headline = wn__metric_headline(&plan->recipe->train.metrics);
    WN_TRY(copy_score(out, result, headline, of_pruned));
    WN_TRY(copy_score(out, result, headline, of_reestimated));
    return set_text(out, "pruned_from", e->source < 0 ? e->file : plan->stage[e->source].identity);
}

static wn_status add_numbers(json_t *out, wn__results_writer *r, const wn__agenda_row *row)
{
    const wn__agenda *plan = r->plan;
    const wn__stage *stage = &plan->stage[row->train];
    const json_t *result = r->result[row->train];
    double flops, seconds;
    WN_TRY(add_scores(out, plan->recipe, result));
    WN_TRY(add_layers(out, r, row->row, result));
    if (row->evaluate >= 0 && r->result[row->evaluate]) WN_TRY(add_pruned(out, plan, row->evaluate, r->result[row->evaluate]));
    total_cost(r, row->train, &flops, &seconds);
    WN_TRY(set_real(out, "train_flops_total", flops));
    WN_TRY(set_real(out, "seconds_total", seconds));
    WN_TRY(set_int(out, "rounds", row->rounds));
    WN_TRY(set_int(out, "teacher_users", teacher_users(plan, &stage->train)));
    WN_TRY(add_labels(out, plan, &plan->recipe->row[row->row], &stage->train));
    WN_TRY(add_paths(out, stage->identity));
    WN_TRY(add_confusion(out, r->root, stage->identity));
    WN_TRY(add_file_bytes(out, r->root, stage->identity));
    json_t *stages = json_array();
    WN_TRY(wn__slice_set(out, "stages", stages));
    return append_stages(r, row->train, stages);
}

double wn__learned_sparsity(double mean) { return floor(1e4 * mean) / 1e4; }

/* What was asked for; where sparsity is learned, what has been reached: the mean over the seeds that are done, so that they share a cell. */
static double sparsity_of(const wn__results_writer *r, const wn__agenda_row *row)
{
    const wn__agenda *plan = r->plan;
    const wn__recipe *recipe = plan->recipe;
    if (recipe->row[row->row].axes.mask != WN__MASK_LEARNED) return row->sparsity;
    const wn__selection *selection = row_selection(recipe, row->row);
    double sum = 0;
    int done = 0;
    for (int i = 0; i < plan->rows; i++) {
        const json_t *layers = plan->row[i].row == row->row ? json_object_get(r->result[plan->row[i].train], "layers") : NULL, *layer;
        int64_t active = 0;
        size_t index;
        if (!layers) continue;
        json_array_foreach((json_t *)layers, index, layer)
        {
            const char *name = json_string_value(json_object_get(layer, "name"));
            for (int p = 0; name && p < selection->count; p++)
                if (selection->selected[p] && strcmp(recipe->graph->param[p].name, name) == 0)
                    active += json_integer_value(json_object_get(layer, "nonzero"));
        }
        sum += 1 - (double)active / (double)selection->weights;
        done++;
    }
    return done ? wn__learned_sparsity(sum / done) : 0;
}

static wn_status add_row(json_t *rows, wn__results_writer *r, const wn__agenda_row *row)
{
    const wn__stage *stage = &r->plan->stage[row->train];
    wn__stage_state state = wn__store_state(r->root, stage->identity);
    if (state == WN__STATE_INTERRUPTED || (state == WN__STATE_DONE && !r->result[row->train])) state = WN__STATE_WAITING;
    json_t *out = json_object();
    if (json_array_append_new(rows, out) != 0) return wn__no_memory(256);
    WN_TRY(set_text(out, "method", r->plan->recipe->row[row->row].name));
    WN_TRY(set_real(out, "sparsity", sparsity_of(r, row)));
    WN_TRY(set_int(out, "seed", (int64_t)row->seed));
    WN_TRY(set_text(out, "stage", stage->identity));
    WN_TRY(set_text(out, "state", wn__stage_state_names[state]));
    if (state == WN__STATE_DONE) return add_numbers(out, r, row);
    if (state != WN__STATE_FAILED) return WN_OK;
    char message[2048] = "";
    wn_status why;
    WN_TRY(wn__store_failure(r->root, stage, &why, message, sizeof message));
    return set_text(out, "message", message);
}

/* In the recipe's order: methods, then sparsities, then seeds (the plan runs seed by seed). */
static wn_status add_rows(json_t *rows, wn__results_writer *r)
{
    const wn__agenda *plan = r->plan;
    const int seeds = plan->recipe->seeds, per_seed = plan->rows / seeds;
    for (int i = 0; i < per_seed; i++)
        for (int s = 0; s < seeds; s++)
            WN_TRY(add_row(rows, r, &plan->row[s * per_seed + i]));
    return WN_OK;
}

/* ---- the whole */

static wn_status add_methods(json_t *root, const wn__recipe *r)
{
    json_t *methods = json_array();
    WN_TRY(wn__slice_set(root, "methods", methods));
    for (int i = 0; i < r->methods; i++) {
        const wn__row *row = &r->row[r->compared[i]];
        json_t *method = json_object();
        if (json_array_append_new(methods, method) != 0) return wn__no_memory(256);
        WN_TRY(set_text(method, "name", row->name));
        WN_TRY(set_text(method, "like", row->base));
        WN_TRY(set_text(method, "summary", row->method->summary));
        if (row->method->paper) WN_TRY(set_text(method, "paper", row->method->paper));
        WN_TRY(set_text(method, "mask", wn__method_mask_names[row->axes.mask]));
        WN_TRY(set_text(method, "labels", wn__method_labels_names[row->axes.labels]));
        WN_TRY(wn__slice_table(method, wn__method_settings, &row->axes, &r->clock));
        WN_TRY(set_text(method, "topology", wn__grow_names[row->axes.topology.grow]));
    }
    return WN_OK;
}

static wn_status add_model(json_t *root, const wn__results_writer *r)
{
    const wn__recipe *recipe = r->plan->recipe;
    const wn_graph *graph = recipe->graph;
    const wn__selection *selection = row_selection(recipe, recipe->compared[0]);
    json_t *model = json_object(), *names = json_array();
    WN_TRY(wn__slice_set(root, "model", model));
    WN_TRY(set_text(model, "arch", recipe->arch));
    if (recipe->model.file) {
        char digest[WN__SHA256_TEXT];
        WN_TRY(wn__sha256_file(recipe->model.file, digest));
        WN_TRY(set_text(model, "file", digest));
    }
    WN_TRY(set_int(model, "parameters", wn_graph_parameter_count(graph)));
    WN_TRY(set_int(model, "inference_flops", wn_graph_forward_flops(graph)));
    WN_TRY(wn__slice_set(model, "selection", names));
    for (int i = 0; i < selection->count; i++)
        if (selection->selected[i] && json_array_append_new(names, json_string(graph->param[i].name)) != 0) return wn__no_memory(64);
    return set_int(model, "selected", selection->weights);
}

static wn_status add_compare(json_t *root, const wn__recipe *r)
{
    json_t *compare = json_object(), *methods = json_array(), *sparsity = json_array(), *seeds = json_array();
    WN_TRY(wn__slice_set(root, "compare", compare));
    WN_TRY(wn__slice_set(compare, "methods", methods));
    WN_TRY(wn__slice_set(compare, "sparsity", sparsity));
    WN_TRY(wn__slice_set(compare, "seeds", seeds));
    for (int i = 0; i < r->methods; i++)
        json_array_append_new(methods, json_string(r->row[r->compared[i]].name));
    for (int i = 0; i < r->sparsities; i++)
        json_array_append_new(sparsity, json_real(r->sparsity[i]));
    for (int i = 0; i < r->seeds; i++)
        json_array_append_new(seeds, json_integer((json_int_t)r->seed[i]));
    return WN_OK;
}

static wn_status add_facts(json_t *root, const wn__results_writer *r)
{
    const wn__recipe *recipe = r->plan->recipe;
    const wn__clock *clock = &recipe->clock;
    WN_TRY(wn__slice_set(root, "environment", wn__environment(r->plan, NULL)));
    WN_TRY(wn__slice_set(root, "data",
                         json_pack("{s:s, s:i, s:I, s:I, s:I, s:I}", "set", recipe->data.type->name, "classes",
                                   recipe->data.facts.sample.classes, "train", (json_int_t)recipe->train_images, "validation",
                                   (json_int_t)recipe->validation_images, "test", (json_int_t)recipe->test_images, "steps_per_epoch",
                                   (json_int_t)clock->steps_per_epoch)));
    if (recipe->data.contents_key[0])
        WN_TRY(wn__slice_set(json_object_get(root, "data"), "contents", json_string(recipe->data.contents_key)));
    WN_TRY(add_model(root, r));
    WN_TRY(wn__slice_set(root, "train",
                         json_pack("{s:f, s:I, s:I}", "epochs", (double)clock->total / (double)clock->steps_per_epoch, "steps",
                                   (json_int_t)clock->total, "batch", (json_int_t)recipe->train.batch)));
    const wn__mask_section *m = &recipe->mask;
    WN_TRY(wn__slice_set(root, "mask",
                         json_pack("{s:s, s:s, s:s, s:I, s:f, s:s}", "score", wn__saliency_names[m->scoring.score], "scope",
                                   wn__scope_names[m->scope], "rule", wn__prune_rule_names[m->rule], "rounds", (json_int_t)m->rounds,
                                   "rate", m->rate, "inner", wn__inner_names[m->inner])));
    WN_TRY(add_compare(root, recipe));
    WN_TRY(add_methods(root, recipe));
    return wn__slice_set(root, "report",
                         json_pack("{s:o, s:o, s:f}", "baseline", wn__json_texts(recipe->report.baseline, recipe->report.baselines),
                                   "claims", wn__json_texts(recipe->report.claim, recipe->report.claims), "margin", recipe->report.margin));
}

/* Cells of the comparison that cannot be, and why. */
static wn_status add_skipped(json_t *root, const wn__agenda *plan)
{
    json_t *skipped = json_array();
    WN_TRY(wn__slice_set(root, "skipped", skipped));
    for (int i = 0; i < plan->skips; i++) {
        const wn__skip *s = &plan->skip[i];
        json_t *cell = json_pack("{s:s, s:f, s:s}", "method", plan->recipe->row[s->row].name, "sparsity", s->sparsity, "reason", s->reason);
        if (json_array_append_new(skipped, cell) != 0) return wn__no_memory(256);
    }
    return WN_OK;
}

static wn_status fill(wn__results_writer *r, json_t *root)
{
    const wn__recipe *recipe = r->plan->recipe;
    bool complete = true;
    for (int i = 0; i < r->plan->rows; i++)
        complete = complete && r->result[r->plan->row[i].train];
    WN_TRY(set_text(root, "format", "winnow-results"));
    WN_TRY(set_int(root, "version", 1));
    WN_TRY(set_text(root, "name", recipe->top.name));
    WN_TRY(set_text(root, "winnow", wn_version()));
    WN_TRY(wn__slice_set(root, "complete", json_boolean(complete)));
    WN_TRY(wn__slice_set(root, "short_budget", json_boolean(recipe->report.short_budget)));
    WN_TRY(set_text(root, "recipe", "recipe.yaml"));
    WN_TRY(set_text(root, "resolved", "resolved.yaml"));
    /* Absent of results that are told by accuracy, as all were before there were others. */
    const wn__metric *headline = wn__metric_headline(&recipe->train.metrics);
    if (headline != wn__metric_usual(WN_TARGET_CLASS)) WN_TRY(set_text(root, "headline", headline->name));
    WN_TRY(add_facts(root, r));
    if (r->plan->skips) WN_TRY(add_skipped(root, r->plan));
    json_t *rows = json_array();
    WN_TRY(wn__slice_set(root, "rows", rows));
    return add_rows(rows, r);
}

wn_status wn__results_writer_write(wn__results_writer *r, const char *folder)
{
    WN_TRY(load_results(r));
    char *path = wn__path_join(folder, "results.json");
    json_t *root = json_object();
    wn_status status = path && root ? fill(r, root) : wn__no_memory(256);
    if (status == WN_OK) status = wn__json_save(path, root);
    json_decref(root);
    wn__free(path);
    return status;
}

wn_status wn__results_headline(const json_t *root, const wn__metric **out)
{
    const char *name = json_string_value(json_object_get(root, "headline"));
    if (wn__metric_find(name ? name : "accuracy", out) == WN_OK) return WN_OK;
    return wn__fail(WN_EFORMAT, "the headline \"%s\" is no metric that this program knows", name);
}
