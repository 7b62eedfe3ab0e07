#include "io/tensor_file.h"

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "io/file_kind.h"
#include "io/pytorch.h"

wn_status wn__tensor_file_open(const char *path, wn__safetensors **file)
{
    char *bytes;
    size_t size;
    WN_TRY(wn__file_read(path, &bytes, &size));
    if (wn__pytorch_recognises((const uint8_t *)bytes, size)) {
        const wn_status status = wn__pytorch_parse(path, (const uint8_t *)bytes, size, file);
        wn__free(bytes);
        return status;
    }
    const bool is_safetensors = size > 8 && bytes[8] == '{'; /* behind the length of the header, which may look like anything */
    const char *kind = is_safetensors ? NULL : wn__file_kind(bytes, size);
    if (!kind) return wn__safetensors_take(path, bytes, size, file);
    wn__free(bytes);
    return wn__fail(WN_EFORMAT, "%s: is %s; valid: safetensors, or a file of torch.save", path, kind);
}
