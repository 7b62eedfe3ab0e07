/* All formats, in the order in which they are listed. */
#ifdef WN_HAVE_ONNX
WN__FORMAT(onnx)
#endif
WN__FORMAT(c)
