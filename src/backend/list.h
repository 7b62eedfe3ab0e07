/* Backends, best first: WN_BACKEND(name) needs `const wn__backend wn__backend_<name>`. Optional ones stand under their build switch. */
#ifdef WN_HAVE_ONEDNN
WN_BACKEND(onednn)
#endif
WN_BACKEND(sparse)
WN_BACKEND(ref)
