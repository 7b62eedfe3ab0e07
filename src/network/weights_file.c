#include "network/weights_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "base/log.h"
#include "io/pytorch.h"
#include "io/tensor_file.h"
#include "io/tensor_names.h"
#include "network/likeness.h"

wn_status wn__weights_recognise(const char *label, wn__safetensors *file)
{
    wn__likeness l;
    char classes[16];
    static const char *const said[] = {"arch", "graph", "recipe"};
    for (int i = 0; i < 3; i++)
        if (wn__safetensors_meta(file, said[i])) return WN_OK;
    WN_TRY(wn__likeness_find(file, &l));
    if (!wn__likeness_is_whole(&l)) return WN_OK;
    snprintf(classes, sizeof classes, "%d", l.input.classes);
    wn__log(WN_LOG_INFO, "%s: looks like %s, %s classes", label, l.model->name, classes);
    WN_TRY(wn__safetensors_add_meta(file, "arch", l.model->name));
    return wn__safetensors_meta(file, "classes") ? WN_OK : wn__safetensors_add_meta(file, "classes", classes);
}

/* Files of Winnow have checksums. */
static wn_status settle(const char *label, const char *names, wn__safetensors *file)
{
    if (!wn__safetensors_has_crc(file)) WN_TRY(wn__tensor_names_settle(label, file));
    return names && names[0] ? wn__tensor_names_map(label, names, file) : WN_OK;
}

/* Takes the file over. */
static wn_status settled(const char *label, const char *names, wn__safetensors *file, wn__safetensors **out)
{
    const wn_status status = settle(label, names, file);
    if (status == WN_OK)
        *out = file;
    else
        wn__safetensors_close(file);
    return status;
}

/* Files of Winnow stay packed; of others names and masks are changed. Takes the file over. */
static wn_status keep_packed(const char *label, const char *names, wn__safetensors *file, wn__safetensors **out)
{
    const bool as_it_is = wn__safetensors_has_crc(file) && !(names && names[0]);
    const wn_status status = as_it_is ? WN_OK : wn__safetensors_expand(file);
    if (status == WN_OK) return settled(label, names, file, out);
    wn__safetensors_close(file);
    return status;
}

/* Takes the file over. */
static wn_status expanded(wn__safetensors *file, wn__safetensors **out)
{
    const wn_status status = wn__safetensors_expand(file);
    if (status == WN_OK)
        *out = file;
    else
        wn__safetensors_close(file);
    return status;
}

static wn_status take_packed(const char *label, char *bytes, size_t size, const char *names, wn__safetensors **out)
{
    wn__safetensors *file;
    WN_TRY(wn__tensor_file_take(label, bytes, size, &file));
    return keep_packed(label, names, file, out);
}

static wn_status take(const char *label, char *bytes, size_t size, const char *names, wn__safetensors **out)
{
    wn__safetensors *file;
    WN_TRY(take_packed(label, bytes, size, names, &file));
    return expanded(file, out);
}

wn_status wn__weights_open_packed(const char *path, const char *names, wn__safetensors **out)
{
    wn__safetensors *file;
    WN_TRY(wn__tensor_file_open(path, &file));
    return keep_packed(path, names, file, out);
}

wn_status wn__weights_open(const char *path, const char *names, wn__safetensors **out)
{
    wn__safetensors *file;
    WN_TRY(wn__weights_open_packed(path, names, &file));
    return expanded(file, out);
}

wn_status wn__weights_parse_packed(const char *label, const void *bytes, size_t size, const char *names, wn__safetensors **file)
{
    char *copy = wn__alloc(size + 1);
    if (!copy) return wn__no_memory(size);
    if (size) memcpy(copy, bytes, size);
    return take_packed(label, copy, size, names, file);
}

/* ---- digests */

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(const wn__st_tensor *const *)a)->name, (*(const wn__st_tensor *const *)b)->name);
}

static wn_status add_tensor(wn__sha256_state *s, const wn__st_tensor *t)
{
    const int32_t kind[2] = {t->dtype, t->ndim};
    const int64_t bytes = wn__st_bytes(t);
    WN_TRY(wn__sha256_add(s, t->name, strlen(t->name) + 1));
    WN_TRY(wn__sha256_add(s, kind, sizeof kind));
    WN_TRY(wn__sha256_add(s, t->dim, (size_t)t->ndim * sizeof *t->dim));
    return bytes ? wn__sha256_add(s, t->data, (size_t)bytes) : WN_OK;
}

static wn_status digest_sorted(const wn__st_tensor *const *tensors, int count, char digest[WN__SHA256_TEXT])
{
    wn__sha256_state *s;
    wn_status status = WN_OK;
    WN_TRY(wn__sha256_new(&s));
    for (int i = 0; status == WN_OK && i < count; i++)
        status = add_tensor(s, tensors[i]);
    const wn_status finished = wn__sha256_finish(s, digest);
    return status == WN_OK ? finished : status;
}

static wn_status digest_tensors(const wn__safetensors *file, char digest[WN__SHA256_TEXT])
{
    const int count = wn__safetensors_count(file);
    const wn__st_tensor **sorted = WN_NEW_ARRAY(const wn__st_tensor *, count + 1);
    if (!sorted) return wn__no_memory((size_t)count * sizeof *sorted);
    for (int i = 0; i < count; i++)
        sorted[i] = wn__safetensors_at(file, i);
    qsort(sorted, (size_t)count, sizeof *sorted, compare_names);
    const wn_status status = digest_sorted(sorted, count, digest);
    wn__free(sorted);
    return status;
}

wn_status wn__weights_digest(const char *path, const char *names, char digest[WN__SHA256_TEXT])
{
    char *bytes;
    size_t size;
    wn__safetensors *file;
    WN_TRY(wn__file_read(path, &bytes, &size));
    const bool packed = !wn__tensor_file_is_safetensors(bytes, size) && wn__pytorch_recognises((const uint8_t *)bytes, size);
    if (!packed && !(names && names[0])) {
        wn__free(bytes);
        return wn__safetensors_sha256(path, digest);
    }
    WN_TRY(take(path, bytes, size, names, &file));
    const wn_status status = digest_tensors(file, digest);
    wn__safetensors_close(file);
    return status;
}
