/* Smaller networks in files: NAME.yaml describes the network, NAME.safetensors holds its weights and says so. The second looks for the first
 * beside itself. */
#ifndef WN_RUN_SHRUNK_FILE_H
#define WN_RUN_SHRUNK_FILE_H

#include <jansson.h>

#include "network/file_traits.h"
#include "run/context.h"
#include "sparse/shrink.h"

/* Into `folder`, which exists. Types of numbers are those of the traits (NULL: F32), whose other
 * tensors it has too. */
wn_status wn__shrunk_save(const wn__context *c, const wn__shrunk *s, const wn__file_traits *traits, const char *folder, const char *name);
/* Of a stage that pruned units or trained parts of layers: shrunk.yaml and shrunk.safetensors, and in the result under "shrunk" what they have:
 * parameters, flops, bytes, channels (removed), layers (split). */
wn_status wn__stage_save_shrunk(const wn__context *c, const wn_graph *graph, const wn__params *params, const char *folder, json_t *result);

#endif
