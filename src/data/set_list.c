/* Pictures that a text file lists, one a line: the path and its label, or its labels with commas between them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "data/pictures.h"

typedef struct list_config {
    const char *train, *val, *test, *path, *classes;
    int target;
    wn__pictures_config pictures;
} list_config;

enum { ONE_CLASS, SEVERAL_CLASSES };
static const char *const target_names[] = {"class", "classes", NULL}, *const places[] = {"train",   "val",   "test", "path",
                                                                                         "classes", "cache", NULL};

static const wn__setting settings[] = {
    WN_SETTING_TEXT(list_config, train, "", "the file of training pictures: a path and a label a line"),
    WN_SETTING_TEXT(list_config, val, "", "the file of validation pictures"),
    WN_SETTING_TEXT(list_config, test, "", "the file of test pictures"),
    WN_SETTING_TEXT(list_config, path, "", "the folder that paths are relative to; default: that of the file of training pictures"),
    WN_SETTING_TEXT(list_config, classes, "", "a file of class names, one a line, in the order of their numbers"),
    WN_SETTING_CHOICE(list_config, target, "class", target_names, "class: one label a picture; classes: any number, as in 3,17"),
    WN__PICTURES_SETTINGS(list_config),
    {0}};

/* ---- the text */

typedef struct entry {
    char *name, *labels; /* inside the text */
    int line;
} entry;

typedef struct list_file {
    const char *path; /* borrowed */
    char *text;
    entry *entry; /* (count) */
    int64_t count;
} list_file;

static void release_file(list_file *f)
{
    wn__free(f->text);
    wn__free(f->entry);
    *f = (list_file){0};
}

/* The label is what stands behind the last blank or tab; "" for a picture of no class. */
static wn_status add_line(list_file *f, char *line, int number, bool several)
{
    size_t length = strlen(line);
    while (length > 0 && strchr(" \t\r", line[length - 1]))
        line[--length] = 0;
    if (length == 0) return WN_OK;
    char *blank = line + length;
    while (blank > line && *blank != ' ' && *blank != '\t')
        blank--;
    if (blank == line && !several)
        return wn__fail(WN_EFORMAT, "%s:%d: \"%s\": a path and a label are needed, with a blank between them", f->path, number, line);
    char *labels = blank == line ? line + length : blank + 1;
    while (blank > line && (*blank == ' ' || *blank == '\t'))
        *blank-- = 0;
    WN_TRY(wn__make_room(&f->entry, f->count, sizeof *f->entry));
    f->entry[f->count++] = (entry){line, labels, number};
    return WN_OK;
}

static wn_status read_file(const char *path, bool several, list_file *f)
{
    size_t size;
    f->path = path;
    WN_TRY(wn__file_read(path, &f->text, &size));
    int number = 0;
    for (char *line = f->text, *end = line; end && *line; line = end + 1) {
        end = strchr(line, '\n');
        if (end) *end = 0;
        WN_TRY(add_line(f, line, ++number, several));
        if (!end) break;
    }
    return f->count > 0 ? WN_OK : wn__fail(WN_EFORMAT, "%s: lists no pictures", path);
}

/* ---- classes */

/* Labels are numbers, or names of classes; then `name` finds them. */
typedef struct class_name {
    char *name; /* owned */
    int32_t number;
} class_name;
typedef struct naming {
    class_name *name; /* (count) sorted */
    int64_t count;
    bool by_name;
} naming;

static int by_text(const void *a, const void *b) { return strcmp(((const class_name *)a)->name, ((const class_name *)b)->name); }

/* The next label of "3,17", cut off in a copy; NULL: no more. */
static char *next_label(char **rest)
{
    char *label = *rest, *comma = label ? strchr(label, ',') : NULL;
    if (!label || !*label) return NULL;
    if (comma) *comma = 0;
    *rest = comma ? comma + 1 : NULL;
    return label;
}

static bool is_number(const char *text) { return *text && strlen(text) < 8 && strspn(text, "0123456789") == strlen(text); }

static wn_status collect_labels(const list_file *f, naming *n, int *most)
{
    for (int64_t i = 0; i < f->count; i++) {
        char *copy = wn__strdup(f->entry[i].labels), *rest = copy, *label;
        if (!copy) return wn__no_memory(1);
        wn_status status = WN_OK;
        while (status == WN_OK && (label = next_label(&rest)) != NULL) {
            if (is_number(label) && atoi(label) > *most) *most = atoi(label);
            n->by_name = n->by_name || !is_number(label);
            class_name wanted = {label, 0};
            if (n->count > 0 && bsearch(&wanted, n->name, (size_t)n->count, sizeof *n->name, by_text)) continue;
            status = wn__make_room(&n->name, n->count, sizeof *n->name);
            if (status == WN_OK && !(wanted.name = wn__strdup(label))) status = wn__no_memory(1);
            if (status != WN_OK) break;
            n->name[n->count++] = wanted;
            qsort(n->name, (size_t)n->count, sizeof *n->name, by_text);
        }
        wn__free(copy);
        WN_TRY(status);
    }
    return WN_OK;
}

/* Without a file of names: sorted names, or "0", "1", ... up to the largest number. */
static wn_status classes_of_labels(wn__pictures *p, const list_file *f, naming *n)
{
    int most = -1;
    WN_TRY(collect_labels(f, n, &most));
    for (int32_t k = 0; n->by_name && k < n->count; k++) {
        n->name[k].number = k;
        WN_TRY(wn__pictures_class(p, n->name[k].name));
    }
    for (int k = 0; !n->by_name && k <= most; k++) {
        char number[16];
        snprintf(number, sizeof number, "%d", k);
        WN_TRY(wn__pictures_class(p, number));
    }
    return WN_OK;
}

static wn_status classes_of_file(wn__pictures *p, const char *path, naming *n)
{
    char *text;
    size_t size;
    WN_TRY(wn__file_read(path, &text, &size));
    wn_status status = WN_OK;
    char *save = NULL;
    for (char *line = strtok_r(text, "\r\n", &save); status == WN_OK && line; line = strtok_r(NULL, "\r\n", &save)) {
        status = wn__make_room(&n->name, n->count, sizeof *n->name);
        if (status == WN_OK) status = wn__pictures_class(p, line);
        if (status != WN_OK) break;
        n->name[n->count] = (class_name){wn__strdup(line), (int32_t)n->count};
        if (!n->name[n->count++].name) status = wn__no_memory(1);
    }
    wn__free(text);
    n->by_name = true;
    if (status == WN_OK && n->count > 0) qsort(n->name, (size_t)n->count, sizeof *n->name, by_text);
    return status;
}

/* A name, or where no class has that name, a number. */
static wn_status find_label(const wn__pictures *p, const naming *n, const char *place, const char *label, int32_t *out)
{
    const class_name wanted = {(char *)label, 0};
    const class_name *found = n->by_name ? bsearch(&wanted, n->name, (size_t)n->count, sizeof *n->name, by_text) : NULL;
    if (found) *out = found->number;
    if (found) return WN_OK;
    if (!is_number(label)) return wn__fail(WN_EFORMAT, "%s: \"%s\" is no class of the training pictures, and no number", place, label);
    *out = atoi(label);
    if (*out < p->classes) return WN_OK;
    return wn__fail(WN_EFORMAT, "%s: label %s, must be 0 to %d", place, label, p->classes - 1);
}

/* ---- pictures */

static wn_status read_labels(wn__pictures *p, const naming *n, const char *place, char *rest, bool several, int32_t *first)
{
    int32_t count = 0;
    if (several) *first = p->label_count;
    for (char *label; (label = next_label(&rest)) != NULL; count++) {
        int32_t number;
        WN_TRY(find_label(p, n, place, label, &number));
        if (several)
            WN_TRY(wn__pictures_label(p, number));
        else
            *first = number;
    }
    if (several) return wn__pictures_label(p, -1);
    if (count == 1) return WN_OK;
    return wn__fail(WN_EFORMAT, "%s: %" PRId32 " labels, must be one; data.target: classes takes any number", place, count);
}

/* Relative to the root, also if it was written with it in front. */
static wn_status relative(const wn__pictures *p, const char *place, const char **name)
{
    const size_t length = strlen(p->root);
    while (strncmp(*name, "./", 2) == 0)
        *name += 2;
    if (**name != '/') return WN_OK;
    if (strncmp(*name, p->root, length) != 0 || (*name)[length] != '/')
        return wn__fail(WN_EUSAGE, "%s: %s does not lie in %s; data.path says which folder paths are relative to", place, *name, p->root);
    *name += length + 1;
    return WN_OK;
}

static wn_status add_entry(wn__pictures *p, wn__part part, const list_file *f, const entry *e, const naming *n, bool several,
                           int64_t *missing)
{
    struct stat s;
    int32_t label = 0;
    const char *name = e->name;
    char place[4200];
    snprintf(place, sizeof place, "%.4096s:%d", f->path, e->line);
    WN_TRY(relative(p, place, &name));
    char *path = wn__path_join(p->root, name);
    if (!path) return wn__no_memory(1);
    const bool there = stat(path, &s) == 0 && S_ISREG(s.st_mode);
    if (!there && (*missing)++ == 0) wn__set_message("%s: %s is not there", place, path);
    wn__free(path);
    if (!there) return WN_OK;
    WN_TRY(read_labels(p, n, place, e->labels, several, &label));
    return wn__pictures_add(p, part, name, s.st_size, label);
}

static wn_status add_entries(wn__pictures *p, wn__part part, const list_file *f, const naming *n)
{
    int64_t missing = 0;
    for (int64_t i = 0; i < f->count; i++)
        WN_TRY(add_entry(p, part, f, &f->entry[i], n, p->several, &missing));
    if (missing == 0) return WN_OK;
    return wn__fail_within(WN_ENOTFOUND, "%" PRId64 " of %" PRId64 " pictures are missing; the first: ", missing, f->count);
}

/* Names are found where training pictures are listed. */
static wn_status add_list(wn__pictures *p, const list_config *c, wn__part part, const char *path, naming *n)
{
    list_file f = {0};
    if (!*path) return WN_OK;
    wn_status status = read_file(path, p->several, &f);
    if (status == WN_OK && part == WN__PART_TRAIN) status = *c->classes ? classes_of_file(p, c->classes, n) : classes_of_labels(p, &f, n);
    if (status == WN_OK) status = add_entries(p, part, &f, n);
    release_file(&f);
    return status;
}

static wn_status add_lists(wn__pictures *p, const list_config *c, naming *n)
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
    naming names = {0};
    if (!*c->train) return wn__fail(WN_EUSAGE, "the key \"train\" is missing: which file lists the pictures?");
    char *root = root_of(c);
    wn_status status = root ? wn__pictures_new(type->name, root, &c->pictures, &p) : wn__no_memory(1);
    wn__free(root);
    WN_TRY(status);
    status = add_lists(p, c, &names);
    for (int64_t i = 0; i < names.count; i++)
        wn__free(names.name[i].name);
    wn__free(names.name);
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
