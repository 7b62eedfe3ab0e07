/* Files of weights by anyone: every reader of a network's file opens it here. Files of Winnow are as they are; of others names and masks are made
 * Winnow's (io/tensor_names.h). */
#ifndef WN_NETWORK_WEIGHTS_FILE_H
#define WN_NETWORK_WEIGHTS_FILE_H

#include "io/digest.h"
#include "io/safetensors.h"

/* names: NULL or "", or a file of patterns that rename tensors. Close with wn__safetensors_close. */
wn_status wn__weights_open(const char *path, const char *names, wn__safetensors **file);
/* ... with compressed tensors left packed where that can be (wn__safetensors_take_packed). */
wn_status wn__weights_open_packed(const char *path, const char *names, wn__safetensors **file);
wn_status wn__weights_parse_packed(const char *label, const void *bytes, size_t size, const char *names, wn__safetensors **file);
/* A file that does not say its network, but whose names and shapes are those of a registered one, says so from now on: metadata "arch", "classes". */
wn_status wn__weights_recognise(const char *label, wn__safetensors *file);
/* What counts of the file in keys: the SHA-256 of a safetensors file; where another program's format or names are read, that of the tensors as
 * they are read, sorted by name. */
wn_status wn__weights_digest(const char *path, const char *names, char digest[WN__SHA256_TEXT]);

#endif
