/* Pictures that a text file lists, one a line: the path and its label, or its labels with commas between them. */
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "data/picture_list.h"
#include "data/pictures.h"

typedef struct list_config {
    const char *train, *val, *test, *path, *classes;
    int target;
    wn__pictures_config pictures;
} list_config;

enum { ONE_CLASS, SEVERAL_CLASSES };
static const char *const target_names[] = {"class", "classes", NULL}, *const places[] = {"train",   "val",   "test",       "path",
                                                                                         "classes", "cache", "cache_form", NULL};

static const wn__setting settings[] = {
    WN_SETTING_TEXT(list_config, train, "", "the file of training pictures: a path and a label a line"),
    WN_SETTING_TEXT(list_config, val, "", "the file of validation pictures"),
    WN_SETTING_TEXT(list_config, test, "", "the file of test pictures"),
    WN_SETTING_TEXT(list_config, path, "", "the folder that paths are relative to; default: that of the file of training pictures"),
    WN_SETTING_TEXT(list_config, classes, "", "a file of class names, one a line, in the order of their numbers"),
    WN_SETTING_CHOICE(list_config, target, "class", target_names, "class: one label a picture; classes: any number, as in 3,17"),
    WN__PICTURES_SETTINGS(list_config),
    {0}};

/* ---- classes */

/* In the order of their numbers; names are those of p then. */
static wn_status add_classes(wn__pictures *p, wn__class_numbers *n)
{
    const char **name = wn__alloc_array(n->classes, sizeof *name);
    wn_status status = name ? WN_OK : wn__no_memory((size_t)n->classes * sizeof *name);
    for (int64_t i = 0; name && i < n->count; i++)
        name[n->name[i].number] = n->name[i].name;
    for (int32_t k = 0; status == WN_OK && k < n->classes; k++) {
        char number[16];
        snprintf(number, sizeof number, "%" PRId32, k);
        status = wn__pictures_class(p, name[k] ? name[k] : number);
    }
    for (int64_t i = 0; status == WN_OK && i < n->count; i++)
        n->name[i].name = p->class_name[n->name[i].number];
    wn__free(name);
    return status;
}

/* Without a file of names they are found where training pictures are listed. */
static wn_status find_classes(wn__pictures *p, const char *file, const wn__picture_list *list, wn__class_numbers *n)
{
    char *text = NULL;
    size_t size;
    if (*file) WN_TRY(wn__file_read(file, &text, &size));
    wn_status status = text ? wn__class_numbers_of_text(file, text, n) : wn__class_numbers_of_list(list, n);
    if (status == WN_OK) status = add_classes(p, n);
    wn__free(text);
    return status;
}

/* ---- pictures */

static wn_status read_labels(wn__pictures *p, const wn__class_numbers *n, const wn__picture_list *list, const wn__listed_picture *item,
                             int32_t *first)
{
    if (p->several) *first = p->label_count;
    for (int32_t i = 0; i < item->labels; i++) {
        int32_t number;
        WN_TRY(wn__class_number_find(n, list, item, list->label[item->first + i], &number));
        if (p->several)
            WN_TRY(wn__pictures_label(p, number));
        else
            *first = number;
    }
    return p->several ? wn__pictures_label(p, -1) : WN_OK;
}

/* Relative to the root, also if it was written with it in front. */
static wn_status relative(const wn__pictures *p, const char *place, int line, const char **name)
{
    const size_t length = strlen(p->root);
    while (strncmp(*name, "./", 2) == 0)
        *name += 2;
    if (**name != '/') return WN_OK;
    if (strncmp(*name, p->root, length) != 0 || (*name)[length] != '/')
        return wn__fail(WN_EUSAGE, "%s:%d: %s does not lie in %s; data.path says which folder paths are relative to", place, line, *name,
                        p->root);
    *name += length + 1;
    return WN_OK;
}

static wn_status add_item(wn__pictures *p, wn__part part, const wn__picture_list *list, const wn__listed_picture *item,
                          const wn__class_numbers *n, int64_t *missing)
{
    struct stat s;
    int32_t label = 0;
    const char *name = item->path;
    WN_TRY(relative(p, list->place, item->line, &name));
    char *path = wn__path_join(p->root, name);
    if (!path) return wn__no_memory(1);
    const bool there = stat(path, &s) == 0 && S_ISREG(s.st_mode);
    if (!there && (*missing)++ == 0) wn__set_message("%s:%d: %s is not there", list->place, item->line, path);
    wn__free(path);
    if (!there) return WN_OK;
    WN_TRY(read_labels(p, n, list, item, &label));
    return wn__pictures_add(p, part, name, s.st_size, label);
}

static wn_status add_items(wn__pictures *p, wn__part part, const wn__picture_list *list, const wn__class_numbers *n)
{
    int64_t missing = 0;
    for (int64_t i = 0; i < list->count; i++)
        WN_TRY(add_item(p, part, list, &list->item[i], n, &missing));
    if (missing == 0) return WN_OK;
    return wn__fail_within(WN_ENOTFOUND, "%" PRId64 " of %" PRId64 " pictures are missing; the first: ", missing, list->count);
}

static wn_status add_list(wn__pictures *p, const list_config *c, wn__part part, const char *path, wn__class_numbers *n)
{
    wn__picture_list list = {0};
    char *text;
    size_t size;
    if (!*path) return WN_OK;
    WN_TRY(wn__file_read(path, &text, &size));
    wn_status status = wn__picture_list_parse(path, text, size, p->several, &list);
    if (status == WN_OK && part == WN__PART_TRAIN) status = find_classes(p, c->classes, &list, n);
    if (status == WN_OK) status = add_items(p, part, &list, n);
    wn__picture_list_release(&list);
    wn__free(text);
    return status;
}

static wn_status add_lists(wn__pictures *p, const list_config *c, wn__class_numbers *n)
{
    p->several = c->target == SEVERAL_CLASSES;
    WN_TRY(add_list(p, c, WN__PART_TRAIN, c->train, n));
    WN_TRY(add_list(p, c, WN__PART_VALIDATION, c->val, n));
    return add_list(p, c, WN__PART_TEST, c->test, n);
}

/* Free with wn__free. */
static char *root_of(const list_config *c) { return *c->path ? wn__strdup(c->path) : wn__path_folder(c->train); }

static const char *takes(const char *path)
{
    static const char *const endings[] = {".txt", ".lst", ".list", ".tsv", ".csv"};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (strcmp(dot, endings[i]) == 0) return "train";
    return NULL;
}

static wn_status describe(const wn__dataset_type *type, const void *config, wn__data_facts *facts)
{
    const list_config *c = config;
    wn__pictures *p;
    wn__class_numbers numbers = {0};
    if (!*c->train) return wn__fail(WN_EUSAGE, "the key \"train\" is missing: which file lists the pictures?");
    char *root = root_of(c);
    wn_status status = root ? wn__pictures_new(type->name, root, &c->pictures, &p) : wn__no_memory(1);
    wn__free(root);
    WN_TRY(status);
    status = add_lists(p, c, &numbers);
    wn__class_numbers_release(&numbers);
    return wn__pictures_describe(p, status, facts);
}

const wn__dataset_type wn__dataset_list = {
    .name = "list",
    .summary = "your pictures as a text file lists them, with one label each or several",
    .license = "your own",
    .settings = settings,
    .places = places,
    .takes = takes,
    .describe = describe,
    WN__PICTURES_TYPE(list_config),
};
