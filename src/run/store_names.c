#include "run/store_names.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arguments.h"
#include "base/fail.h"
#include "base/files.h"
#include "run/store.h"
#include "winnow/show.h"

enum { LEAST_DIGITS = 6 };

/* ---- experiments */

/* What is before the last part of a path: "a/b/" gives "a". NULL: out of memory. */
static char *folder_around(const char *path)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    while (length > 0 && path[length - 1] != '/')
        length--;
    while (length > 1 && path[length - 1] == '/')
        length--;
    if (length == 0) return wn__strdup(".");
    char *folder = wn__alloc(length + 1);
    if (folder) {
        memcpy(folder, path, length);
        folder[length] = 0;
    }
    return folder;
}

wn_status wn__store_root(const char *out, const char *experiment, char **root)
{
    const bool by_folder = !out && experiment && strchr(experiment, '/') && wn__folder_exists(experiment);
    *root = by_folder ? folder_around(experiment) : wn__strdup(out ? out : WN__STORE_DEFAULT);
    return *root ? WN_OK : wn__no_memory(64);
}

static bool is_experiment(const char *root, const char *name)
{
    char *folder = wn__path_join(root, name), *stages = folder ? wn__path_join(folder, "stages.json") : NULL;
    const bool is = stages && wn__file_exists(stages);
    wn__free(folder);
    wn__free(stages);
    return is;
}

static wn_status no_experiment(const char *root, const char *name)
{
    char **names = NULL;
    int count = 0, kept = 0;
    if (wn__folder_exists(root)) WN_TRY(wn__list_folder(root, &names, &count));
    const char **experiments = WN_NEW_ARRAY(const char *, count + 1);
    for (int i = 0; i < count && experiments; i++)
        if (is_experiment(root, names[i])) experiments[kept++] = names[i];
    const char *nearest = experiments ? wn_nearest_name(name, experiments, kept) : NULL;
    const wn_status status = wn__fail(WN_ENOTFOUND, "%s: neither an experiment in %s nor a folder%s%s%s", name, root,
                                      nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
    wn__free(experiments);
    wn__free_names(names, count);
    return status;
}

wn_status wn__store_find_experiment(const char *root, const char *name, char **folder)
{
    char *called = wn__folder_name(name), *path = called ? wn__path_join(root, strchr(name, '/') || !called[0] ? name : called) : NULL;
    wn__free(called);
    const bool by_folder = wn__folder_exists(name) && (strchr(name, '/') || (path && !wn__folder_exists(path)));
    if (path && by_folder) {
        wn__free(path);
        path = wn__strdup(name);
    }
    if (!path) return wn__no_memory(64);
    if (wn__folder_exists(path)) {
        *folder = path;
        return WN_OK;
    }
    wn__free(path);
    return no_experiment(root, name);
}

/* ---- stages */

static bool is_identity(const char *name)
{
    const size_t length = strlen(name);
    return length >= LEAST_DIGITS && length < WN__SHA256_TEXT && strspn(name, "0123456789abcdef") == length;
}

/* The folder of a stage is named by the beginning of its identity. Into `last`; NULL: no folder is named. */
static const char *last_part(const char *name, char last[WN__SHA256_TEXT])
{
    size_t end = strlen(name);
    while (end > 0 && name[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin > 0 && name[begin - 1] != '/')
        begin--;
    if (begin == 0 || end - begin >= WN__SHA256_TEXT) return NULL;
    snprintf(last, WN__SHA256_TEXT, "%.*s", (int)(end - begin), name + begin);
    return is_identity(last) ? last : NULL;
}

bool wn__store_names_stage(const char *name, const char *identity, const char *label)
{
    char last[WN__SHA256_TEXT];
    const char *digits = is_identity(name) ? name : last_part(name, last);
    return strcmp(label, name) == 0 || (digits && strncmp(identity, digits, strlen(digits)) == 0);
}

/* ---- for programs */

wn_status wn__store_copy_path(char *path, char *text, size_t size)
{
    if (!path) return wn__no_memory(64);
    const wn_status status = snprintf(text, size, "%s", path) < (int)size ? WN_OK : wn__fail(WN_EINVAL, "%s: the path is too long", path);
    wn__free(path);
    return status;
}

wn_status wn_store_experiment(const char *out, const char *experiment, char *folder, size_t size)
{
    char *root, *path = NULL;
    WN__NEED(experiment);
    WN__NEED(folder);
    WN_TRY(wn__store_root(out, experiment, &root));
    const wn_status status = wn__store_find_experiment(root, experiment, &path);
    wn__free(root);
    return status == WN_OK ? wn__store_copy_path(path, folder, size) : status;
}
