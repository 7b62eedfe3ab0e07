/* Kinds of nodes that ONNX files hold, beside ReLUs, which are part of what they follow: WN_ONNX(name) needs `const wn__onnx_entry wn__onnx_<name>`. */
WN_ONNX(conv)
WN_ONNX(linear)
WN_ONNX(batch_norm)
WN_ONNX(add)
WN_ONNX(max_pool)
WN_ONNX(avg_pool)
