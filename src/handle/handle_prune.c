/* Pruning by a section of a recipe. */
#include "base/fail.h"
#include "base/options.h"
#include "handle/handle.h"
#include "network/network_file.h"
#include "run/weights_pruning.h"
#include "sparse/basis/basis_map.h"
#include "tensor/compression.h"

/* Where the score looks at some. */
static wn_status take_samples(const wn_network *net, const wn_network_prune_options *o, int score, wn__labelled *out)
{
    static const char call[] = "wn_network_prune";
    if (!wn__saliency_needs_images(score)) return WN_OK;
    if (!o->x) return wn__fail(WN_EINVAL, "%s: options->x is NULL; the score %s needs inputs and targets", call, wn__saliency_names[score]);
    WN_TRY(wn__handle_check_samples(net, call, o->x, o->targets, o->n));
    *out = (wn__labelled){o->x, *o->targets, o->n, net->batch};
    return WN_OK;
}

static bool has_coefficients(const wn__params *params)
{
    bool found = false;
    for (int i = 0; i < params->count; i++)
        found = found || params->item[i].map;
    return found;
}

/* What `winnow prune` reads of the handle's file: coefficients of the section's own basis, or else the weights that they make. */
static wn_status read_again(const wn_network *net, const wn__weights_pruning *w, wn__st_writer *writer, wn__params *out)
{
    static const char label[] = "a network in memory";
    wn__safetensors *file;
    WN_TRY(wn__st_writer_open(writer, label, &file));
    wn_status status = wn__graph_make_params(net->net.graph, out);
    if (status == WN_OK) status = wn__pruning_read(w->recipe, &w->how, file, out);
    wn__safetensors_close(file);
    return status;
}

static wn_status copy_coefficients(const wn_network *net, const wn__weights_pruning *w, wn__params *out)
{
    wn__st_writer *writer;
    WN_TRY(wn__st_writer_new(&writer));
    wn_status status = wn__network_add(writer, &(wn__network_info){0}, &net->net.params, WN__FORM_DENSE, NULL);
    if (status == WN_OK) status = read_again(net, w, writer, out);
    wn__st_writer_free(writer);
    return status;
}

static wn_status copy_weights(const wn_network *net, const wn__weights_pruning *w, wn__params *out)
{
    const wn__mask_section *section = w->how.section;
    WN_TRY(wn__params_copy_dense(&net->net.params, out));
    return section->basis.kind == WN__BASIS_LOW_RANK ? WN_OK : wn__pruning_enter_basis(w->recipe, section, w->how.seed, NULL, out);
}

/* Over a copy, dense with masks: a failure leaves the handle as it was. The optimizer's memory of coefficients is of one basis. */
static wn_status prune_copy(wn_network *net, const wn__weights_pruning *w, const wn__labelled *samples)
{
    const bool anew = has_coefficients(&net->net.params);
    const wn__scorer scorer = {&net->machine, &net->devices, samples->n ? samples : NULL, net->stop};
    wn__params copy = {0};
    wn_status status = anew ? copy_coefficients(net, w, &copy) : copy_weights(net, w, &copy);
    if (status == WN_OK) status = wn__weights_pruning_run(w, &scorer, &copy);
    if (status != WN_OK) {
        wn__params_release(&copy);
        return status;
    }
    wn__handle_replace(net, &copy);
    if (anew) wn__training_restart(net);
    return WN_OK;
}

static wn_status prune(wn_network *net, wn__recipe *r, const wn_network_prune_options *o)
{
    wn__weights_pruning w;
    wn__labelled samples = {0};
    WN_TRY(wn__weights_pruning_make(r, "a network in memory", true, &w));
    WN_TRY(wn__weights_pruning_sparsity(&w, o->sparsity, o->seed, net->net.graph->name));
    WN_TRY(take_samples(net, o, w.row.mask.scoring.score, &samples));
    return prune_copy(net, &w, &samples);
}

wn_status wn_network_prune(wn_network *net, const wn_network_prune_options *options)
{
    wn__recipe *recipe;
    WN__ENTER(net);
    WN__COMPLETE(wn_network_prune_options, options);
    WN_TRY(wn__handle_may_change(net, "pruning"));
    WN_TRY(wn__handle_goes_on(net, "wn_network_prune"));
    WN_TRY(wn__handle_section("mask", options->mask, &recipe));
    recipe->graph = net->shared->recipe->graph;
    const wn_status status = prune(net, recipe, options);
    recipe->graph = NULL; /* the handle's */
    wn__recipe_free(recipe);
    return status;
}
