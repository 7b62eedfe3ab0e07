/* `--data PATH`: data that lie at a path take the place of a recipe's. */
#ifndef WN_RECIPE_DATA_PATH_H
#define WN_RECIPE_DATA_PATH_H

#include "io/yaml_doc.h"

/* The section data becomes one of the set that reads the path. If it was of that set, its other keys stay; else its augmentation stays and so does the
 * normalisation, under the old set's name. input: NULL, or the size that a network takes ("3x32x32"), which pictures get. */
wn_status wn__recipe_use_data(wn__yaml *doc, const char *path, const char *input);

/* A path as a text of YAML. */
void wn__recipe_add_quoted(wn__text *t, const char *path);

#endif
