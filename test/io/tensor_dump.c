/* What the library finds in files of tensors, for test/io/torch_files.py. Reads paths, one a line; answers each with lines
 * "NAME DTYPE SHAPE SHA256" and "end", or "failed MESSAGE". */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "io/digest.h"
#include "io/tensor_file.h"

static wn_status dump(const char *path)
{
    wn__safetensors *file;
    char digest[WN__SHA256_TEXT];
    WN_TRY(wn__tensor_file_open(path, &file));
    WN_TRY(wn__safetensors_expand(file));
    for (int i = 0; i < wn__safetensors_count(file); i++) {
        const wn__st_tensor *t = wn__safetensors_at(file, i);
        WN_TRY(wn__sha256(t->data, (size_t)t->count * (size_t)wn__st_dtype_size(t->dtype), digest));
        printf("%s %s (", t->name, wn__st_dtype_name(t->dtype));
        for (int d = 0; d < t->ndim; d++)
            printf("%s%" PRId64, d ? "," : "", t->dim[d]);
        printf(") %s\n", digest);
    }
    wn__safetensors_close(file);
    puts("end");
    return WN_OK;
}

int main(void)
{
    char path[4096];
    while (scanf(" %4095[^\n]", path) == 1)
        if (dump(path) != WN_OK) printf("failed %s\n", wn_error_message());
    return 0;
}
