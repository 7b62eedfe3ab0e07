#include "io/npz.h"

#include "base/alloc.h"
#include "base/fail.h"

#ifndef WN_HAVE_ZIP

bool wn__npz_available(void) { return false; }

wn_status wn__npz_open(const char *path, const char *name, wn__npz_array **out)
{
    (void)name, (void)out;
    return wn__fail(WN_EUNSUPPORTED, "%s: this build reads no npz files (libzip was not found)", path);
}

void wn__npz_close(wn__npz_array *array) { (void)array; }
const wn__npy_shape *wn__npz_shape_of(const wn__npz_array *array) { return (const void *)array; }

wn_status wn__npz_read(wn__npz_array *array, int64_t first, int64_t count, void *out)
{
    (void)array, (void)first, (void)count, (void)out;
    return wn__fail(WN_EUNSUPPORTED, "this build reads no npz files");
}

wn_status wn__npz_verify(const char *path) { return wn__npz_open(path, "", NULL); }

#else

#include <errno.h>
#include <string.h>
#include <zip.h>

#include "base/files.h"
#include "base/text.h"

enum { SKIP_BYTES = 1 << 16 };

struct wn__npz_array {
    char *path, *member;
    zip_t *zip;
    zip_file_t *file;
    int64_t at;     /* where the member is read next */
    int64_t header; /* bytes before the elements */
    bool stored;    /* not packed: any place can be gone to */
    wn__npy_shape shape;
};

bool wn__npz_available(void) { return true; }
const wn__npy_shape *wn__npz_shape_of(const wn__npz_array *array) { return &array->shape; }

/* --- the zip --------------------------------------------------------------------------------------------------------------------- */

static wn_status open_zip(wn__npz_array *a)
{
    int code = 0;
    zip_error_t error;
    if (!wn__file_exists(a->path)) return wn__fail(WN_ENOTFOUND, "%s: is not there", a->path);
    a->zip = zip_open(a->path, ZIP_RDONLY, &code);
    if (a->zip) return WN_OK;
    zip_error_init_with_code(&error, code);
    const wn_status status = wn__fail(WN_EFORMAT, "%s: no npz file, or a truncated one (%s)", a->path, zip_error_strerror(&error));
    zip_error_fini(&error);
    return status;
}

static wn_status damaged(const wn__npz_array *a, const char *why)
{
    return wn__fail(WN_EFORMAT, "%s: %s is damaged (%s)", a->path, a->member, why);
}

static wn_status open_member(wn__npz_array *a)
{
    if (a->file) zip_fclose(a->file);
    a->file = zip_fopen(a->zip, a->member, 0);
    a->at = 0;
    if (a->file) return WN_OK;
    if (zip_error_code_zip(zip_get_error(a->zip)) == ZIP_ER_NOENT) return wn__fail(WN_EFORMAT, "%s: has no array %s", a->path, a->member);
    return damaged(a, zip_strerror(a->zip));
}

static wn_status read_on(wn__npz_array *a, int64_t count, void *out)
{
    char *to = out;
    while (count > 0) {
        const zip_int64_t got = zip_fread(a->file, to, (zip_uint64_t)count);
        if (got < 0) return damaged(a, zip_file_strerror(a->file));
        if (got == 0) return damaged(a, "it ends too early");
        to += got;
        count -= got;
        a->at += got;
    }
    return WN_OK;
}

static wn_status skip_to(wn__npz_array *a, int64_t place)
{
    char buffer[SKIP_BYTES];
    if (place == a->at) return WN_OK;
    if (a->stored) {
        if (zip_fseek(a->file, place, SEEK_SET) != 0) return damaged(a, zip_file_strerror(a->file));
        a->at = place;
        return WN_OK;
    }
    if (place < a->at) WN_TRY(open_member(a));
    while (a->at < place)
        WN_TRY(read_on(a, place - a->at < SKIP_BYTES ? place - a->at : SKIP_BYTES, buffer));
    return WN_OK;
}

/* Reading beyond the last element lets libzip compare the checksum. */
static wn_status check_end(wn__npz_array *a)
{
    char more;
    const zip_int64_t got = zip_fread(a->file, &more, 1);
    if (got < 0) return damaged(a, zip_file_strerror(a->file));
    return got == 0 ? WN_OK : damaged(a, "it is longer than its shape");
}

static wn_status read_more(void *user, int64_t count, void *out) { return read_on(user, count, out); }

static wn_status read_header(wn__npz_array *a)
{
    wn__text label = {0};
    wn__text_add(&label, "%s: %s", a->path, a->member);
    const wn_status status = label.failed ? wn__no_memory(label.size) : wn__npy_header(label.data, read_more, a, &a->shape);
    wn__text_release(&label);
    a->header = a->at;
    return status;
}

static wn_status check_size(wn__npz_array *a)
{
    zip_stat_t about;
    if (zip_stat(a->zip, a->member, 0, &about) != 0 || !(about.valid & ZIP_STAT_SIZE)) return damaged(a, "its size is unknown");
    const int64_t wanted = a->header + a->shape.bytes;
    a->stored = (about.valid & ZIP_STAT_COMP_METHOD) && about.comp_method == ZIP_CM_STORE;
    if ((int64_t)about.size == wanted) return WN_OK;
    return wn__fail(WN_EFORMAT, "%s: %s has %lld bytes, its shape wants %lld", a->path, a->member, (long long)about.size,
                    (long long)wanted);
}

/* --- outside --------------------------------------------------------------------------------------------------------------------- */

static wn_status open_all(wn__npz_array *a, const char *path, const char *name)
{
    a->path = wn__strdup(path);
    a->member = wn__alloc(strlen(name) + 5);
    if (!a->path || !a->member) return wn__no_memory(strlen(path));
    sprintf(a->member, "%s.npy", name);
    WN_TRY(open_zip(a));
    WN_TRY(open_member(a));
    WN_TRY(read_header(a));
    return check_size(a);
}

wn_status wn__npz_open(const char *path, const char *name, wn__npz_array **out)
{
    wn__npz_array *a = WN_NEW(wn__npz_array);
    if (!a) return wn__no_memory(sizeof *a);
    const wn_status status = open_all(a, path, name);
    if (status != WN_OK) {
        wn__npz_close(a);
        return status;
    }
    *out = a;
    return WN_OK;
}

void wn__npz_close(wn__npz_array *a)
{
    if (!a) return;
    if (a->file) zip_fclose(a->file);
    if (a->zip) zip_discard(a->zip);
    wn__free(a->path);
    wn__free(a->member);
    wn__free(a);
}

wn_status wn__npz_read(wn__npz_array *a, int64_t first, int64_t count, void *out)
{
    if (first < 0 || count < 0 || first + count > a->shape.bytes)
        return wn__fail(WN_EINVAL, "%s: %s has no bytes %lld to %lld", a->path, a->member, (long long)first, (long long)(first + count));
    WN_TRY(skip_to(a, a->header + first));
    WN_TRY(read_on(a, count, out));
    return first + count == a->shape.bytes ? check_end(a) : WN_OK;
}

static wn_status verify_member(wn__npz_array *a, zip_uint64_t index)
{
    char buffer[SKIP_BYTES];
    const char *name = zip_get_name(a->zip, index, 0);
    a->member = wn__strdup(name ? name : "?");
    if (!a->member) return wn__no_memory(64);
    WN_TRY(open_member(a));
    for (zip_int64_t got = 1; got > 0;) {
        got = zip_fread(a->file, buffer, sizeof buffer);
        if (got < 0) return damaged(a, zip_file_strerror(a->file));
    }
    wn__free(a->member);
    a->member = NULL;
    return WN_OK;
}

static wn_status verify_all(wn__npz_array *a, const char *path)
{
    a->path = wn__strdup(path);
    if (!a->path) return wn__no_memory(strlen(path));
    WN_TRY(open_zip(a));
    const zip_int64_t members = zip_get_num_entries(a->zip, 0);
    for (zip_int64_t i = 0; i < members; i++)
        WN_TRY(verify_member(a, (zip_uint64_t)i));
    return WN_OK;
}

wn_status wn__npz_verify(const char *path)
{
    wn__npz_array *a = WN_NEW(wn__npz_array);
    if (!a) return wn__no_memory(sizeof *a);
    const wn_status status = verify_all(a, path);
    wn__npz_close(a);
    return status;
}

#endif
