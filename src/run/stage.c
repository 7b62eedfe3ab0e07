#include "run/stage.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "network/masks_file.h"
#include "network/misfit.h"
#include "network/weights_file.h"
#include "recipe/drawn.h"
#include "run/pruning.h"
#include "run/store.h"
#include "run/teachers.h"
#include "sparse/basis/basis_map.h"
#include "sparse/cost.h"
#include "sparse/prune/reach.h"
#include "train/evaluate.h"

char *wn__stage_file(const wn__context *c, int index, const char *name)
{
    char *folder = wn__store_stage_folder(c->root, c->plan->stage[index].identity);
    char *path = folder ? wn__path_join(folder, name) : NULL;
    wn__free(folder);
    return path;
}

static wn_status need_file(const wn__context *c, int index, const char *name, char **path)
{
    *path = wn__stage_file(c, index, name);
    return *path ? WN_OK : wn__no_memory(64);
}

/* ---- bases */

wn_status wn__stage_enter_basis(const wn__context *c, const wn__mask_section *section, uint64_t seed, int mask, wn__params *params)
{
    char *path;
    wn__safetensors *file = NULL;
    if (!wn__basis_maps(section->basis.kind)) return WN_OK;
    if (mask >= 0 && wn__basis_is_fitted(section->basis.kind)) {
        WN_TRY(need_file(c, mask, "mask.safetensors", &path));
        const wn_status status = wn__safetensors_open(path, &file);
        wn__free(path);
        if (status != WN_OK) return wn__context_file_failed(c, mask, status);
    }
    const wn_status status = wn__pruning_enter_basis(c->recipe, section, seed, file, params);
    wn__safetensors_close(file);
    return status;
}

/* ---- masks */

static wn_status load_final(const wn__context *c, int index, int parts, wn__params *params)
{
    char *path;
    WN_TRY(need_file(c, index, "final.safetensors", &path));
    const wn_status status = wn__network_load(path, parts, params);
    wn__free(path);
    return wn__context_file_failed(c, index, status);
}

static wn_status load_masks(const wn__context *c, int index, wn__params *params)
{
    char *path;
    WN_TRY(need_file(c, index, "mask.safetensors", &path));
    const wn_status status = wn__masks_load(path, params);
    wn__free(path);
    if (status != WN_EMISMATCH) return wn__context_file_failed(c, index, status);
    return wn__fail_within(status, "this store has the mask of another data set under the same key, use another store: ");
}

wn_status wn__stage_load_coefficients(const wn__context *c, const wn__mask_section *section, uint64_t seed, int mask, wn__params *params)
{
    WN_TRY(wn__stage_enter_basis(c, section, seed, mask, params));
    if (mask < 0 || section->basis.kind == WN__BASIS_LOW_RANK) return WN_OK;
    return load_masks(c, mask, params);
}

/* What a stage trained, to be pruned: as coefficients of the basis, exactly those that it trained if it had the same. */
static wn_status load_source(const wn__context *c, const wn__pruning *p, int index, wn__params *params)
{
    char *path;
    wn__safetensors *file;
    WN_TRY(need_file(c, index, "final.safetensors", &path));
    wn_status status = wn__safetensors_open(path, &file);
    if (status == WN_OK) {
        status = wn__pruning_read(c->recipe, p, file, params);
        if (status != WN_OK) status = wn__fail_within(status, "%s: ", path);
        wn__safetensors_close(file);
    }
    wn__free(path);
    return wn__context_file_failed(c, index, status);
}

/* All but the last layer, which is drawn. */
static wn_status read_but_head(const wn__context *c, const wn__safetensors *file, int parts, uint64_t seed, wn__params *params)
{
    bool *head = WN_NEW_ARRAY(bool, params->count);
    if (!head) return wn__no_memory((size_t)params->count);
    for (int i = 0; i < params->count; i++)
        head[i] = wn__is_of_head(c->recipe->graph, i);
    wn_status status = wn__init_params(params, &c->recipe->train.init, seed);
    if (status == WN_OK) status = wn__network_read_some(file, parts, NULL, head, params);
    wn__free(head);
    return status;
}

wn_status wn__stage_load_weights(const wn__context *c, const char *path, int parts, uint64_t seed, wn__params *params)
{
    wn__safetensors *file;
    WN_TRY(wn__weights_open(path, wn__start_names(c->recipe, path), &file));
    const wn_status status =
        wn__start_has_new_head(c->plan, path) ? read_but_head(c, file, parts, seed, params) : wn__network_read(file, parts, NULL, params);
    wn__safetensors_close(file);
    return status == WN_OK ? WN_OK : wn__fail_within(status, "%s: ", path);
}

static wn_status load_initial(const wn__context *c, const wn__stage *stage, wn__params *params)
{
    if (stage->mask.start_file[0]) return wn__stage_load_weights(c, stage->mask.start_file, WN__PART_VALUES, stage->seed, params);
    return wn__init_params(params, &c->recipe->train.init, stage->seed);
}

static wn_status make_masks(wn__context *c, const wn__stage *stage, const wn_graph *graph, wn__params *params, json_t *result)
{
    const wn__mask_plan *m = &stage->mask;
    const wn__pruning how = {.section = &m->section, .sparsity = m->sparsity, .seed = stage->seed, .third = m->third};
    if (m->drawn) return wn__drawn_masks(graph, params, &m->section, m->sparsity, stage->seed);
    if (m->shuffle_of >= 0) {
        if (wn__basis_is_fitted(m->section.basis.kind)) { /* directions have vectors, and masks of their own shape */
            WN_TRY(load_final(c, c->plan->stage[m->shuffle_of].mask.source, WN__PART_VALUES, params));
            WN_TRY(wn__stage_enter_basis(c, &m->section, stage->seed, m->shuffle_of, params));
        }
        WN_TRY(load_masks(c, m->shuffle_of, params));
        return wn__pruning_shuffle(c->recipe, &how, params);
    }
    if (m->section.file[0]) return wn__masks_load(m->section.file, params);
    if (m->taken) return load_final(c, m->source, WN__PART_VALUES | WN__PART_MASKS, params);
    if (m->initial) {
        WN_TRY(load_initial(c, stage, params));
        WN_TRY(wn__pruning_enter_basis(c->recipe, &m->section, stage->seed, NULL, params));
    } else {
        WN_TRY(load_source(c, &how, m->source, params));
    }
    wn__context_scorer with;
    wn_status status = wn__context_scorer_open(c, &how, &with);
    if (status == WN_OK) status = wn__pruning_run(c->recipe, &how, &with.scorer, params, result);
    wn__context_scorer_release(&with);
    return status;
}

wn_status wn__stage_mask(wn__context *c, const wn__stage *stage, const char *folder, json_t *result)
{
    wn__params params = {0};
    wn__stage_network network;
    WN_TRY(wn__stage_network_open(c->recipe, &stage->mask.network, &network));
    char *path = wn__path_join(folder, "mask.safetensors");
    wn_status status = path ? wn__graph_make_params(network.graph, &params) : wn__no_memory(64);
    if (status == WN_OK) status = make_masks(c, stage, network.graph, &params, result);
    if (status == WN_OK && !wn__basis_maps(stage->mask.section.basis.kind)) status = wn__reach_check(network.graph, &params);
    if (status == WN_OK) status = wn__masks_save(path, &params);
    if (status == WN_OK) status = wn__stage_add_cost(network.graph, &params, result, NULL);
    wn__params_release(&params);
    wn__stage_network_close(&network);
    wn__free(path);
    return status;
}

/* ---- evaluation straight after pruning */

/* "pruned_accuracy", "pruned_loss"; with `behind` after each. */
static wn_status add_pruned(json_t *result, const wn__evaluation *e, const char *behind)
{
    const int told[] = {e->metrics.headline, e->metrics.loss};
    char key[96];
    for (int i = 0; i < 2; i++) {
        snprintf(key, sizeof key, "pruned_%s%s", e->metrics.metric[told[i]]->key, behind);
        WN_TRY(wn__slice_set(result, key, wn__json_real_or_null(e->score[told[i]])));
    }
    return WN_OK;
}

static wn_status evaluate_twice(wn__context *c, wn__executor *ex, uint64_t seed, json_t *result)
{
    wn__loader_options loader = wn__context_loader(c, seed, false, 0);
    wn__loader_options test = loader;
    test.part = WN__PART_TEST;
    wn__evaluator *evaluator;
    wn__evaluation plain = {0}, again = {0};
    const wn__evaluation_rule rule = {.metrics = &c->recipe->train.metrics};
    WN_TRY(wn__evaluator_new(&test, &rule, &evaluator));
    wn_status status = wn__evaluator_run(evaluator, ex, c->devices.pool, false, &plain);
    if (status == WN_OK) status = wn__reestimate_statistics(ex, &loader, 0);
    if (status == WN_OK) status = wn__evaluator_run(evaluator, ex, c->devices.pool, false, &again);
    wn__evaluator_free(evaluator);
    WN_TRY(status);
    WN_TRY(add_pruned(result, &plain, ""));
    return add_pruned(result, &again, "_reestimated_bn");
}

/* Masks first, where they are over weights: what is loaded then obeys them. */
static wn_status load_pruned(const wn__context *c, const wn__evaluate_plan *plan, uint64_t seed, wn__params *params)
{
    const wn__mask_section *section = &c->plan->stage[plan->mask].mask.section;
    const bool maps = wn__basis_maps(section->basis.kind);
    if (!maps) WN_TRY(load_masks(c, plan->mask, params));
    WN_TRY(plan->source < 0 ? wn__stage_load_weights(c, plan->file, WN__PART_VALUES, seed, params)
                            : load_final(c, plan->source, WN__PART_VALUES, params));
    return maps ? wn__stage_load_coefficients(c, section, seed, plan->mask, params) : WN_OK;
}

wn_status wn__stage_evaluate(wn__context *c, const wn__stage *stage, const char *folder, json_t *result)
{
    (void)folder;
    wn__network net;
    wn_status status = wn__network_make(c->recipe->graph, &net);
    if (status == WN_OK) status = load_pruned(c, &stage->evaluate, stage->seed, &net.params);
    if (status == WN_OK) status = wn__context_start(c, &net, wn__stage_backend(c->plan, stage), (wn__dtype)c->recipe->top.dtype);
    if (status == WN_OK) status = evaluate_twice(c, net.ex, stage->seed, result);
    wn__network_release(&net);
    return status;
}

/* ---- soft labels */

typedef struct labelled_context {
    const wn__context *context;
    const char *label;
} labelled_context;

static void cache_progress(void *user, int64_t done, int64_t all)
{
    const labelled_context *l = user;
    wn__context_tell_units(l->context, l->label, done, all);
}

wn_status wn__stage_soft_labels(wn__context *c, const wn__stage *stage, const char *folder, json_t *result)
{
    const wn__cache_plan *plan = &stage->cache;
    wn__loader_options loader = wn__context_loader(c, stage->seed, plan->dense_stream, plan->order);
    if (plan->third) wn__context_third(c, &loader);
    const wn__soft_cache_spec spec = {.loader = &loader,
                                      .first_epoch = plan->first_epoch,
                                      .end_epoch = plan->end_epoch,
                                      .classes = c->data.facts.sample.classes,
                                      .stop = c->stop,
                                      .identity = stage->identity};
    labelled_context labelled = {c, stage->label};
    wn__teachers teachers = {0};
    char size[64];
    const int64_t bytes = wn__soft_cache_bytes(&spec);
    wn__log(WN_LOG_INFO, "%s: %s of teacher outputs, epochs %lld to %lld", stage->label, wn_show_bytes(bytes, size, sizeof size),
            (long long)plan->first_epoch, (long long)plan->end_epoch - 1);
    char *path = wn__path_join(folder, "labels.cache");
    wn_status status = path ? wn__teachers_open(c, &plan->teacher, &teachers) : wn__no_memory(64);
    if (status == WN_OK) status = wn__soft_cache_make(path, &spec, &teachers.teacher, cache_progress, &labelled);
    if (status == WN_OK) status = wn__slice_set(result, "bytes", json_integer(bytes));
    wn__teachers_release(&teachers);
    wn__free(path);
    return status;
}

/* ---- cost */

static json_t *layer_json(const wn__layer_cost *layer, const wn__param *p)
{
    json_t *shape = json_array();
    for (int d = 0; d < p->ndim; d++)
        json_array_append_new(shape, json_integer(p->dim[d]));
    return json_pack("{s:s, s:o, s:I, s:I, s:I, s:I}", "name", layer->name, "shape", shape, "count", (json_int_t)layer->weights, "nonzero",
                     (json_int_t)layer->active, "dense_flops", (json_int_t)layer->dense_flops, "flops", (json_int_t)layer->flops);
}

static wn_status cost_json(const wn__cost *cost, const wn__params *params, json_t *result)
{
    WN_TRY(wn__slice_set(result, "network", json_integer(cost->parameters)));
    WN_TRY(wn__slice_set(result, "network_nonzero", json_integer(cost->active)));
    WN_TRY(wn__slice_set(result, "dense_flops", json_integer(cost->dense_flops)));
    WN_TRY(wn__slice_set(result, "inference_flops", json_integer(cost->flops)));
    WN_TRY(wn__slice_set(result, "dense_bytes", json_integer(cost->dense_bytes)));
    WN_TRY(wn__slice_set(result, "bytes", json_integer(cost->bytes)));
    json_t *layers = json_array();
    WN_TRY(wn__slice_set(result, "layers", layers));
    for (int i = 0; i < cost->layers; i++)
        if (json_array_append_new(layers, layer_json(&cost->layer[i], wn__params_find(params, cost->layer[i].name))) != 0)
            return wn__no_memory(256);
    return WN_OK;
}

wn_status wn__stage_add_cost(const wn_graph *graph, const wn__params *params, json_t *result, int64_t *training_flops)
{
    wn__cost cost = {0};
    WN_TRY(wn__cost_make(graph, params, &cost));
    const wn_status status = cost_json(&cost, params, result);
    if (training_flops) *training_flops = cost.training_flops;
    wn__cost_release(&cost);
    return status;
}
