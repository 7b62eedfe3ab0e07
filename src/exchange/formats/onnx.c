/* ONNX: what onnxruntime, OpenVINO and others run. One node for each operation, values named after the network's nodes, weights as torchvision names
 * them; any number of inputs at once.
 *
 * Values are (batch, channels, height, width) up to the first linear layer and (batch, outputs) behind it. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/text.h"
#include "exchange/format.h"
#include "exchange/onnx_writing.h"
#include "io/jsonl.h"

enum { USUAL_OPSET = 17, OLDEST_OPSET = 11, NEWEST_OPSET = 24, NAME = WN__ONNX_NAME };

/* ---- values */

static bool is_relu(const wn__inference_op *op) { return wn__node_has(op->node, WN__NODE_IS_RELU); }

/* What operation i gives. */
static char *value_of(const wn__onnx_writing *w, int i, char name[NAME])
{
    const wn__inference_op *op = &w->program.op[i];
    if (i == w->program.output && w->flat[i])
        snprintf(name, NAME, "logits");
    else
        snprintf(name, NAME, "%s", i ? op->node->name : "input");
    return name;
}

/* ... before its ReLU. */
static char *raw_value_of(const wn__onnx_writing *w, int i, char name[NAME])
{
    if (!w->program.op[i].relu || is_relu(&w->program.op[i])) return value_of(w, i, name);
    snprintf(name, NAME, "%s.sum", w->program.op[i].node->name);
    return name;
}

/* min(max(x, 0), most), or max(x, 0). */
static void add_relu(wn__onnx_writing *w, const wn__inference_op *op, const char *name, const char *in, const char *out)
{
    static const float zero = 0;
    char bound[NAME];
    if (!(op->most > 0)) {
        wn__onnx_node(&w->b, "Relu", name, out, (const char *[]){in}, 1);
        return;
    }
    if (!w->clips) wn__onnx_floats(&w->b, "clip.least", 0, NULL, &zero);
    w->clips = true;
    snprintf(bound, sizeof bound, "%.250s.most", name);
    wn__onnx_floats(&w->b, bound, 0, NULL, &op->most);
    wn__onnx_node(&w->b, "Clip", name, out, (const char *[]){in, "clip.least", bound}, 3);
}

/* ---- operations in order */

#define WN_ONNX(name) extern const wn__onnx_entry wn__onnx_##name;
#include "exchange/onnx/list.h"
#undef WN_ONNX

static const wn__onnx_entry *const entries[] = {
#define WN_ONNX(name) &wn__onnx_##name,
#include "exchange/onnx/list.h"
#undef WN_ONNX
    NULL};

static const wn__onnx_entry *entry_of(const wn__node *node)
{
    for (const wn__onnx_entry *const *e = entries; *e; e++)
        if (strcmp((*e)->kind, node->kind->name) == 0) return *e;
    return NULL;
}

/* The value of input k of operation i in the form that it needs: a linear layer (batch, values), windows (batch, channels, height, width). */
static char *input_of(wn__onnx_writing *w, int i, int k, wn__onnx_form form, char name[NAME])
{
    const wn__inference_op *op = &w->program.op[i], *from = &w->program.op[op->input[k]];
    const bool flat = w->flat[op->input[k]], wants_flat = form == WN__ONNX_FLAT, wants_planes = form == WN__ONNX_PLANES;
    char value[NAME], shape[NAME];
    value_of(w, op->input[k], value);
    if (flat ? !wants_planes : !wants_flat) return strcpy(name, value);
    snprintf(name, NAME, "%.250s.input", op->node->name);
    if (wants_flat) {
        wn__onnx_node(&w->b, "Flatten", name, name, (const char *[]){value}, 1);
        return name;
    }
    snprintf(shape, sizeof shape, "%.250s.shape", op->node->name);
    wn__onnx_ints(&w->b, shape, 4, (int64_t[]){0, from->c, 1, 1});
    wn__onnx_node(&w->b, "Reshape", name, name, (const char *[]){value, shape}, 2);
    return name;
}

/* Flat and plane values together hardly come up: a flat one is behind a linear layer, and both have one shape. */
static wn_status check_forms(const wn__onnx_writing *w, const wn__inference_op *op)
{
    for (int k = 1; k < op->inputs; k++)
        if (w->flat[op->input[k]] != w->flat[op->input[0]])
            return wn__fail(WN_EUNSUPPORTED, "%s: adds a linear layer's outputs to a feature map, which ONNX files of Winnow do not hold",
                            op->node->name);
    return WN_OK;
}

static wn_status add_op(wn__onnx_writing *w, int i)
{
    const wn__inference_op *op = &w->program.op[i];
    const wn__onnx_entry *entry = entry_of(op->node);
    const wn__onnx_form form = entry ? entry->form : WN__ONNX_ANY;
    char name[WN__INPUTS][NAME], out[NAME], sum[NAME], relu[NAME];
    const char *in[WN__INPUTS] = {NULL};
    if (!entry && !is_relu(op))
        return wn__fail(WN_EUNSUPPORTED, "%s: ONNX files of Winnow have no %s", op->node->name, op->node->kind->name);
    WN_TRY(check_forms(w, op));
    w->flat[i] = form == WN__ONNX_FLAT || (w->flat[op->input[0]] && form == WN__ONNX_ANY);
    for (int k = 0; k < op->inputs; k++)
        in[k] = input_of(w, i, k, form, name[k]);
    value_of(w, i, out);
    if (is_relu(op)) {
        add_relu(w, op, op->node->name, in[0], out);
        return WN_OK;
    }
    WN_TRY(entry->add(w, op, in, raw_value_of(w, i, sum)));
    if (!op->relu) return WN_OK;
    snprintf(relu, sizeof relu, "%.250s.relu", op->node->name);
    add_relu(w, op, relu, sum, out);
    return WN_OK;
}

/* ---- pixels to inputs, in the graph */

/* x / 255, less its mean over the image, by its deviation, which is at least 1 / sqrt(values). */
static void add_per_image(wn__onnx_writing *w, int64_t values)
{
    static const int64_t axes[] = {1, 2, 3};
    const float scale = 1.0f / 255, least = (float)(1 / sqrt((double)values));
    const bool by_input = w->how->opset >= 18;
    const char *mean_of[] = {"pixels.scaled", "pixels.axes"}, *square_of[] = {"pixels.square", "pixels.axes"};
    wn__onnx_floats(&w->b, "pixels.scale", 0, NULL, &scale);
    wn__onnx_floats(&w->b, "pixels.least", 0, NULL, &least);
    if (by_input) wn__onnx_ints(&w->b, "pixels.axes", 3, axes);
    wn__onnx_node(&w->b, "Mul", "pixels.scaled", "pixels.scaled", (const char *[]){"pixels.float", "pixels.scale"}, 2);
    wn__onnx_node(&w->b, "ReduceMean", "pixels.mean", "pixels.mean", mean_of, by_input ? 2 : 1);
    if (!by_input) wn__onnx_int_list(&w->b, "axes", 3, axes);
    wn__onnx_node(&w->b, "Sub", "pixels.centred", "pixels.centred", (const char *[]){"pixels.scaled", "pixels.mean"}, 2);
    wn__onnx_node(&w->b, "Mul", "pixels.square", "pixels.square", (const char *[]){"pixels.centred", "pixels.centred"}, 2);
    wn__onnx_node(&w->b, "ReduceMean", "pixels.variance", "pixels.variance", square_of, by_input ? 2 : 1);
    if (!by_input) wn__onnx_int_list(&w->b, "axes", 3, axes);
    wn__onnx_node(&w->b, "Sqrt", "pixels.root", "pixels.root", (const char *[]){"pixels.variance"}, 1);
    wn__onnx_node(&w->b, "Max", "pixels.deviation", "pixels.deviation", (const char *[]){"pixels.root", "pixels.least"}, 2);
    wn__onnx_node(&w->b, "Div", "pixels.divided", "input", (const char *[]){"pixels.centred", "pixels.deviation"}, 2);
}

/* (x / 255 - mean) / std, as one factor and one addend of each channel. */
static void add_mean_std(wn__onnx_writing *w, const wn__normalize *n, int64_t channels)
{
    const int64_t dim[4] = {1, channels, 1, 1};
    float factor[WN__MAX_CHANNELS], addend[WN__MAX_CHANNELS];
    for (int64_t c = 0; c < channels; c++) {
        factor[c] = (float)(1 / (255.0 * n->std[c]));
        addend[c] = (float)(-(double)n->mean[c] / n->std[c]);
    }
    wn__onnx_floats(&w->b, "pixels.factor", 4, dim, factor);
    wn__onnx_floats(&w->b, "pixels.addend", 4, dim, addend);
    wn__onnx_node(&w->b, "Mul", "pixels.scaled", "pixels.scaled", (const char *[]){"pixels.float", "pixels.factor"}, 2);
    wn__onnx_node(&w->b, "Add", "pixels.shifted", "input", (const char *[]){"pixels.scaled", "pixels.addend"}, 2);
}

static wn_status add_input(wn__onnx_writing *w)
{
    const wn_graph *g = w->network->graph;
    const wn__normalize *n = w->network->normalize;
    const int64_t dim[4] = {-1, g->c, g->h, g->w};
    if (!w->how->preprocess) {
        wn__onnx_input(&w->b, "input", WN__ONNX_FLOAT, 4, dim);
        return WN_OK;
    }
    if (!n || n->kind == WN__NORMALIZE_NOTHING || g->c > WN__MAX_CHANNELS)
        return wn__fail(WN_EUNSUPPORTED, "%s: how pixels become inputs is not known, so it cannot be part of the file", g->name);
    wn__onnx_input(&w->b, "pixels", WN__ONNX_UINT8, 4, dim);
    wn__onnx_node(&w->b, "Cast", "pixels.float", "pixels.float", (const char *[]){"pixels"}, 1);
    wn__onnx_int(&w->b, "to", WN__ONNX_FLOAT);
    if (n->kind == WN__NORMALIZE_PER_IMAGE)
        add_per_image(w, g->c * g->h * g->w);
    else
        add_mean_std(w, n, g->c);
    return WN_OK;
}

/* ---- metadata */

static wn_status add_text(wn__onnx_writing *w, const char *key, wn__text *t)
{
    if (!t->failed) wn__onnx_meta(&w->b, key, t->data);
    const wn_status status = t->failed ? wn__no_memory(t->size) : WN_OK;
    wn__text_release(t);
    return status;
}

static wn_status add_class_names(wn__onnx_writing *w)
{
    wn__text t = {0};
    wn__json_text_array(&t, w->network->class_names, wn__graph_classes(w->network->graph));
    return add_text(w, "class_names", &t);
}

static wn_status add_numbers(wn__onnx_writing *w, const char *key, const float *values, int64_t count)
{
    wn__text t = {0};
    wn__json_float_array(&t, values, count);
    return add_text(w, key, &t);
}

/* The keys of Winnow's own files. */
static wn_status add_metadata(wn__onnx_writing *w)
{
    const wn__exported *e = w->network;
    wn__onnx_meta(&w->b, "arch", e->graph->name);
    if (e->dataset) wn__onnx_meta(&w->b, "dataset", e->dataset);
    if (e->class_names) WN_TRY(add_class_names(w));
    if (!e->normalize || e->normalize->kind == WN__NORMALIZE_NOTHING) return WN_OK;
    wn__onnx_meta(&w->b, "normalize", e->normalize->name);
    if (e->normalize->kind != WN__NORMALIZE_MEAN_STD) return WN_OK;
    WN_TRY(add_numbers(w, "mean", e->normalize->mean, e->graph->c));
    return add_numbers(w, "std", e->normalize->std, e->graph->c);
}

/* ---- the whole */

static void add_output(wn__onnx_writing *w)
{
    const int last = w->program.output;
    char value[NAME];
    if (!w->flat[last]) wn__onnx_node(&w->b, "Flatten", "logits", "logits", (const char *[]){value_of(w, last, value)}, 1);
    wn__onnx_output(&w->b, "logits", WN__ONNX_FLOAT, 2, (int64_t[]){-1, w->program.op[last].c});
}

static wn_status add_network(wn__onnx_writing *w)
{
    wn__onnx_begin(&w->b, w->network->graph->name, w->how->opset);
    WN_TRY(add_metadata(w));
    WN_TRY(add_input(w));
    for (int i = 1; i < w->program.ops; i++)
        WN_TRY(add_op(w, i));
    add_output(w);
    return w->b.status;
}

/* With weights in PATH.data: that file first, so that a model never names one that is not there. */
static wn_status write_both(wn__onnx_writing *w, const char *path)
{
    wn__replace data;
    wn__text name = {0};
    wn__text_add(&name, "%s.data", path);
    wn_status status = name.failed ? wn__no_memory(name.size) : wn__replace_open(&data, name.data);
    if (status == WN_OK) {
        w->b.external = &data;
        w->b.external_name = wn__base_name(name.data);
        status = add_network(w);
        if (status == WN_OK)
            status = wn__replace_commit(&data);
        else
            wn__replace_abort(&data);
    }
    wn__text_release(&name);
    return status == WN_OK ? wn__onnx_write(&w->b, path) : status;
}

static wn_status write_onnx(const wn__exported *network, const wn__export_how *asked, const char *path)
{
    wn__export_how how = *asked;
    if (!how.opset) how.opset = USUAL_OPSET;
    if (how.opset < OLDEST_OPSET || how.opset > NEWEST_OPSET)
        return wn__fail(WN_EUSAGE, "opset %d, must be %d to %d", how.opset, OLDEST_OPSET, NEWEST_OPSET);
    wn__onnx_writing w = {.network = network, .how = &how};
    WN_TRY(wn__inference_make(network->graph, network->params, how.norms_stay, &w.program));
    wn_status status = (w.flat = WN_NEW_ARRAY(bool, w.program.ops)) ? WN_OK : wn__no_memory((size_t)w.program.ops);
    if (status == WN_OK && how.external)
        status = write_both(&w, path);
    else if (status == WN_OK && (status = add_network(&w)) == WN_OK)
        status = wn__onnx_write(&w.b, path);
    wn__onnx_release(&w.b);
    wn__free(w.flat);
    wn__inference_release(&w.program);
    return status;
}

const wn__export_format wn__format_onnx = {
    .name = "onnx",
    .summary = "ONNX, which onnxruntime, OpenVINO and others run",
    .takes = WN__EXPORT_OPSET | WN__EXPORT_NORMS_STAY | WN__EXPORT_SPARSE | WN__EXPORT_EXTERNAL | WN__EXPORT_PREPROCESS,
    .write = write_onnx,
};
