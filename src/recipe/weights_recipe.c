#include "recipe/weights_recipe.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/files.h"
#include "base/log.h"
#include "models/named.h"
#include "network/likeness.h"
#include "network/weights_file.h"

/* What the file says of its data: the set, and how pictures become inputs. */
static void add_data(wn__text *t, const wn__safetensors *file, const char *set)
{
    const char *mean = wn__safetensors_meta(file, "mean"), *std = wn__safetensors_meta(file, "std");
    const char *evaluate = wn__safetensors_meta(file, "evaluate"), *end = evaluate ? strrchr(evaluate, ']') : NULL;
    const bool normalize = !set && mean && std && !(evaluate && strstr(evaluate, "normalize")); /* of a set: by its name */
    wn__text_add(t, "data: {");
    if (set) wn__text_add(t, "set: \"%s\"%s", set, evaluate || normalize ? ", " : "");
    if (evaluate || normalize) wn__text_add(t, "evaluate: %.*s", end ? (int)(end - evaluate) : 1, end ? evaluate : "[");
    if (normalize) wn__text_add(t, "%s{normalize: {mean: %s, std: %s}}", end ? ", " : "", mean, std);
    wn__text_add(t, "%s}\n", evaluate || normalize ? "]" : "");
}

/* "3x224x224": what the file says, else as usual for its network; NULL: neither is known. */
static const char *input_text(const wn__safetensors *file, char *buffer, size_t size)
{
    const char *said = wn__safetensors_meta(file, "input"), *arch = wn__safetensors_meta(file, "arch");
    const wn__model *model;
    if (said || !arch || wn__model_find(arch, &model) != WN_OK) return said;
    snprintf(buffer, size, "%dx%dx%d", model->usual.c, model->usual.h, model->usual.w);
    return buffer;
}

static wn_status read_recipe(wn__safetensors *file, wn__recipe_source source, wn__recipe **out)
{
    char usual[48];
    WN_TRY(wn__weights_recognise(source.label, file));
    const char *recipe = wn__safetensors_meta(file, "recipe"), *data = wn__safetensors_meta(file, "dataset");
    const char *arch = wn__safetensors_meta(file, "arch");
    wn__text text = {0};
    if (recipe)
        wn__text_add(&text, "%s", recipe);
    else if (data || source.data)
        add_data(&text, file, data);
    if (!recipe && arch && !wn__safetensors_meta(file, "graph")) wn__text_add(&text, "model: {arch: \"%s\"}\n", arch);
    source.text = text.data;
    source.may_lack = data;
    source.input = input_text(file, usual, sizeof usual);
    const wn_status status = text.failed ? wn__no_memory(text.size) : wn__recipe_read_parts(&source, out);
    wn__text_release(&text);
    return status;
}

wn_status wn__recipe_of_weights(wn__safetensors *file, const char *path, const char *const *set, int sets, wn__recipe **out)
{
    return read_recipe(file, (wn__recipe_source){.label = path, .set = set, .sets = sets}, out);
}

wn_status wn__recipe_of_weights_on(wn__safetensors *file, const char *path, const char *data, const char *const *set, int sets,
                                   wn__recipe **out)
{
    return read_recipe(file, (wn__recipe_source){.label = path, .data = data, .set = set, .sets = sets}, out);
}

wn_status wn__recipe_of_weights_alone(wn__safetensors *file, const char *path, const char *const *set, int sets, wn__recipe **out)
{
    bool unlisted = wn__safetensors_meta(file, "input") && wn__safetensors_meta(file, "classes");
    for (int i = 0; i < sets; i++)
        unlisted = unlisted && strncmp(set[i], "data.", 5) != 0;
    return read_recipe(file, (wn__recipe_source){.label = path, .set = set, .sets = sets, .unlisted = unlisted, .placeless = true}, out);
}

wn_status wn__recipe_needs_data(const wn__recipe *r, const char *path)
{
    if (r->data.type) return WN_OK;
    if (r->data.absent)
        return wn__fail(WN_EUSAGE, "%s: its data set \"%s\" is not here: give --data PATH, register it (winnow/source.h), or set data.set",
                        path, r->data.absent);
    return wn__fail(WN_EUSAGE, "%s: does not say its data set; set data.set", path);
}

/* A mere name lies beside the weights; a path that leads nowhere, too. */
static wn_status read_graph_file(const char *name, const char *weights, const void *config, wn__model_input input, wn_graph **out)
{
    const char *slash = strrchr(weights, '/'), *base = strrchr(name, '/');
    wn__text beside = {0};
    wn__text_add(&beside, "%.*s%s", slash ? (int)(slash + 1 - weights) : 0, weights, base ? base + 1 : name);
    if (beside.failed) return wn__no_memory(beside.size);
    const bool instead = wn__file_exists(beside.data) && (!base || !wn__file_exists(name));
    const wn_status status = wn__graph_file_read(instead ? beside.data : name, config, input, out);
    wn__text_release(&beside);
    return status;
}

wn_status wn__recipe_build_graph(wn__recipe *r, const char *path, wn__model_input input)
{
    if (r->model.file || r->model.type) r->arch = r->model.file ? r->model.file : r->model.type->name;
    if (r->model.file) return read_graph_file(r->model.file, path, r->model.config, input, &r->graph);
    if (r->model.type) return wn__model_build(r->model.type, r->model.config, input, &r->graph);
    return wn__fail(WN_EUSAGE, "%s: does not say its architecture; set model.arch", path);
}

wn_status wn__weights_build_graph(const wn__safetensors *file, wn__recipe *r, const char *path, wn__model_input input)
{
    const char *graph = wn__safetensors_meta(file, "graph");
    if (!graph || r->model.file || r->model.type) return wn__recipe_build_graph(r, path, input);
    WN_TRY(wn__graph_file_parse(path, graph, input, &r->graph));
    r->arch = r->graph->name;
    return WN_OK;
}

/* As usual for the network, with the channels and classes of the file's shapes. */
static wn_status usual_input(const wn__safetensors *file, const wn__recipe *r, const char *path, wn__model_input *input)
{
    wn_graph *graph;
    if (!r->model.type) return wn__fail(WN_EUSAGE, "%s: does not say its input size and classes; set data.set", path);
    *input = r->model.type->usual;
    WN_TRY(wn__model_build(r->model.type, r->model.config, *input, &graph));
    wn__likeness_input(file, graph, input);
    wn_graph_free(graph);
    wn__log(WN_LOG_INFO, "%s: does not say its input size; %dx%dx%d is taken, as usual for %s", path, input->c, input->h, input->w,
            r->model.type->name);
    return WN_OK;
}

wn_status wn__weights_input(const wn__safetensors *file, const wn__recipe *r, const char *path, wn__model_input *input)
{
    const char *text = wn__safetensors_meta(file, "input"), *classes = wn__safetensors_meta(file, "classes");
    const wn__dataset_type *data = r->data.type;
    const bool said =
        text && classes && sscanf(text, "%dx%dx%d", &input->c, &input->h, &input->w) == 3 && sscanf(classes, "%d", &input->classes) == 1;
    if (!data) return said ? WN_OK : usual_input(file, r, path, input);
    const wn__model_input own = *input;
    *input = wn__recipe_input(r);
    if (!said || memcmp(&own, input, sizeof own) == 0) return WN_OK;
    return wn__fail(WN_EMISMATCH, "%s: a network for images of %s and %s classes; data set %s has %dx%dx%d and %d", path, text, classes,
                    data->name, input->c, input->h, input->w, input->classes);
}

wn_status wn__weights_check_classes(const wn__safetensors *file, const char *path, const wn__recipe *recipe)
{
    const char *classes = wn__safetensors_meta(file, "classes");
    char wanted[32];
    snprintf(wanted, sizeof wanted, "%d", recipe->data.facts.sample.classes);
    if (!classes || strcmp(classes, wanted) == 0) return WN_OK;
    return wn__fail(WN_EMISMATCH, "%s: a network for %s classes; data set %s has %d", path, classes, recipe->data.type->name,
                    recipe->data.facts.sample.classes);
}
