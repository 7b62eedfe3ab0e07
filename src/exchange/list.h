/* All formats, in the order in which they are listed. */
WN__FORMAT(compressed)
WN__FORMAT(dense)
WN__FORMAT(torch)
#ifdef WN_HAVE_ONNX
WN__FORMAT(onnx)
#endif
WN__FORMAT(c)
