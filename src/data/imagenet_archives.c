#include "data/imagenet_archives.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "data/picture_folder.h"
#include "io/tar.h"

/* ---- which lie there */

/* The publisher's first; Hugging Face's training archives are numbered. */
static const char whole_train[] = "ILSVRC2012_img_train.tar", whole_val[] = "ILSVRC2012_img_val.tar", first_train[] = "train_images_0.tar",
                  some_val[] = "val_images.tar";
static const char *const folders[] = {"", "data", NULL};

static bool is_there(const char *root, const char *folder, const char *name, const char *ending)
{
    wn__text path = {0};
    wn__text_add(&path, "%s/%s%s%s%s", root, folder, *folder ? "/" : "", name, ending);
    const bool there = !path.failed && wn__file_exists(path.data);
    wn__text_release(&path);
    return there;
}

/* NULL: none. *ending: of what lies there. */
static const char *find_folder(const char *root, const char **ending)
{
    static const char *const endings[] = {"", ".gz", NULL};
    for (const char *const *folder = folders; *folder; folder++)
        for (const char *const *e = endings; *e; e++) {
            *ending = *e;
            if (is_there(root, *folder, first_train, *e) || (!**e && is_there(root, *folder, whole_train, ""))) return *folder;
        }
    return NULL;
}

bool wn__imagenet_has_archives(const char *root)
{
    const char *ending;
    return find_folder(root, &ending) != NULL;
}

/* ---- reading */

typedef struct reading {
    wn__pictures *pictures;
    wn__imagenet_labels *labels;
    wn__part part;
    const char *path; /* of the archive */
    int fd;
    int32_t synset; /* of the tar within the tar */
} reading;

static const char *archive_of(const reading *r) { return r->pictures->archive[r->pictures->archives - 1]; }

static wn_status add(reading *r, const char *name, int64_t at, int64_t size, int32_t label)
{
    wn__text full = {0};
    wn__text_add(&full, "%s/%s", archive_of(r), name);
    const wn_status status =
        full.failed ? wn__no_memory(full.size) : wn__pictures_add_archived(r->pictures, r->part, full.data, at, size, label);
    wn__text_release(&full);
    return status;
}

static wn_status visit_inner(void *user, const char *name, int64_t at, int64_t size)
{
    reading *r = user;
    return wn__is_picture_name(name) ? add(r, name, at, size, r->synset) : WN_OK;
}

static wn_status visit_class(void *user, const char *name, int64_t at, int64_t size)
{
    reading *r = user;
    const char *base = wn__base_name(name), *dot = strrchr(base, '.');
    r->synset = dot && strcmp(dot, ".tar") == 0 ? wn__synset_number(base, (size_t)(dot - base)) : -1;
    if (r->synset < 0) return wn__fail(WN_EFORMAT, "%s: %s: is no nXXXXXXXX.tar", r->path, name);
    return wn__tar_index_part(r->path, r->fd, at, size, visit_inner, r);
}

static wn_status visit_named(void *user, const char *name, int64_t at, int64_t size)
{
    reading *r = user;
    const int32_t synset = wn__synset_of_name(wn__base_name(name));
    if (!wn__is_picture_name(name)) return WN_OK;
    if (synset < 0) return wn__fail(WN_EFORMAT, "%s: %s: its name does not end in _nXXXXXXXX", r->path, name);
    return add(r, name, at, size, synset);
}

static wn_status visit_tested(void *user, const char *name, int64_t at, int64_t size)
{
    reading *r = user;
    int32_t label;
    if (!wn__is_picture_name(name)) return WN_OK;
    WN_TRY(wn__imagenet_label(r->labels, r->pictures, wn__base_name(name), &label));
    return add(r, name, at, size, label);
}

static wn_status read_archive(reading *r, const char *folder, const char *name, wn__tar_visit_place visit)
{
    wn__text file = {0};
    wn__text_add(&file, "%s%s%s", folder, *folder ? "/" : "", name);
    char *path = file.failed ? NULL : wn__path_join(r->pictures->root, file.data);
    wn_status status = path ? wn__pictures_archive(r->pictures, file.data) : wn__no_memory(1);
    r->path = path;
    r->fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (status == WN_OK) status = r->fd < 0 ? wn__fail_errno("%s", path) : wn__tar_index(path, r->fd, visit, r);
    if (r->fd >= 0) close(r->fd);
    wn__free(path);
    wn__text_release(&file);
    return status;
}

/* ---- classes: labels are WordNet numbers until all are known */

static int by_number(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* Sorts, and keeps each once; how many there are. */
static int64_t distinct(int32_t *number, int64_t count)
{
    int64_t kept = 0;
    qsort(number, (size_t)count, sizeof *number, by_number);
    for (int64_t i = 0; i < count; i++)
        if (i == 0 || number[i] != number[kept - 1]) number[kept++] = number[i];
    return kept;
}

static wn_status number_classes(wn__pictures *p)
{
    const int64_t n = p->count[WN__PART_TRAIN];
    int32_t *synset = WN_NEW_ARRAY(int32_t, n);
    if (!synset) return wn__no_memory((size_t)n * sizeof *synset);
    for (int64_t i = 0; i < n; i++)
        synset[i] = p->item[i].label;
    const int64_t classes = n > 0 ? distinct(synset, n) : 0;
    wn_status status = WN_OK;
    for (int64_t k = 0; status == WN_OK && k < classes; k++) {
        char name[16];
        snprintf(name, sizeof name, "n%08" PRId32, synset[k]);
        status = wn__pictures_class(p, name);
    }
    for (int64_t i = 0; status == WN_OK && i < n; i++)
        p->item[i].label = (int32_t)((int32_t *)bsearch(&p->item[i].label, synset, (size_t)classes, sizeof *synset, by_number) - synset);
    wn__free(synset);
    return status;
}

/* ---- the set */

static wn_status read_training(reading *r, const char *folder, bool whole)
{
    if (whole) return read_archive(r, folder, whole_train, visit_class);
    for (int i = 0;; i++) {
        char name[32];
        snprintf(name, sizeof name, "train_images_%d.tar", i);
        if (!is_there(r->pictures->root, folder, name, "")) break;
        WN_TRY(read_archive(r, folder, name, visit_named));
    }
    return WN_OK;
}

wn_status wn__imagenet_add_archives(wn__pictures *p, wn__imagenet_labels *labels)
{
    reading r = {.pictures = p, .labels = labels, .part = WN__PART_TRAIN};
    const char *ending, *folder = find_folder(p->root, &ending);
    if (!folder) return wn__fail(WN_ENOTFOUND, "%s: neither %s nor %s is there", p->root, whole_train, first_train);
    if (*ending)
        return wn__fail(WN_EUNSUPPORTED,
                        "%s: %s.gz is packed, and pictures are read where they lie, in any order: unpack it (gunzip *.tar.gz)", p->root,
                        first_train);
    const bool whole = is_there(p->root, folder, whole_train, "");
    WN_TRY(read_training(&r, folder, whole));
    WN_TRY(number_classes(p));
    r.part = WN__PART_TEST;
    return read_archive(&r, folder, whole ? whole_val : some_val, visit_tested);
}
