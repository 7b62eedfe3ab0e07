#include "io/idx.h"

#include <inttypes.h>

#include "base/fail.h"

#define UNSIGNED_BYTES 0x08

static uint32_t big_endian(const uint8_t *b) { return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3]; }

wn_status wn__idx_parse(const char *label, const void *bytes, size_t size, wn__idx *out)
{
    const uint8_t *b = bytes;
    if (size < 4) return wn__fail(WN_EFORMAT, "%s: %zu bytes are no IDX file", label, size);
    if (b[0] != 0 || b[1] != 0 || b[2] != UNSIGNED_BYTES || (b[3] != 1 && b[3] != 3))
        return wn__fail(WN_EFORMAT, "%s: begins with %02x%02x%02x%02x; an IDX file of bytes begins with 00000801 or 00000803", label, b[0],
                        b[1], b[2], b[3]);
    wn__idx idx = {.ndim = b[3], .count = 1};
    const size_t header = 4 + 4 * (size_t)idx.ndim;
    if (size < header) return wn__fail(WN_EFORMAT, "%s: truncated in the header: %zu bytes of %zu", label, size, header);
    for (int d = 0; d < idx.ndim; d++) {
        idx.dim[d] = big_endian(b + 4 + 4 * d);
        if (__builtin_mul_overflow(idx.count, idx.dim[d], &idx.count)) return wn__fail(WN_EFORMAT, "%s: sizes too large", label);
    }
    if ((uint64_t)idx.count != size - header)
        return wn__fail(WN_EFORMAT, "%s: expected %" PRId64 " bytes of data after the header, found %zu", label, idx.count, size - header);
    idx.data = b + header;
    *out = idx;
    return WN_OK;
}
