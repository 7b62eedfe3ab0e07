#include "exchange/onnx_writing.h"

extern const wn__onnx_entry wn__onnx_add;

static wn_status add(wn__onnx_writing *w, const wn__inference_op *op, const char *const *in, const char *out)
{
    wn__onnx_node(&w->b, "Add", op->node->name, out, in, 2);
    return WN_OK;
}

const wn__onnx_entry wn__onnx_add = {.kind = "add", .add = add};
