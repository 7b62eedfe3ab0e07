#include "io/tar.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"

#define BLOCK 512

/* POSIX.1-1988 ustar header; the fields that are read. */
typedef struct tar_header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100], magic[6], version[2], user[32], group[32],
        device[16], prefix[155], rest[12];
} tar_header;
_Static_assert(sizeof(tar_header) == BLOCK, "a tar header is one block");

static bool read_octal(const char *field, int width, uint64_t *value)
{
    int i = 0;
    uint64_t sum = 0;
    while (i < width && field[i] == ' ')
        i++;
    const int first = i;
    for (; i < width && field[i] >= '0' && field[i] <= '7'; i++)
        sum = sum * 8 + (uint64_t)(field[i] - '0');
    *value = sum;
    return i > first && (i == width || field[i] == ' ' || field[i] == 0);
}

/* Sizes of 8 GiB and more do not fit into octal digits: GNU's tar writes such numbers in base 256, marked by the field's first bit. */
static bool read_size(const char field[12], uint64_t *value)
{
    const unsigned char *b = (const unsigned char *)field;
    uint64_t sum = 0;
    if (b[0] != 0x80) return read_octal(field, 12, value);
    for (int i = 1; i < 12; i++) {
        if (sum >> 55) return false;
        sum = sum << 8 | b[i];
    }
    *value = sum;
    return true;
}

/* The sum of the header's bytes, its own field counted as blanks. */
static uint64_t checksum_of(const tar_header *h)
{
    const unsigned char *b = (const unsigned char *)h;
    uint64_t sum = 0;
    for (size_t i = 0; i < BLOCK; i++) {
        const bool own = i >= offsetof(tar_header, checksum) && i < offsetof(tar_header, checksum) + sizeof(h->checksum);
        sum += own ? ' ' : b[i];
    }
    return sum;
}

static bool is_empty(const tar_header *h)
{
    static const tar_header zero;
    return memcmp(h, &zero, BLOCK) == 0;
}

/* False: no header. */
static bool read_length(const tar_header *h, uint64_t *length)
{
    uint64_t sum;
    return read_octal(h->checksum, sizeof(h->checksum), &sum) && sum == checksum_of(h) && read_size(h->size, length);
}

enum { NAME = sizeof(((tar_header *)0)->prefix) + sizeof(((tar_header *)0)->name) + 2 };

static const char *name_of(const tar_header *h, char name[NAME])
{
    const bool prefixed = memcmp(h->magic, "ustar", 6) == 0 && h->prefix[0];
    snprintf(name, NAME, "%.155s%s%.100s", prefixed ? h->prefix : "", prefixed ? "/" : "", h->name);
    return name;
}

/* ---- what an entry in front of the file says of it in its data (GNU: type L, a name; pax: type x, records "LENGTH KEY=VALUE\n"), which may be long: what is
 * behind a few pages is not read */

enum { LONGEST = 4096, MOST_RECORDS = 4 * LONGEST };
typedef struct said {
    char name[LONGEST]; /* of the next file; "": its header has it */
    uint64_t size;
    bool sized;
} said;

/* Of the next entry, or (K: a link's target; g) of nothing that is read here. */
static bool says_more(char type) { return type && strchr("LxKg", type); }

/* The value of a key among records, which are `size` bytes; its length, 0 without one. Of several the last one holds. */
static size_t pax_value(const char *records, size_t size, const char *key, const char **value)
{
    const char *at = records, *end = records + size;
    const size_t key_length = strlen(key);
    size_t found = 0;
    while (at < end) {
        size_t length = 0, digits = 0;
        for (; at + digits < end && at[digits] >= '0' && at[digits] <= '9' && digits < 9; digits++)
            length = length * 10 + (size_t)(at[digits] - '0');
        if (digits == 0 || length <= digits + 1 || length > (size_t)(end - at)) break;
        const size_t before = digits + key_length + 2; /* the blank, "key=" and (below) the end of the line */
        const char *own = at + digits + 1;
        if (length > before && memcmp(own, key, key_length) == 0 && own[key_length] == '=') {
            *value = own + key_length + 1;
            found = length - before - 1;
        }
        at += length;
    }
    return found;
}

static wn_status take_name(const char *label, const char *name, size_t length, said *out)
{
    if (length == 0) return WN_OK;
    if (length >= LONGEST) return wn__fail(WN_EUNSUPPORTED, "%s: a name of %zu letters, at most %d", label, length, LONGEST - 1);
    memcpy(out->name, name, length);
    out->name[length] = 0;
    return WN_OK;
}

/* Digits, in a header of which the size does not fit into its own. */
static wn_status take_size(const char *label, const char *digits, size_t length, said *out)
{
    uint64_t sum = 0;
    if (length == 0) return WN_OK;
    for (size_t i = 0; i < length; i++) {
        if (digits[i] < '0' || digits[i] > '9' || sum > INT64_MAX / 10 - 1)
            return wn__fail(WN_EFORMAT, "%s: \"%.*s\" is no size of a file", label, (int)(length < 40 ? length : 40), digits);
        sum = sum * 10 + (uint64_t)(digits[i] - '0');
    }
    out->size = sum;
    out->sized = true;
    return WN_OK;
}

static wn_status take_said(const char *label, char type, const char *data, size_t size, said *out)
{
    const char *value = data;
    if (type == 'K' || type == 'g') return WN_OK;
    if (type == 'L') return take_name(label, data, strnlen(data, size), out);
    const size_t path = pax_value(data, size, "path", &value);
    WN_TRY(take_name(label, value, path, out));
    const size_t digits = pax_value(data, size, "size", &value);
    return take_size(label, value, digits, out);
}

/* What was said before holds once, for the file behind; else its header. */
static void next_file(const tar_header *h, said *before, char name[LONGEST], uint64_t *length)
{
    char short_name[NAME];
    snprintf(name, LONGEST, "%s", before->name[0] ? before->name : name_of(h, short_name));
    if (before->sized) *length = before->size;
    before->name[0] = 0;
    before->sized = false;
}

wn_status wn__tar_read(const char *label, const void *bytes, size_t size, wn__tar_visit visit, void *user)
{
    const char *at = bytes;
    size_t left = size;
    said before = {.name = ""};
    char name[LONGEST];
    while (left >= BLOCK) {
        tar_header h;
        memcpy(&h, at, BLOCK);
        if (is_empty(&h)) return WN_OK;
        const size_t offset = size - left;
        at += BLOCK;
        left -= BLOCK;
        uint64_t length;
        if (!read_length(&h, &length)) return wn__fail(WN_EFORMAT, "%s: no tar header at byte %zu", label, offset);
        const bool more = says_more(h.type);
        if (!more) next_file(&h, &before, name, &length);
        if (length > left)
            return wn__fail(WN_EFORMAT, "%s: truncated: '%.100s' has %llu bytes, %zu are left", label, h.name, (unsigned long long)length,
                            left);
        if (more) WN_TRY(take_said(label, h.type, at, length < MOST_RECORDS ? (size_t)length : MOST_RECORDS, &before));
        if (h.type == '0' || h.type == 0) WN_TRY(visit(user, name, at, (size_t)length));
        const size_t padded = ((size_t)length + BLOCK - 1) / BLOCK * BLOCK, step = padded < left ? padded : left;
        at += step;
        left -= step;
    }
    return wn__fail(WN_EFORMAT, "%s: truncated: no end mark", label);
}

/* The data of an entry that says more of the next one. */
static wn_status read_said(const char *path, int fd, char type, int64_t at, int64_t length, said *out)
{
    char data[MOST_RECORDS];
    const size_t size = (uint64_t)length < sizeof data ? (size_t)length : sizeof data;
    const ssize_t got = pread(fd, data, size, at);
    if (got < 0) return wn__fail_errno("%s", path);
    return take_said(path, type, data, (size_t)got, out);
}

wn_status wn__tar_index_part(const char *path, int fd, int64_t at, int64_t size, wn__tar_visit_place visit, void *user)
{
    const int64_t end = at + size;
    said before = {.name = ""};
    char name[LONGEST];
    while (at + BLOCK <= end) {
        tar_header h;
        uint64_t length;
        const ssize_t got = pread(fd, &h, BLOCK, at);
        if (got < 0) return wn__fail_errno("%s", path);
        if (got != BLOCK) break; /* it became shorter */
        if (is_empty(&h)) return WN_OK;
        if (!read_length(&h, &length)) return wn__fail(WN_EFORMAT, "%s: no tar header at byte %lld", path, (long long)at);
        const bool more = says_more(h.type);
        if (!more) next_file(&h, &before, name, &length);
        at += BLOCK;
        if (length > (uint64_t)(end - at)) return wn__fail(WN_EFORMAT, "%s: truncated: '%.100s' does not end", path, h.name);
        if (more) WN_TRY(read_said(path, fd, h.type, at, (int64_t)length, &before));
        if (h.type == '0' || h.type == 0) WN_TRY(visit(user, name, at, (int64_t)length));
        at += ((int64_t)length + BLOCK - 1) / BLOCK * BLOCK;
    }
    return wn__fail(WN_EFORMAT, "%s: truncated: no end mark", path);
}

wn_status wn__tar_index(const char *path, int fd, wn__tar_visit_place visit, void *user)
{
    struct stat s;
    if (fstat(fd, &s) != 0) return wn__fail_errno("%s", path);
    return wn__tar_index_part(path, fd, 0, s.st_size, visit, user);
}
