#include "winnow/data.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "base/log.h"
#include "base/text.h"
#include "data/dataset.h"
#include "io/compressed.h"
#include "io/digest.h"
#include "io/fetch.h"
#include "io/tar.h"

/* ---- facts */

int wn_dataset_count(void)
{
    int count = 0;
    while (wn__datasets[count])
        count++;
    return count;
}

static wn_status type_at(int index, const wn__dataset_type **type)
{
    if (index < 0 || index >= wn_dataset_count()) return wn__fail(WN_EINVAL, "no data set number %d", index);
    *type = wn__datasets[index];
    return WN_OK;
}

wn_status wn_dataset_get_info(int index, wn_dataset_info *info)
{
    const wn__dataset_type *t = NULL;
    WN_TRY(type_at(index, &t));
    *info = (wn_dataset_info){.name = t->name,
                              .summary = t->summary,
                              .license = t->license,
                              .channels = t->channels,
                              .height = t->height,
                              .width = t->width,
                              .classes = t->classes,
                              .class_names = t->class_names,
                              .train_count = t->train_count,
                              .test_count = t->test_count,
                              .embedded = t->files == NULL,
                              .url = t->sources ? t->sources[0].url : NULL};
    return WN_OK;
}

wn_status wn_dataset_get_setting(int index, int setting, wn_dataset_setting *out)
{
    const wn__dataset_type *t = NULL;
    WN_TRY(type_at(index, &t));
    for (int i = 0; t->settings && t->settings[i].name; i++) {
        if (i != setting) continue;
        *out = (wn_dataset_setting){t->settings[i].name, t->settings[i].fallback, t->settings[i].help};
        return WN_OK;
    }
    return wn__fail(WN_ENOTFOUND, "%s has no setting number %d", t->name, setting);
}

wn_status wn_data_folder(const char *given, char *buffer, size_t size)
{
    char *folder = NULL;
    WN_TRY(wn__data_folder(given, &folder));
    const int length = snprintf(buffer, size, "%s", folder);
    wn__free(folder);
    return length >= 0 && (size_t)length < size ? WN_OK : wn__fail(WN_EINVAL, "the data folder's path has over %zu bytes", size);
}

/* ---- looking and checking */

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

static wn_status check_file(const char *path, const wn__data_file *file)
{
    char *bytes = NULL;
    size_t size = 0;
    WN_TRY(wn__read_unpacked(path, file->bytes, &bytes, &size));
    const wn_status status = check_bytes(path, file, bytes, size);
    wn__free(bytes);
    return status;
}

typedef struct file_survey {
    const char *folder;
    bool check;
    wn_data_visit visit;
    void *user;
    wn_status first_fault;
    char message[1024]; /* of the first fault */
} file_survey;

static void survey_file(file_survey *s, const wn__dataset_type *type, const wn__data_file *file)
{
    wn_data_file_state state = {.dataset = type->name, .name = file->names[0], .bytes = file->bytes};
    char *path = NULL;
    wn_status status = wn__find_data_file(s->folder, file->names, &path);
    if (status == WN_OK && s->check) status = check_file(path, file);
    state.path = path;
    state.checked = status == WN_OK && s->check;
    state.fault = status == WN_OK ? NULL : wn_error_message();
    if (status != WN_OK && s->first_fault == WN_OK) {
        s->first_fault = status;
        snprintf(s->message, sizeof(s->message), "%s", wn_error_message());
    }
    if (s->visit) s->visit(s->user, &state);
    wn__free(path);
}

static wn_status survey(const char *name, const char *given, file_survey *s)
{
    const wn__dataset_type *only = NULL;
    char *folder = NULL;
    if (name) WN_TRY(wn__dataset_find(name, &only));
    WN_TRY(wn__data_folder(given, &folder));
    s->folder = folder;
    for (int i = 0; wn__datasets[i]; i++) {
        if (only && wn__datasets[i] != only) continue;
        for (const wn__data_file *f = wn__datasets[i]->files; f && f->names; f++)
            survey_file(s, wn__datasets[i], f);
    }
    wn__free(folder);
    return s->first_fault == WN_OK ? WN_OK : wn__fail(s->first_fault, "%s", s->message);
}

wn_status wn_data_list(const char *name, const char *folder, wn_data_visit visit, void *user)
{
    file_survey s = {.visit = visit, .user = user};
    const wn_status status = survey(name, folder, &s);
    return s.first_fault != WN_OK ? WN_OK : status; /* a file that is not there is an answer, not a failure */
}

wn_status wn_data_verify(const char *name, const char *folder, wn_data_visit visit, void *user)
{
    file_survey s = {.check = true, .visit = visit, .user = user};
    return survey(name, folder, &s);
}

/* ---- getting */

typedef struct data_getter {
    const wn__dataset_type *type;
    const char *from, *folder; /* from: NULL = official */
    wn_data_progress progress;
    void *user;
} data_getter;

static bool is_whole(const data_getter *g, const wn__data_file *file)
{
    char *path = NULL;
    if (wn__find_data_file(g->folder, file->names, &path) != WN_OK) return false;
    const wn_status status = check_file(path, file);
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
    char *folder = wn__strdup(path);
    if (!folder) return wn__no_memory(strlen(path));
    char *slash = strrchr(folder, '/');
    wn_status status = WN_OK;
    if (slash && slash != folder) {
        *slash = 0;
        status = wn__make_folders(folder);
    }
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

wn_status wn_data_get(const char *name, const char *from, const char *given, wn_data_progress progress, void *user)
{
    data_getter g = {.from = from && *from ? from : NULL, .progress = progress, .user = user};
    char *folder = NULL;
    WN_TRY(wn__dataset_find(name, &g.type));
    if (!g.type->sources) {
        wn__log(WN_LOG_INFO, "%s needs no files", name);
        return WN_OK;
    }
    WN_TRY(wn__data_folder(given, &folder));
    g.folder = folder;
    wn_status status = WN_OK;
    for (const wn__data_source *s = g.type->sources; status == WN_OK && s->url; s++)
        status = get_source(&g, s);
    for (const wn__data_file *f = g.type->files; status == WN_OK && f->names; f++)
        if (!is_whole(&g, f)) status = wn__fail(WN_EFORMAT, "%s: %s is still missing after the download", name, f->names[0]);
    wn__free(folder);
    return status;
}
