#include "run/shrunk_file.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "models/graph_file.h"
#include "network/network_file.h"
#include "sparse/cost.h"

static wn_status path_of(const char *folder, const char *name, const char *suffix, char **out)
{
    wn__text t = {0};
    wn__text_add(&t, "%s/%s%s", folder, name, suffix);
    if (t.failed) return wn__no_memory(t.size);
    *out = t.data;
    return WN_OK;
}

static wn_status save_graph(const wn_graph *graph, const char *folder, const char *name)
{
    wn__text text = {0};
    char *path;
    WN_TRY(wn__graph_file_write(graph, &text));
    wn_status status = path_of(folder, name, ".yaml", &path);
    if (status == WN_OK) {
        status = wn__file_write(path, text.data, text.size);
        wn__free(path);
    }
    wn__text_release(&text);
    return status;
}

static wn_status save_weights(const wn__context *c, const wn__shrunk *s, const wn__file_traits *traits, const char *folder,
                              const char *name)
{
    wn__text recipe = {0};
    char *path;
    WN_TRY(wn__recipe_write_data(c->recipe, &recipe));
    wn__text_add(&recipe, "model: {arch: \"%s.yaml\"}\n", name);
    wn__network_info info = wn__context_network_info(c);
    info.graph = s->graph;
    info.recipe = recipe.data;
    wn_status status = recipe.failed ? wn__no_memory(recipe.size) : path_of(folder, name, ".safetensors", &path);
    if (status == WN_OK) {
        status = wn__network_save(path, &info, &s->params, traits);
        wn__free(path);
    }
    wn__text_release(&recipe);
    return status;
}

wn_status wn__shrunk_save(const wn__context *c, const wn__shrunk *s, const wn__file_traits *traits, const char *folder, const char *name)
{
    WN_TRY(save_graph(s->graph, folder, name));
    return save_weights(c, s, traits, folder, name);
}

wn_status wn__stage_save_shrunk(const wn__context *c, const wn_graph *graph, const wn__params *params, const char *folder, json_t *result)
{
    wn__shrunk s;
    wn__cost cost = {0};
    WN_TRY(wn__shrink(graph, params, &s));
    wn_status status = wn__shrunk_save(c, &s, NULL, folder, "shrunk");
    if (status == WN_OK) status = wn__cost_make(s.graph, &s.params, &cost);
    if (status == WN_OK)
        status = wn__slice_set(result, "shrunk",
                               json_pack("{s:I, s:I, s:I, s:I, s:i}", "parameters", (json_int_t)wn_graph_parameter_count(s.graph), "flops",
                                         (json_int_t)cost.flops, "bytes", (json_int_t)cost.bytes, "channels", (json_int_t)s.channels,
                                         "layers", s.layers));
    wn__cost_release(&cost);
    wn__shrunk_release(&s);
    return status;
}
