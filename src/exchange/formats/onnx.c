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
#include "exchange/inference.h"
#include "exchange/onnx_builder.h"
#include "io/jsonl.h"

enum { USUAL_OPSET = 17, OLDEST_OPSET = 11, NEWEST_OPSET = 24, NAME = 320 };

typedef struct writing {
    const wn__exported *network;
    const wn__export_how *how;
    wn__inference program;
    wn__onnx_builder b;
    bool *flat; /* (ops) its value is (batch, channels) */
    bool clips; /* the lower bound of a clip is there */
} writing;

/* ---- values */

static const wn__param_spec *param(const writing *w, const wn__node *node, int slot)
{
    return &w->network->graph->param[node->param[slot]];
}

/* What operation i gives. */
static char *value_of(const writing *w, int i, char name[NAME])
{
    const wn__inference_op *op = &w->program.op[i];
    if (i == w->program.output && w->flat[i])
        snprintf(name, NAME, "logits");
    else
        snprintf(name, NAME, "%s", i ? op->node->name : "input");
    return name;
}

/* ... before its ReLU. */
static char *raw_value_of(const writing *w, int i, char name[NAME])
{
    if (!w->program.op[i].relu || w->program.op[i].node->kind == WN__RELU) return value_of(w, i, name);
    snprintf(name, NAME, "%s.sum", w->program.op[i].node->name);
    return name;
}

static bool is_mostly_zero(const float *values, int64_t count)
{
    int64_t zeros = 0;
    for (int64_t i = 0; i < count; i++)
        zeros += values[i] == 0;
    return 2 * zeros >= count;
}

static void add_weight(writing *w, const wn__param_spec *spec, const float *values, int64_t count)
{
    if (w->how->sparse && is_mostly_zero(values, count))
        wn__onnx_sparse_floats(&w->b, spec->name, spec->ndim, spec->dim, values);
    else
        wn__onnx_floats(&w->b, spec->name, spec->ndim, spec->dim, values);
}

/* Weight and bias of a layer, by name. A bias that a batch norm has left is named as the layer's would be. Inputs of the node, the value first. */
static int add_layer_params(writing *w, const wn__inference_op *op, const char *input[3], char bias[NAME])
{
    const wn__param_spec *weight = param(w, op->node, 0);
    add_weight(w, weight, op->weight, op->weights);
    input[1] = weight->name;
    if (!op->bias) return 2;
    snprintf(bias, NAME, "%s.bias", op->node->name);
    wn__onnx_floats(&w->b, bias, 1, &op->c, op->bias);
    input[2] = bias;
    return 3;
}

/* ---- one function for each kind of operation: the node that makes `out` of in[0] (and in[1]) */

static wn_status add_conv(writing *w, const wn__inference_op *op, const char *const in[2], const char *out)
{
    const wn__node *n = op->node;
    char bias[NAME];
    const char *input[3] = {in[0]};
    const int inputs = add_layer_params(w, op, input, bias);
    wn__onnx_node(&w->b, "Conv", n->name, out, input, inputs);
    wn__onnx_int_list(&w->b, "kernel_shape", 2, (int64_t[]){n->kernel_h, n->kernel_w});
    wn__onnx_int_list(&w->b, "strides", 2, (int64_t[]){n->stride, n->stride});
    wn__onnx_int_list(&w->b, "pads", 4, (int64_t[]){n->pad, n->pad, n->pad, n->pad});
    wn__onnx_int(&w->b, "group", n->groups);
    return WN_OK;
}

static wn_status add_linear(writing *w, const wn__inference_op *op, const char *const in[2], const char *out)
{
    char bias[NAME];
    const char *input[3] = {in[0]};
    const int inputs = add_layer_params(w, op, input, bias);
    wn__onnx_node(&w->b, "Gemm", op->node->name, out, input, inputs);
    wn__onnx_int(&w->b, "transB", 1);
    return WN_OK;
}

static wn_status add_norm(writing *w, const wn__inference_op *op, const char *const in[2], const char *out)
{
    const char *input[5] = {in[0]};
    for (int i = 0; i < 4; i++) {
        const wn__param_spec *spec = param(w, op->node, i);
        input[i + 1] = spec->name;
        wn__onnx_floats(&w->b, spec->name, spec->ndim, spec->dim, w->network->params->item[op->node->param[i]].value);
    }
    wn__onnx_node(&w->b, "BatchNormalization", op->node->name, out, input, 5);
    wn__onnx_float(&w->b, "epsilon", op->node->eps);
    return WN_OK;
}

static wn_status add_add(writing *w, const wn__inference_op *op, const char *const in[2], const char *out)
{
    wn__onnx_node(&w->b, "Add", op->node->name, out, in, 2);
    return WN_OK;
}

static wn_status add_pool(writing *w, const wn__inference_op *op, const char *const in[2], const char *out)
{
    const wn__node *n = op->node;
    const wn__inference_op *from = &w->program.op[op->input[0]];
    const bool mean = n->kind == WN__AVG_POOL, whole = mean && n->kernel_h == from->h && n->kernel_w == from->w && !n->pad;
    wn__onnx_node(&w->b, whole ? "GlobalAveragePool" : mean ? "AveragePool" : "MaxPool", n->name, out, in, 1);
    if (whole) return WN_OK;
    wn__onnx_int_list(&w->b, "kernel_shape", 2, (int64_t[]){n->kernel_h, n->kernel_w});
    wn__onnx_int_list(&w->b, "strides", 2, (int64_t[]){n->stride, n->stride});
    wn__onnx_int_list(&w->b, "pads", 4, (int64_t[]){n->pad, n->pad, n->pad, n->pad});
    return WN_OK;
}

/* min(max(x, 0), most), or max(x, 0). */
static void add_relu(writing *w, const wn__inference_op *op, const char *name, const char *in, const char *out)
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

typedef wn_status (*add_kind)(writing *w, const wn__inference_op *op, const char *const in[2], const char *out);
static const add_kind kinds[] = {[WN__CONV] = add_conv, [WN__LINEAR] = add_linear, [WN__BATCH_NORM] = add_norm,
                                 [WN__ADD] = add_add,   [WN__MAX_POOL] = add_pool, [WN__AVG_POOL] = add_pool};

/* The value of input k of operation i in the form that it needs: a linear layer (batch, values), windows (batch, channels, height, width). */
static char *input_of(writing *w, int i, int k, char name[NAME])
{
    const wn__inference_op *op = &w->program.op[i], *from = &w->program.op[op->input[k]];
    const bool flat = w->flat[op->input[k]], wants_flat = op->node->kind == WN__LINEAR;
    const bool wants_planes = op->node->kind == WN__CONV || op->node->kind == WN__MAX_POOL || op->node->kind == WN__AVG_POOL;
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

/* A sum of a flat and a plane value does not come up: both ends of an addition have one shape, and a flat one is behind a linear layer. Should it,
 * the flat one is reshaped by the rule above for neither, so it is refused. */
static wn_status check_sum(const writing *w, const wn__inference_op *op)
{
    if (op->inputs < 2 || w->flat[op->input[0]] == w->flat[op->input[1]]) return WN_OK;
    return wn__fail(WN_EUNSUPPORTED, "%s: adds a linear layer's outputs to a feature map, which ONNX files of Winnow do not hold",
                    op->node->name);
}

static wn_status add_op(writing *w, int i)
{
    const wn__inference_op *op = &w->program.op[i];
    char in[2][NAME], out[NAME], sum[NAME], relu[NAME];
    WN_TRY(check_sum(w, op));
    w->flat[i] = op->node->kind == WN__LINEAR ||
                 (w->flat[op->input[0]] && (op->node->kind == WN__RELU || op->node->kind == WN__ADD || op->node->kind == WN__BATCH_NORM));
    for (int k = 0; k < op->inputs; k++)
        input_of(w, i, k, in[k]);
    value_of(w, i, out);
    if (op->node->kind == WN__RELU) {
        add_relu(w, op, op->node->name, in[0], out);
        return WN_OK;
    }
    WN_TRY(kinds[op->node->kind](w, op, (const char *[]){in[0], in[1]}, raw_value_of(w, i, sum)));
    if (!op->relu) return WN_OK;
    snprintf(relu, sizeof relu, "%.250s.relu", op->node->name);
    add_relu(w, op, relu, sum, out);
    return WN_OK;
}

/* ---- pixels to inputs, in the graph */

/* x / 255, less its mean over the image, by its deviation, which is at least 1 / sqrt(values). */
static void add_per_image(writing *w, int64_t values)
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
static void add_mean_std(writing *w, const wn__normalize *n, int64_t channels)
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

static wn_status add_input(writing *w)
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

static wn_status add_text(writing *w, const char *key, wn__text *t)
{
    if (!t->failed) wn__onnx_meta(&w->b, key, t->data);
    const wn_status status = t->failed ? wn__no_memory(t->size) : WN_OK;
    wn__text_release(t);
    return status;
}

static wn_status add_class_names(writing *w)
{
    wn__text t = {0};
    wn__json_text_array(&t, w->network->class_names, wn__graph_classes(w->network->graph));
    return add_text(w, "class_names", &t);
}

static wn_status add_numbers(writing *w, const char *key, const float *values, int64_t count)
{
    wn__text t = {0};
    wn__json_float_array(&t, values, count);
    return add_text(w, key, &t);
}

/* The keys of Winnow's own files. */
static wn_status add_metadata(writing *w)
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

static void add_output(writing *w)
{
    const int last = w->program.output;
    char value[NAME];
    if (!w->flat[last]) wn__onnx_node(&w->b, "Flatten", "logits", "logits", (const char *[]){value_of(w, last, value)}, 1);
    wn__onnx_output(&w->b, "logits", WN__ONNX_FLOAT, 2, (int64_t[]){-1, w->program.op[last].c});
}

static wn_status add_network(writing *w)
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
static wn_status write_both(writing *w, const char *path)
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
    writing w = {.network = network, .how = &how};
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
