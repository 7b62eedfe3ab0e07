#include <stdlib.h>

#include "fuzz.h"
#include "io/safetensors.h"

/* Every tensor of an accepted file can be read in full. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wn__safetensors *file;
    if (wn__safetensors_parse("input", data, size, &file) != WN_OK) return 0;
    for (int i = 0; i < wn__safetensors_count(file); i++) {
        const wn__st_tensor *t = wn__safetensors_at(file, i);
        float *values = malloc((size_t)t->count * sizeof(*values) + 1);
        void *bytes = malloc((size_t)wn__st_bytes(t) + 1);
        if (values) (void)wn__safetensors_floats(file, t->name, t->ndim, t->dim, values);
        if (bytes && wn__safetensors_bytes(file, t->name, t->dtype, t->ndim, t->dim, bytes) != WN_OK) abort();
        free(values);
        free(bytes);
    }
    for (int i = 0; i < wn__safetensors_meta_count(file); i++) {
        const char *key, *value;
        wn__safetensors_meta_at(file, i, &key, &value);
        if (wn__safetensors_meta(file, key) != value) abort();
    }
    wn__safetensors_close(file);
    return 0;
}
