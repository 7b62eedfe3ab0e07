#include "io/pytorch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/text.h"
#include "io/pickle.h"
#include "io/zip_stored.h"

enum {
    MOST_DEPTH = 32, /* of nested containers */
    MOST_NAME = 1024,
    MOST_VISITS = 1 << 22, /* a container can stand in many places */
    MOST_COPIES = 16,      /* bytes of all tensors over the file's: views of one storage are copied */
    SPARE = 1 << 20
};

/* What a pickle of tensors names. Storages come first: their place here is that of their type in `types`. */
enum { STORAGES = 10, ORDERED_DICT = STORAGES, SIZE, TENSOR, TENSOR_V2, PARAMETER, GLOBALS };
static const wn__pickle_global globals[GLOBALS] = {
    {"torch", "FloatStorage", false, false},
    {"torch", "DoubleStorage", false, false},
    {"torch", "HalfStorage", false, false},
    {"torch", "BFloat16Storage", false, false},
    {"torch", "LongStorage", false, false},
    {"torch", "IntStorage", false, false},
    {"torch", "ShortStorage", false, false},
    {"torch", "CharStorage", false, false},
    {"torch", "ByteStorage", false, false},
    {"torch", "BoolStorage", false, false},
    [ORDERED_DICT] = {"collections", "OrderedDict", true, false},
    [SIZE] = {"torch", "Size", false, false},
    [TENSOR] = {"torch._utils", "_rebuild_tensor", false, false},
    [TENSOR_V2] = {"torch._utils", "_rebuild_tensor_v2", false, false},
    [PARAMETER] = {"torch._utils", "_rebuild_parameter", false, false},
};
static const wn__st_dtype types[STORAGES] = {WN__ST_F32, WN__ST_F64, WN__ST_F16, WN__ST_BF16, WN__ST_I64,
                                             WN__ST_I32, WN__ST_I16, WN__ST_I8,  WN__ST_U8,   WN__ST_BOOL};

/* A tensor as the file has it. */
typedef struct view {
    wn__st_tensor tensor; /* name: where it begins in `names`, until all are there */
    const uint8_t *data;
    size_t name;
    int64_t stride[WN_MAX_DIMS]; /* in elements */
} view;

typedef struct reader {
    const char *label;
    size_t size; /* of the file */
    wn__zip zip;
    const char *folder; /* of all members: "archive/" */
    size_t folder_size;
    bool swapped; /* numbers are big-endian */
    wn__pickle pickle;
    view *views;
    int64_t count, bytes; /* of the contiguous copies, each at a multiple of 64 */
    wn__text names, path; /* terminated names, one after the other; where we are in the tree */
    int64_t visits;
} reader;

typedef wn__pickle_value value;

static wn_status damaged(const reader *r, const char *what)
{
    return wn__fail(WN_EFORMAT, "%s: is a damaged PyTorch file (%s)", r->label, what);
}
static const value *value_at(const reader *r, int32_t index) { return &r->pickle.values[index]; }
static const value *item_of(const reader *r, const value *v, int64_t i) { return value_at(r, v->item[i]); }

/* --- the archive ----------------------------------------------------------------------------------------------------------------- */

static wn_status check_stored(const reader *r, const wn__zip_member *m)
{
    if (m->data) return WN_OK;
    return wn__fail(WN_EUNSUPPORTED, "%s: member '%.*s' is packed or encrypted; valid: members as torch.save writes them", r->label,
                    (int)m->name_size, m->name);
}

/* "folder/" and two parts of a name. NULL if absent. */
static const wn__zip_member *find_member(const reader *r, const char *name, const char *more, size_t more_size)
{
    wn__text path = {0};
    wn__text_add_bytes(&path, r->folder, r->folder_size);
    wn__text_add(&path, "%s", name);
    wn__text_add_bytes(&path, more, more_size);
    const wn__zip_member *found = path.failed ? NULL : wn__zip_find(&r->zip, path.data, path.size);
    wn__text_release(&path);
    return found;
}

static const wn__zip_member *find_pickle(reader *r)
{
    static const char name[] = "data.pkl";
    const size_t length = strlen(name);
    for (int64_t i = 0; i < r->zip.count; i++) {
        const wn__zip_member *m = &r->zip.members[i];
        if (m->name_size < length || memcmp(m->name + m->name_size - length, name, length) != 0) continue;
        const size_t folder = m->name_size - length;
        if (folder > 0 && memchr(m->name, '/', folder) != m->name + folder - 1) continue;
        r->folder = m->name;
        r->folder_size = folder;
        return m;
    }
    return NULL;
}

/* PyTorch compares no checksums, and can leave them out: a wrong one is a warning. */
static void check_sums(const reader *r)
{
    size_t left = r->size;
    for (int64_t i = 0; i < r->zip.count && r->zip.members[i].size <= left; i++) { /* members that overlap are not read again and again */
        const wn__zip_member *m = &r->zip.members[i];
        left -= m->size;
        if (!m->data || crc32_z(0, m->data, m->size) == m->crc) continue;
        wn__log(WN_LOG_WARNING, "%s: the checksum of '%.*s' is wrong: the file is damaged, or was saved without checksums", r->label,
                (int)m->name_size, m->name);
        return;
    }
}

static wn_status read_pickle(reader *r)
{
    const wn__zip_member *pickle = find_pickle(r);
    if (!pickle) return wn__fail(WN_EFORMAT, "%s: is a zip archive, but no PyTorch file: it has no data.pkl", r->label);
    if (find_member(r, "constants.pkl", "", 0))
        return wn__fail(WN_EUNSUPPORTED,
                        "%s: is a TorchScript archive; save its weights: torch.save(torch.jit.load(FILE).state_dict(), NEW)", r->label);
    WN_TRY(check_stored(r, pickle));
    const wn__zip_member *order = find_member(r, "byteorder", "", 0);
    r->swapped = order && order->data && order->size >= 3 && memcmp(order->data, "big", 3) == 0;
    const wn_status status = wn__pickle_read(r->label, pickle->data, pickle->size, globals, GLOBALS, &r->pickle);
    if (status != WN_EUNSUPPORTED) return status;
    char why[512];
    snprintf(why, sizeof why, "%s", wn_error_message());
    return wn__fail(status, "%s; save the weights alone: torch.save(model.state_dict(), NEW)", why);
}

/* --- tensors --------------------------------------------------------------------------------------------------------------------- */

/* ('storage', type, key, device, elements): its type, bytes and elements. */
static wn_status find_storage(const reader *r, const value *persistent, view *v, int64_t *elements)
{
    const value *id = persistent->kind == WN__PICKLE_PERSISTENT ? item_of(r, persistent, 0) : NULL;
    if (!id || id->kind != WN__PICKLE_TUPLE || id->items < 5) return damaged(r, "a tensor without storage");
    const value *type = item_of(r, id, 1), *key = item_of(r, id, 2), *count = item_of(r, id, 4);
    if (type->kind != WN__PICKLE_GLOBAL || type->number >= STORAGES || key->kind != WN__PICKLE_TEXT || count->kind != WN__PICKLE_INT)
        return damaged(r, "a storage of another form");
    const wn__zip_member *member = find_member(r, "data/", key->text, key->text_size);
    if (!member) return damaged(r, "a storage is not in the archive");
    WN_TRY(check_stored(r, member));
    v->tensor.dtype = types[type->number];
    v->data = member->data;
    *elements = count->number;
    if (count->number < 0 || (uint64_t)count->number > member->size / (size_t)wn__st_dtype_size(v->tensor.dtype))
        return damaged(r, "a storage is shorter than it says");
    return WN_OK;
}

/* Shape and strides: all elements lie inside the storage. */
static wn_status read_shape(const reader *r, const value *shape, const value *strides, int64_t offset, int64_t elements, view *v)
{
    int64_t last = offset;
    if ((shape->kind != WN__PICKLE_TUPLE && shape->kind != WN__PICKLE_LIST) || strides->kind != shape->kind ||
        shape->items != strides->items)
        return damaged(r, "a shape of another form");
    if (shape->items > WN_MAX_DIMS)
        return wn__fail(WN_EUNSUPPORTED, "%s: a tensor has %" PRId64 " dimensions, valid: 0 to %d", r->label, shape->items, WN_MAX_DIMS);
    v->tensor.ndim = (int)shape->items;
    v->tensor.count = 1;
    for (int d = 0; d < v->tensor.ndim; d++) {
        const value *size = item_of(r, shape, d), *stride = item_of(r, strides, d);
        if (size->kind != WN__PICKLE_INT || stride->kind != WN__PICKLE_INT || size->number < 0 || stride->number < 0)
            return damaged(r, "a shape of another form");
        v->tensor.dim[d] = size->number;
        v->stride[d] = stride->number;
        if (__builtin_mul_overflow(v->tensor.count, size->number, &v->tensor.count)) return damaged(r, "a shape too large");
    }
    for (int d = 0; v->tensor.count > 0 && d < v->tensor.ndim; d++) {
        int64_t way;
        if (__builtin_mul_overflow(v->tensor.dim[d] - 1, v->stride[d], &way) || __builtin_add_overflow(last, way, &last))
            return damaged(r, "a shape too large");
    }
    if (offset < 0 || (v->tensor.count > 0 && last >= elements)) return damaged(r, "a tensor reaches beyond its storage");
    return WN_OK;
}

/* The arguments of a call that makes a tensor: (storage, offset, shape, strides, ...), or for a parameter (tensor, ...). */
static wn_status read_tensor(const reader *r, const value *call, view *v)
{
    const value *arguments = item_of(r, call, 0);
    int64_t elements = 0;
    if (call->number == PARAMETER) {
        const value *inner = arguments->items > 0 ? item_of(r, arguments, 0) : call;
        if (inner->kind != WN__PICKLE_CALL || inner->number == PARAMETER) return damaged(r, "a parameter without tensor");
        return read_tensor(r, inner, v);
    }
    if ((call->number != TENSOR && call->number != TENSOR_V2) || arguments->items < 4) return damaged(r, "a call of another form");
    const value *offset = item_of(r, arguments, 1), *shape = item_of(r, arguments, 2), *strides = item_of(r, arguments, 3);
    if (offset->kind != WN__PICKLE_INT) return damaged(r, "an offset of another form");
    WN_TRY(find_storage(r, item_of(r, arguments, 0), v, &elements));
    WN_TRY(read_shape(r, shape, strides, offset->number, elements, v));
    if (v->tensor.count > 0) v->data += offset->number * wn__st_dtype_size(v->tensor.dtype);
    return WN_OK;
}

static int64_t bytes_of(const view *v) { return v->tensor.count * wn__st_dtype_size(v->tensor.dtype); }

/* With what lies behind it, so that the next one is aligned: never nothing, which bounds how many there are. */
static int64_t room_of(const view *v) { return (bytes_of(v) / WN__ALIGN + 1) * WN__ALIGN; }

static wn_status add_tensor(reader *r, const value *call)
{
    view v = {.name = r->names.size};
    WN_TRY(read_tensor(r, call, &v));
    const int64_t most = MOST_COPIES * (int64_t)r->size + SPARE;
    if (v.tensor.count > most || room_of(&v) > most - r->bytes)
        return wn__fail(WN_EUNSUPPORTED, "%s: its tensors have more than %d times as many bytes as the file", r->label, MOST_COPIES);
    wn__text_add_bytes(&r->names, r->path.data ? r->path.data : "", r->path.size);
    wn__text_add_bytes(&r->names, "", 1);
    WN_TRY(wn__make_room(&r->views, r->count, sizeof *r->views));
    r->views[r->count++] = v;
    r->bytes += room_of(&v);
    return WN_OK;
}

/* --- the tree -------------------------------------------------------------------------------------------------------------------- */

static wn_status visit(reader *r, const value *v, int depth);

/* An item under a key, whose name is joined to the path meanwhile. */
static wn_status visit_under(reader *r, const value *key, int64_t number, const value *v, int depth)
{
    const size_t before = r->path.size;
    if (before > 0) wn__text_add(&r->path, ".");
    if (key && key->kind == WN__PICKLE_TEXT) {
        if (memchr(key->text, 0, key->text_size)) return damaged(r, "a name with a zero byte");
        wn__text_add_bytes(&r->path, key->text, key->text_size);
    } else {
        wn__text_add(&r->path, "%" PRId64, key ? key->number : number);
    }
    if (r->path.failed) return wn__no_memory(r->path.size);
    if (r->path.size > MOST_NAME) return wn__fail(WN_EUNSUPPORTED, "%s: a name of more than %d bytes", r->label, MOST_NAME);
    const wn_status status = visit(r, v, depth + 1);
    r->path.size = before;
    return status;
}

/* Tensors in a value and all that it holds; anything else is passed over. */
static wn_status visit(reader *r, const value *v, int depth)
{
    const bool dict = v->kind == WN__PICKLE_DICT;
    if (v->kind == WN__PICKLE_CALL) return v->number == SIZE ? WN_OK : add_tensor(r, v);
    if (!dict && v->kind != WN__PICKLE_LIST && v->kind != WN__PICKLE_TUPLE) return WN_OK;
    if (depth == MOST_DEPTH || r->visits > MOST_VISITS - v->items)
        return wn__fail(WN_EUNSUPPORTED, "%s: its containers are nested more than %d deep, or hold too much", r->label, MOST_DEPTH);
    r->visits += v->items;
    for (int64_t i = 0; i < v->items; i += dict ? 2 : 1)
        WN_TRY(visit_under(r, dict ? item_of(r, v, i) : NULL, i, item_of(r, v, i + (dict ? 1 : 0)), depth));
    return WN_OK;
}

/* The dictionary under a key that training scripts give weights; NULL if there is none. */
static const value *find_weights(const reader *r, const value *v)
{
    static const char *const keys[] = {"state_dict", "model_state_dict", "model", "module", "net", "network"};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
        for (int64_t i = 0; v->kind == WN__PICKLE_DICT && i < v->items; i += 2) {
            const value *key = item_of(r, v, i), *inner = item_of(r, v, i + 1);
            if (key->kind != WN__PICKLE_TEXT || inner->kind != WN__PICKLE_DICT || inner->items == 0) continue;
            if (key->text_size != strlen(keys[k]) || memcmp(key->text, keys[k], key->text_size) != 0) continue;
            wn__log(WN_LOG_INFO, "%s: a checkpoint; its weights are those of '%s'", r->label, keys[k]);
            return inner;
        }
    return NULL;
}

static wn_status collect(reader *r)
{
    const value *root = value_at(r, r->pickle.root), *inner;
    for (int depth = 0; depth < MOST_DEPTH && (inner = find_weights(r, root)); depth++)
        root = inner;
    WN_TRY(visit(r, root, 0));
    if (r->names.failed) return wn__no_memory(r->names.size);
    return r->count > 0 ? WN_OK : wn__fail(WN_EFORMAT, "%s: is a PyTorch file without tensors", r->label);
}

/* --- the result ------------------------------------------------------------------------------------------------------------------ */

static void swap_bytes(uint8_t *data, int64_t count, int size)
{
    for (int64_t i = 0; i < count; i++, data += size)
        for (int b = 0; b < size / 2; b++) {
            const uint8_t kept = data[b];
            data[b] = data[size - 1 - b];
            data[size - 1 - b] = kept;
        }
}

/* Dimension d and those within it; in and out move on. */
static void copy_strided(const view *v, int d, const uint8_t *in, uint8_t **out)
{
    const int size = wn__st_dtype_size(v->tensor.dtype);
    if (d == v->tensor.ndim) {
        memcpy(*out, in, (size_t)size);
        *out += size;
        return;
    }
    for (int64_t i = 0; i < v->tensor.dim[d]; i++)
        copy_strided(v, d + 1, in + i * v->stride[d] * size, out);
}

static bool is_contiguous(const view *v)
{
    int64_t distance = 1;
    for (int d = v->tensor.ndim - 1; d >= 0; distance *= v->tensor.dim[d--])
        if (v->tensor.dim[d] != 1 && v->stride[d] != distance) return false;
    return true;
}

static void copy_tensor(const reader *r, const view *v, uint8_t *out)
{
    uint8_t *at = out;
    if (v->tensor.count == 0) return;
    if (is_contiguous(v))
        memcpy(out, v->data, (size_t)bytes_of(v));
    else
        copy_strided(v, 0, v->data, &at);
    if (r->swapped) swap_bytes(out, v->tensor.count, wn__st_dtype_size(v->tensor.dtype));
}

static int compare_names(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static wn_status check_names(const reader *r, const wn__st_tensor *tensors)
{
    wn_status status = WN_OK;
    const char **names = WN_NEW_ARRAY(const char *, r->count);
    if (!names) return wn__no_memory((size_t)r->count * sizeof *names);
    for (int64_t i = 0; i < r->count; i++)
        names[i] = tensors[i].name;
    qsort(names, (size_t)r->count, sizeof *names, compare_names);
    for (int64_t i = 1; status == WN_OK && i < r->count; i++)
        if (strcmp(names[i - 1], names[i]) == 0) status = wn__fail(WN_EFORMAT, "%s: has two tensors of the name '%s'", r->label, names[i]);
    wn__free(names);
    return status;
}

/* Bytes of all tensors, then their names, in one piece of memory. */
static wn_status make_file(const reader *r, wn__safetensors **file)
{
    char *bytes = wn__alloc((size_t)r->bytes + r->names.size);
    wn__st_tensor *tensors = WN_NEW_ARRAY(wn__st_tensor, r->count);
    wn_status status = bytes && tensors ? WN_OK : wn__no_memory((size_t)r->bytes + r->names.size);
    if (status == WN_OK) {
        memcpy(bytes + r->bytes, r->names.data, r->names.size);
        char *at = bytes;
        for (int64_t i = 0; i < r->count; i++) {
            const view *v = &r->views[i];
            tensors[i] = v->tensor;
            tensors[i].name = bytes + r->bytes + v->name;
            tensors[i].data = at;
            copy_tensor(r, v, (uint8_t *)at);
            at += room_of(v);
        }
        status = check_names(r, tensors);
    }
    if (status == WN_OK) return wn__safetensors_adopt(r->label, bytes, tensors, (int)r->count, file);
    wn__free(bytes);
    wn__free(tensors);
    return status;
}

/* --- outside --------------------------------------------------------------------------------------------------------------------- */

bool wn__pytorch_recognises(const uint8_t *bytes, size_t size)
{
    return wn__zip_recognises(bytes, size) || (size >= 2 && bytes[0] == 0x80 && bytes[1] >= 2 && bytes[1] <= 5);
}

/* What stands first in files of before 1.6: the number 0x1950A86A20F9469CFC6C as a pickle. */
static bool is_old(const uint8_t *bytes, size_t size)
{
    static const char start[] = "\x80\x02\x8A\x0A\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19";
    return size >= sizeof start - 1 && memcmp(bytes, start, sizeof start - 1) == 0;
}

static wn_status parse(reader *r, const uint8_t *bytes, wn__safetensors **file)
{
    if (is_old(bytes, r->size))
        return wn__fail(WN_EUNSUPPORTED,
                        "%s: is of the format of before PyTorch 1.6; save it again: torch.save(torch.load(FILE, map_location='cpu'), NEW)",
                        r->label);
    if (!wn__zip_recognises(bytes, r->size)) return wn__fail(WN_EFORMAT, "%s: is a pickle that torch.save has not written", r->label);
    WN_TRY(wn__zip_open(r->label, bytes, r->size, &r->zip));
    WN_TRY(read_pickle(r));
    WN_TRY(collect(r));
    check_sums(r);
    return make_file(r, file);
}

wn_status wn__pytorch_parse(const char *label, const uint8_t *bytes, size_t size, wn__safetensors **file)
{
    reader r = {.label = label, .size = size};
    const wn_status status = parse(&r, bytes, file);
    wn__zip_release(&r.zip);
    wn__pickle_release(&r.pickle);
    wn__free(r.views);
    wn__text_release(&r.names);
    wn__text_release(&r.path);
    return status;
}
