#include "exchange/onnx_writing.h"

extern const wn__onnx_entry wn__onnx_avg_pool;

static wn_status add(wn__onnx_writing *w, const wn__inference_op *op, const char *const *in, const char *out)
{
    const wn__node *n = op->node;
    const wn__inference_op *from = &w->program.op[op->input[0]];
    const bool whole = n->kernel_h == from->h && n->kernel_w == from->w && !n->pad;
    wn__onnx_node(&w->b, whole ? "GlobalAveragePool" : "AveragePool", n->name, out, in, 1);
    if (!whole) wn__onnx_add_window(w, n);
    return WN_OK;
}

const wn__onnx_entry wn__onnx_avg_pool = {.kind = "avg_pool", .form = WN__ONNX_PLANES, .add = add};
