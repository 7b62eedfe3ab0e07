#include "io/mat.h"

#include <string.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/fail.h"

/* Numbers of the format: types of data, and classes of arrays. */
enum { INT8 = 1, UINT8, INT16, UINT16, INT32, UINT32, SINGLE, DOUBLE = 9, MATRIX = 14, COMPRESSED, UTF8 };
enum { STRUCT_CLASS = 2, CHAR_CLASS = 4, DOUBLE_CLASS = 6, LAST_NUMBER_CLASS = 13 };
enum { HEADER = 128, MOST_UNPACKED = 1 << 28, MOST_VALUES = 1 << 22 };

/* Bytes that are read from the front; elements begin at multiples of 8 from their start. */
typedef struct span {
    const uint8_t *at;
    size_t size;
} span;

typedef struct element {
    uint32_t type;
    span data;
} element;

static uint32_t number_at(const uint8_t *at) { return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24; }

static wn_status damaged(const char *label, const char *what) { return wn__fail(WN_EFORMAT, "%s: damaged MATLAB file (%s)", label, what); }

/* The next one: up to four bytes stand in the tag itself; others are padded, but for what is packed. */
static wn_status next(const char *label, span *s, element *out)
{
    if (s->size < 8) return damaged(label, "it ends too early");
    const uint32_t first = number_at(s->at);
    const bool small = first >> 16;
    const size_t size = small ? first >> 16 : number_at(s->at + 4), room = s->size - (small ? 4 : 8);
    if (size > room || (small && size > 4)) return damaged(label, "an element does not end");
    *out = (element){first & 0xFFFF, {s->at + (small ? 4 : 8), size}};
    size_t step = small ? 8 : 8 + size;
    if (out->type != COMPRESSED) step = (step + 7) / 8 * 8;
    if (step > s->size) step = s->size;
    s->at += step;
    s->size -= step;
    return WN_OK;
}

/* ---- packed elements */

/* `size` bytes more of the stream. */
static bool inflate_to(z_stream *z, uint8_t *out, size_t size)
{
    z->next_out = out;
    z->avail_out = (uInt)size;
    const int code = size ? inflate(z, Z_SYNC_FLUSH) : Z_OK;
    return (code == Z_OK || code == Z_STREAM_END) && z->avail_out == 0;
}

/* An element of one matrix, whose size stands at its beginning. */
static wn_status unpack(const char *label, z_stream *z, char **memory, span *out)
{
    uint8_t tag[8];
    if (!inflate_to(z, tag, sizeof tag)) return damaged(label, "packed data");
    const uint32_t size = number_at(tag + 4);
    if (number_at(tag) != MATRIX || size > MOST_UNPACKED) return damaged(label, "packed data are no array");
    *memory = wn__alloc(size);
    if (!*memory) return wn__no_memory(size);
    if (!inflate_to(z, (uint8_t *)*memory, size)) return damaged(label, "packed data");
    *out = (span){(uint8_t *)*memory, size};
    return WN_OK;
}

static wn_status unpack_element(const char *label, span in, char **memory, span *out)
{
    z_stream z = {.next_in = (Bytef *)in.at, .avail_in = (uInt)in.size};
    if (inflateInit(&z) != Z_OK) return wn__no_memory(sizeof z);
    const wn_status status = unpack(label, &z, memory, out);
    inflateEnd(&z);
    return status;
}

/* ---- arrays */

typedef struct matrix {
    int class;
    int64_t count; /* of elements */
    span rest;     /* behind flags, sizes and name */
} matrix;

static wn_status open_matrix(const char *label, span s, matrix *out)
{
    element flags, sizes, name;
    *out = (matrix){0};
    if (s.size == 0) return WN_OK; /* an empty one */
    WN_TRY(next(label, &s, &flags));
    WN_TRY(next(label, &s, &sizes));
    WN_TRY(next(label, &s, &name));
    if (flags.type != UINT32 || flags.data.size < 4 || sizes.type != INT32 || name.type != INT8) return damaged(label, "an array's head");
    out->class = flags.data.at[0];
    out->count = 1;
    for (size_t i = 0; i + 4 <= sizes.data.size; i += 4) {
        const uint32_t size = number_at(sizes.data.at + i);
        if (size > MOST_VALUES || (out->count *= size) > MOST_VALUES) return wn__fail(WN_EUNSUPPORTED, "%s: an array is too large", label);
    }
    out->rest = s;
    return WN_OK;
}

static wn_status read_value(const char *label, span *s, wn__mat_value *out)
{
    element e, data;
    matrix m;
    WN_TRY(next(label, s, &e));
    if (e.type != MATRIX) return damaged(label, "a field is no array");
    WN_TRY(open_matrix(label, e.data, &m));
    if (m.class != CHAR_CLASS && (m.class < DOUBLE_CLASS || m.class > LAST_NUMBER_CLASS)) return WN_OK;
    if (m.count == 0) return WN_OK;
    WN_TRY(next(label, &m.rest, &data));
    *out = (wn__mat_value){(int)data.type, data.data.at, data.data.size};
    return WN_OK;
}

static wn_status read_fields(const char *label, matrix *m, wn__mat_structs *out)
{
    element length, names;
    WN_TRY(next(label, &m->rest, &length));
    WN_TRY(next(label, &m->rest, &names));
    out->field_size = length.data.size == 4 ? number_at(length.data.at) : 0;
    if (length.type != INT32 || names.type != INT8 || out->field_size < 1 || names.data.size == 0 || names.data.size % out->field_size != 0)
        return damaged(label, "names of fields");
    out->field = (const char *)names.data.at;
    out->fields = (int64_t)(names.data.size / out->field_size);
    for (int64_t i = 0; i < out->fields; i++)
        if (!memchr(out->field + (size_t)i * out->field_size, 0, out->field_size)) return damaged(label, "names of fields");
    return WN_OK;
}

static wn_status read_structs(const char *label, matrix *m, wn__mat_structs *out)
{
    WN_TRY(read_fields(label, m, out));
    if (m->count > MOST_VALUES / out->fields || (uint64_t)(m->count * out->fields) > m->rest.size / 8)
        return damaged(label, "there are fewer fields than it says");
    out->value = WN_NEW_ARRAY(wn__mat_value, m->count * out->fields);
    if (!out->value) return wn__no_memory((size_t)m->count * sizeof *out->value);
    for (out->count = 0; out->count < m->count; out->count++)
        for (int64_t k = 0; k < out->fields; k++)
            WN_TRY(read_value(label, &m->rest, &out->value[out->count * out->fields + k]));
    return WN_OK;
}

/* *found: it is an array of structs. */
static wn_status try_element(const char *label, const element *e, wn__mat_structs *out, bool *found)
{
    span s = e->data;
    matrix m;
    if (e->type == COMPRESSED) WN_TRY(unpack_element(label, e->data, &out->memory, &s));
    if (e->type != COMPRESSED && e->type != MATRIX) return WN_OK;
    WN_TRY(open_matrix(label, s, &m));
    *found = m.class == STRUCT_CLASS;
    return *found ? read_structs(label, &m, out) : WN_OK;
}

wn_status wn__mat_read_structs(const char *label, const void *bytes, size_t size, wn__mat_structs *out)
{
    bool found = false;
    *out = (wn__mat_structs){0};
    if (size < HEADER) return damaged(label, "it ends too early");
    span s = {(const uint8_t *)bytes + HEADER, size - HEADER};
    if (memcmp(s.at - 4, "\0\1IM", 4) != 0)
        return wn__fail(WN_EUNSUPPORTED, "%s: no MATLAB file of version 5 with little-endian numbers", label);
    while (!found && s.size > 0) {
        element e;
        wn__mat_release(out);
        WN_TRY(next(label, &s, &e));
        WN_TRY(try_element(label, &e, out, &found));
    }
    return found ? WN_OK : damaged(label, "it holds no array of structs");
}

void wn__mat_release(wn__mat_structs *s)
{
    wn__free(s->value);
    wn__free(s->memory);
    *s = (wn__mat_structs){0};
}

/* ---- values */

int64_t wn__mat_field(const wn__mat_structs *s, const char *name)
{
    int64_t i = 0;
    while (i < s->fields && strcmp(s->field + (size_t)i * s->field_size, name) != 0)
        i++;
    return i < s->fields ? i : -1;
}

bool wn__mat_number(const wn__mat_value *v, double *number)
{
    static const size_t sizes[] = {[INT8] = 1, [UINT8] = 1, [INT16] = 2, [UINT16] = 2, [INT32] = 4, [UINT32] = 4, [DOUBLE] = 8};
    if (v->type < INT8 || v->type > DOUBLE || sizes[v->type] == 0 || v->size != sizes[v->type]) return false;
    const uint32_t low = v->data[0] | (v->size > 1 ? (uint32_t)v->data[1] << 8 : 0);
    switch (v->type) {
    case INT8: *number = (int8_t)low; break;
    case INT16: *number = (int16_t)low; break;
    case INT32: *number = (int32_t)number_at(v->data); break;
    case UINT32: *number = number_at(v->data); break;
    case DOUBLE: memcpy(number, v->data, sizeof *number); break;
    default: *number = low;
    }
    return true;
}

bool wn__mat_text(const wn__mat_value *v, char *text, size_t room)
{
    const size_t width = v->type == UINT16                                        ? 2
                         : v->type == UTF8 || v->type == INT8 || v->type == UINT8 ? 1
                                                                                  : 0,
                 length = width ? v->size / width : 0;
    if (width == 0 || length >= room) return false;
    for (size_t i = 0; i < length; i++) {
        const uint8_t *at = v->data + i * width;
        if (at[0] < ' ' || at[0] > '~' || (width == 2 && at[1])) return false;
        text[i] = (char)at[0];
    }
    text[length] = 0;
    return true;
}
