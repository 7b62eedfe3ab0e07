/* Recipes made of what a weights file says of itself and what the caller changes. */
#ifndef WN_RECIPE_WEIGHTS_RECIPE_H
#define WN_RECIPE_WEIGHTS_RECIPE_H

#include "io/safetensors.h"
#include "recipe/recipe.h"

/* Files by Winnow carry the sections data and model; of others the names that they may have are taken, or what their tensors look like. Free with wn__recipe_free. */
wn_status wn__recipe_of_weights(wn__safetensors *file, const char *path, const char *const *set, int sets, wn__recipe **out);
/* ... with data that lie at `data` in place of those that the file names; NULL: with these. */
wn_status wn__recipe_of_weights_on(wn__safetensors *file, const char *path, const char *data, const char *const *set, int sets,
                                   wn__recipe **out);
/* ... for a network that is to run: the pictures that it was trained on are not looked for, unless `set` changes them. */
wn_status wn__recipe_of_weights_alone(wn__safetensors *file, const char *path, const char *const *set, int sets, wn__recipe **out);
/* r->graph for images of `input`; network files are looked for beside the weights `path`, where their path is a mere name or leads nowhere. WN_EUSAGE if neither file nor caller says the architecture. */
wn_status wn__recipe_build_graph(wn__recipe *r, const char *path, wn__model_input input);
/* The same where the file may hold its graph itself ("graph", as models/graph_file.h writes it), if neither it nor the caller names another. */
wn_status wn__weights_build_graph(const wn__safetensors *file, wn__recipe *r, const char *path, wn__model_input input);
/* Images and classes of the recipe's data set, which must be those of the file if it says them ("input", "classes"); without a data set those
 * of the file, or as usual for the network. */
wn_status wn__weights_input(const wn__safetensors *file, const wn__recipe *r, const char *path, wn__model_input *input);
/* WN_EUSAGE without a data set: the file says none, or one that is not known here. */
wn_status wn__recipe_needs_data(const wn__recipe *recipe, const char *path);
/* WN_EMISMATCH if the file says that it is for another number of classes than the data set has. */
wn_status wn__weights_check_classes(const wn__safetensors *file, const char *path, const wn__recipe *recipe);

#endif
