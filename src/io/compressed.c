#include "io/compressed.h"

#include <errno.h>
#include <inttypes.h>
#include <lzma.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "base/text.h"
#include "io/cifar_pickle.h"

#define XZ_MEMORY ((uint64_t)256 << 20) /* a dictionary can ask for this much */

/* Unpacked bytes: grows up to limit + 1, the byte too many shows that the limit was passed. One more stays for the closing zero. */
typedef struct output {
    const char *label;
    char *data;
    size_t size, capacity, limit;
} output;

static wn_status make_room(output *o)
{
    if (o->size > o->limit) return wn__fail(WN_EFORMAT, "%s: unpacks to more than the expected %zu bytes", o->label, o->limit);
    if (o->size < o->capacity) return WN_OK;
    size_t capacity = o->capacity ? 2 * o->capacity : (size_t)1 << 16;
    if (capacity > o->limit + 1) capacity = o->limit + 1;
    char *larger = wn__realloc(o->data, capacity + 1);
    if (!larger) return wn__no_memory(capacity + 1);
    o->data = larger;
    o->capacity = capacity;
    return WN_OK;
}

static wn_status bad_gzip(const output *o, const z_stream *z, int code)
{
    if (code == Z_MEM_ERROR) return wn__no_memory(0);
    if (code == Z_BUF_ERROR || (code == Z_OK && z->avail_in == 0)) return wn__fail(WN_EFORMAT, "%s: gzip data is truncated", o->label);
    return wn__fail(WN_EFORMAT, "%s: gzip data is damaged (%s)", o->label, z->msg ? z->msg : "no gzip member");
}

/* zlib counts input and output in 32 bits: both are handed over in pieces. */
static wn_status inflate_all(output *o, z_stream *z, const Bytef *in, size_t count)
{
    const size_t most = (size_t)1 << 30;
    for (;;) {
        WN_TRY(make_room(o));
        const size_t in_now = count < most ? count : most, room = o->capacity - o->size, out_now = room < most ? room : most;
        z->next_in = (Bytef *)in;
        z->avail_in = (uInt)in_now;
        z->next_out = (Bytef *)o->data + o->size;
        z->avail_out = (uInt)out_now;
        const int code = inflate(z, Z_NO_FLUSH);
        const size_t taken = in_now - z->avail_in, made = out_now - z->avail_out;
        in += taken;
        count -= taken;
        o->size += made;
        if (code == Z_STREAM_END) {
            if (count == 0) return WN_OK;
            if (inflateReset(z) != Z_OK) return bad_gzip(o, z, Z_DATA_ERROR); /* another member follows */
        } else if (code != Z_OK || (taken == 0 && made == 0)) {
            return bad_gzip(o, z, code);
        }
    }
}

static wn_status unpack_gzip(output *o, const void *bytes, size_t count)
{
    z_stream z = {0};
    if (inflateInit2(&z, 15 + 16) != Z_OK) return wn__no_memory(sizeof(z));
    const wn_status status = inflate_all(o, &z, bytes, count);
    inflateEnd(&z);
    return status == WN_OK ? make_room(o) : status;
}

static wn_status bad_xz(const output *o, lzma_ret code)
{
    switch (code) {
    case LZMA_MEM_ERROR: return wn__no_memory(0);
    case LZMA_MEMLIMIT_ERROR: return wn__fail(WN_EUNSUPPORTED, "%s: unpacking this xz file needs over 256 MiB", o->label);
    case LZMA_OPTIONS_ERROR: return wn__fail(WN_EUNSUPPORTED, "%s: xz file with a filter that liblzma does not know", o->label);
    case LZMA_BUF_ERROR: return wn__fail(WN_EFORMAT, "%s: xz data is truncated", o->label);
    default: return wn__fail(WN_EFORMAT, "%s: xz data is damaged", o->label);
    }
}

static wn_status unpack_xz(output *o, const void *bytes, size_t count)
{
    lzma_stream s = LZMA_STREAM_INIT;
    lzma_ret code = lzma_stream_decoder(&s, XZ_MEMORY, LZMA_CONCATENATED);
    wn_status status = WN_OK;
    s.next_in = bytes;
    s.avail_in = count;
    while (code == LZMA_OK && (status = make_room(o)) == WN_OK) {
        s.next_out = (uint8_t *)o->data + o->size;
        s.avail_out = o->capacity - o->size;
        code = lzma_code(&s, LZMA_FINISH);
        o->size = o->capacity - s.avail_out;
    }
    lzma_end(&s);
    if (status != WN_OK) return status;
    return code == LZMA_STREAM_END ? make_room(o) : bad_xz(o, code);
}

static wn_status copy_plain(output *o, const void *bytes, size_t count)
{
    if (count > o->limit) return wn__fail(WN_EFORMAT, "%s: %zu bytes, expected at most %zu", o->label, count, o->limit);
    o->data = wn__alloc(count + 1);
    if (!o->data) return wn__no_memory(count + 1);
    if (count) memcpy(o->data, bytes, count);
    o->size = count;
    return WN_OK;
}

static bool is_gzip(const void *bytes, size_t count) { return count >= 2 && memcmp(bytes, "\x1f\x8b", 2) == 0; }
static bool is_xz(const void *bytes, size_t count)
{
    return count >= 5 && memcmp(bytes,
                                "\xfd"
                                "7zXZ",
                                5) == 0;
}

static wn_status unpack_pickle(output *o, const void *bytes, size_t count)
{
    return wn__cifar_unpickle(o->label, bytes, count, (int64_t)o->limit, &o->data, &o->size);
}

static const struct form {
    bool (*is)(const void *bytes, size_t count);
    wn_status (*unpack)(output *o, const void *bytes, size_t count);
} forms[] = {{is_gzip, unpack_gzip}, {is_xz, unpack_xz}, {wn__is_cifar_pickle, unpack_pickle}};
enum { FORMS = sizeof forms / sizeof *forms };

static int form_of(const void *bytes, size_t count)
{
    int i = 0;
    while (i < FORMS && !forms[i].is(bytes, count))
        i++;
    return i;
}

bool wn__is_packed(const void *bytes, size_t count) { return form_of(bytes, count) < FORMS; }

wn_status wn__unpack(const char *label, const void *bytes, size_t count, int64_t limit, char **data, size_t *size)
{
    output o = {.label = label, .limit = (size_t)limit};
    const int form = form_of(bytes, count);
    const wn_status status = (form < FORMS ? forms[form].unpack : copy_plain)(&o, bytes, count);
    if (status != WN_OK) {
        wn__free(o.data);
        return status;
    }
    o.data[o.size] = 0;
    *data = o.data;
    *size = o.size;
    return WN_OK;
}

wn_status wn__read_unpacked(const char *path, int64_t limit, char **data, size_t *size)
{
    char *bytes;
    size_t count;
    WN_TRY(wn__file_read(path, &bytes, &count));
    const wn_status status = wn__unpack(path, bytes, count, limit, data, size);
    wn__free(bytes);
    return status;
}

static wn_status not_found(const char *folder, const char *const *candidates)
{
    wn__text names = {0};
    for (int i = 0; candidates[i]; i++)
        wn__text_add(&names, "%s%s", i ? ", " : "", candidates[i]);
    const wn_status status =
        wn__fail(WN_ENOTFOUND, "%s: none of %s (or with .gz or .xz)", folder, names.data ? names.data : "the usual files");
    wn__text_release(&names);
    return status;
}

wn_status wn__find_data_file(const char *folder, const char *const *candidates, char **path)
{
    static const char *const endings[] = {"", ".gz", ".xz"};
    bool denied = false;
    for (int i = 0; candidates[i]; i++) {
        for (int e = 0; e < 3; e++) {
            wn__text name = {0};
            wn__text_add(&name, "%s%s", candidates[i], endings[e]);
            char *joined = name.failed ? NULL : wn__path_join(folder, name.data);
            wn__text_release(&name);
            if (!joined) return wn__no_memory(strlen(folder) + strlen(candidates[i]));
            if (wn__file_exists(joined)) {
                *path = joined;
                return WN_OK;
            }
            denied = denied || (access(joined, F_OK) != 0 && errno == EACCES);
            wn__free(joined);
        }
    }
    if (denied) {
        errno = EACCES;
        return wn__fail_errno("cannot look into %s", folder);
    }
    return not_found(folder, candidates);
}
