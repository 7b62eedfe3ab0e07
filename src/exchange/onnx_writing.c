#include "exchange/onnx_writing.h"

#include <stdio.h>

const wn__param_spec *wn__onnx_param(const wn__onnx_writing *w, const wn__node *node, int slot)
{
    return &w->network->graph->param[node->param[slot]];
}

static bool is_mostly_zero(const float *values, int64_t count)
{
    int64_t zeros = 0;
    for (int64_t i = 0; i < count; i++)
        zeros += values[i] == 0;
    return 2 * zeros >= count;
}

static void add_weight(wn__onnx_writing *w, const wn__param_spec *spec, const float *values, int64_t count)
{
    if (w->how->sparse && is_mostly_zero(values, count))
        wn__onnx_sparse_floats(&w->b, spec->name, spec->ndim, spec->dim, values);
    else
        wn__onnx_floats(&w->b, spec->name, spec->ndim, spec->dim, values);
}

const char *wn__onnx_add_param(wn__onnx_writing *w, const wn__node *node, int slot)
{
    const wn__param_spec *spec = wn__onnx_param(w, node, slot);
    wn__onnx_floats(&w->b, spec->name, spec->ndim, spec->dim, w->network->params->item[node->param[slot]].value);
    return spec->name;
}

int wn__onnx_add_layer(wn__onnx_writing *w, const wn__inference_op *op, const char *input[3], char bias[WN__ONNX_NAME])
{
    const wn__param_spec *weight = wn__onnx_param(w, op->node, 0);
    add_weight(w, weight, op->weight, op->weights);
    input[1] = weight->name;
    if (!op->bias) return 2;
    snprintf(bias, WN__ONNX_NAME, "%s.bias", op->node->name);
    wn__onnx_floats(&w->b, bias, 1, &op->c, op->bias);
    input[2] = bias;
    return 3;
}

void wn__onnx_add_window(wn__onnx_writing *w, const wn__node *n)
{
    wn__onnx_int_list(&w->b, "kernel_shape", 2, (int64_t[]){n->kernel_h, n->kernel_w});
    wn__onnx_int_list(&w->b, "strides", 2, (int64_t[]){n->stride, n->stride});
    wn__onnx_int_list(&w->b, "pads", 4, (int64_t[]){n->pad, n->pad, n->pad, n->pad});
}
