/* Keys of a row that its other choices make idle: told in the log, since recipes that were kept must read as they did. */
#ifndef WN_RECIPE_IDLE_KEYS_H
#define WN_RECIPE_IDLE_KEYS_H

#include "recipe/recipe.h"

/* `before` is the row as it was without `node`, its entry in the section methods: what repeats it passes. */
void wn__idle_keys_tell(const wn__row *before, const wn__row *row, const wn__yaml_node *node);

#endif
