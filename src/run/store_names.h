/* What names of experiments and stages stand for, the same for every command. An experiment is named by its name in the store or by its folder; a stage by its
 * identity, the beginning of it (6 digits or more), its label or its folder. */
#ifndef WN_RUN_STORE_NAMES_H
#define WN_RUN_STORE_NAMES_H

#include "winnow/experiment.h"

/* The store: `out`; without one the folder around that of the experiment, if the experiment is given by its folder; else the default. Free with wn__free. */
wn_status wn__store_root(const char *out, const char *experiment, char **root);
/* The folder of an experiment. WN_ENOTFOUND names the nearest experiment of the store. Free with wn__free. */
wn_status wn__store_find_experiment(const char *root, const char *name, char **folder);

/* Is the stage with this identity and label meant by `name`? Patterns of labels are not looked at. */
bool wn__store_names_stage(const char *name, const char *identity, const char *label);
/* `path`, taken over (NULL: out of memory), into the caller's text. */
wn_status wn__store_copy_path(char *path, char *text, size_t size);

#endif
