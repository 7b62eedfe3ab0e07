#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "winnow/flops.h"
#include "winnow/show.h"

typedef struct flops_config {
    wn__texts set, select, layer, method;
    const char *image, *sparsity, *budget, *distribution, *mask, *power, *counting, *match;
    int64_t classes, seed, interval, steps, prune_begin, prune_end, prune_every;
    bool dense_first, sparse_first;
} flops_config;

static const wn__option flops_options[] = {
    WN_OPTION_NUMBER(flops_config, classes, "classes", "K", "(default: the network's usual number)"),
    WN_OPTION_TEXT(flops_config, image, "image", "HxWxC", "size of the images (default: the network's usual one)"),
    WN_OPTION_LIST(flops_config, set, "set", "KEY=VALUE", "a setting of the network: width=0.5; may be repeated"),
    WN_OPTION_TEXT(flops_config, sparsity, "sparsity", "S", "90% or 0.9 (sparsity), 0.1d (density), 10x (compression)",
                   .excludes = "flops-budget mask"),
    WN_OPTION_TEXT(flops_config, budget, "flops-budget", "B", "solve for the sparsity instead: 0.10x, 10% of the dense network's FLOPs",
                   .excludes = "mask"),
    WN_OPTION_TEXT(flops_config, distribution, "distribution", "NAME",
                   "of the zeros: uniform (default; the network's first layer stays dense), er, erk, random, list"),
    WN_OPTION_LIST(flops_config, layer, "layer", "PATTERN=S",
                   "layers with a sparsity of their own, outside of the budget; may be repeated"),
    WN_OPTION_LIST(flops_config, select, "layers", "PATTERN",
                   "layers that get zeros: as mask.layers of a recipe (default: all); may be repeated"),
    WN_OPTION_SWITCH(flops_config, dense_first, "dense-first", "no zeros in the network's first layer", .needs = "sparsity flops-budget",
                     .excludes = "sparse-first mask"),
    WN_OPTION_SWITCH(flops_config, sparse_first, "sparse-first", "zeros in the network's first layer, under uniform too",
                     .needs = "sparsity flops-budget", .excludes = "mask"),
    WN_OPTION_TEXT(flops_config, power, "power", "P", "of erk (default: 1)", .needs = "distribution"),
    WN_OPTION_TEXT(flops_config, counting, "counting", "NAME",
                   "pruned weights rounded down in each layer (layer, default), active ones exact in total (total), or drawn (drawn)",
                   .excludes = "mask"),
    WN_OPTION_TEXT(flops_config, mask, "mask", "FILE", "densities of the layers of a file of masks instead"),
    WN_OPTION_SEED(flops_config, seed, "of drawn counts (default: 0)"),
    WN_OPTION_LIST(
        flops_config, method, "method", "M",
        "dense, static, snip, set, snfs, rigl, pruning, small-dense, ac-dc, sr-ste, n-of-m, mest, mest-soft, rigl-struct, srigl, dsr or big-sparse (default: all but the last); may be repeated, or "
        "list several"),
    WN_OPTION_NUMBER(flops_config, interval, "interval", "DT", "steps between RigL's updates (default: 100)"),
    WN_OPTION_NUMBER(flops_config, steps, "steps", "N", "length of a run of gradual pruning (default: 97656)"),
    WN_OPTION_NUMBER(flops_config, prune_begin, "prune-begin", "N", "its first step that prunes (default: 20000)"),
    WN_OPTION_NUMBER(flops_config, prune_end, "prune-end", "N", "its last one (default: 75000)"),
    WN_OPTION_NUMBER(flops_config, prune_every, "prune-every", "N", "steps between (default: 1000)"),
    WN_OPTION_TEXT(flops_config, match, "match", "NAME", "what small-dense and big-sparse have as many of: parameters (default) or flops"),
    {0}};

/* ---- what is in JSON alone */

/* One method's number, or all of them by name. */
static void put_training_ratio(wn__answer *answer, const wn_flops_result *r)
{
    if (r->methods == 1) {
        wn__answer_real(answer, "train_flops_ratio", r->method[0].train_flops_ratio);
        return;
    }
    wn__answer_open(answer, "train_flops_ratio", '{');
    for (int i = 0; i < r->methods; i++)
        wn__answer_real(answer, r->method[i].name, r->method[i].train_flops_ratio);
    wn__answer_close(answer);
}

static void put_totals(wn__answer *answer, const char *model, const wn_flops_result *r)
{
    wn__answer_text(answer, "model", model);
    wn__answer_whole(answer, "dense_params", r->dense_params);
    wn__answer_whole(answer, "params", r->params);
    wn__answer_whole(answer, "dense_network_params", r->dense_network_params);
    wn__answer_whole(answer, "network_params", r->network_params);
    wn__answer_whole(answer, "dense_flops", r->dense_flops);
    wn__answer_whole(answer, "flops", r->flops);
    wn__answer_real(answer, "flops_ratio", r->flops_ratio);
    put_training_ratio(answer, r);
    wn__answer_real(answer, "erk_eps", r->erk_eps);
    wn__answer_real(answer, "sparsity", r->sparsity);
    wn__answer_real(answer, "sparsity_selected", 1 - (double)r->selected_active / (double)r->selected);
    wn__answer_whole(answer, "dense_bytes", r->dense_bytes);
    wn__answer_whole(answer, "bytes", r->bytes);
    wn__answer_real(answer, "small_width", r->small_width);
    wn__answer_real(answer, "small_reached", r->small_reached);
    wn__answer_real(answer, "wide_width", r->wide_width);
    wn__answer_real(answer, "wide_reached", r->wide_reached);
}

/* ---- tables */

static void add_row(wn__columns *table, const wn_flops_layer *l)
{
    const double density = (double)l->active / (double)l->weights;
    const double ratio = l->dense_flops ? (double)l->flops / (double)l->dense_flops : 1.0;
    wn__columns_shown(table, l->name, "%s%s", l->name, l->selected ? "" : " (outside)");
    wn__columns_shape(table, l->dim, l->dims);
    wn__columns_count(table, l->weights);
    wn__columns_count(table, l->active);
    wn__columns_real(table, density, "%.4f", density);
    wn__columns_count(table, l->dense_flops);
    wn__columns_count(table, l->flops);
    wn__columns_real(table, ratio, "%.4f", ratio);
    wn__columns_bytes(table, l->dense_bytes);
    wn__columns_bytes(table, l->bytes);
    wn__columns_yes(table, l->selected, "");
}

static void print_layers(wn__answer *answer, const wn_flops_result *r)
{
    wn__columns table =
        WN_COLUMNS({"name", "layer"}, {"shape", NULL}, {"dense_params", ">weights"}, {"params", ">stay"}, {"density", ">density"},
                   {"dense_flops", ">dense FLOPs"}, {"flops", ">FLOPs"}, {"flops_ratio", ">FLOPs x"}, {"dense_bytes", ">dense bytes"},
                   {"bytes", ">bytes (est.)"}, {"selected", NULL});
    wn_flops_layer total = {.name = "all", .selected = true};
    for (int i = 0; i < r->layers; i++) {
        const wn_flops_layer *l = &r->layer[i];
        add_row(&table, l);
        total.weights += l->weights;
        total.active += l->active;
        total.dense_flops += l->dense_flops;
        total.flops += l->flops;
        total.dense_bytes += l->dense_bytes;
        total.bytes += l->bytes;
    }
    if (wn__answer_format_of(answer) == WN__ANSWER_TEXT) add_row(&table, &total);
    wn__answer_table(answer, "layers", &table);
}

static void print_totals(wn__answer *answer, const wn_flops_result *r)
{
    char text[128], some[32], all[32];
    wn__answer_print(answer, "\n");
    if (!isnan(r->sparsity)) wn__answer_print(answer, "asked for          sparsity %.4g %%\n", 100 * r->sparsity);
    if (!isnan(r->erk_eps)) wn__answer_print(answer, "eps                %.6g\n", r->erk_eps);
    wn__answer_print(answer, "selected weights   %s (%s of %s)\n",
                     wn__sparsity_three_ways(r->selected_active, r->selected, text, sizeof text),
                     wn_show_count(r->selected_active, some, sizeof some), wn_show_count(r->selected, all, sizeof all));
    wn__answer_print(answer, "all parameters     %s (%s of %s)\n",
                     wn__sparsity_three_ways(r->network_params, r->dense_network_params, text, sizeof text),
                     wn_show_count(r->network_params, some, sizeof some), wn_show_count(r->dense_network_params, all, sizeof all));
    wn__answer_print(answer, "forward FLOPs      %.4g of %.4g an image: %.4fx (2 per multiply-add)\n", (double)r->flops,
                     (double)r->dense_flops, r->flops_ratio);
    wn__answer_print(answer, "bytes (estimate)   %s of %s\n", wn_show_bytes(r->bytes, some, sizeof some),
                     wn_show_bytes(r->dense_bytes, all, sizeof all));
    if (!isnan(r->small_width))
        wn__answer_print(answer, "small dense        widths x %.6g, %.4fx of the size asked for\n", r->small_width, r->small_reached);
    if (!isnan(r->wide_width))
        wn__answer_print(answer, "big sparse         widths x %.6g, %.4fx of the size asked for\n", r->wide_width, r->wide_reached);
}

static void print_methods(wn__answer *answer, const wn_flops_result *r)
{
    wn__columns table =
        WN_COLUMNS({"name", "training by"}, {"train_flops", ">FLOPs an image"}, {"train_flops_ratio", ">of dense"}, {"formula", "as"});
    for (int i = 0; i < r->methods; i++) {
        const wn_flops_method *m = &r->method[i];
        wn__columns_text(&table, m->name);
        wn__columns_real(&table, m->train_flops, "%.4g", m->train_flops);
        wn__columns_real(&table, m->train_flops_ratio, "%.4fx", m->train_flops_ratio);
        wn__columns_text(&table, m->formula);
    }
    wn__answer_print(answer, "\n");
    wn__answer_table(answer, "methods", &table);
}

/* ---- the command */

/* "32x32x3", "28x28" or "224"; what is left out is as the network has it. */
static bool read_image(const char *text, wn_flops_options *o)
{
    char rest;
    if (!text) return true;
    const int read = sscanf(text, "%dx%dx%d%c", &o->height, &o->width, &o->channels, &rest);
    if (read == 1 && strspn(text, "0123456789") == strlen(text)) o->width = o->height;
    const bool whole = read == 3 || (read == 2 && strspn(text, "0123456789x") == strlen(text) && text[strlen(text) - 1] != 'x') ||
                       (read == 1 && o->width == o->height);
    return whole && o->height > 0 && o->width > 0 && (read < 3 || o->channels > 0);
}

static wn_flops_options options_of(const flops_config *c, const char *model)
{
    return WN_OPTIONS(wn_flops_options, .model = model, .set = c->set.items, .sets = c->set.count, .classes = (int)c->classes,
                      .sparsity = c->sparsity, .flops_budget = c->budget, .distribution = c->distribution, .mask = c->mask,
                      .power = c->power, .counting = c->counting, .dense_first = c->dense_first, .sparse_first = c->sparse_first,
                      .select = c->select.items, .selects = c->select.count, .layer = c->layer.items, .layers = c->layer.count,
                      .seed = (uint64_t)c->seed, .interval = c->interval, .steps = c->steps, .prune_begin = c->prune_begin,
                      .prune_end = c->prune_end, .prune_every = c->prune_every, .match = c->match);
}

/* "--method rigl set": words after the network are more methods. NULL: out of memory. */
static const char **all_methods(const wn__call *call)
{
    const wn__texts *named = &((const flops_config *)call->config)->method;
    const char **all = malloc((size_t)(named->count + call->count) * sizeof *all);
    for (int i = 0; all && i < named->count; i++)
        all[i] = named->items[i];
    for (int i = 1; all && i < call->count; i++)
        all[named->count + i - 1] = call->arguments[i];
    return all;
}

static int run_flops(const wn__call *call)
{
    const flops_config *config = call->config;
    const char *model = call->arguments[0];
    wn_flops_options options = options_of(config, model);
    if (!read_image(config->image, &options))
        return wn__wrong_usage(call, "--image \"%s\": wants height x width x channels, such as 32x32x3", config->image);
    if (call->count > 1 && config->method.count == 0) return wn__wrong_usage(call, "\"%s\" is one argument too many", call->arguments[1]);
    const char **methods = all_methods(call);
    options.method = methods;
    options.methods = methods ? config->method.count + call->count - 1 : 0;
    wn_flops_result result;
    const wn_status status = wn_flops(&options, &result);
    free(methods);
    if (status != WN_OK) return wn__finish(call, status);
    put_totals(call->answer, model, &result);
    print_layers(call->answer, &result);
    print_totals(call->answer, &result);
    print_methods(call->answer, &result);
    wn_flops_release(&result);
    return WN__EXIT_OK;
}

const wn__command wn__command_flops = {
    .name = "flops",
    .arguments = "MODEL",
    .summary = "Weights, FLOPs and bytes of a sparse network, layer by layer, and what the papers count for training it",
    .details =
        "Nothing is trained. FLOPs are 2 per multiply-add of convolutions and linear layers, for one image; backward is twice the forward. In\n"
        "JSON, dense_params and params count the weights of these layers, dense_network_params and network_params all trained scalars;\n"
        "train_flops_ratio is a number for one --method, else an object with one for each.",
    .options = flops_options,
    .config_size = sizeof(flops_config),
    .least = 1,
    .most = -1,
    .prints = WN__PRINTS_TABLE,
    .run = run_flops,
};
