#include "data/contents.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "io/compressed.h"

static bool is_published(const wn__data_file *file, const wn__file_digest *digest)
{
    return file->sha256 && strcmp(file->sha256, digest->sha256) == 0;
}

wn_status wn__data_accept(const wn__dataset_type *type, int index, const char *path, const wn__file_digest *digest, bool unverified)
{
    const wn__data_file *file = &type->files[index];
    if (unverified || !file->sha256 || is_published(file, digest)) return WN_OK;
    return wn__fail(WN_EMISMATCH,
                    "%s: is not the published file of %s: unpacked, it has %" PRId64 " bytes with SHA-256 %s, expected %" PRId64
                    " with %s; "
                    "`winnow data get %s` gets the published one, `data.unverified: true` takes this one",
                    path, type->name, digest->bytes, digest->sha256, file->bytes, file->sha256, type->name);
}

/* --- all files ------------------------------------------------------------------------------------------------------------------- */

/* Messages belong to the thread that failed, so they are kept. */
typedef struct file_reading {
    wn_status status;
    char message[1024];
} file_reading;

typedef struct contents_reading {
    const wn__dataset_type *type;
    const char *folder;
    bool unverified;
    wn__data_contents contents;
    file_reading file[WN__MOST_DATA_FILES];
} contents_reading;

static wn_status read_one(contents_reading *r, int index)
{
    const wn__data_file *file = &r->type->files[index];
    wn__file_digest *digest = &r->contents.file[index];
    char *path;
    if (wn_stop_requested()) return wn__fail(WN_ESTOPPED, "%s: stopped while its files were checked", r->type->name);
    WN_TRY(wn__find_data_file(r->folder, file->names, &path));
    wn_status status = wn__file_digest_find(path, file->bytes, digest);
    if (status == WN_OK) status = wn__data_accept(r->type, index, path, digest, r->unverified);
    wn__free(path);
    return status;
}

static void read_chunk(void *arg, int64_t chunk, int worker)
{
    (void)worker;
    contents_reading *r = arg;
    file_reading *f = &r->file[chunk];
    f->status = read_one(r, (int)chunk);
    if (f->status != WN_OK) snprintf(f->message, sizeof f->message, "%s", wn_error_message());
}

/* A file that is missing matters least. */
static wn_status worst_of(const contents_reading *r)
{
    const file_reading *worst = NULL;
    for (int i = 0; i < r->contents.files; i++)
        if (r->file[i].status != WN_OK && (!worst || worst->status == WN_ENOTFOUND)) worst = &r->file[i];
    return worst ? wn__fail(worst->status, "%s", worst->message) : WN_OK;
}

wn_status wn__data_contents_read(const wn__dataset_type *type, const char *folder, wn__pool *pool, bool unverified, wn__data_contents *out)
{
    contents_reading r = {.type = type, .unverified = unverified};
    char *path;
    while (type->files[r.contents.files].names)
        r.contents.files++;
    assert(r.contents.files <= WN__MOST_DATA_FILES);
    WN_TRY(wn__data_folder(folder, &path));
    r.folder = path;
    wn__parallel_for(pool, r.contents.files, read_chunk, &r);
    wn__free(path);
    WN_TRY(worst_of(&r));
    *out = r.contents;
    return WN_OK;
}

static wn_status check_stamp(const char *folder, const wn__data_file *file, const wn__file_digest *digest)
{
    wn__file_stamp now;
    char *path;
    WN_TRY(wn__find_data_file(folder, file->names, &path));
    wn_status status = wn__file_stamp_read(path, &now);
    if (status == WN_OK && !wn__file_stamp_is(&now, &digest->stamp))
        status = wn__fail(WN_EMISMATCH, "%s: changed while it was in use", path);
    wn__free(path);
    return status;
}

wn_status wn__data_check_unchanged(const wn__dataset_type *type, const char *folder, const wn__data_contents *contents)
{
    char *path;
    WN_TRY(wn__data_folder(folder, &path));
    wn_status status = WN_OK;
    for (int i = 0; status == WN_OK && i < contents->files; i++)
        status = check_stamp(path, &type->files[i], &contents->file[i]);
    wn__free(path);
    return status;
}

wn_status wn__data_contents_key(const wn__dataset_type *type, const wn__data_contents *contents, char key[WN__SHA256_TEXT])
{
    char text[WN__MOST_DATA_FILES * WN__SHA256_TEXT + 1];
    bool published = true;
    for (int i = 0; i < contents->files; i++) {
        published = published && is_published(&type->files[i], &contents->file[i]);
        snprintf(text + i * WN__SHA256_TEXT, WN__SHA256_TEXT + 1, "%s\n", contents->file[i].sha256);
    }
    key[0] = 0;
    return published ? WN_OK : wn__sha256(text, (size_t)contents->files * WN__SHA256_TEXT, key);
}
