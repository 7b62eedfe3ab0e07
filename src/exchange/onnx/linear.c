#include "exchange/onnx_writing.h"

extern const wn__onnx_entry wn__onnx_linear;

static wn_status add(wn__onnx_writing *w, const wn__inference_op *op, const char *const *in, const char *out)
{
    char bias[WN__ONNX_NAME];
    const char *input[3] = {in[0]};
    const int inputs = wn__onnx_add_layer(w, op, input, bias);
    wn__onnx_node(&w->b, "Gemm", op->node->name, out, input, inputs);
    wn__onnx_int(&w->b, "transB", 1);
    return WN_OK;
}

const wn__onnx_entry wn__onnx_linear = {.kind = "linear", .form = WN__ONNX_FLAT, .add = add};
