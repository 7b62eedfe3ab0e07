/* Files of named tensors, told by their contents: safetensors, or what torch.save writes. */
#ifndef WN_IO_TENSOR_FILE_H
#define WN_IO_TENSOR_FILE_H

#include "io/safetensors.h"

/* As wn__safetensors_open with compressed tensors left packed (wn__safetensors_take_packed), but PyTorch's files are opened, too (io/pytorch.h), and files of other kinds are called what they are. */
wn_status wn__tensor_file_open(const char *path, wn__safetensors **file);
/* ... of bytes in memory of wn__alloc, which are taken over, also on failure. */
wn_status wn__tensor_file_take(const char *label, char *bytes, size_t size, wn__safetensors **file);
/* Is it safetensors, and not the file of another program's own kind? */
bool wn__tensor_file_is_safetensors(const char *bytes, size_t size);

#endif
