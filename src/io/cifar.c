#include "io/cifar.h"

#include <inttypes.h>
#include <string.h>

#include "base/fail.h"

const wn__cifar_layout wn__cifar10_layout = {.label_bytes = 1, .label_at = 0, .classes = 10};
const wn__cifar_layout wn__cifar100_layout = {.label_bytes = 2, .label_at = 1, .classes = 100};

static size_t record_size(const wn__cifar_layout *layout) { return (size_t)layout->label_bytes + WN__CIFAR_PIXELS; }

wn_status wn__cifar_count(const char *label, size_t size, const wn__cifar_layout *layout, int64_t *records)
{
    const size_t record = record_size(layout), whole = size / record;
    if (whole == 0 || size % record != 0)
        return wn__fail(WN_EFORMAT, "%s: %zu bytes are no whole number of CIFAR-%d records of %zu bytes (the last has %zu)", label, size,
                        layout->classes, record, size % record);
    *records = (int64_t)whole;
    return WN_OK;
}

wn_status wn__cifar_parse(const char *label, const void *bytes, size_t size, const wn__cifar_layout *layout, uint8_t *pixels,
                          int32_t *labels)
{
    int64_t records = 0;
    WN_TRY(wn__cifar_count(label, size, layout, &records));
    const uint8_t *record = bytes;
    for (int64_t i = 0; i < records; i++, record += record_size(layout)) {
        labels[i] = record[layout->label_at];
        if (labels[i] >= layout->classes)
            return wn__fail(WN_EFORMAT, "%s: record %" PRId64 " has label %d, expected 0 to %d", label, i, labels[i], layout->classes - 1);
        memcpy(pixels + i * WN__CIFAR_PIXELS, record + layout->label_bytes, WN__CIFAR_PIXELS);
    }
    return WN_OK;
}
