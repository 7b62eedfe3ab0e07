#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "io/npz.h"

/* Every element of an accepted array can be read, or is said to be damaged; also backwards. */
static void read_array(const char *path)
{
    wn__npz_array *array;
    char piece[64];
    if (wn__npz_open(path, "X", &array) != WN_OK) return;
    const wn__npy_shape *s = wn__npz_shape_of(array);
    for (int64_t at = 0; at < s->bytes && at < 4096; at += (int64_t)sizeof piece) {
        const int64_t left = s->bytes - at, n = left < (int64_t)sizeof piece ? left : (int64_t)sizeof piece;
        if (wn__npz_read(array, at, n, piece) != WN_OK) break;
    }
    const wn_status first = wn__npz_read(array, 0, 1, piece);
    (void)first;
    if (wn__npz_read(array, s->bytes, 1, piece) == WN_OK) abort();
    wn__npz_close(array);
}

/* libzip reads files: the input becomes one without a name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    const int file = memfd_create("npz", MFD_CLOEXEC);
    if (file < 0) return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    if (write(file, data, size) == (ssize_t)size) read_array(path);
    close(file);
    return 0;
}
