#include "data/getting.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "base/log.h"
#include "base/text.h"
#include "io/compressed.h"
#include "io/digest.h"
#include "io/fetch.h"
#include "io/npz.h"
#include "io/tar.h"

/* Size and SHA-256 of unpacked bytes are the published ones. */
static wn_status check_bytes(const char *label, const wn__data_file *file, const void *bytes, size_t size)
{
    char found[WN__SHA256_TEXT];
    if ((int64_t)size != file->bytes)
        return wn__fail(WN_EFORMAT, "%s: %zu bytes unpacked, expected %" PRId64 " (truncated, or another file)", label, size, file->bytes);
    WN_TRY(wn__sha256(bytes, size, found));
    if (strcmp(found, file->sha256) == 0) return WN_OK;
    return wn__fail(WN_EFORMAT, "%s: wrong checksum: SHA-256 of the unpacked bytes is %s, expected %s", label, found, file->sha256);
}

wn_status wn__data_check_file(const char *path, const wn__data_file *file)
{
    char *bytes = NULL;
    size_t size = 0;
    if (!file->sha256) return wn__npz_verify(path); /* none is published, but a zip has its own */
    WN_TRY(wn__read_unpacked(path, file->bytes, &bytes, &size));
    const wn_status status = check_bytes(path, file, bytes, size);
    wn__free(bytes);
    return status;
}

typedef struct data_getter {
    const wn__dataset_type *type;
    const char *from, *folder; /* from: NULL = official */
    wn__data_progress progress;
    void *user;
} data_getter;

static bool is_whole(const data_getter *g, const wn__data_file *file)
{
    char *path = NULL;
    if (wn__find_data_file(g->folder, file->names, &path) != WN_OK) return false;
    const wn_status status = wn__data_check_file(path, file);
    if (status != WN_OK) wn__log(WN_LOG_WARNING, "%s; getting it anew", wn_error_message());
    wn__free(path);
    return status == WN_OK;
}

/* Whether `source` holds `file`: an archive holds all, a single one is the file's name with an ending. */
static bool holds(const wn__data_source *source, const wn__data_file *file)
{
    const char *name = wn__base_name(file->names[0]);
    return source->archive || strncmp(wn__base_name(source->url), name, strlen(name)) == 0;
}

static wn_status make_folder_of(const char *path)
{
    char *folder = wn__path_folder(path);
    if (!folder) return wn__no_memory(strlen(path));
    const wn_status status = wn__make_folders(folder);
    wn__free(folder);
    return status;
}

/* Checked bytes to their usual place under the data folder. */
static wn_status place_file(const data_getter *g, const wn__data_file *file, const char *label, const void *bytes, size_t size)
{
    WN_TRY(check_bytes(label, file, bytes, size));
    char *path = wn__path_join(g->folder, file->names[0]);
    if (!path) return wn__no_memory(0);
    wn_status status = make_folder_of(path);
    if (status == WN_OK) status = wn__file_write(path, bytes, size);
    if (status == WN_OK) wn__log(WN_LOG_INFO, "%s: in place and checked", path);
    wn__free(path);
    return status;
}

static wn_status visit_member(void *user, const char *name, const void *bytes, size_t size)
{
    const data_getter *g = user;
    for (const wn__data_file *f = g->type->files; f->names; f++)
        if (strcmp(wn__base_name(f->names[0]), wn__base_name(name)) == 0) return place_file(g, f, name, bytes, size);
    return WN_OK; /* read-me and such: not needed, not kept */
}

static wn_status unpack_archive(data_getter *g, const char *path)
{
    int64_t most = 16 << 20; /* headers and small files */
    for (const wn__data_file *f = g->type->files; f->names; f++)
        most += f->bytes;
    char *bytes = NULL;
    size_t size = 0;
    WN_TRY(wn__read_unpacked(path, most, &bytes, &size));
    const wn_status status = wn__tar_read(path, bytes, size, visit_member, g);
    wn__free(bytes);
    if (status == WN_OK) unlink(path);
    return status;
}

static bool is_url(const char *from) { return strstr(from, "://") != NULL; }

/* A folder may hold the files themselves instead of the download: under their usual names, or directly. *found: all of `source` are there. */
static wn_status copy_loose_files(const data_getter *g, const wn__data_source *source, bool *found)
{
    *found = true;
    for (const wn__data_file *f = g->type->files; f->names; f++) {
        if (!holds(source, f) || is_whole(g, f)) continue;
        const char *const direct[] = {wn__base_name(f->names[0]), NULL};
        char *path = NULL, *bytes = NULL;
        size_t size = 0;
        if (wn__find_data_file(g->from, direct, &path) != WN_OK && wn__find_data_file(g->from, f->names, &path) != WN_OK) {
            *found = false;
            continue;
        }
        wn_status status = wn__read_unpacked(path, f->bytes, &bytes, &size);
        if (status == WN_OK) status = place_file(g, f, path, bytes, size);
        wn__free(bytes);
        wn__free(path);
        WN_TRY(status);
    }
    return WN_OK;
}

/* Where the download comes from, and where it goes: beside the usual place of the first file. */
static wn_status make_names(const data_getter *g, const wn__data_source *source, wn__text *url, wn__text *path)
{
    const char *base = wn__base_name(source->url), *first = g->type->files[0].names[0];
    const size_t length = g->from ? strlen(g->from) : 0;
    if (!g->from)
        wn__text_add(url, "%s", source->url);
    else
        wn__text_add(url, "%s%s%s", g->from, length > 0 && g->from[length - 1] == '/' ? "" : "/", base);
    wn__text_add(path, "%s/%.*s%s", g->folder, (int)(wn__base_name(first) - first), first, base);
    return url->failed || path->failed ? wn__no_memory(0) : WN_OK;
}

static wn_status download(data_getter *g, const wn__data_source *source, const char *url, const char *path)
{
    const wn__fetch_request request = {
        .url = url, .path = path, .sha256 = source->sha256, .limit = source->bytes, .progress = g->progress, .user = g->user};
    if (g->from && !is_url(g->from) && !wn__file_exists(url)) {
        bool found = false;
        WN_TRY(copy_loose_files(g, source, &found));
        return found ? WN_OK : wn__fail(WN_ENOTFOUND, "%s: neither %s nor the unpacked files are there", g->from, wn__base_name(url));
    }
    WN_TRY(make_folder_of(path));
    WN_TRY(wn__fetch(&request));
    return source->archive ? unpack_archive(g, path) : WN_OK;
}

static wn_status get_source(data_getter *g, const wn__data_source *source)
{
    bool whole = true;
    for (const wn__data_file *f = g->type->files; f->names; f++)
        if (holds(source, f) && !is_whole(g, f)) whole = false;
    if (whole) return WN_OK;
    wn__text url = {0}, path = {0};
    wn_status status = make_names(g, source, &url, &path);
    if (status == WN_OK) status = download(g, source, url.data, path.data);
    wn__text_release(&url);
    wn__text_release(&path);
    return status;
}

wn_status wn__data_get(const wn__dataset_type *type, const char *from, const char *folder, wn__data_progress progress, void *user)
{
    data_getter g = {.type = type, .from = from && *from ? from : NULL, .folder = folder, .progress = progress, .user = user};
    if (!type->sources && type->files)
        return wn__fail(WN_EUNSUPPORTED, "%s: its files are not downloaded; put them into %s as docs/data.md says", type->name, folder);
    if (!type->sources) wn__log(WN_LOG_INFO, "%s needs no files", type->name);
    for (const wn__data_source *s = type->sources; s && s->url; s++)
        WN_TRY(get_source(&g, s));
    for (const wn__data_file *f = type->files; f && f->names; f++)
        if (!is_whole(&g, f)) return wn__fail(WN_EFORMAT, "%s: %s is still missing after the download", type->name, f->names[0]);
    return WN_OK;
}
