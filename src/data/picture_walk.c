/* Pictures without their classes: in folders, in archives, in lists, or alone. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arguments.h"
#include "base/fail.h"
#include "base/files.h"
#include "data/of_path.h"
#include "data/picture_folder.h"
#include "data/picture_list.h"
#include "data/shards.h"
#include "io/tar.h"
#include "winnow/data.h"

/* ---- archives */

static wn_status add_entry(void *user, const char *name, int64_t at, int64_t size)
{
    wn__pictures *p = user;
    if (wn__base_name(name)[0] == '.' || !wn__is_picture_name(name)) return WN_OK;
    char *shown = wn__path_join(p->archive[p->archives - 1], name + strspn(name, "/"));
    const wn_status status = shown ? wn__pictures_add_archived(p, WN__PART_TRAIN, shown, at, size, 0) : wn__no_memory(strlen(name));
    wn__free(shown);
    return status;
}

static wn_status add_archive(void *user, const char *path)
{
    wn__pictures *p = user;
    WN_TRY(wn__pictures_archive(p, path));
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return wn__fail_errno("%s", path);
    const wn_status status = wn__tar_index(path, fd, add_entry, p);
    close(fd);
    return status;
}

static wn_status visit_picture(const wn__pictures *p, const wn__picture *item, wn__scratch *scratch, wn_data_picture_visit visit,
                               void *user)
{
    const char *bytes = NULL;
    if (item->archive >= 0) WN_TRY(wn__picture_load(p, item, scratch, &bytes));
    char *name = wn__path_join(p->root, wn__picture_name(p, item));
    if (!name) return wn__no_memory(strlen(p->root));
    visit(user, name, bytes, bytes ? (size_t)item->size : 0);
    wn__free(name);
    return WN_OK;
}

static wn_status visit_table(wn__pictures *p, const char *archives, wn_data_picture_visit visit, void *user)
{
    wn__scratch scratch = {0};
    wn_status status = archives ? wn__shards_visit(archives, add_archive, p) : wn__picture_folder_all(p, WN__PART_TRAIN);
    for (int64_t i = 0; visit && status == WN_OK && i < wn__pictures_total(p); i++)
        status = visit_picture(p, &p->item[i], &scratch, visit, user);
    wn__scratch_release(&scratch);
    return status;
}

/* folder or archives: the other is NULL. */
static wn_status visit_all(const char *folder, const char *archives, wn_data_picture_visit visit, void *user)
{
    static const wn__pictures_config none;
    wn__pictures *p;
    WN_TRY(wn__pictures_new("pictures", folder ? folder : "", &none, &p));
    const wn_status status = visit_table(p, archives, visit, user);
    wn__pictures_release(p);
    return status;
}

/* ---- lists */

/* Relative to the list's folder. */
static wn_status visit_listed(const char *folder, const char *path, wn_data_picture_visit visit, void *user)
{
    char *name = wn__path_join(strcmp(folder, ".") == 0 ? "" : folder, path);
    if (!name) return wn__no_memory(strlen(path));
    visit(user, name, NULL, 0);
    wn__free(name);
    return WN_OK;
}

static wn_status visit_list(const char *path, wn_data_picture_visit visit, void *user)
{
    wn__picture_list list = {0};
    char *text, *folder = wn__path_folder(path);
    size_t size;
    wn_status status = folder ? wn__file_read(path, &text, &size) : wn__no_memory(strlen(path));
    if (status == WN_OK) {
        status = wn__picture_list_parse(path, text, size, true, &list);
        for (int64_t i = 0; visit && status == WN_OK && i < list.count; i++)
            status = visit_listed(folder, list.item[i].path, visit, user);
        wn__picture_list_release(&list);
        wn__free(text);
    }
    wn__free(folder);
    return status;
}

/* ---- any of them */

wn_status wn_data_pictures(const char *path, wn_data_picture_visit visit, void *user)
{
    const wn__dataset_type *type;
    const char *key;
    WN__NEED(path);
    if (wn__folder_exists(path)) return visit_all(path, NULL, visit, user);
    const char *set = wn__dataset_of_path(path, &type, &key) == WN_OK ? type->name : "";
    if (strcmp(set, "tar") == 0) return visit_all(NULL, path, visit, user);
    if (strcmp(set, "list") == 0) return visit_list(path, visit, user);
    if (*set) return wn__fail(WN_EUNSUPPORTED, "%s: what the set %s reads are no pictures", path, set);
    if (visit) visit(user, path, NULL, 0);
    return WN_OK;
}
