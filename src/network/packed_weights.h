/* Weights of a compressed file become compressed weights as they are: neither their dense form nor their masks are made. */
#ifndef WN_NETWORK_PACKED_WEIGHTS_H
#define WN_NETWORK_PACKED_WEIGHTS_H

#include "base/threads.h"
#include "io/safetensors.h"
#include "tensor/param.h"

/* Is every packed tensor of the file a weight of these parameters, which can be compressed? */
bool wn__packed_weights_fit(const wn__safetensors *file, const wn__params *params);
/* Then: reads these, decoded by the pool's threads, and says which they were: taken (params->count). WN_EFORMAT: a damaged one. */
wn_status wn__packed_weights_read(const wn__safetensors *file, wn__pool *pool, wn__params *params, bool *taken);

#endif
