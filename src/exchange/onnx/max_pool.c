#include "exchange/onnx_writing.h"

extern const wn__onnx_entry wn__onnx_max_pool;

static wn_status add(wn__onnx_writing *w, const wn__inference_op *op, const char *const *in, const char *out)
{
    wn__onnx_node(&w->b, "MaxPool", op->node->name, out, in, 1);
    wn__onnx_add_window(w, op->node);
    return WN_OK;
}

const wn__onnx_entry wn__onnx_max_pool = {.kind = "max_pool", .form = WN__ONNX_PLANES, .add = add};
