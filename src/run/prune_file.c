/* winnow prune: a weights file, and masks over it by the section `mask` of a recipe. */
#include <string.h>

#include "base/alloc.h"
#include "base/arguments.h"
#include "base/fail.h"
#include "base/options.h"
#include "base/stop.h"
#include "models/graph_file.h"
#include "network/file_traits.h"
#include "network/network_file.h"
#include "network/weights_file.h"
#include "recipe/used_keys.h"
#include "recipe/weights_recipe.h"
#include "run/weights_pruning.h"
#include "sparse/cost.h"
#include "winnow/experiment.h"

/* Images, and how they are read, count where a score is computed of them; how they are read, too, where the file does not say it and the result does. */
static wn_status check_sections(const wn__recipe *r, bool says)
{
    static const char *const with_images[] = {"mask",  "model",   "!model.weights", "data",    "!data.augment", "!data.last_batch",
                                              "world", "backend", "threads",        "kernels", "train.batch",   NULL};
    static const char *const without[] = {"mask", "model", "!model.weights", "data.set", "backend", "threads", "kernels", NULL};
    static const char *const told[] = {"mask",          "model",   "!model.weights", "data.set", "data.normalize",
                                       "data.evaluate", "backend", "threads",        "kernels",  NULL};
    const bool images = wn__saliency_needs_images(r->mask.scoring.score);
    return wn__used_keys_check(r->doc, "winnow prune", images ? with_images : says ? without : told);
}

/* Does the file say what it is? */
static bool says_itself(const wn__safetensors *file) { return wn__safetensors_meta(file, "input") != NULL; }

typedef struct job {
    const wn_prune_options *options;
    const wn__safetensors *file;
    wn__recipe *recipe;
    wn__weights_pruning how;
} job;

/* ---- the network */

static wn_status make_masks(wn__context *c, const job *j, wn__params *params)
{
    wn__context_scorer with;
    wn_status status = wn__pruning_read(j->recipe, &j->how.how, j->file, params);
    if (status != WN_OK) return wn__fail_within(status, "%s: ", j->options->weights);
    status = wn__context_scorer_open(c, &j->how.how, &with);
    if (status == WN_OK) status = wn__weights_pruning_run(&j->how, &with.scorer, params);
    wn__context_scorer_release(&with);
    return status;
}

/* The recipe's own graph has no name that would make it again. */
static wn_status add_recipe(const wn__recipe *r, wn__network_info *info, const wn__params *params, wn__st_writer *w)
{
    wn__text recipe = {0}, graph = {0};
    wn_status status = r->model.file ? wn__recipe_write_data(r, &recipe) : wn__recipe_write_network(r, &recipe);
    if (status == WN_OK && r->model.file) status = wn__graph_file_write(r->graph, &graph);
    info->recipe = recipe.data;
    if (status == WN_OK) status = wn__network_add(w, info, params, WN__FORM_DENSE, NULL);
    if (status == WN_OK && graph.data) status = wn__st_writer_meta(w, "graph", graph.data);
    wn__text_release(&recipe);
    wn__text_release(&graph);
    return status;
}

/* What the caller says of a file that says little of itself: network, data and how pixels become inputs. */
static wn_status add_said(const wn__recipe *r, const wn__params *params, wn__st_writer *w)
{
    wn__dataset data = {.type = r->data.type, .facts = r->data.facts};
    wn__network_info info = {.graph = r->graph, .data = data.type ? &data : NULL};
    wn__normalize normalize;
    if (data.type) {
        wn__data_section_fit(&r->data, &data);
        if (wn__data_section_normalize(&r->data, &data, &normalize) == WN_OK) info.normalize = &normalize;
    }
    return add_recipe(r, &info, params, w);
}

/* Values, masks and all that the file says of itself, but the basis that the values had there. */
static wn_status add_pruned(const job *j, const wn__params *params, const wn__file_traits *traits, wn__st_writer *w)
{
    const wn__safetensors *file = j->file;
    const wn__network_info none = {0};
    WN_TRY(says_itself(file) ? wn__network_add(w, &none, params, WN__FORM_DENSE, NULL) : add_said(j->recipe, params, w));
    for (int i = 0; i < wn__safetensors_meta_count(file); i++) {
        const char *key, *value;
        wn__safetensors_meta_at(file, i, &key, &value);
        if (!wn__st_writer_has_meta(w, key) && strcmp(key, "basis") != 0) WN_TRY(wn__st_writer_meta(w, key, value));
    }
    return wn__file_traits_add(traits, params, WN__ST_OTHER, w);
}

static wn_status save_pruned(const job *j, const wn__params *params, bool dense, const char *path)
{
    wn__st_writer *w;
    wn__file_traits traits = {0};
    WN_TRY(wn__st_writer_new(&w));
    wn_status status = wn__file_traits_read(j->options->weights, j->file, params, &traits);
    if (status == WN_OK) status = add_pruned(j, params, &traits, w);
    if (!dense) wn__st_writer_compress(w);
    if (status == WN_OK) status = wn__st_writer_write(w, path);
    wn__file_traits_release(&traits);
    wn__st_writer_free(w);
    return status;
}

static wn_status summarise(const job *j, const wn__params *params, wn_prune_summary *summary)
{
    const wn__recipe *r = j->recipe;
    wn__cost cost = {0};
    WN_TRY(wn__cost_make(r->graph, params, &cost));
    const wn__sparsity s = wn__sparsity_measure(params, &r->selection[j->how.row.selection]);
    *summary = (wn_prune_summary){
        .asked = j->how.how.sparsity,
        .selected = s.selected,
        .selected_nonzero = s.selected_active,
        .network = s.network,
        .network_nonzero = s.network_active,
        .forward_flops = cost.flops,
        .dense_forward_flops = cost.dense_flops,
        .bytes = cost.bytes,
        .dense_bytes = cost.dense_bytes,
    };
    wn__cost_release(&cost);
    return WN_OK;
}

static wn_status prune_network(job *j, wn_prune_summary *summary)
{
    const wn_prune_options *o = j->options;
    wn__recipe *r = j->recipe;
    const int threads = wn__machine_threads(o->threads, r->top.threads, 1, false);
    wn__context context = {.recipe = r, .data_folder = o->data_folder, .stop = o->stop};
    wn__params params = {0};
    if (wn__stop_wanted(o->stop)) return wn__fail(WN_ESTOPPED, "%s: stopped on request", o->weights);
    WN_TRY(wn__machine_choose(r->top.backend, (wn__dtype)r->top.dtype, threads, &context.machine));
    r->train_images = -1; /* not planned */
    wn_status status = wn__graph_make_params(r->graph, &params);
    if (status == WN_OK) status = make_masks(&context, j, &params);
    if (status == WN_OK) status = save_pruned(j, &params, o->dense, o->result);
    if (status == WN_OK && summary) status = summarise(j, &params, summary);
    wn__params_release(&params);
    wn__context_release(&context);
    return status;
}

static wn_status prune_file(job *j, wn_prune_summary *summary)
{
    const char *path = j->options->weights;
    wn__recipe *r = j->recipe;
    wn__model_input input;
    WN_TRY(wn__weights_input(j->file, r, path, &input));
    WN_TRY(wn__weights_build_graph(j->file, r, path, input));
    WN_TRY(check_sections(r, says_itself(j->file)));
    WN_TRY(wn__weights_pruning_make(r, "winnow prune", false, &j->how));
    WN_TRY(wn__weights_pruning_sparsity(&j->how, j->options->sparsity, j->options->seed, path));
    const int score = j->how.row.mask.scoring.score;
    const wn_status status = wn__saliency_needs_images(score) ? wn__recipe_needs_data(r, path) : WN_OK;
    if (status != WN_OK) return wn__fail_within(status, "the score %s is of images: ", wn__saliency_names[score]);
    return prune_network(j, summary);
}

wn_status wn_prune(const wn_prune_options *options, wn_prune_summary *summary)
{
    WN__COMPLETE(wn_prune_options, options);
    WN__NEED(options->weights);
    WN__NEED(options->result);
    WN__NEED_TEXTS(options->sets, options->set);
    WN__NEED_COUNT(options->threads);
    wn__safetensors *file;
    job j = {.options = options};
    WN_TRY(wn__weights_open(options->weights, options->names, &file));
    j.file = file;
    wn_status status = wn__recipe_of_weights_on(file, options->weights, options->data, options->set, options->sets, &j.recipe);
    if (status == WN_OK) status = prune_file(&j, summary);
    wn__recipe_free(j.recipe);
    wn__safetensors_close(file);
    return status;
}
