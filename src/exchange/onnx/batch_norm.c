#include "exchange/onnx_writing.h"

extern const wn__onnx_entry wn__onnx_batch_norm;

static wn_status add(wn__onnx_writing *w, const wn__inference_op *op, const char *const *in, const char *out)
{
    const char *input[5] = {in[0]};
    for (int i = 0; i < 4; i++)
        input[i + 1] = wn__onnx_add_param(w, op->node, i);
    wn__onnx_node(&w->b, "BatchNormalization", op->node->name, out, input, 5);
    wn__onnx_float(&w->b, "epsilon", op->node->eps);
    return WN_OK;
}

const wn__onnx_entry wn__onnx_batch_norm = {.kind = "batch_norm", .add = add};
