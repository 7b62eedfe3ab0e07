/* Files of masks alone: safetensors with "<parameter>_mask" (U8, the parameter's shape) for each masked parameter. Files of networks with masks
 * serve as well. Masks over coefficients have with them what makes their basis again (src/sparse/basis/basis_map.h). */
#ifndef WN_NETWORK_MASKS_FILE_H
#define WN_NETWORK_MASKS_FILE_H

#include "tensor/param.h"

wn_status wn__masks_save(const char *path, const wn__params *params);
/* Parameters without a mask in the file become dense. WN_EMISMATCH: no masks at all, or masks of another network. */
wn_status wn__masks_load(const char *path, wn__params *params);
/* Share of zeros over all masks of a file. */
wn_status wn__masks_file_sparsity(const char *path, double *sparsity);
/* density[i] (params->count) of each parameter in the file, whose shapes may be others: 1 without a mask. WN_EMISMATCH: no masks, or one of a
 * tensor that the network does not have. */
wn_status wn__masks_file_densities(const char *path, const wn__params *params, double *density);

#endif
