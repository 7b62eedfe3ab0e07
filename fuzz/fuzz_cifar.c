#include <stdlib.h>

#include "fuzz.h"
#include "io/cifar.h"

static void read_as(const wn__cifar_layout *layout, const uint8_t *data, size_t size)
{
    int64_t records;
    if (wn__cifar_count("input", size, layout, &records) != WN_OK) return;
    uint8_t *pixels = malloc((size_t)records * WN__CIFAR_PIXELS);
    int32_t *labels = malloc((size_t)records * sizeof(*labels));
    if (pixels && labels && wn__cifar_parse("input", data, size, layout, pixels, labels) == WN_OK)
        for (int64_t i = 0; i < records; i++)
            if (labels[i] < 0 || labels[i] >= layout->classes) abort();
    free(pixels);
    free(labels);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_as(&wn__cifar10_layout, data, size);
    read_as(&wn__cifar100_layout, data, size);
    return 0;
}
