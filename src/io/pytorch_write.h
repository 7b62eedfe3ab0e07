/* PyTorch's files, written: what torch.save makes of a state_dict, an OrderedDict of tensors, and torch.load(weights_only=True) reads. */
#ifndef WN_IO_PYTORCH_WRITE_H
#define WN_IO_PYTORCH_WRITE_H

#include "io/safetensors.h"

/* A tensor that has a mask, by the name that torch.nn.utils.prune gives it. */
#define WN__PYTORCH_MASKED "_orig"

/* All tensors of `file`, without its metadata, in their order; those beside which there is NAME_mask as NAME_orig. Through wn__replace. WN_EUNSUPPORTED: 4 GiB or
 * more, or a type that PyTorch does not have here. */
wn_status wn__pytorch_write(const wn__safetensors *file, const char *path);

#endif
