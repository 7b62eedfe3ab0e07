/* PyTorch's files (.pt, .pth, .bin: what torch.save writes since PyTorch 1.6): a zip archive of a pickle and of the tensors' bytes.
 *
 * The pickle is read by io/pickle.h, so no code is ever run: tensors, dictionaries, lists, tuples, numbers and text are understood, any other name is
 * refused by that name. Tensors are taken from the weights inside a checkpoint (keys state_dict, model_state_dict, model, module, net, network), if
 * there are such; names of nested dictionaries are joined by dots. */
#ifndef WN_IO_PYTORCH_H
#define WN_IO_PYTORCH_H

#include "io/safetensors.h"

/* A zip archive, or a pickle. */
bool wn__pytorch_recognises(const uint8_t *bytes, size_t size);
/* The tensors as a safetensors file has them, contiguous and without metadata; strides, offsets and byte order of the file are followed. A wrong
 * checksum is a warning in the log. WN_EFORMAT: truncated, damaged, without tensors; WN_EUNSUPPORTED: a foreign name or type, the format of
 * before 1.6, TorchScript: each with the way out. */
wn_status wn__pytorch_parse(const char *label, const uint8_t *bytes, size_t size, wn__safetensors **file);

#endif
