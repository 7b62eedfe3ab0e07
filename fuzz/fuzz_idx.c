#include "fuzz.h"
#include "io/idx.h"

/* Every byte that the header promises can be read. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wn__idx idx;
    if (wn__idx_parse("input", data, size, &idx) != WN_OK) return 0;
    unsigned sum = 0;
    for (int64_t i = 0; i < idx.count; i++)
        sum += idx.data[i];
    volatile unsigned used = sum;
    (void)used;
    return 0;
}
