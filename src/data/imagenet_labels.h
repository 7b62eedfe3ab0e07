/* Classes of ImageNet's pictures where no folder says them: the WordNet numbers nXXXXXXXX in names, Kaggle's table, the devkit's ground truth. */
#ifndef WN_DATA_IMAGENET_LABELS_H
#define WN_DATA_IMAGENET_LABELS_H

#include "data/pictures.h"

/* "n01440764" is 1440764; -1: it is none. Numbers have the order of names. */
int32_t wn__synset_number(const char *text, size_t length);
/* The one at the end of "n01440764_10026_n01440764.JPEG", as Hugging Face names pictures; -1: there is none. */
int32_t wn__synset_of_name(const char *name);

typedef struct wn__imagenet_labels wn__imagenet_labels;
/* What lies below `root`: Kaggle's LOC_val_solution.csv; the devkit, as a folder or as its archive. *out, which may know nothing, is to be released. */
wn_status wn__imagenet_labels_read(const char *root, wn__imagenet_labels **out);
void wn__imagenet_labels_release(wn__imagenet_labels *l); /* accepts NULL */
/* The class of a validation picture by its name; p has its classes in the order of strcmp. A wn__label_of, whose user is the labels. */
wn_status wn__imagenet_label(void *labels, const wn__pictures *p, const char *name, int32_t *label);

#endif
