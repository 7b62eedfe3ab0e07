#include <stdlib.h>

#include "base/alloc.h"
#include "fuzz.h"
#include "io/compressed.h"
#include "io/tar.h"

static wn_status read_member(void *user, const char *name, const void *data, size_t size)
{
    unsigned *sum = user;
    for (size_t i = 0; i < size; i++)
        *sum += ((const unsigned char *)data)[i];
    for (; *name; name++)
        *sum += (unsigned char)*name;
    return WN_OK;
}

/* Never more than the limit is unpacked; the result is read as an archive. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { LIMIT = 100000 };
    char *bytes;
    size_t count;
    unsigned sum = 0;
    if (wn__unpack("input", data, size, LIMIT, &bytes, &count) != WN_OK) return 0;
    if (count > LIMIT || bytes[count] != 0) abort();
    (void)wn__tar_read("input", bytes, count, read_member, &sum);
    wn__free(bytes);
    return 0;
}
