/* confusion.json of a trained stage: how many test samples of each class its last network takes for each class. Deterministic. */
#ifndef WN_TRAIN_CONFUSION_FILE_H
#define WN_TRAIN_CONFUSION_FILE_H

#include "train/evaluate.h"

#define WN__CONFUSION_FILE "confusion.json"
#define WN__CONFUSION_FORMAT "winnow-confusion"
enum { WN__CONFUSION_VERSION = 1, WN__MOST_CONFUSED = 100 }; /* classes: of more there is no file */

/* Into `folder`. names (classes), or NULL. */
wn_status wn__confusion_write(const char *folder, const wn__evaluation *e, const char *const *names);

typedef struct wn__confusion {
    int64_t classes;
    char **names;    /* (classes) owned, or NULL */
    int64_t *counts; /* (classes, classes): [true][predicted] */
} wn__confusion;
wn_status wn__confusion_read(const char *path, wn__confusion *out);
void wn__confusion_release(wn__confusion *c); /* accepts a zeroed one */

#endif
