/* Pictures without their classes: in folders, in archives, or alone. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arguments.h"
#include "base/fail.h"
#include "base/files.h"
#include "data/picture_folder.h"
#include "io/tar.h"
#include "winnow/data.h"

static bool is_archive(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && strcmp(dot, ".tar") == 0;
}

static wn_status add_entry(void *user, const char *name, int64_t at, int64_t size)
{
    wn__pictures *p = user;
    if (wn__base_name(name)[0] == '.' || !wn__is_picture_name(name)) return WN_OK;
    char *shown = wn__path_join(p->archive[0], name + strspn(name, "/"));
    const wn_status status = shown ? wn__pictures_add_archived(p, WN__PART_TRAIN, shown, at, size, 0) : wn__no_memory(strlen(name));
    wn__free(shown);
    return status;
}

static wn_status add_archive(wn__pictures *p, const char *path)
{
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

static wn_status visit_all(wn__pictures *p, const char *archive, wn_data_picture_visit visit, void *user)
{
    wn__scratch scratch = {0};
    wn_status status = archive ? add_archive(p, archive) : wn__picture_folder_all(p, WN__PART_TRAIN);
    for (int64_t i = 0; visit && status == WN_OK && i < wn__pictures_total(p); i++)
        status = visit_picture(p, &p->item[i], &scratch, visit, user);
    wn__scratch_release(&scratch);
    return status;
}

wn_status wn_data_pictures(const char *path, wn_data_picture_visit visit, void *user)
{
    static const wn__pictures_config none;
    wn__pictures *p;
    WN__NEED(path);
    const bool folder = wn__folder_exists(path);
    if (!folder && !is_archive(path)) {
        if (visit) visit(user, path, NULL, 0);
        return WN_OK;
    }
    WN_TRY(wn__pictures_new("pictures", folder ? path : "", &none, &p));
    const wn_status status = visit_all(p, folder ? NULL : path, visit, user);
    wn__pictures_release(p);
    return status;
}
