/* Lists of pictures: every label of an accepted list is a class, or an error says why not. */
#include <stdlib.h>
#include <string.h>

#include "data/picture_list.h"
#include "fuzz.h"

static void find_labels(const wn__picture_list *list, const wn__class_numbers *n)
{
    for (int64_t i = 0; i < list->count; i++)
        for (int32_t k = 0; k < list->item[i].labels; k++) {
            int32_t number;
            const char *label = list->label[list->item[i].first + k];
            if (wn__class_number_find(n, list, &list->item[i], label, &number) != WN_OK) abort();
            if (number < 0 || number >= n->classes) abort();
        }
}

static char *copy_of(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text) abort();
    memcpy(text, data, size);
    text[size] = 0;
    return text;
}

static void read_as(const uint8_t *data, size_t size, bool several)
{
    char *text = copy_of(data, size);
    wn__picture_list list;
    wn__class_numbers n = {0};
    if (wn__picture_list_parse("input", text, size, several, &list) == WN_OK && wn__class_numbers_of_list(&list, &n) == WN_OK)
        find_labels(&list, &n);
    wn__class_numbers_release(&n);
    wn__picture_list_release(&list);
    free(text);
}

static void read_classes(const uint8_t *data, size_t size)
{
    char *text = copy_of(data, size);
    wn__class_numbers n = {0};
    if (wn__class_numbers_of_text("input", text, &n) == WN_OK)
        for (int64_t i = 1; i < n.count; i++)
            if (strcmp(n.name[i - 1].name, n.name[i].name) >= 0) abort();
    wn__class_numbers_release(&n);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_as(data, size, false);
    read_as(data, size, true);
    read_classes(data, size);
    return 0;
}
