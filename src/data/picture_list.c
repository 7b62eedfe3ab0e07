#include "data/picture_list.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

/* ---- lines */

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

/* "3,17" is cut at its commas. */
static wn_status add_labels(wn__picture_list *l, char *labels, wn__listed_picture *item)
{
    item->first = l->labels;
    for (char *label = labels, *comma; label && *labels; label = comma) {
        comma = strchr(label, ',');
        if (comma) *comma++ = 0;
        if (!*label) return wn__fail(WN_EFORMAT, "%s:%d: an empty label", l->place, item->line);
        WN_TRY(wn__make_room(&l->label, l->labels, sizeof *l->label));
        l->label[l->labels++] = label;
        item->labels++;
    }
    return WN_OK;
}

/* Labels are what stands behind the last blank. */
static wn_status add_line(wn__picture_list *l, char *line, int number, bool several)
{
    size_t length = strlen(line);
    while (length > 0 && (is_blank(line[length - 1]) || line[length - 1] == '\r'))
        line[--length] = 0;
    if (length == 0) return WN_OK;
    char *blank = line + length;
    while (blank > line && !is_blank(*blank))
        blank--;
    if (blank == line && !several)
        return wn__fail(WN_EFORMAT, "%s:%d: \"%s\": a path and a label are needed, with a blank between them", l->place, number, line);
    char *labels = blank == line ? line + length : blank + 1;
    while (blank > line && is_blank(*blank))
        *blank-- = 0;
    wn__listed_picture item = {.path = line, .line = number};
    WN_TRY(add_labels(l, labels, &item));
    if (!several && item.labels != 1)
        return wn__fail(WN_EFORMAT, "%s:%d: %" PRId32 " labels, must be one; data.target: classes takes any number", l->place, number,
                        item.labels);
    WN_TRY(wn__make_room(&l->item, l->count, sizeof *l->item));
    l->item[l->count++] = item;
    return WN_OK;
}

wn_status wn__picture_list_parse(const char *place, char *text, size_t size, bool several, wn__picture_list *out)
{
    *out = (wn__picture_list){.place = place};
    int number = 0;
    if (memchr(text, 0, size)) return wn__fail(WN_EFORMAT, "%s: is no text: it holds a zero byte", place);
    for (char *line = text, *end; line; line = end) {
        end = strchr(line, '\n');
        if (end) *end++ = 0;
        WN_TRY(add_line(out, line, ++number, several));
    }
    return out->count > 0 ? WN_OK : wn__fail(WN_EFORMAT, "%s: lists no pictures", place);
}

void wn__picture_list_release(wn__picture_list *list)
{
    wn__free(list->item);
    wn__free(list->label);
    *list = (wn__picture_list){0};
}

/* ---- classes */

static bool is_number(const char *text) { return *text && strlen(text) < 8 && strspn(text, "0123456789") == strlen(text); }
static bool is_negative(const char *text) { return *text == '-' && text[1] && strspn(text + 1, "0123456789") == strlen(text + 1); }

static int by_name(const void *a, const void *b)
{
    return strcmp(((const wn__class_number *)a)->name, ((const wn__class_number *)b)->name);
}

static void sort(wn__class_numbers *n)
{
    if (n->count > 1) qsort(n->name, (size_t)n->count, sizeof *n->name, by_name);
}

/* All labels, whose order says their numbers; each once. */
static wn_status take_names(const wn__picture_list *list, wn__class_numbers *n)
{
    n->name = wn__alloc_array(list->labels, sizeof *n->name);
    if (!n->name) return wn__no_memory((size_t)list->labels * sizeof *n->name);
    for (n->count = 0; n->count < list->labels; n->count++)
        n->name[n->count].name = list->label[n->count];
    sort(n);
    for (int64_t i = 0; i < n->count; i++) {
        if (n->classes > 0 && strcmp(n->name[n->classes - 1].name, n->name[i].name) == 0) continue;
        n->name[n->classes] = (wn__class_number){n->name[i].name, n->classes};
        n->classes++;
    }
    n->count = n->classes;
    return WN_OK;
}

wn_status wn__class_numbers_of_list(const wn__picture_list *list, wn__class_numbers *out)
{
    bool named = false;
    for (int64_t i = 0; i < list->labels; i++) {
        if (is_negative(list->label[i]))
            return wn__fail(WN_EFORMAT, "%s: label %s, numbers of classes begin with 0", list->place, list->label[i]);
        named = named || !is_number(list->label[i]);
        if (!named && atoi(list->label[i]) >= out->classes) out->classes = atoi(list->label[i]) + 1;
    }
    if (!named) return WN_OK;
    out->classes = 0;
    return take_names(list, out);
}

wn_status wn__class_numbers_of_text(const char *place, char *text, wn__class_numbers *out)
{
    char *save = NULL;
    for (char *line = strtok_r(text, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save)) {
        WN_TRY(wn__make_room(&out->name, out->count, sizeof *out->name));
        out->name[out->count++] = (wn__class_number){line, out->classes++};
    }
    if (out->count == 0) return wn__fail(WN_EFORMAT, "%s: names no classes", place);
    sort(out);
    for (int64_t i = 1; i < out->count; i++)
        if (strcmp(out->name[i - 1].name, out->name[i].name) == 0)
            return wn__fail(WN_EFORMAT, "%s: \"%s\" stands there twice", place, out->name[i].name);
    return WN_OK;
}

void wn__class_numbers_release(wn__class_numbers *n)
{
    wn__free(n->name);
    *n = (wn__class_numbers){0};
}

wn_status wn__class_number_find(const wn__class_numbers *n, const wn__picture_list *list, const wn__listed_picture *item, const char *label,
                                int32_t *number)
{
    const wn__class_number wanted = {label, 0},
                           *found = n->count > 0 ? bsearch(&wanted, n->name, (size_t)n->count, sizeof *n->name, by_name) : NULL;
    if (found) *number = found->number;
    if (found) return WN_OK;
    if (!is_number(label))
        return wn__fail(WN_EFORMAT, "%s:%d: \"%s\" is no class of the training pictures, and no number", list->place, item->line, label);
    *number = atoi(label);
    if (*number < n->classes) return WN_OK;
    return wn__fail(WN_EFORMAT, "%s:%d: label %s, must be 0 to %" PRId32, list->place, item->line, label, n->classes - 1);
}
