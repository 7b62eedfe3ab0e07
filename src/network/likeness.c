#include "network/likeness.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "network/misfit.h"

enum { MOST_CLASSES = 1 << 20, MOST_CHANNELS = 1 << 10 };

/* ---- sizes */

static const wn__st_tensor *weight_of(const wn__safetensors *file, const wn_graph *graph, int node)
{
    const int weight = wn__graph_weight(graph, node);
    return weight < 0 ? NULL : wn__safetensors_find(file, graph->param[weight].name);
}

void wn__likeness_input(const wn__safetensors *file, const wn_graph *graph, wn__model_input *input)
{
    const wn__st_tensor *t = weight_of(file, graph, graph->output);
    if (t && t->ndim >= 2 && t->dim[0] >= 2 && t->dim[0] <= MOST_CLASSES) input->classes = (int)t->dim[0];
    for (int i = 0; i < graph->nodes; i++) {
        const wn__node *node = &graph->node[i];
        if (node->groups != 1 || node->input[0] != 0) continue;
        t = weight_of(file, graph, i);
        if (t && t->ndim == 4 && t->dim[1] >= 1 && t->dim[1] <= MOST_CHANNELS) input->c = (int)t->dim[1];
        return;
    }
}

/* ---- which */

static wn_status compare(const wn__safetensors *file, const wn_graph *graph, wn__likeness *l)
{
    wn__wanted *wanted = wn__wanted_of_graph(graph);
    if (!wanted) return wn__no_memory((size_t)graph->params * sizeof *wanted);
    l->wanted = graph->params;
    l->fitting = wn__fitting(file, wanted, graph->params);
    l->left_over = l->fitting > 0 ? wn__left_over(file, wanted, graph->params) : wn__safetensors_count(file);
    wn__free(wanted);
    return WN_OK;
}

/* The model for the file's classes. */
static wn_status build(const wn__safetensors *file, const wn__model *model, wn__model_input *input, wn_graph **out)
{
    wn_graph *usual;
    *input = model->usual;
    WN_TRY(wn__model_build(model, NULL, *input, &usual));
    wn__likeness_input(file, usual, input);
    if (memcmp(input, &model->usual, sizeof *input) == 0) {
        *out = usual;
        return WN_OK;
    }
    wn_graph_free(usual);
    return wn__model_build(model, NULL, *input, out);
}

static bool is_nearer(const wn__likeness *a, const wn__likeness *b)
{
    if (!b->model) return 2 * a->fitting > a->wanted;
    const int64_t a_faults = a->wanted - a->fitting + a->left_over, b_faults = b->wanted - b->fitting + b->left_over;
    return 2 * a->fitting > a->wanted && a_faults < b_faults;
}

wn_status wn__likeness_find(const wn__safetensors *file, wn__likeness *out)
{
    *out = (wn__likeness){0};
    for (const wn__model *const *m = wn__models; *m; m++) {
        wn__likeness l = {.model = *m};
        wn_graph *graph;
        WN_TRY(build(file, *m, &l.input, &graph));
        const wn_status status = compare(file, graph, &l);
        wn_graph_free(graph);
        WN_TRY(status);
        if (is_nearer(&l, out)) *out = l;
    }
    return WN_OK;
}

/* ---- in words */

static wn_status show_faults(const wn__safetensors *file, const wn__likeness *l, wn__text *out)
{
    wn_graph *graph;
    WN_TRY(wn__model_build(l->model, NULL, l->input, &graph));
    wn__wanted *wanted = wn__wanted_of_graph(graph);
    if (wanted) wn__misfits_show(file, wanted, graph->params, out);
    const bool made = wanted != NULL;
    wn__free(wanted);
    wn_graph_free(graph);
    if (l->left_over > 0) wn__text_add(out, "%s%" PRId64 " tensors are not of it", l->fitting < l->wanted ? "; " : "", l->left_over);
    return made ? WN_OK : wn__no_memory(64);
}

wn_status wn__likeness_show(const wn__safetensors *file, const wn__likeness *l, wn__text *out)
{
    if (!l->model) {
        wn__text_add(out, "no network of winnow models");
        return WN_OK;
    }
    if (!wn__likeness_is_whole(l)) {
        wn__text_add(out, "most like %s, but ", l->model->name);
        return show_faults(file, l, out);
    }
    wn__text_add(out, "%s, %d classes", l->model->name, l->input.classes);
    return WN_OK;
}
