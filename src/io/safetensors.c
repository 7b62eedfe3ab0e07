#include "io/safetensors.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "base/log.h"
#include "base/text.h"
#include "io/compressed_tensors.h"
#include "io/digest.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "safetensors are little-endian and read in place");

#define CRC_KEY "winnow.crc32"
#define MAX_HEADER (100 * 1000 * 1000) /* the limit of the reference reader */

typedef struct st_meta {
    const char *key, *value;
} st_meta;

struct wn__safetensors {
    char *label;
    char *bytes;    /* the whole file */
    json_t *header; /* owns names and metadata */
    const char *data;
    int64_t data_size;
    wn__st_tensor *tensors; /* in order of their bytes */
    int count;
    st_meta *meta; /* sorted by key, without CRC_KEY */
    int meta_count;
    bool has_crc;
    wn__compressed_tensors expanded; /* where `tensors` are, if the file is compressed */
    size_t prefix;                   /* bytes before every name that are hidden */
    void **owned;                    /* (owneds) what was changed */
    int owneds;
};

/* ---- shared by reader and writer */

static int compare_meta(const void *a, const void *b) { return strcmp(((const st_meta *)a)->key, ((const st_meta *)b)->key); }

static uint32_t crc_of(const void *data, size_t size) { return size ? (uint32_t)crc32_z(crc32_z(0, NULL, 0), data, size) : 0; }

static uint32_t crc_text(uint32_t crc, const char *text) { return (uint32_t)crc32_z(crc, (const Bytef *)text, strlen(text) + 1); }

/* Over all that the header says but the CRCs themselves: metadata sorted by key, then name, dtype and shape of the tensors in order. */
static uint32_t crc_of_header(const st_meta *meta, int meta_count, const wn__st_tensor *tensors, int count)
{
    uint32_t crc = (uint32_t)crc32_z(0, NULL, 0);
    for (int i = 0; i < meta_count; i++) {
        crc = crc_text(crc, meta[i].key);
        crc = crc_text(crc, meta[i].value);
    }
    for (int i = 0; i < count; i++) {
        char size[24];
        crc = crc_text(crc, tensors[i].name);
        crc = crc_text(crc, wn__st_dtype_name(tensors[i].dtype));
        for (int d = 0; d < tensors[i].ndim; d++) {
            snprintf(size, sizeof(size), "%" PRId64, tensors[i].dim[d]);
            crc = crc_text(crc, size);
        }
    }
    return crc;
}

/* "(16,3,3,3)" into buffer, which is returned. */
static const char *show_shape(int ndim, const int64_t *dim, char buffer[160])
{
    size_t used = 0;
    buffer[used++] = '(';
    for (int d = 0; d < ndim; d++)
        used += (size_t)snprintf(buffer + used, 160 - used, d ? ",%" PRId64 : "%" PRId64, dim[d]);
    snprintf(buffer + used, 160 - used, ")");
    return buffer;
}

/* ---- reader */

static wn_status damaged(const wn__safetensors *f, const char *tensor, const char *what)
{
    if (!tensor) return wn__fail(WN_EFORMAT, "%s: %s", f->label, what);
    return wn__fail(WN_EFORMAT, "%s: tensor '%s': %s", f->label, tensor, what);
}

static wn__st_dtype find_dtype(const char *name)
{
    int i = 0;
    while (i < WN__ST_DTYPES && strcmp(wn__st_dtype_name((wn__st_dtype)i), name) != 0)
        i++;
    return (wn__st_dtype)i;
}

static wn_status read_shape(const wn__safetensors *f, const json_t *shape, wn__st_tensor *t)
{
    if (!json_is_array(shape)) return damaged(f, t->name, "no shape");
    if (json_array_size(shape) > WN_MAX_DIMS) return damaged(f, t->name, "more than 6 dimensions");
    t->ndim = (int)json_array_size(shape);
    t->count = 1;
    for (int d = 0; d < t->ndim; d++) {
        const json_t *size = json_array_get(shape, (size_t)d);
        if (!json_is_integer(size) || json_integer_value(size) < 0) return damaged(f, t->name, "a size in the shape is no count");
        t->dim[d] = json_integer_value(size);
        if (__builtin_mul_overflow(t->count, t->dim[d], &t->count)) return damaged(f, t->name, "shape too large");
    }
    return WN_OK;
}

static wn_status read_entry(const wn__safetensors *f, const char *name, const json_t *entry, wn__st_tensor *t)
{
    t->name = name;
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    if (!dtype) return damaged(f, name, "no dtype");
    t->dtype = find_dtype(dtype);
    WN_TRY(read_shape(f, json_object_get(entry, "shape"), t));

    const json_t *offsets = json_object_get(entry, "data_offsets");
    const json_t *first = json_array_get(offsets, 0), *last = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(last)) return damaged(f, name, "no data_offsets");
    const int64_t begin = json_integer_value(first), end = json_integer_value(last);
    if (begin < 0 || end < begin || end > f->data_size)
        return wn__fail(WN_EFORMAT,
                        "%s: tensor '%s': bytes %" PRId64 " to %" PRId64 " lie outside the file's %" PRId64 " data bytes (truncated?)",
                        f->label, name, begin, end, f->data_size);
    int64_t wanted;
    t->other = dtype;
    t->bytes = end - begin;
    if (t->dtype != WN__ST_OTHER &&
        (__builtin_mul_overflow(t->count, (int64_t)wn__st_dtype_size(t->dtype), &wanted) || wanted != end - begin)) {
        char shape[160];
        return wn__fail(WN_EFORMAT, "%s: tensor '%s': %" PRId64 " bytes do not fit %s%s", f->label, name, end - begin, dtype,
                        show_shape(t->ndim, t->dim, shape));
    }
    t->data = f->data + begin;
    return WN_OK;
}

/* Empty tensors sort before the one that begins at the same place, several of them as the header has them, which is how they were written. */
static int compare_place(const void *a, const void *b)
{
    const wn__st_tensor *x = a, *y = b;
    if (x->data != y->data) return (const char *)x->data < (const char *)y->data ? -1 : 1;
    const int64_t x_bytes = wn__st_bytes(x), y_bytes = wn__st_bytes(y);
    return x_bytes != y_bytes ? (x_bytes < y_bytes ? -1 : 1) : x->order - y->order;
}

static wn_status check_places(const wn__safetensors *f)
{
    const char *at = f->data;
    for (int i = 0; i < f->count; i++) {
        const char *begin = f->tensors[i].data;
        if (begin != at)
            return damaged(f, f->tensors[i].name, begin < at ? "overlaps the tensor before it" : "a hole lies before its bytes");
        at = begin + wn__st_bytes(&f->tensors[i]);
    }
    const int64_t over = f->data + f->data_size - at;
    if (over != 0) return wn__fail(WN_EFORMAT, "%s: %" PRId64 " bytes after the last tensor", f->label, over);
    return WN_OK;
}

static wn_status read_meta(wn__safetensors *f, json_t *metadata)
{
    if (!metadata || json_is_null(metadata)) return WN_OK;
    if (!json_is_object(metadata)) return damaged(f, NULL, "__metadata__ is no object");
    f->meta = WN_NEW_ARRAY(st_meta, (int64_t)json_object_size(metadata));
    if (!f->meta) return wn__no_memory(json_object_size(metadata) * sizeof(st_meta));
    const char *key;
    json_t *value;
    json_object_foreach(metadata, key, value)
    {
        if (json_is_null(value)) continue;
        if (!json_is_string(value)) return wn__fail(WN_EFORMAT, "%s: metadata '%s' is no text", f->label, key);
        if (strcmp(key, CRC_KEY) != 0) f->meta[f->meta_count++] = (st_meta){key, json_string_value(value)};
    }
    qsort(f->meta, (size_t)f->meta_count, sizeof(st_meta), compare_meta);
    return WN_OK;
}

static wn_status check_crc(const wn__safetensors *f, const char *tensor, uint32_t found, const json_t *wanted)
{
    char text[9];
    snprintf(text, sizeof(text), "%08" PRIx32, found);
    const char *stored = json_string_value(wanted);
    if (stored && strcmp(stored, text) == 0) return WN_OK;
    if (!tensor) return wn__fail(WN_EFORMAT, "%s: header is damaged: CRC32 %s, stored %s", f->label, text, stored ? stored : "none");
    return wn__fail(WN_EFORMAT, "%s: tensor '%s' is damaged: CRC32 %s, stored %s", f->label, tensor, text, stored ? stored : "none");
}

static wn_status check_crcs(wn__safetensors *f, const char *text)
{
    if (!text) {
        wn__log(WN_LOG_INFO, "%s: no checksums in this file, loaded unchecked", f->label);
        return WN_OK;
    }
    json_t *crcs = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (!crcs) return damaged(f, NULL, "metadata '" CRC_KEY "' is no JSON");
    wn_status status = check_crc(f, NULL, crc_of_header(f->meta, f->meta_count, f->tensors, f->count), json_object_get(crcs, "header"));
    const json_t *of_tensors = json_object_get(crcs, "tensors");
    for (int i = 0; status == WN_OK && i < f->count; i++) {
        const wn__st_tensor *t = &f->tensors[i];
        status = check_crc(f, t->name, crc_of(t->data, (size_t)wn__st_bytes(t)), json_object_get(of_tensors, t->name));
    }
    json_decref(crcs);
    f->has_crc = status == WN_OK;
    return status;
}

static wn_status read_header(wn__safetensors *f, size_t size)
{
    uint64_t length;
    if (size < sizeof(length)) return wn__fail(WN_EFORMAT, "%s: %zu bytes are no safetensors file", f->label, size);
    memcpy(&length, f->bytes, sizeof(length));
    if (length > MAX_HEADER || length > size - sizeof(length))
        return wn__fail(WN_EFORMAT, "%s: header of %" PRIu64 " bytes in a file of %zu (truncated, or no safetensors file)", f->label,
                        length, size);
    json_error_t error;
    f->header = json_loadb(f->bytes + sizeof(length), (size_t)length, JSON_REJECT_DUPLICATES, &error);
    if (!f->header && json_error_code(&error) == json_error_out_of_memory) return wn__no_memory((size_t)length);
    if (!f->header) return wn__fail(WN_EFORMAT, "%s: header is no JSON: %s at byte %d", f->label, error.text, error.position);
    if (!json_is_object(f->header)) return damaged(f, NULL, "header is no JSON object");
    f->data = f->bytes + sizeof(length) + length;
    f->data_size = (int64_t)(size - sizeof(length) - length);
    return WN_OK;
}

/* Readers see the tensors that a compressed file stands for, in place of those that it holds. */
static wn_status list_compressed(wn__safetensors *f)
{
    int at = 0;
    while (at < f->meta_count && strcmp(f->meta[at].key, WN__COMPRESSED_KEY) != 0)
        at++;
    if (at == f->meta_count) return WN_OK;
    const wn_status status = wn__tensors_list(f->tensors, f->count, f->meta[at].value, &f->expanded);
    if (status != WN_OK) return wn__fail_within(status, "%s: ", f->label);
    wn__free(f->tensors);
    f->tensors = f->expanded.tensor;
    f->count = f->expanded.count;
    f->expanded.tensor = NULL;
    memmove(&f->meta[at], &f->meta[at + 1], (size_t)(--f->meta_count - at) * sizeof *f->meta);
    return WN_OK;
}

static wn_status read_tensors(wn__safetensors *f, size_t size)
{
    WN_TRY(read_header(f, size));
    f->tensors = WN_NEW_ARRAY(wn__st_tensor, (int64_t)json_object_size(f->header));
    if (!f->tensors) return wn__no_memory(json_object_size(f->header) * sizeof(wn__st_tensor));
    json_t *metadata = json_object_get(f->header, "__metadata__");
    const char *name;
    json_t *entry;
    json_object_foreach(f->header, name, entry)
    {
        if (entry == metadata) continue;
        WN_TRY(read_entry(f, name, entry, &f->tensors[f->count]));
        f->tensors[f->count].order = f->count;
        f->count++;
    }
    qsort(f->tensors, (size_t)f->count, sizeof(wn__st_tensor), compare_place);
    WN_TRY(check_places(f));
    WN_TRY(read_meta(f, metadata));
    WN_TRY(check_crcs(f, json_string_value(json_object_get(metadata, CRC_KEY))));
    return list_compressed(f);
}

wn_status wn__safetensors_adopt(const char *label, char *bytes, wn__st_tensor *tensors, int count, wn__safetensors **file)
{
    wn__safetensors *f = WN_NEW(wn__safetensors);
    char *kept = wn__strdup(label);
    if (!f || !kept) {
        wn__free(f);
        wn__free(kept);
        wn__free(tensors);
        wn__free(bytes);
        return wn__no_memory(sizeof(*f));
    }
    *f = (wn__safetensors){.label = kept, .bytes = bytes, .tensors = tensors, .count = count};
    *file = f;
    return WN_OK;
}

wn_status wn__safetensors_take(const char *label, char *bytes, size_t size, wn__safetensors **file)
{
    wn__safetensors *f;
    WN_TRY(wn__safetensors_take_packed(label, bytes, size, &f));
    const wn_status status = wn__safetensors_expand(f);
    if (status == WN_OK)
        *file = f;
    else
        wn__safetensors_close(f);
    return status;
}

wn_status wn__safetensors_expand(wn__safetensors *f)
{
    const wn_status status = wn__tensors_expand(&f->expanded, f->tensors, f->count);
    return status == WN_OK ? WN_OK : wn__fail_within(status, "%s: ", f->label);
}

wn_status wn__safetensors_take_packed(const char *label, char *bytes, size_t size, wn__safetensors **file)
{
    wn__safetensors *f;
    WN_TRY(wn__safetensors_adopt(label, bytes, NULL, 0, &f));
    const wn_status status = read_tensors(f, size);
    if (status != WN_OK) {
        wn__safetensors_close(f);
        return status;
    }
    *file = f;
    return WN_OK;
}

wn_status wn__safetensors_open(const char *path, wn__safetensors **file)
{
    char *bytes;
    size_t size;
    WN_TRY(wn__file_read(path, &bytes, &size));
    return wn__safetensors_take(path, bytes, size, file);
}

wn_status wn__safetensors_parse(const char *label, const void *bytes, size_t size, wn__safetensors **file)
{
    char *copy = wn__alloc(size);
    if (!copy) return wn__no_memory(size);
    if (size) memcpy(copy, bytes, size);
    return wn__safetensors_take(label, copy, size, file);
}

void wn__safetensors_close(wn__safetensors *f)
{
    if (!f) return;
    for (int i = 0; i < f->owneds; i++)
        wn__free(f->owned[i]);
    wn__free(f->owned);
    json_decref(f->header);
    wn__free(f->meta);
    wn__free(f->tensors);
    wn__compressed_tensors_release(&f->expanded);
    wn__free(f->bytes);
    wn__free(f->label);
    wn__free(f);
}

int wn__safetensors_count(const wn__safetensors *f) { return f->count; }
const wn__st_tensor *wn__safetensors_at(const wn__safetensors *f, int index) { return &f->tensors[index]; }
bool wn__safetensors_has_crc(const wn__safetensors *f) { return f->has_crc; }
int wn__safetensors_meta_count(const wn__safetensors *f) { return f->meta_count; }

/* Whole names first: a network may have the names that the file has. */
const wn__st_tensor *wn__safetensors_find(const wn__safetensors *f, const char *name)
{
    for (int i = 0; i < f->count; i++)
        if (strcmp(f->tensors[i].name - f->prefix, name) == 0) return &f->tensors[i];
    for (int i = 0; f->prefix > 0 && i < f->count; i++)
        if (strcmp(f->tensors[i].name, name) == 0) return &f->tensors[i];
    return NULL;
}

/* ---- changes */

/* Takes memory over, also on failure. */
static wn_status own(wn__safetensors *f, void *memory)
{
    const wn_status status = memory ? wn__make_room(&f->owned, f->owneds, sizeof *f->owned) : wn__no_memory(64);
    if (status == WN_OK)
        f->owned[f->owneds++] = memory;
    else
        wn__free(memory);
    return status;
}

void wn__safetensors_hide_prefix(wn__safetensors *f, size_t length)
{
    for (int i = 0; i < f->count; i++)
        f->tensors[i].name += length;
    f->prefix += length;
}

wn_status wn__safetensors_rename(wn__safetensors *f, int index, const char *name)
{
    char *whole = wn__alloc(f->prefix + strlen(name) + 1);
    WN_TRY(own(f, whole));
    memcpy(whole, f->tensors[index].name - f->prefix, f->prefix);
    memcpy(whole + f->prefix, name, strlen(name) + 1);
    f->tensors[index].name = whole + f->prefix;
    return WN_OK;
}

wn_status wn__safetensors_replace(wn__safetensors *f, int index, wn__st_dtype dtype, void *data)
{
    WN_TRY(own(f, data));
    f->tensors[index].dtype = dtype;
    f->tensors[index].data = data;
    return WN_OK;
}

wn_status wn__safetensors_add_meta(wn__safetensors *f, const char *key, const char *value)
{
    st_meta *more = WN_NEW_ARRAY(st_meta, f->meta_count + 1), entry = {wn__strdup(key), wn__strdup(value)};
    wn_status status = own(f, (char *)entry.key);
    const wn_status second = own(f, (char *)entry.value);
    if (status == WN_OK) status = second;
    if (!more || status != WN_OK) {
        wn__free(more);
        return more ? status : wn__no_memory(sizeof *more);
    }
    if (f->meta_count) memcpy(more, f->meta, (size_t)f->meta_count * sizeof *more);
    more[f->meta_count++] = entry;
    qsort(more, (size_t)f->meta_count, sizeof *more, compare_meta);
    wn__free(f->meta);
    f->meta = more;
    return WN_OK;
}

/* ---- looking */

const char *wn__safetensors_meta(const wn__safetensors *f, const char *key)
{
    const st_meta wanted = {key, NULL};
    const st_meta *found = f->meta_count ? bsearch(&wanted, f->meta, (size_t)f->meta_count, sizeof(st_meta), compare_meta) : NULL;
    return found ? found->value : NULL;
}

void wn__safetensors_meta_at(const wn__safetensors *f, int index, const char **key, const char **value)
{
    *key = f->meta[index].key;
    *value = f->meta[index].value;
}

wn_status wn__safetensors_need(const wn__safetensors *f, const char *name, int ndim, const int64_t *dim, const wn__st_tensor **tensor)
{
    const wn__st_tensor *t = wn__safetensors_find(f, name);
    if (!t) return wn__fail(WN_ENOTFOUND, "%s: no tensor '%s'", f->label, name);
    if (ndim >= 0 && (t->ndim != ndim || (ndim > 0 && memcmp(t->dim, dim, (size_t)ndim * sizeof(*dim)) != 0))) {
        char has[160], wants[160];
        return wn__fail(WN_EMISMATCH, "%s: tensor '%s' has shape %s, not %s", f->label, name, show_shape(t->ndim, t->dim, has),
                        show_shape(ndim, dim, wants));
    }
    *tensor = t;
    return WN_OK;
}

wn_status wn__safetensors_floats(const wn__safetensors *f, const char *name, int ndim, const int64_t *dim, float *out)
{
    const wn__st_tensor *t;
    WN_TRY(wn__safetensors_need(f, name, ndim, dim, &t));
    if (!wn__st_is_float(t->dtype))
        return wn__fail(WN_EMISMATCH, "%s: tensor '%s' holds %s, not floats", f->label, name, wn__st_dtype_name(t->dtype));
    if (t->dtype == WN__ST_F32 && t->count) memcpy(out, t->data, (size_t)t->count * sizeof(float));
    for (int64_t i = 0; t->dtype != WN__ST_F32 && i < t->count; i++)
        out[i] = wn__st_float(t, i);
    return WN_OK;
}

wn_status wn__safetensors_bytes(const wn__safetensors *f, const char *name, wn__st_dtype dtype, int ndim, const int64_t *dim, void *out)
{
    const wn__st_tensor *t;
    WN_TRY(wn__safetensors_need(f, name, ndim, dim, &t));
    if (t->dtype != dtype)
        return wn__fail(WN_EMISMATCH, "%s: tensor '%s' holds %s, not %s", f->label, name, wn__st_type(t), wn__st_dtype_name(dtype));
    if (t->count) memcpy(out, t->data, (size_t)wn__st_bytes(t));
    return WN_OK;
}

/* ---- writer */

struct wn__st_writer {
    wn__st_tensor *tensors; /* names and metadata are owned by the writer */
    int count;
    st_meta *meta;
    int meta_count;
    char *piece;  /* (PIECE) of a tensor that is being made */
    void **owned; /* (owneds) data of tensors that were rounded */
    int owneds;
    bool compresses;
};

#define PIECE (1 << 20) /* bytes */

wn_status wn__st_writer_new(wn__st_writer **out)
{
    wn__st_writer *w = WN_NEW(wn__st_writer);
    if (!w) return wn__no_memory(sizeof(*w));
    *out = w;
    return WN_OK;
}

void wn__st_writer_free(wn__st_writer *w)
{
    if (!w) return;
    for (int i = 0; i < w->count; i++)
        wn__free((char *)w->tensors[i].name);
    for (int i = 0; i < w->meta_count; i++) {
        wn__free((char *)w->meta[i].key);
        wn__free((char *)w->meta[i].value);
    }
    for (int i = 0; i < w->owneds; i++)
        wn__free(w->owned[i]);
    wn__free(w->owned);
    wn__free(w->tensors);
    wn__free(w->meta);
    wn__free(w->piece);
    wn__free(w);
}

wn_status wn__st_writer_add(wn__st_writer *w, const char *name, wn__st_dtype dtype, int ndim, const int64_t *dim, const void *data)
{
    if (ndim < 0 || ndim > WN_MAX_DIMS) return wn__fail(WN_EINVAL, "tensor '%s': %d dimensions, at most %d", name, ndim, WN_MAX_DIMS);
    if (strcmp(name, "__metadata__") == 0) return wn__fail(WN_EINVAL, "a tensor cannot be named '__metadata__'");
    for (int i = 0; i < w->count; i++)
        if (strcmp(w->tensors[i].name, name) == 0) return wn__fail(WN_EINVAL, "tensor '%s' is added twice", name);
    wn__st_tensor t = {.dtype = dtype, .ndim = ndim, .count = 1, .data = data};
    for (int d = 0; d < ndim; d++) {
        t.dim[d] = dim[d];
        if (dim[d] < 0 || __builtin_mul_overflow(t.count, dim[d], &t.count)) return wn__fail(WN_EINVAL, "tensor '%s': invalid shape", name);
    }
    WN_TRY(wn__make_room(&w->tensors, w->count, sizeof(t)));
    t.name = wn__strdup(name);
    if (!t.name) return wn__no_memory(strlen(name));
    w->tensors[w->count++] = t;
    return WN_OK;
}

wn_status wn__st_writer_add_filled(wn__st_writer *w, const char *name, wn__st_dtype dtype, int ndim, const int64_t *dim, wn__st_fill fill,
                                   const void *arg)
{
    if (!w->piece && !(w->piece = wn__alloc(PIECE))) return wn__no_memory(PIECE);
    WN_TRY(wn__st_writer_add(w, name, dtype, ndim, dim, arg));
    w->tensors[w->count - 1].fill = fill;
    return WN_OK;
}

bool wn__st_writer_has_meta(const wn__st_writer *w, const char *key)
{
    for (int i = 0; i < w->meta_count; i++)
        if (strcmp(w->meta[i].key, key) == 0) return true;
    return false;
}

wn_status wn__st_writer_meta(wn__st_writer *w, const char *key, const char *value)
{
    if (strcmp(key, CRC_KEY) == 0) return wn__fail(WN_EINVAL, "metadata '%s' is made by the writer", key);
    if (wn__st_writer_has_meta(w, key)) return wn__fail(WN_EINVAL, "metadata '%s' is added twice", key);
    WN_TRY(wn__make_room(&w->meta, w->meta_count, sizeof(st_meta)));
    char *own_key = wn__strdup(key), *own_value = wn__strdup(value);
    if (!own_key || !own_value) {
        wn__free(own_key);
        wn__free(own_value);
        return wn__no_memory(strlen(key) + strlen(value));
    }
    w->meta[w->meta_count++] = (st_meta){own_key, own_value};
    return WN_OK;
}

wn_status wn__st_writer_meta_int(wn__st_writer *w, const char *key, int64_t value)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRId64, value);
    return wn__st_writer_meta(w, key, text);
}

/* Stable, by falling element size: every tensor is then aligned to its elements. */
static void sort_tensors(wn__st_writer *w)
{
    for (int i = 1; i < w->count; i++) {
        const wn__st_tensor t = w->tensors[i];
        int at = i;
        for (; at > 0 && wn__st_dtype_size(w->tensors[at - 1].dtype) < wn__st_dtype_size(t.dtype); at--)
            w->tensors[at] = w->tensors[at - 1];
        w->tensors[at] = t;
    }
}

static json_t *hex_json(uint32_t crc)
{
    char text[9];
    snprintf(text, sizeof(text), "%08" PRIx32, crc);
    return json_string(text);
}

/* Bytes of the tensor's next piece, from element *at on, which moves; 0 at the end. */
static size_t next_piece(const wn__st_writer *w, const wn__st_tensor *t, int64_t *at)
{
    const int64_t most = PIECE / wn__st_dtype_size(t->dtype), left = t->count - *at, count = left < most ? left : most;
    if (count > 0) t->fill(t->data, *at, count, w->piece);
    *at += count;
    return (size_t)(count * wn__st_dtype_size(t->dtype));
}

/* F32 to halves, in memory that is owned from now on. */
static wn_status round_tensor(wn__st_writer *w, wn__st_tensor *t, wn__st_dtype dtype)
{
    uint16_t *half = WN_NEW_ARRAY(uint16_t, t->count + 1);
    wn_status status = half ? wn__make_room(&w->owned, w->owneds, sizeof *w->owned) : wn__no_memory((size_t)t->count * sizeof *half);
    if (status != WN_OK) {
        wn__free(half);
        return status;
    }
    w->owned[w->owneds++] = half;
    for (int64_t at = 0, i = 0; i < t->count;) {
        const float *from = t->fill ? (const float *)(void *)w->piece : (const float *)t->data;
        const int64_t n = t->fill ? (int64_t)(next_piece(w, t, &at) / sizeof *from) : t->count;
        for (int64_t k = 0; k < n; k++, i++) {
            half[i] = wn__st_half(dtype, from[k]);
            if (isfinite(from[k]) && wn__st_is_infinite_half(dtype, half[i]))
                return wn__fail(WN_EINVAL, "tensor '%s' has %g, which %s does not reach", t->name, (double)from[k],
                                wn__st_dtype_name(dtype));
        }
    }
    t->dtype = dtype;
    t->data = half;
    t->fill = NULL;
    return WN_OK;
}

wn_status wn__st_writer_set_type(wn__st_writer *w, const char *name, wn__st_dtype dtype)
{
    for (int i = 0; i < w->count; i++)
        if (strcmp(w->tensors[i].name, name) == 0 && w->tensors[i].dtype == WN__ST_F32 && (dtype == WN__ST_F16 || dtype == WN__ST_BF16))
            return round_tensor(w, &w->tensors[i], dtype);
    return WN_OK;
}

static uint32_t crc_of_tensor(const wn__st_writer *w, const wn__st_tensor *t)
{
    if (!t->fill) return crc_of(t->data, (size_t)wn__st_bytes(t));
    uint32_t crc = 0;
    int64_t at = 0;
    for (size_t bytes; (bytes = next_piece(w, t, &at)) > 0;)
        crc = (uint32_t)crc32_z(crc, (const Bytef *)w->piece, bytes);
    return crc;
}

/* Where the bytes of a file go: into a file, memory, or a digest of what it would be. */
typedef struct sink {
    wn_status (*write)(void *to, const void *bytes, size_t size);
    void *to;
} sink;

static wn_status to_file(void *to, const void *bytes, size_t size) { return wn__replace_write(to, bytes, size); }

static wn_status to_text(void *to, const void *bytes, size_t size)
{
    wn__text *text = to;
    wn__text_add_bytes(text, bytes, size);
    return text->failed ? wn__no_memory(text->size + size) : WN_OK;
}

static wn_status to_digest(void *digest, const void *data, size_t size) { return wn__sha256_add(digest, data, size); }

static wn_status write_tensor(const wn__st_writer *w, const wn__st_tensor *t, const sink *s)
{
    const size_t all = (size_t)wn__st_bytes(t);
    int64_t at = 0;
    if (!t->fill) return all ? s->write(s->to, t->data, all) : WN_OK; /* data of an empty tensor may be NULL */
    for (size_t bytes; (bytes = next_piece(w, t, &at)) > 0;)
        WN_TRY(s->write(s->to, w->piece, bytes));
    return WN_OK;
}

/* The text of CRC_KEY; NULL if out of memory or a name is no UTF-8. Freed by free. */
static char *crc_json(const wn__st_writer *w)
{
    json_t *tensors = json_object(), *root = json_object();
    int failed = json_object_set_new(root, "header", hex_json(crc_of_header(w->meta, w->meta_count, w->tensors, w->count)));
    for (int i = 0; i < w->count; i++) {
        const wn__st_tensor *t = &w->tensors[i];
        failed |= json_object_set_new(tensors, t->name, hex_json(crc_of_tensor(w, t)));
    }
    failed |= json_object_set_new(root, "tensors", tensors);
    char *text = failed ? NULL : json_dumps(root, JSON_COMPACT);
    json_decref(root);
    return text;
}

static json_t *entry_json(const wn__st_tensor *t, int64_t begin)
{
    json_t *shape = json_array();
    for (int d = 0; d < t->ndim; d++)
        json_array_append_new(shape, json_integer(t->dim[d]));
    return json_pack("{s:s, s:o, s:[I,I]}", "dtype", wn__st_dtype_name(t->dtype), "shape", shape, "data_offsets", (json_int_t)begin,
                     (json_int_t)(begin + wn__st_bytes(t)));
}

/* The header as text, freed by free; NULL if out of memory or a text is no UTF-8. */
static char *header_json(const wn__st_writer *w)
{
    char *crcs = crc_json(w);
    if (!crcs) return NULL;
    json_t *root = json_object(), *metadata = json_object();
    int failed = json_object_set_new(metadata, CRC_KEY, json_string(crcs));
    free(crcs);
    for (int i = 0; i < w->meta_count; i++)
        failed |= json_object_set_new(metadata, w->meta[i].key, json_string(w->meta[i].value));
    failed |= json_object_set_new(root, "__metadata__", metadata);
    int64_t at = 0;
    for (int i = 0; i < w->count; i++) {
        failed |= json_object_set_new(root, w->tensors[i].name, entry_json(&w->tensors[i], at));
        at += wn__st_bytes(&w->tensors[i]);
    }
    char *text = failed ? NULL : json_dumps(root, JSON_COMPACT);
    json_decref(root);
    return text;
}

static wn_status write_parts(const wn__st_writer *w, const char *header, const sink *s)
{
    static const char blanks[WN__ALIGN + 1] = "                                                                ";
    const size_t length = strlen(header), padding = (WN__ALIGN - (length + 8) % WN__ALIGN) % WN__ALIGN;
    const uint64_t padded = length + padding;
    WN_TRY(s->write(s->to, &padded, sizeof(padded)));
    WN_TRY(s->write(s->to, header, length));
    WN_TRY(s->write(s->to, blanks, padding));
    for (int i = 0; i < w->count; i++)
        WN_TRY(write_tensor(w, &w->tensors[i], s));
    return WN_OK;
}

static wn_status write_all(wn__st_writer *w, const char *label, const sink *s)
{
    sort_tensors(w);
    if (w->meta_count) qsort(w->meta, (size_t)w->meta_count, sizeof(st_meta), compare_meta);
    char *header = header_json(w);
    if (!header) return wn__fail(WN_EINVAL, "%s: a tensor name or metadata is no UTF-8 (or memory ran out)", label);
    const wn_status status = write_parts(w, header, s);
    free(header);
    return status;
}

void wn__st_writer_compress(wn__st_writer *w) { w->compresses = true; }

/* By a writer of the compressed tensors in place of those that were added, which stay. */
static wn_status write_compressed(const wn__st_writer *w, const char *label, const sink *s)
{
    wn__compressed_tensors c;
    WN_TRY(wn__tensors_compress(w->tensors, w->count, &c));
    wn__st_writer inner = *w;
    inner.tensors = c.tensor;
    inner.count = c.count;
    inner.meta = WN_NEW_ARRAY(st_meta, w->meta_count + 1);
    wn_status status = inner.meta ? WN_OK : wn__no_memory((size_t)w->meta_count * sizeof *w->meta);
    if (status == WN_OK) {
        if (w->meta_count) memcpy(inner.meta, w->meta, (size_t)w->meta_count * sizeof *w->meta);
        if (c.text) inner.meta[inner.meta_count++] = (st_meta){WN__COMPRESSED_KEY, c.text};
        status = write_all(&inner, label, s);
    }
    wn__free(inner.meta);
    wn__compressed_tensors_release(&c);
    return status;
}

static wn_status write_to(wn__st_writer *w, const char *label, const sink *s)
{
    return w->compresses ? write_compressed(w, label, s) : write_all(w, label, s);
}

wn_status wn__st_writer_write(wn__st_writer *w, const char *path)
{
    wn__replace r;
    WN_TRY(wn__replace_open(&r, path));
    const wn_status status = write_to(w, path, &(sink){to_file, &r});
    if (status == WN_OK) return wn__replace_commit(&r);
    wn__replace_abort(&r);
    return status;
}

wn_status wn__st_writer_write_text(wn__st_writer *w, const char *label, wn__text *out) { return write_to(w, label, &(sink){to_text, out}); }

/* ---- digests */

/* Of the file that the expanded tensors would make. */
static wn_status digest_expanded(const wn__safetensors *f, char text[WN__SHA256_TEXT])
{
    wn__st_writer w = {
        .tensors = WN_NEW_ARRAY(wn__st_tensor, f->count + 1), .count = f->count, .meta = f->meta, .meta_count = f->meta_count};
    wn__sha256_state *digest;
    if (!w.tensors) return wn__no_memory((size_t)f->count * sizeof *w.tensors);
    if (f->count) memcpy(w.tensors, f->tensors, (size_t)f->count * sizeof *w.tensors);
    wn_status status = wn__sha256_new(&digest);
    if (status == WN_OK) {
        status = write_all(&w, f->label, &(sink){to_digest, digest});
        const wn_status finished = wn__sha256_finish(digest, status == WN_OK ? text : NULL);
        if (status == WN_OK) status = finished;
    }
    wn__free(w.tensors);
    return status;
}

wn_status wn__safetensors_sha256(const char *path, char text[WN__SHA256_TEXT])
{
    wn__safetensors *f;
    wn_status status = wn__safetensors_open(path, &f);
    if (status == WN_EFORMAT) return wn__sha256_file(path, text);
    WN_TRY(status);
    status = f->expanded.owneds ? digest_expanded(f, text) : wn__sha256_file(path, text);
    wn__safetensors_close(f);
    return status;
}

wn_status wn__st_writer_open(wn__st_writer *w, const char *label, wn__safetensors **file)
{
    wn__text bytes = {0};
    const wn_status status = wn__st_writer_write_text(w, label, &bytes);
    if (status == WN_OK) return wn__safetensors_take(label, bytes.data, bytes.size, file);
    wn__text_release(&bytes);
    return status;
}
