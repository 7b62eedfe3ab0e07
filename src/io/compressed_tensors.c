#include "io/compressed_tensors.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/text.h"
#include "io/gaps.h"

/* A file may name so many entries for each that it stores, and some: memory is taken for them before it is known whether the file holds what it says. */
enum { PIECE = 1 << 16, MOST_ENTRIES_EACH = 1 << 16, SPARE = 64 };

/* ---- lists */

static wn_status keep(wn__compressed_tensors *c, void *memory, size_t size)
{
    wn_status status = memory ? wn__make_room(&c->owned, c->owneds, sizeof *c->owned) : wn__no_memory(size);
    if (status != WN_OK) {
        wn__free(memory);
        return status;
    }
    c->owned[c->owneds++] = memory;
    return WN_OK;
}

static wn_status add(wn__compressed_tensors *c, const wn__st_tensor *t)
{
    WN_TRY(wn__make_room(&c->tensor, c->count, sizeof *t));
    c->tensor[c->count++] = *t;
    return WN_OK;
}

/* `t` under the name of `base` and an ending. */
static wn_status add_named(wn__compressed_tensors *c, const char *base, const char *ending, wn__st_tensor t)
{
    const size_t size = strlen(base) + strlen(ending) + 1;
    char *name = wn__alloc(size);
    WN_TRY(keep(c, name, size));
    strcat(strcpy(name, base), ending);
    t.name = name;
    return add(c, &t);
}

static const wn__st_tensor *find(const wn__st_tensor *tensors, int count, const char *base, const char *ending)
{
    const size_t length = strlen(base);
    for (int i = 0; i < count; i++)
        if (strncmp(tensors[i].name, base, length) == 0 && strcmp(tensors[i].name + length, ending) == 0) return &tensors[i];
    return NULL;
}

void wn__compressed_tensors_release(wn__compressed_tensors *c)
{
    for (int i = 0; i < c->owneds; i++)
        wn__free(c->owned[i]);
    wn__free(c->owned);
    wn__free(c->tensor);
    free(c->text);
    *c = (wn__compressed_tensors){0};
}

static wn_status finish(wn__compressed_tensors *c, wn_status status)
{
    if (status != WN_OK) wn__compressed_tensors_release(c);
    return status;
}

/* ---- compressing */

static bool can_be_compressed(wn__st_dtype dtype) { return dtype == WN__ST_F32 || dtype == WN__ST_F16 || dtype == WN__ST_BF16; }

/* The mask of a tensor that can be compressed; NULL: none. */
static const wn__st_tensor *mask_of(const wn__st_tensor *tensors, int count, const wn__st_tensor *t)
{
    const wn__st_tensor *mask = can_be_compressed(t->dtype) ? find(tensors, count, t->name, "_mask") : NULL;
    const bool fits =
        mask && mask->dtype == WN__ST_U8 && mask->ndim == t->ndim && memcmp(mask->dim, t->dim, sizeof *t->dim * (size_t)t->ndim) == 0;
    return fits ? mask : NULL;
}

/* Elements first .. first + n - 1, in memory or made. */
static void read_elements(const wn__st_tensor *t, int64_t first, int64_t n, void *out)
{
    const size_t size = (size_t)wn__st_dtype_size(t->dtype);
    if (t->fill)
        t->fill(t->data, first, n, out);
    else
        memcpy(out, (const char *)t->data + (size_t)first * size, (size_t)n * size);
}

static json_t *entry_of(const wn__st_tensor *t, int low_bits)
{
    json_t *shape = json_array();
    for (int d = 0; d < t->ndim; d++)
        json_array_append_new(shape, json_integer(t->dim[d]));
    return json_pack("{s:o, s:i}", "shape", shape, "low_bits", low_bits);
}

/* What a tensor becomes. Its arrays belong to the list. */
typedef struct coded {
    wn__gaps gaps;
    const void *values; /* NULL: it stays as it is */
} coded;

/* Values and masks, piece by piece. */
typedef struct pieces {
    char *value; /* (PIECE) of 4 bytes at most */
    uint8_t *active;
} pieces;

static int64_t read_piece(const pieces *p, const wn__st_tensor *t, const wn__st_tensor *mask, int64_t first)
{
    const int64_t n = t->count - first < PIECE ? t->count - first : PIECE;
    read_elements(mask, first, n, p->active);
    if (p->value) read_elements(t, first, n, p->value);
    return n;
}

static int64_t count_active(const pieces *p, const wn__st_tensor *t, const wn__st_tensor *mask)
{
    const pieces masks = {.active = p->active};
    int64_t count = 0;
    for (int64_t first = 0; first < t->count; first += PIECE) {
        const int64_t n = read_piece(&masks, t, mask, first);
        for (int64_t i = 0; i < n; i++)
            count += p->active[i] != 0;
    }
    return count;
}

/* false: what the mask takes away is not all +0. */
static bool gather(const pieces *p, const wn__st_tensor *t, const wn__st_tensor *mask, wn__gaps *gaps, char *values)
{
    static const char zero[4] = {0};
    const size_t size = (size_t)wn__st_dtype_size(t->dtype);
    for (int64_t first = 0; first < t->count; first += PIECE) {
        const int64_t n = read_piece(p, t, mask, first);
        const char *value = p->value;
        for (int64_t i = 0; i < n; i++, value += size) {
            if (p->active[i]) {
                memcpy(values, value, size);
                values += size;
                wn__gaps_add(gaps, first + i);
            } else if (memcmp(value, zero, size) != 0) {
                return false;
            }
        }
    }
    wn__gaps_end(gaps);
    return true;
}

static wn_status code(wn__compressed_tensors *c, const pieces *p, const wn__st_tensor *t, const wn__st_tensor *mask, coded *out)
{
    WN_TRY(wn__gaps_begin(count_active(p, t, mask), t->count, &out->gaps));
    const wn_status low = keep(c, out->gaps.low, (size_t)out->gaps.low_bytes);
    const wn_status high = keep(c, out->gaps.high, (size_t)out->gaps.high_bytes);
    const size_t size = (size_t)wn__st_dtype_size(t->dtype);
    char *values = wn__alloc_array(out->gaps.count + 1, size);
    const wn_status kept = keep(c, values, (size_t)out->gaps.count * size);
    WN_TRY(low != WN_OK ? low : high != WN_OK ? high : kept);
    if (gather(p, t, mask, &out->gaps, values)) out->values = values;
    return WN_OK;
}

static wn_status code_masked(wn__compressed_tensors *c, const wn__st_tensor *t, const wn__st_tensor *mask, coded *out)
{
    const pieces p = {WN_NEW_ARRAY(char, 4 * PIECE), WN_NEW_ARRAY(uint8_t, PIECE)};
    const wn_status status = p.value && p.active ? code(c, &p, t, mask, out) : wn__no_memory(4 * PIECE);
    wn__free(p.value);
    wn__free(p.active);
    return status;
}

static wn_status add_stream(wn__compressed_tensors *c, const char *name, const char *ending, const void *data, int64_t bytes)
{
    return add_named(c, name, ending, (wn__st_tensor){.dtype = WN__ST_U8, .ndim = 1, .dim = {bytes}, .count = bytes, .data = data});
}

/* A tensor's turn in the order, or its mask's. */
static wn_status add_coded(wn__compressed_tensors *c, const wn__st_tensor *t, const coded *own, const wn__st_tensor *of, const coded *its)
{
    if (own->values)
        return add_named(
            c, t->name, ".values",
            (wn__st_tensor){.dtype = t->dtype, .ndim = 1, .dim = {own->gaps.count}, .count = own->gaps.count, .data = own->values});
    if (!its) return add(c, t);
    WN_TRY(add_stream(c, of->name, ".gap_low", its->gaps.low, its->gaps.low_bytes));
    return add_stream(c, of->name, ".gap_high", its->gaps.high, its->gaps.high_bytes);
}

static wn_status code_all(const wn__st_tensor *tensors, int count, coded *list, const wn__st_tensor **masked, json_t *text,
                          wn__compressed_tensors *out)
{
    for (int i = 0; i < count; i++) {
        const wn__st_tensor *mask = mask_of(tensors, count, &tensors[i]);
        if (!mask) continue;
        WN_TRY(code_masked(out, &tensors[i], mask, &list[i]));
        if (!list[i].values) continue;
        masked[mask - tensors] = &tensors[i];
        if (json_object_set_new(text, tensors[i].name, entry_of(&tensors[i], list[i].gaps.low_bits)) != 0) return wn__no_memory(1);
    }
    return WN_OK;
}

static wn_status compress(const wn__st_tensor *tensors, int count, coded *list, const wn__st_tensor **masked, json_t *text,
                          wn__compressed_tensors *out)
{
    WN_TRY(code_all(tensors, count, list, masked, text, out));
    for (int i = 0; i < count; i++)
        WN_TRY(add_coded(out, &tensors[i], &list[i], masked[i], masked[i] ? &list[masked[i] - tensors] : NULL));
    if (!json_object_size(text)) return WN_OK;
    return (out->text = json_dumps(text, JSON_COMPACT)) ? WN_OK : wn__no_memory(1);
}

wn_status wn__tensors_compress(const wn__st_tensor *tensors, int count, wn__compressed_tensors *out)
{
    coded *list = WN_NEW_ARRAY(coded, count + 1);
    const wn__st_tensor **masked = WN_NEW_ARRAY(const wn__st_tensor *, count + 1); /* of a mask: the tensor that it is of */
    json_t *text = json_object();
    *out = (wn__compressed_tensors){0};
    const wn_status status =
        list && masked && text ? compress(tensors, count, list, masked, text, out) : wn__no_memory((size_t)count * sizeof *list);
    wn__free(list);
    wn__free(masked);
    json_decref(text);
    return finish(out, status);
}

/* ---- expanding */

static wn_status damaged(const char *name, const char *what) { return wn__fail(WN_EFORMAT, "compressed tensor '%s': %s", name, what); }

static wn_status read_shape(const char *name, const json_t *entry, wn__st_tensor *t)
{
    const json_t *shape = json_object_get(entry, "shape");
    if (!json_is_array(shape) || json_array_size(shape) > WN_MAX_DIMS) return damaged(name, "no shape");
    t->ndim = (int)json_array_size(shape);
    t->count = 1;
    for (int d = 0; d < t->ndim; d++) {
        t->dim[d] = json_integer_value(json_array_get(shape, (size_t)d));
        if (t->dim[d] < 0 || __builtin_mul_overflow(t->count, t->dim[d], &t->count)) return damaged(name, "no shape");
    }
    return WN_OK;
}

static const wn__st_tensor *stream_of(const wn__st_tensor *tensors, int count, const char *name, const char *ending)
{
    const wn__st_tensor *t = find(tensors, count, name, ending);
    return t && t->dtype == WN__ST_U8 ? t : NULL;
}

static const wn__st_tensor *values_of(const wn__st_tensor *tensors, int count, const char *name)
{
    const wn__st_tensor *t = find(tensors, count, name, ".values");
    return t && can_be_compressed(t->dtype) ? t : NULL;
}

/* What a compressed tensor stands for, by where its parts stand. */
typedef struct listed {
    const wn__st_tensor *values, *low, *high;
    wn__st_tensor dense, mask;
} listed;

static wn_status find_parts(const wn__st_tensor *tensors, int count, const char *name, const json_t *entry, listed *e, wn__st_packed *p)
{
    const json_t *bits = json_object_get(entry, "low_bits");
    e->values = values_of(tensors, count, name);
    e->low = stream_of(tensors, count, name, ".gap_low");
    e->high = stream_of(tensors, count, name, ".gap_high");
    if (!e->values || !e->low || !e->high) return damaged(name, "its values or gaps are not there");
    if (!json_is_integer(bits) || json_integer_value(bits) < 0 || json_integer_value(bits) > 32)
        return damaged(name, "no low_bits from 0 to 32");
    WN_TRY(read_shape(name, entry, &e->dense));
    if (e->dense.count / MOST_ENTRIES_EACH > e->values->count + SPARE) return damaged(name, "more entries than it can have");
    p->values = e->values->data;
    p->gaps = (wn__gaps){.count = e->values->count,
                         .low_bits = (int)json_integer_value(bits),
                         .low = (uint8_t *)e->low->data,
                         .high = (uint8_t *)e->high->data,
                         .low_bytes = e->low->count,
                         .high_bytes = e->high->count};
    return WN_OK;
}

static wn_status list_one(wn__compressed_tensors *c, const wn__st_tensor *tensors, int count, const char *name, const json_t *entry,
                          listed *e)
{
    wn__st_packed *packed = WN_NEW(wn__st_packed);
    WN_TRY(keep(c, packed, sizeof *packed));
    WN_TRY(find_parts(tensors, count, name, entry, e, packed));
    e->dense.name = name;
    e->dense.dtype = e->values->dtype;
    e->dense.packed = packed;
    e->mask = e->dense;
    e->mask.dtype = WN__ST_U8;
    return WN_OK;
}

/* A tensor's turn in the order: of values the dense tensor, of the first stream the mask, of the second nothing. */
static wn_status add_listed(wn__compressed_tensors *c, const wn__st_tensor *t, const listed *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (t == list[i].values) return add_named(c, list[i].dense.name, "", list[i].dense);
        if (t == list[i].low) return add_named(c, list[i].dense.name, "_mask", list[i].mask);
        if (t == list[i].high) return WN_OK;
    }
    return add(c, t);
}

static wn_status list_all(const wn__st_tensor *tensors, int count, json_t *entries, listed *list, wn__compressed_tensors *out)
{
    const char *name;
    json_t *entry;
    size_t n = 0;
    json_object_foreach(entries, name, entry)
    {
        if (find(tensors, count, name, "") || find(tensors, count, name, "_mask")) return damaged(name, "is there beside its parts");
        WN_TRY(list_one(out, tensors, count, name, entry, &list[n++]));
    }
    for (int i = 0; i < count; i++)
        WN_TRY(add_listed(out, &tensors[i], list, n));
    return WN_OK;
}

wn_status wn__tensors_list(const wn__st_tensor *tensors, int count, const char *text, wn__compressed_tensors *out)
{
    json_t *entries = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    *out = (wn__compressed_tensors){0};
    if (!json_is_object(entries)) {
        json_decref(entries);
        return wn__fail(WN_EFORMAT, "metadata '" WN__COMPRESSED_KEY "' is no JSON object");
    }
    listed *list = WN_NEW_ARRAY(listed, (int64_t)json_object_size(entries) + 1);
    const wn_status status = list ? list_all(tensors, count, entries, list, out) : wn__no_memory(json_object_size(entries) * sizeof *list);
    wn__free(list);
    json_decref(entries);
    return finish(out, status);
}

static wn_status expand_one(wn__compressed_tensors *c, wn__st_tensor *t, wn__st_tensor *of_mask)
{
    const int64_t n = t->count;
    const int size = wn__st_dtype_size(t->dtype);
    void *dense = wn__alloc_array(n + 1, (size_t)size);
    WN_TRY(keep(c, dense, (size_t)n * (size_t)size));
    uint8_t *mask = WN_NEW_ARRAY(uint8_t, n + 1);
    WN_TRY(keep(c, mask, (size_t)n));
    const wn_status status = wn__gaps_spread(&t->packed->gaps, t->packed->values, size, n, dense, mask);
    if (status != WN_OK) return wn__fail_within(status, "compressed tensor '%s': ", t->name);
    t->data = dense;
    of_mask->data = mask;
    t->packed = of_mask->packed = NULL;
    return WN_OK;
}

static wn__st_tensor *find_mask(wn__st_tensor *tensor, int count, const wn__st_tensor *of)
{
    for (int i = 0; i < count; i++)
        if (tensor[i].packed == of->packed && &tensor[i] != of) return &tensor[i];
    return NULL;
}

wn_status wn__tensors_expand(wn__compressed_tensors *out, wn__st_tensor *tensor, int count)
{
    for (int i = 0; i < count; i++) {
        if (!tensor[i].packed || tensor[i].dtype == WN__ST_U8) continue; /* masks go with what they mask */
        wn__st_tensor *mask = find_mask(tensor, count, &tensor[i]);
        WN_TRY(mask ? expand_one(out, &tensor[i], mask) : damaged(tensor[i].name, "its mask is not there"));
    }
    return WN_OK;
}
