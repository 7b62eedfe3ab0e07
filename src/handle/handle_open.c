/* Opening, cloning and closing handles. */
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arguments.h"
#include "base/fail.h"
#include "base/options.h"
#include "handle/handle.h"
#include "network/network_file.h"
#include "network/packed_weights.h"
#include "network/weights_file.h"
#include "recipe/used_keys.h"
#include "sparse/basis/basis_map.h"

enum { USUAL_BATCH = 128, MOST_BATCH = 1 << 20, MOST_THREADS = 4096, MOST_PLANS = 8 };

/* ---- making */

static wn_status take_options(const wn_network_options *given, wn_network_options *out)
{
    WN_TRY(wn__options_take(given, "wn_network_options", sizeof *out, out));
    if (out->threads < 0 || out->batch < 0 || out->sets < 0 || (out->sets > 0 && !out->set))
        return wn__fail(WN_EINVAL, "wn_network_options: threads, batch and sets must be 0 or more, set must be there");
    if (out->threads > MOST_THREADS) return wn__fail(WN_EINVAL, "wn_network_options: %d threads, at most %d", out->threads, MOST_THREADS);
    if (out->batch > MOST_BATCH)
        return wn__fail(WN_EINVAL, "wn_network_options: a batch of %lld, at most %d", (long long)out->batch, MOST_BATCH);
    if (out->kernels && strcmp(out->kernels, "own") != 0 && strcmp(out->kernels, "fastest") != 0)
        return wn__fail(WN_EUSAGE, "wn_network_options: kernels \"%s\"; valid: fastest, own", out->kernels);
    return WN_OK;
}

static void release_shared(wn__shared *s)
{
    pthread_mutex_destroy(&s->saving);
    wn__about_release(s);
    wn__file_traits_release(&s->traits);
    wn__recipe_free(s->recipe);
    wn__free(s);
}

/* An empty handle that shares nothing yet. */
static wn_status new_handle(wn_network **out)
{
    wn_network *net = WN_NEW(wn_network);
    if (!net) return wn__no_memory(sizeof *net);
    if (!(net->shared = WN_NEW(wn__shared))) {
        wn__free(net);
        return wn__no_memory(sizeof *net->shared);
    }
    atomic_init(&net->shared->handles, 1);
    pthread_mutex_init(&net->shared->saving, NULL);
    net->process = getpid();
    *out = net;
    return WN_OK;
}

static void set_sizes(wn_network *net, const wn_network_options *o)
{
    net->seed = o->seed;
    net->stop = o->stop;
    net->batch = o->batch ? o->batch : USUAL_BATCH;
    net->how = (wn__executor_options){.batch = net->batch, .plans = MOST_PLANS};
    net->devices = (wn__devices){.threads = net->machine.threads, .kernels = (wn__kernels)net->shared->recipe->top.kernels};
    if (net->machine.sparse && !net->own_kernels) net->devices.dense = net->machine.backend; /* only what was not named is chosen */
}

/* Machine and parameters, zeroed; the shared recipe has a graph. */
static wn_status make(wn_network *net, const wn_network_options *o)
{
    wn__recipe *r = net->shared->recipe;
    wn__device *device;
    if (o->dtype) WN_TRY(wn__settings_set(wn__top_settings, &r->top, "dtype", o->dtype));
    net->dtype = (wn__dtype)r->top.dtype;
    net->own_kernels = o->kernels && strcmp(o->kernels, "own") == 0;
    WN_TRY(wn__machine_choose(o->backend ? o->backend : "auto", net->dtype, wn__machine_threads(o->threads, 0, 1, false), &net->machine));
    set_sizes(net, o);
    if (o->backend) WN_TRY(wn__devices_get(&net->devices, net->machine.backend, net->dtype, &device)); /* does it take the type? */
    return wn__network_make(r->graph, &net->net);
}

/* ---- from files */

/* As file or recipe say, else as usual for the architecture. */
static wn_status input_of(const wn__safetensors *file, const wn__recipe *r, const char *label, wn__model_input *input)
{
    if (!file && r->data.type) {
        *input = wn__recipe_input(r);
        return WN_OK;
    }
    if (file && (r->data.type || r->model.type || wn__safetensors_meta(file, "input"))) return wn__weights_input(file, r, label, input);
    *input = r->model.type ? r->model.type->usual : (wn__model_input){3, 32, 32, 10};
    return WN_OK;
}

static wn_status build(wn_network *net, const wn__safetensors *file, const char *label, const wn_network_options *o)
{
    wn__recipe *r = net->shared->recipe;
    wn__model_input input;
    WN_TRY(input_of(file, r, label, &input));
    WN_TRY(file ? wn__weights_build_graph(file, r, label, input) : wn__recipe_build_graph(r, label, input));
    WN_TRY(make(net, o));
    return wn__about_read(file, net->shared);
}

/* Weights, statistics and masks into zeroed parameters; coefficients again where the file has some. */
static wn_status read_params(const wn__safetensors *file, const char *label, wn__params *params)
{
    wn_status status = wn__network_read(file, WN__PART_VALUES | WN__PART_MASKS, NULL, params);
    if (status == WN_OK) status = wn__basis_enter_file(file, params);
    return status == WN_OK ? WN_OK : wn__fail_within(status, "%s: ", label);
}

/* On a device that takes stored entries weights are compressed from the start. */
static wn_status takes_stored(wn_network *net, const wn__safetensors *file, bool *takes)
{
    wn__device *device;
    const wn__backend *backend = wn__machine_backend(&net->machine, true);
    *takes = !wn__safetensors_meta(file, "basis") && wn__packed_weights_fit(file, &net->net.params);
    if (!*takes) return WN_OK;
    WN_TRY(wn__devices_get(&net->devices, backend, net->dtype, &device));
    *takes = device->compressed;
    return WN_OK;
}

/* The rest of a file whose packed weights were taken. What does not fit is told by a reading of the whole. */
static wn_status read_rest(wn__safetensors *file, const char *label, const bool *taken, wn__params *params)
{
    const wn_status status = wn__network_read_some(file, WN__PART_VALUES | WN__PART_MASKS, NULL, taken, params);
    if (status != WN_EMISMATCH) return status == WN_OK ? WN_OK : wn__fail_within(status, "%s: ", label);
    WN_TRY(wn__safetensors_expand(file));
    return read_params(file, label, params);
}

static wn_status read_packed(wn_network *net, wn__safetensors *file, const char *label)
{
    wn__params *params = &net->net.params;
    bool *taken = WN_NEW_ARRAY(bool, params->count);
    if (!taken) return wn__no_memory((size_t)params->count);
    wn_status status = wn__packed_weights_read(file, net->devices.pool, params, taken);
    status = status == WN_OK ? read_rest(file, label, taken, params) : wn__fail_within(status, "%s: ", label);
    wn__free(taken);
    return status;
}

static wn_status read_weights(wn_network *net, wn__safetensors *file, const char *label)
{
    bool stored;
    WN_TRY(takes_stored(net, file, &stored));
    if (stored) return read_packed(net, file, label);
    WN_TRY(wn__safetensors_expand(file));
    return read_params(file, label, &net->net.params);
}

static wn_status read_file(wn_network *net, wn__safetensors *file, const char *label, const wn_network_options *o)
{
    static const char *const used[] = {"model", "data", "kernels", NULL};
    WN_TRY(wn__recipe_of_weights_alone(file, label, o->set, o->sets, &net->shared->recipe));
    WN_TRY(wn__used_keys_check(net->shared->recipe->doc, "wn_network_open", used));
    WN_TRY(build(net, file, label, o));
    WN_TRY(read_weights(net, file, label));
    return wn__file_traits_read(label, file, &net->net.params, &net->shared->traits);
}

static wn_status open_file(wn__safetensors *file, const char *label, const wn_network_options *o, wn_network **out)
{
    wn_network *net;
    if (o->init) return wn__fail(WN_EINVAL, "%s: options->init has no effect: the file has the weights", label);
    WN_TRY(new_handle(&net));
    const wn_status status = read_file(net, file, label, o);
    if (status == WN_OK)
        *out = net;
    else
        wn_network_close(net);
    return status;
}

wn_status wn_network_open(const char *path, const wn_network_options *options, wn_network **out)
{
    wn__safetensors *file;
    wn_network_options o;
    WN__NEED(path);
    WN__NEED(out);
    WN_TRY(take_options(options, &o));
    WN_TRY(wn__weights_open_packed(path, o.names, &file));
    const wn_status status = open_file(file, path, &o, out);
    wn__safetensors_close(file);
    return status;
}

wn_status wn_network_open_memory(const void *bytes, size_t size, const wn_network_options *options, wn_network **out)
{
    static const char label[] = "(weights in memory)";
    wn__safetensors *file;
    wn_network_options o;
    WN__NEED(bytes);
    WN__NEED(out);
    WN_TRY(take_options(options, &o));
    WN_TRY(wn__weights_parse_packed(label, bytes, size, o.names, &file));
    const wn_status status = open_file(file, label, &o, out);
    wn__safetensors_close(file);
    return status;
}

/* Over parameters of its own: a failure leaves the handle as it was. */
static wn_status load(wn_network *net, const char *path)
{
    wn__safetensors *file;
    wn__params params = {0};
    WN_TRY(wn__weights_open(path, NULL, &file));
    wn_status status = wn__graph_make_params(net->net.graph, &params);
    if (status == WN_OK) status = read_params(file, path, &params);
    if (status == WN_OK) {
        wn__handle_replace(net, &params);
        wn__training_restart(net);
    }
    wn__params_release(&params);
    wn__safetensors_close(file);
    return status;
}

wn_status wn_network_load(wn_network *net, const char *path)
{
    WN__ENTER(net);
    WN__NEED(path);
    WN_TRY(wn__handle_may_change_numbers(net, "loading a file"));
    return load(net, path);
}

/* ---- from start weights */

static wn_status draw(wn_network *net, const wn_network_options *o)
{
    const wn__recipe *r = net->shared->recipe;
    return wn__init_params(&net->net.params, &r->train.init, o->seed);
}

/* The recipe's own start weights, or the options'. recipe NULL: that of a graph, which says what the network is. */
static wn_status read_recipe(const char *recipe, const wn_network_options *o, wn__recipe **out)
{
    const wn__recipe_source source = {.text = recipe, .label = "recipe", .set = o->set, .sets = o->sets};
    wn__recipe *init;
    static const char *const used[] = {"data", "kernels", "train.init", "model", NULL}, *const by_graph[] = {"data", "kernels",
                                                                                                             "train.init", NULL};
    WN_TRY(wn__recipe_read_parts(&source, out));
    WN_TRY(wn__used_keys_check((*out)->doc, recipe ? "wn_network_from_recipe" : "wn_network_from_graph", recipe ? used : by_graph));
    if (!o->init) return WN_OK;
    WN_TRY(wn__handle_section("train.init", o->init, &init));
    (*out)->train.init = init->train.init;
    wn__recipe_free(init);
    return WN_OK;
}

static wn_status build_named(wn_network *net, const char *recipe, const wn_network_options *o)
{
    WN_TRY(read_recipe(recipe, o, &net->shared->recipe));
    WN_TRY(build(net, NULL, "recipe", o));
    wn__text text = {0};
    WN_TRY(wn__recipe_write_network(net->shared->recipe, &text));
    net->shared->recipe->network = text.data; /* for files */
    return draw(net, o);
}

wn_status wn_network_from_recipe(const char *recipe, const wn_network_options *options, wn_network **out)
{
    wn_network_options o;
    wn_network *net;
    WN__NEED(recipe);
    WN__NEED(out);
    WN_TRY(take_options(options, &o));
    WN_TRY(new_handle(&net));
    const wn_status status = build_named(net, recipe, &o);
    if (status == WN_OK)
        *out = net;
    else
        wn_network_close(net);
    return status;
}

static wn_status build_graph(wn_network *net, wn_graph *graph, const wn_network_options *o)
{
    WN_TRY(read_recipe(NULL, o, &net->shared->recipe));
    net->shared->recipe->graph = graph;
    WN_TRY(make(net, o));
    WN_TRY(wn__about_read(NULL, net->shared));
    return draw(net, o);
}

wn_status wn_network_from_graph(wn_graph *graph, const wn_network_options *options, wn_network **out)
{
    wn_network_options o;
    wn_network *net;
    WN__NEED(graph);
    WN__NEED(out);
    if (!graph->finished) return wn__fail(WN_EINVAL, "graph %s is not finished: wn_graph_finish comes first", graph->name);
    WN_TRY(take_options(options, &o));
    WN_TRY(new_handle(&net));
    const wn_status status = build_graph(net, graph, &o);
    if (status == WN_OK) {
        *out = net;
        return WN_OK;
    }
    if (net->shared->recipe) net->shared->recipe->graph = NULL; /* still the caller's */
    wn_network_close(net);
    return status;
}

/* ---- several */

wn_status wn_network_clone(wn_network *net, const wn_network_options *options, wn_network **out)
{
    wn_network_options o;
    wn_network *copy;
    WN__NEED(out);
    WN__ENTER(net);
    WN_TRY(take_options(options, &o));
    WN_TRY(wn__handle_ready(net, 0)); /* weights are in the form that they keep */
    if (!(copy = WN_NEW(wn_network))) return wn__no_memory(sizeof *copy);
    *copy = (wn_network){.shared = net->shared, .net = {.graph = net->net.graph, .params = net->net.params}, .process = net->process};
    copy->machine = net->machine;
    copy->machine.threads = wn__machine_threads(o.threads, 0, 1, false);
    copy->dtype = net->dtype;
    copy->own_kernels = net->own_kernels;
    set_sizes(copy, &o);
    atomic_fetch_add_explicit(&net->shared->handles, 1, memory_order_relaxed);
    *out = copy;
    return WN_OK;
}

void wn_network_close(wn_network *net)
{
    if (!net) return;
    if (net->process != getpid()) net->devices.pool = NULL; /* a parent's, whose threads are not here */
    wn__training_release(net);
    wn__handle_stop(net);
    if (atomic_fetch_sub_explicit(&net->shared->handles, 1, memory_order_acq_rel) == 1) {
        wn__network_release(&net->net);
        release_shared(net->shared);
    }
    wn__devices_release(&net->devices);
    wn__pixels_release(&net->picture);
    wn__canvas_release(&net->canvas);
    wn__free(net);
}
