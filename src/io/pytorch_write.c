#include "io/pytorch_write.h"

#include <string.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"

/* A zip archive of members that are stored (PKWARE's APPNOTE, 4.3), each of them at a multiple of 64 bytes, as PyTorch writes it. */
enum { LOCAL_SIZE = 30, ALIGNMENT = 64, MOST_NAME = 32, EXTRA_ID = 0x4246 };
#define LOCAL 0x04034B50u
#define ENTRY 0x02014B50u
#define END 0x06054B50u

typedef struct archive {
    wn__replace file;
    wn__text directory;
    int64_t at;
    int members;
} archive;

static void add_number(wn__text *t, uint64_t number, int bytes)
{
    for (int i = 0; i < bytes; i++)
        wn__text_add_bytes(t, &(uint8_t){i < 8 ? (uint8_t)(number >> (8 * i)) : 0}, 1);
}

static wn_status put(archive *a, const void *bytes, size_t size)
{
    if (a->at + (int64_t)size > UINT32_MAX)
        return wn__fail(WN_EUNSUPPORTED, "files of PyTorch of 4 GiB and more are not written; safetensors have no limit");
    a->at += (int64_t)size;
    return size ? wn__replace_write(&a->file, bytes, size) : WN_OK;
}

static wn_status put_text(archive *a, wn__text *t)
{
    const wn_status status = t->failed ? wn__no_memory(t->size) : put(a, t->data, t->size);
    wn__text_release(t);
    return status;
}

/* What the local header and the directory both say, from the version that is needed on. */
static void add_facts(wn__text *t, const char *name, uint32_t crc, size_t size, int extra)
{
    add_number(t, 20, 2);
    add_number(t, 0, 2);           /* flags */
    add_number(t, 0, 2);           /* stored */
    add_number(t, 0x00210000u, 4); /* 1980-01-01 */
    add_number(t, crc, 4);
    add_number(t, size, 4);
    add_number(t, size, 4);
    add_number(t, strlen(name), 2);
    add_number(t, (uint64_t)extra, 2);
}

static uint32_t crc_of(const void *data, size_t size) { return (uint32_t)crc32_z(crc32_z(0, NULL, 0), data, size); }

static wn_status add_member(archive *a, const char *part, const void *data, size_t size)
{
    char name[MOST_NAME];
    wn__text local = {0};
    snprintf(name, sizeof name, "archive/%s", part);
    const uint32_t crc = crc_of(data, size);
    const int64_t begin = a->at, head = begin + LOCAL_SIZE + (int64_t)strlen(name) + 4;
    const int padding = (int)((ALIGNMENT - head % ALIGNMENT) % ALIGNMENT);
    add_number(&local, LOCAL, 4);
    add_facts(&local, name, crc, size, 4 + padding);
    wn__text_add(&local, "%s", name);
    add_number(&local, EXTRA_ID, 2);
    add_number(&local, (uint64_t)padding, 2);
    for (int i = 0; i < padding; i++)
        add_number(&local, 0, 1);
    add_number(&a->directory, ENTRY, 4);
    add_number(&a->directory, 20, 2);
    add_facts(&a->directory, name, crc, size, 0);
    add_number(&a->directory, 0, 10); /* no comment, first disk, attributes */
    add_number(&a->directory, (uint64_t)begin, 4);
    wn__text_add(&a->directory, "%s", name);
    a->members++;
    WN_TRY(put_text(a, &local));
    return put(a, data, size);
}

static wn_status end_archive(archive *a)
{
    wn__text end = {0};
    const int64_t begin = a->at;
    const size_t size = a->directory.size;
    WN_TRY(put_text(a, &a->directory));
    add_number(&end, END, 4);
    add_number(&end, 0, 4); /* disks */
    add_number(&end, (uint64_t)a->members, 2);
    add_number(&end, (uint64_t)a->members, 2);
    add_number(&end, size, 4);
    add_number(&end, (uint64_t)begin, 4);
    add_number(&end, 0, 2);
    return put_text(a, &end);
}

/* ---- the pickle, protocol 2 */

static const char *storage_of(wn__st_dtype dtype)
{
    static const char *const storages[WN__ST_DTYPES] = {
        [WN__ST_F32] = "FloatStorage", [WN__ST_F64] = "DoubleStorage", [WN__ST_BF16] = "BFloat16Storage", [WN__ST_F16] = "HalfStorage",
        [WN__ST_I64] = "LongStorage",  [WN__ST_I32] = "IntStorage",    [WN__ST_U8] = "ByteStorage",       [WN__ST_BOOL] = "BoolStorage",
        [WN__ST_I16] = "ShortStorage", [WN__ST_I8] = "CharStorage"};
    return dtype < WN__ST_DTYPES ? storages[dtype] : NULL;
}

static void pickle_text(wn__text *p, const char *text)
{
    wn__text_add(p, "X");
    add_number(p, strlen(text), 4);
    wn__text_add(p, "%s", text);
}

static void pickle_int(wn__text *p, int64_t number)
{
    add_number(p, 0x088A, 2); /* LONG1, of 8 bytes */
    add_number(p, (uint64_t)number, 8);
}

/* The tuple of the shape, or of the steps of a contiguous tensor. */
static void pickle_dims(wn__text *p, const wn__st_tensor *t, bool steps)
{
    wn__text_add(p, "(");
    for (int d = 0; d < t->ndim; d++) {
        int64_t step = 1;
        for (int e = d + 1; e < t->ndim; e++)
            step *= t->dim[e];
        pickle_int(p, steps ? step : t->dim[d]);
    }
    wn__text_add(p, "t");
}

static const char empty_dict[] = "ccollections\nOrderedDict\n)R";

static void pickle_tensor(wn__text *p, const wn__st_tensor *t, int index)
{
    char key[16];
    snprintf(key, sizeof key, "%d", index);
    wn__text_add(p, "ctorch._utils\n_rebuild_tensor_v2\n((");
    pickle_text(p, "storage");
    wn__text_add(p, "ctorch\n%s\n", storage_of(t->dtype));
    pickle_text(p, key);
    pickle_text(p, "cpu");
    pickle_int(p, t->count);
    wn__text_add(p, "tQ");
    pickle_int(p, 0);
    pickle_dims(p, t, false);
    pickle_dims(p, t, true);
    add_number(p, 0x89, 1); /* requires_grad: no */
    wn__text_add(p, "%stR", empty_dict);
}

static bool has_mask(const wn__safetensors *file, const char *name)
{
    wn__text mask = {0};
    wn__text_add(&mask, "%s_mask", name);
    const bool found = !mask.failed && wn__safetensors_find(file, mask.data);
    wn__text_release(&mask);
    return found;
}

static void pickle_name(wn__text *p, const wn__safetensors *file, const char *name)
{
    wn__text whole = {0};
    wn__text_add(&whole, "%s%s", name, has_mask(file, name) ? WN__PYTORCH_MASKED : "");
    if (!whole.failed) pickle_text(p, whole.data);
    p->failed = p->failed || whole.failed;
    wn__text_release(&whole);
}

static wn_status make_pickle(const wn__safetensors *file, wn__text *p)
{
    add_number(p, 0x0280, 2); /* protocol 2 */
    wn__text_add(p, "%s(", empty_dict);
    for (int i = 0; i < wn__safetensors_count(file); i++) {
        const wn__st_tensor *t = wn__safetensors_at(file, i);
        if (!storage_of(t->dtype)) return wn__fail(WN_EUNSUPPORTED, "tensor '%s' is of type %s", t->name, wn__st_type(t));
        pickle_name(p, file, t->name);
        pickle_tensor(p, t, i);
    }
    wn__text_add(p, "u.");
    return p->failed ? wn__no_memory(p->size) : WN_OK;
}

/* ---- both */

static wn_status write_members(archive *a, const wn__safetensors *file, const wn__text *pickle)
{
    char name[MOST_NAME];
    WN_TRY(add_member(a, "data.pkl", pickle->data, pickle->size));
    WN_TRY(add_member(a, "byteorder", "little", 6));
    for (int i = 0; i < wn__safetensors_count(file); i++) {
        const wn__st_tensor *t = wn__safetensors_at(file, i);
        snprintf(name, sizeof name, "data/%d", i);
        WN_TRY(add_member(a, name, t->data, (size_t)wn__st_bytes(t)));
    }
    WN_TRY(add_member(a, "version", "3\n", 2));
    return end_archive(a);
}

static wn_status write_archive(const wn__safetensors *file, const wn__text *pickle, const char *path)
{
    archive a = {0};
    WN_TRY(wn__replace_open(&a.file, path));
    const wn_status status = write_members(&a, file, pickle);
    wn__text_release(&a.directory);
    if (status == WN_OK) return wn__replace_commit(&a.file);
    wn__replace_abort(&a.file);
    return status;
}

wn_status wn__pytorch_write(const wn__safetensors *file, const char *path)
{
    wn__text pickle = {0};
    wn_status status = make_pickle(file, &pickle);
    if (status == WN_OK) status = write_archive(file, &pickle, path);
    wn__text_release(&pickle);
    return status;
}
