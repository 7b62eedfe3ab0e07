/* Backends, best first: WN_BACKEND(name) needs `const wn__backend wn__backend_<name>`. Optional ones stand under their build switch. */
WN_BACKEND(ref)
