/* Handles to files. */
#include <string.h>

#include "base/arguments.h"
#include "base/fail.h"
#include "base/options.h"
#include "handle/handle.h"
#include "models/graph_file.h"
#include "network/masks_file.h"
#include "network/network_file.h"

/* All that the file said of itself, but what is said anew. */
static wn_status copy_meta(wn__st_writer *w, json_t *meta)
{
    const char *key;
    json_t *value;
    json_object_foreach(meta, key, value) if (!wn__st_writer_has_meta(w, key) && strcmp(key, "basis") != 0)
        WN_TRY(wn__st_writer_meta(w, key, json_string_value(value)));
    return WN_OK;
}

/* A graph that no name says. */
static wn_status add_graph(wn__st_writer *w, const wn_graph *graph)
{
    wn__text text = {0};
    WN_TRY(wn__graph_file_write(graph, &text));
    const wn_status status = wn__st_writer_meta(w, "graph", text.data);
    wn__text_release(&text);
    return status;
}

/* Tensors and metadata of a network that is no file's. */
static wn_status add_new(const wn_network *net, const wn_graph *graph, const wn__params *params, const char *recipe, wn__st_writer *w)
{
    const wn__shared *s = net->shared;
    const wn__dataset data = {
        .type = s->recipe->data.type,
        .facts.sample = {.channels = (int)graph->c, .classes = (int)wn__graph_classes(graph), .class_names = s->class_names}};
    const wn__network_info info = {.graph = graph, .data = &data, .normalize = s->normalize.name ? &s->normalize : NULL, .recipe = recipe};
    return wn__network_add(w, &info, params, WN__FORM_DENSE, NULL);
}

/* Of a graph made of the handle's: its recipe would make that one again, so that only its data stay. */
static wn_status add_made(const wn_network *net, const wn_graph *graph, const wn__params *params, wn__st_writer *w)
{
    wn__text data = {0};
    wn_status status = net->shared->recipe->data.type ? wn__recipe_write_data(net->shared->recipe, &data) : WN_OK;
    if (status == WN_OK) status = add_new(net, graph, params, data.data, w);
    if (status == WN_OK) status = add_graph(w, graph);
    wn__text_release(&data);
    return status;
}

static wn_status add_own(const wn_network *net, const wn__params *params, wn__st_writer *w)
{
    const wn__shared *s = net->shared;
    const wn__network_info none = {0};
    if (s->meta) return wn__network_add(w, &none, params, WN__FORM_DENSE, NULL);
    WN_TRY(add_new(net, net->net.graph, params, s->recipe->network, w));
    return s->recipe->network ? WN_OK : add_graph(w, net->net.graph);
}

/* Of what the file said "recipe" is the one that another graph does not follow. */
wn_status wn__handle_add(const void *handle, const wn_graph *graph, const wn__params *params, wn__st_dtype values, wn__st_writer *w)
{
    const wn_network *net = handle;
    const bool own = graph == net->net.graph;
    json_t *meta = own ? json_incref(net->shared->meta) : json_copy(net->shared->meta);
    if (!meta && net->shared->meta) return wn__no_memory(1024);
    wn_status status = own ? add_own(net, params, w) : add_made(net, graph, params, w);
    if (!own) json_object_del(meta, "recipe");
    if (status == WN_OK) status = copy_meta(w, meta);
    json_decref(meta);
    if (status != WN_OK) return status;
    return wn__file_traits_add(&net->shared->traits, params, values, w);
}

static wn_status save_network(const wn_network *net, const char *path, bool compressed)
{
    wn__st_writer *w;
    WN_TRY(wn__st_writer_new(&w));
    wn_status status = wn__handle_add(net, net->net.graph, &net->net.params, WN__ST_OTHER, w);
    if (compressed) wn__st_writer_compress(w);
    pthread_mutex_lock(&net->shared->saving);
    if (status == WN_OK) status = wn__st_writer_write(w, path);
    pthread_mutex_unlock(&net->shared->saving);
    wn__st_writer_free(w);
    return status;
}

wn_status wn_network_save(wn_network *net, const char *path, const wn_network_save_options *options)
{
    wn_network_save_options o;
    WN__ENTER(net);
    WN__NEED(path);
    WN_TRY(wn__options_take(options, "wn_network_save_options", sizeof o, &o));
    switch (o.parts) {
    case WN_SAVE_NETWORK: return save_network(net, path, !o.dense);
    case WN_SAVE_MASKS: return wn__masks_save(path, &net->net.params);
    default: return wn__fail(WN_EINVAL, "wn_network_save: parts %d, must be WN_SAVE_NETWORK or WN_SAVE_MASKS", o.parts);
    }
}
