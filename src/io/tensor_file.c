#include "io/tensor_file.h"

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "io/file_kind.h"
#include "io/pytorch.h"

/* Behind the length of the header, which may look like anything, the header begins. */
bool wn__tensor_file_is_safetensors(const char *bytes, size_t size) { return size > 8 && bytes[8] == '{'; }

wn_status wn__tensor_file_take(const char *label, char *bytes, size_t size, wn__safetensors **file)
{
    if (wn__tensor_file_is_safetensors(bytes, size)) return wn__safetensors_take_packed(label, bytes, size, file);
    if (wn__pytorch_recognises((const uint8_t *)bytes, size)) {
        const wn_status status = wn__pytorch_parse(label, (const uint8_t *)bytes, size, file);
        wn__free(bytes);
        return status;
    }
    const char *kind = wn__file_kind(bytes, size);
    if (!kind) return wn__safetensors_take_packed(label, bytes, size, file);
    wn__free(bytes);
    return wn__fail(WN_EFORMAT, "%s: is %s; valid: safetensors, or a file of torch.save", label, kind);
}

wn_status wn__tensor_file_open(const char *path, wn__safetensors **file)
{
    char *bytes;
    size_t size;
    WN_TRY(wn__file_read(path, &bytes, &size));
    return wn__tensor_file_take(path, bytes, size, file);
}
