/* Text that lists pictures, one a line: the path, a blank or a tab, and its label, or labels with commas between them. Labels are numbers or names of classes. */
#ifndef WN_DATA_PICTURE_LIST_H
#define WN_DATA_PICTURE_LIST_H

#include "winnow/core.h"

typedef struct wn__listed_picture {
    const char *path;
    int64_t first; /* of its labels, in the list's */
    int32_t labels;
    int line; /* from 1 */
} wn__listed_picture;

/* Texts point into the text that was parsed. */
typedef struct wn__picture_list {
    const char *place;        /* borrowed: the file, for messages */
    wn__listed_picture *item; /* (count) */
    const char **label;       /* (labels) of all pictures, one behind the other */
    int64_t count, labels;
} wn__picture_list;

/* Cuts the text up: `size` bytes, and a zero behind them. several: any number of labels a picture, also none; else one. WN_EFORMAT with the line of what is wrong.
 * Release also on failure. */
wn_status wn__picture_list_parse(const char *place, char *text, size_t size, bool several, wn__picture_list *out);
void wn__picture_list_release(wn__picture_list *list); /* accepts a zeroed one */

/* What labels say. */
typedef struct wn__class_number {
    const char *name; /* borrowed */
    int32_t number;
} wn__class_number;
typedef struct wn__class_numbers {
    wn__class_number *name; /* (count) in the order of strcmp */
    int64_t count;
    int32_t classes;
} wn__class_numbers;
/* Of all labels of the list: sorted names, or where all are numbers, count 0 and as many classes as the largest asks for. */
wn_status wn__class_numbers_of_list(const wn__picture_list *list, wn__class_numbers *out);
/* Of a text with one name a line, in the order of numbers; it is cut up. */
wn_status wn__class_numbers_of_text(const char *place, char *text, wn__class_numbers *out);
void wn__class_numbers_release(wn__class_numbers *n); /* accepts a zeroed one; also after a failure */

/* A name, or where no class has that name, a number. */
wn_status wn__class_number_find(const wn__class_numbers *n, const wn__picture_list *list, const wn__listed_picture *item, const char *label,
                                int32_t *number);

#endif
