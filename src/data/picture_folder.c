#include "data/picture_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"

enum { DEEPEST = 32 };

bool wn__is_picture_name(const char *name)
{
    static const char *const endings[] = {".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (strcasecmp(dot, endings[i]) == 0) return true;
    return false;
}

/* ---- one folder */

typedef struct found {
    char *name;
    int64_t size; /* -1: a folder */
} found;

typedef struct listing {
    found *item; /* (count) sorted by name */
    int64_t count, passed_over;
} listing;

static int by_name(const void *a, const void *b) { return strcmp(((const found *)a)->name, ((const found *)b)->name); }

static void release(listing *l)
{
    for (int64_t i = 0; i < l->count; i++)
        wn__free(l->item[i].name);
    wn__free(l->item);
    *l = (listing){0};
}

static wn_status keep(listing *l, const char *name, int64_t size)
{
    WN_TRY(wn__make_room(&l->item, l->count, sizeof *l->item));
    if (!(l->item[l->count].name = wn__strdup(name))) return wn__no_memory(strlen(name));
    l->item[l->count++].size = size;
    return WN_OK;
}

/* Files that are no pictures by their names are not asked for more. */
static wn_status look(listing *l, int folder, const struct dirent *e)
{
    struct stat s;
    const bool picture = wn__is_picture_name(e->d_name), file = e->d_type == DT_REG;
    if (e->d_name[0] == '.') return WN_OK;
    if (file && !picture) {
        l->passed_over++;
        return WN_OK;
    }
    if (e->d_type == DT_DIR) return keep(l, e->d_name, -1);
    if (fstatat(folder, e->d_name, &s, 0) != 0) return wn__fail_errno("%s", e->d_name);
    if (S_ISDIR(s.st_mode)) return keep(l, e->d_name, -1);
    if (S_ISREG(s.st_mode) && picture) return keep(l, e->d_name, s.st_size);
    l->passed_over++;
    return WN_OK;
}

static wn_status list(const char *path, listing *l)
{
    DIR *folder = opendir(path);
    if (!folder) return wn__fail_errno("%s", path);
    wn_status status = WN_OK;
    const struct dirent *e;
    while (status == WN_OK && (errno = 0, e = readdir(folder)) != NULL)
        status = look(l, dirfd(folder), e);
    if (status != WN_OK)
        status = wn__fail_within(status, "%s/", path);
    else if (errno != 0)
        status = wn__fail_errno("%s", path);
    closedir(folder);
    if (l->count > 1) qsort(l->item, (size_t)l->count, sizeof *l->item, by_name);
    return status;
}

static wn_status list_below(const wn__pictures *p, const char *folder, listing *l)
{
    char *path = *folder ? wn__path_join(p->root, folder) : wn__strdup(p->root);
    const wn_status status = path ? list(path, l) : wn__no_memory(1);
    wn__free(path);
    return status;
}

/* "b" or "a/b"; free with wn__free. */
static char *below(const char *folder, const char *name) { return *folder ? wn__path_join(folder, name) : wn__strdup(name); }

/* ---- classes */

static wn_status add_classes(wn__pictures *p, const char *folder, const listing *l)
{
    int64_t loose = 0;
    for (int64_t i = 0; i < l->count; i++) {
        if (l->item[i].size < 0)
            WN_TRY(wn__pictures_class(p, l->item[i].name));
        else
            loose++;
    }
    const char *slash = *folder ? "/" : "";
    if (loose > 0 && p->classes == 0)
        return wn__fail(WN_EUSAGE, "%s%s%s: holds pictures, but no folder for each class", p->root, slash, folder);
    return p->classes > 0
               ? WN_OK
               : wn__fail(WN_EUSAGE, "%s%s%s: holds no class folders; valid: train/CLASS/..., or CLASS/...", p->root, slash, folder);
}

wn_status wn__picture_folder_classes(wn__pictures *p, const char *folder)
{
    listing l = {0};
    wn_status status = list_below(p, folder, &l);
    if (status == WN_OK) status = add_classes(p, folder, &l);
    release(&l);
    return status;
}

/* ---- pictures */

static wn_status add_tree(wn__pictures *p, wn__part part, const char *folder, int32_t class, int depth);

static wn_status add_listed(wn__pictures *p, wn__part part, const char *folder, int32_t class, int depth, const listing *l)
{
    wn_status status = WN_OK;
    for (int64_t i = 0; status == WN_OK && i < l->count; i++) {
        char *name = below(folder, l->item[i].name);
        if (!name) return wn__no_memory(1);
        status = l->item[i].size < 0 ? add_tree(p, part, name, class, depth + 1) : wn__pictures_add(p, part, name, l->item[i].size, class);
        wn__free(name);
    }
    p->passed_over += l->passed_over;
    return status;
}

static wn_status add_tree(wn__pictures *p, wn__part part, const char *folder, int32_t class, int depth)
{
    listing l = {0};
    if (depth > DEEPEST)
        return wn__fail(WN_EUNSUPPORTED, "%s/%s: more than %d folders deep, or a link to itself", p->root, folder, DEEPEST);
    wn_status status = list_below(p, folder, &l);
    if (status == WN_OK) status = add_listed(p, part, folder, class, depth, &l);
    release(&l);
    return status;
}

wn_status wn__picture_folder_all(wn__pictures *p, wn__part part) { return add_tree(p, part, "", 0, 0); }

static int by_text(const void *name, const void *class) { return strcmp(name, *(char *const *)class); }

int32_t wn__picture_class_find(const wn__pictures *p, const char *name)
{
    char *const *class = p->classes ? bsearch(name, p->class_name, (size_t)p->classes, sizeof *p->class_name, by_text) : NULL;
    return class ? (int32_t)(class - p->class_name) : -1;
}

static wn_status add_class(wn__pictures *p, wn__part part, const char *folder, const found *f)
{
    const char *slash = *folder ? "/" : "";
    const int32_t class = wn__picture_class_find(p, f->name);
    if (f->size >= 0)
        return wn__fail(WN_EUSAGE,
                        "%s%s%s/%s: a picture outside of class folders; labels of a flat folder come from a list (data: {set: list})",
                        p->root, slash, folder, f->name);
    if (class < 0) return wn__fail(WN_EUSAGE, "%s%s%s/%s: the training pictures have no such class", p->root, slash, folder, f->name);
    const int64_t before = p->count[part];
    char *name = below(folder, f->name);
    wn_status status = name ? add_tree(p, part, name, class, 0) : wn__no_memory(1);
    wn__free(name);
    if (status == WN_OK && p->count[part] == before)
        status = wn__fail(WN_EUSAGE, "%s%s%s/%s: a class without pictures (names that end in .jpg, .jpeg, .png or .webp)", p->root, slash,
                          folder, f->name);
    return status;
}

wn_status wn__picture_folder_add(wn__pictures *p, wn__part part, const char *folder)
{
    listing l = {0};
    wn_status status = list_below(p, folder, &l);
    for (int64_t i = 0; status == WN_OK && i < l.count; i++)
        status = add_class(p, part, folder, &l.item[i]);
    p->passed_over += l.passed_over;
    release(&l);
    return status;
}

/* ---- without class folders */

static wn_status add_flat(wn__pictures *p, wn__part part, const char *folder, const listing *l, wn__label_of label_of, void *user)
{
    for (int64_t i = 0; i < l->count; i++) {
        int32_t label;
        if (l->item[i].size < 0) continue;
        WN_TRY(label_of(user, p, l->item[i].name, &label));
        char *name = below(folder, l->item[i].name);
        const wn_status status = name ? wn__pictures_add(p, part, name, l->item[i].size, label) : wn__no_memory(1);
        wn__free(name);
        WN_TRY(status);
    }
    p->passed_over += l->passed_over;
    return WN_OK;
}

wn_status wn__picture_folder_flat(wn__pictures *p, wn__part part, const char *folder, wn__label_of label_of, void *user)
{
    listing l = {0};
    wn_status status = list_below(p, folder, &l);
    if (status == WN_OK) status = add_flat(p, part, folder, &l, label_of, user);
    release(&l);
    return status;
}

wn_status wn__picture_folder_has_folders(const wn__pictures *p, const char *folder, bool *has)
{
    listing l = {0};
    const wn_status status = list_below(p, folder, &l);
    *has = false;
    for (int64_t i = 0; i < l.count; i++)
        *has = *has || l.item[i].size < 0;
    release(&l);
    return status;
}
