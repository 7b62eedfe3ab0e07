/* Zip archives in memory; members that are stored, not packed, are used where they lie. Zip64, too. */
#ifndef WN_IO_ZIP_STORED_H
#define WN_IO_ZIP_STORED_H

#include "winnow/core.h"

typedef struct wn__zip_member {
    const char *name; /* not terminated; inside the archive's bytes, as is data */
    size_t name_size;
    const uint8_t *data; /* NULL: packed or encrypted, and not read here */
    size_t size;
    uint32_t crc; /* CRC32 of data, as stored: not compared here */
} wn__zip_member;

typedef struct wn__zip {
    wn__zip_member *members; /* by name */
    int64_t count;
} wn__zip;

bool wn__zip_recognises(const uint8_t *bytes, size_t size);
/* WN_EFORMAT with `label`: truncated or damaged. bytes are borrowed while the result is used. */
wn_status wn__zip_open(const char *label, const uint8_t *bytes, size_t size, wn__zip *out);
void wn__zip_release(wn__zip *zip);                                                         /* accepts a zeroed one */
const wn__zip_member *wn__zip_find(const wn__zip *zip, const char *name, size_t name_size); /* NULL if absent */

#endif
