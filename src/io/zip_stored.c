#include "io/zip_stored.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

/* Records and where their fields lie (PKWARE's APPNOTE, 4.3); numbers are little-endian. */
#define LOCAL 0x04034B50u
#define ENTRY 0x02014B50u
#define END 0x06054B50u
#define LOCATOR64 0x07064B50u
#define END64 0x06064B50u
enum { LOCAL_SIZE = 30, ENTRY_SIZE = 46, END_SIZE = 22, LOCATOR64_SIZE = 20, END64_SIZE = 56, MOST_COMMENT = 65535, EXTRA64 = 1 };

static uint64_t number(const uint8_t *at, int bytes)
{
    uint64_t n = 0;
    for (int i = 0; i < bytes; i++)
        n |= (uint64_t)at[i] << (8 * i);
    return n;
}

static int compare_members(const void *a, const void *b)
{
    const wn__zip_member *x = a, *y = b;
    const int order = memcmp(x->name, y->name, x->name_size < y->name_size ? x->name_size : y->name_size);
    return order != 0 ? order : (x->name_size > y->name_size) - (x->name_size < y->name_size);
}

bool wn__zip_recognises(const uint8_t *bytes, size_t size) { return size >= 4 && number(bytes, 4) == LOCAL; }

typedef struct reader {
    const char *label;
    const uint8_t *bytes;
    size_t size;
    uint64_t entries, directory; /* their number, and where they begin */
} reader;

static wn_status damaged(const reader *r, const char *what)
{
    return wn__fail(WN_EFORMAT, "%s: is a damaged or truncated zip archive (%s)", r->label, what);
}

/* Whether `count` bytes from `at` on lie inside the archive. */
static bool is_inside(const reader *r, uint64_t at, uint64_t count) { return at <= r->size && count <= r->size - at; }

/* The record at the end, behind which a comment may stand; larger archives have a second one that a locator before it points to. */
static wn_status find_directory(reader *r)
{
    const size_t least = r->size > END_SIZE + MOST_COMMENT ? r->size - END_SIZE - MOST_COMMENT : 0;
    size_t at = r->size < END_SIZE ? 0 : r->size - END_SIZE;
    while (at > least && number(r->bytes + at, 4) != END)
        at--;
    if (!is_inside(r, at, END_SIZE) || number(r->bytes + at, 4) != END) return damaged(r, "its directory is not there");
    r->entries = number(r->bytes + at + 10, 2);
    r->directory = number(r->bytes + at + 16, 4);
    if (at < LOCATOR64_SIZE || number(r->bytes + at - LOCATOR64_SIZE, 4) != LOCATOR64) return WN_OK;
    const uint64_t end = number(r->bytes + at - LOCATOR64_SIZE + 8, 8);
    if (!is_inside(r, end, END64_SIZE) || number(r->bytes + end, 4) != END64) return damaged(r, "its zip64 record is not there");
    r->entries = number(r->bytes + end + 32, 8);
    r->directory = number(r->bytes + end + 48, 8);
    return WN_OK;
}

/* Sizes and place of 64 bits stand in an extra field, in this order, where those of 32 bits are all ones. */
static bool read_wide(const uint8_t *extra, size_t size, uint64_t *unpacked, uint64_t *packed, uint64_t *place)
{
    uint64_t *const fields[] = {unpacked, packed, place};
    while (size >= 4) {
        const size_t length = (size_t)number(extra + 2, 2);
        const uint8_t *at = extra + 4, *end = at + length;
        if (length > size - 4) return false;
        for (int i = 0; number(extra, 2) == EXTRA64 && i < 3; i++) {
            if (*fields[i] != UINT32_MAX) continue;
            if (end - at < 8) return false;
            *fields[i] = number(at, 8);
            at += 8;
        }
        size -= 4 + length;
        extra = end;
    }
    return true;
}

/* The entry at `at`, which moves behind it. */
static wn_status read_entry(const reader *r, uint64_t *at, wn__zip_member *out)
{
    if (!is_inside(r, *at, ENTRY_SIZE) || number(r->bytes + *at, 4) != ENTRY) return damaged(r, "an entry of its directory");
    const uint8_t *entry = r->bytes + *at;
    const size_t name = (size_t)number(entry + 28, 2), extra = (size_t)number(entry + 30, 2), comment = (size_t)number(entry + 32, 2);
    if (!is_inside(r, *at, ENTRY_SIZE + name + extra + comment)) return damaged(r, "an entry of its directory");
    uint64_t packed = number(entry + 20, 4), size = number(entry + 24, 4), place = number(entry + 42, 4);
    if (!read_wide(entry + ENTRY_SIZE + name, extra, &size, &packed, &place)) return damaged(r, "a zip64 field");
    *out = (wn__zip_member){.name = (const char *)entry + ENTRY_SIZE, .name_size = name};
    *at += ENTRY_SIZE + name + extra + comment;
    if ((entry[8] & 1) || number(entry + 10, 2) != 0 || packed != size) return WN_OK;
    if (!is_inside(r, place, LOCAL_SIZE) || number(r->bytes + place, 4) != LOCAL) return damaged(r, "a member");
    const uint64_t data = place + LOCAL_SIZE + number(r->bytes + place + 26, 2) + number(r->bytes + place + 28, 2);
    if (!is_inside(r, data, size)) return damaged(r, "a member");
    out->data = r->bytes + data;
    out->size = size;
    out->crc = (uint32_t)number(entry + 16, 4);
    return WN_OK;
}

wn_status wn__zip_open(const char *label, const uint8_t *bytes, size_t size, wn__zip *out)
{
    reader r = {.label = label, .bytes = bytes, .size = size};
    WN_TRY(find_directory(&r));
    if (r.entries > size / ENTRY_SIZE) return damaged(&r, "more entries than fit in");
    wn__zip zip = {.members = WN_NEW_ARRAY(wn__zip_member, (int64_t)r.entries)};
    if (!zip.members) return wn__no_memory((size_t)r.entries * sizeof *zip.members);
    for (uint64_t at = r.directory; zip.count < (int64_t)r.entries; zip.count++) {
        const wn_status status = read_entry(&r, &at, &zip.members[zip.count]);
        if (status == WN_OK) continue;
        wn__zip_release(&zip);
        return status;
    }
    if (zip.count > 0) qsort(zip.members, (size_t)zip.count, sizeof *zip.members, compare_members);
    *out = zip;
    return WN_OK;
}

void wn__zip_release(wn__zip *zip)
{
    wn__free(zip->members);
    *zip = (wn__zip){0};
}

const wn__zip_member *wn__zip_find(const wn__zip *zip, const char *name, size_t name_size)
{
    const wn__zip_member wanted = {.name = name, .name_size = name_size};
    return zip->count > 0 ? bsearch(&wanted, zip->members, (size_t)zip->count, sizeof *zip->members, compare_members) : NULL;
}
