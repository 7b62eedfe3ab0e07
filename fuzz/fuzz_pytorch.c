#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "io/pickle.h"
#include "io/pytorch.h"

/* Every item of an accepted pickle is a value. */
static void read_pickle(const uint8_t *data, size_t size)
{
    static const wn__pickle_global globals[] = {{"collections", "OrderedDict", true, false}, {"torch", "Size", false, true}};
    wn__pickle pickle;
    if (wn__pickle_read("input", data, size, globals, 2, &pickle) != WN_OK) return;
    for (int64_t i = 0; i < pickle.count; i++)
        for (int64_t k = 0; k < pickle.values[i].items; k++)
            if (pickle.values[i].item[k] < 0 || pickle.values[i].item[k] >= pickle.count) abort();
    wn__pickle_release(&pickle);
}

/* Every tensor of an accepted file can be read in full. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wn__safetensors *file;
    read_pickle(data, size);
    if (wn__pytorch_parse("input", data, size, &file) != WN_OK) return 0;
    for (int i = 0; i < wn__safetensors_count(file); i++) {
        const wn__st_tensor *t = wn__safetensors_at(file, i);
        const size_t bytes = (size_t)t->count * (size_t)wn__st_dtype_size(t->dtype);
        void *copy = malloc(bytes + 1);
        if (copy && bytes > 0) memcpy(copy, t->data, bytes);
        if (strlen(t->name) > 1024) abort();
        free(copy);
    }
    wn__safetensors_close(file);
    return 0;
}
