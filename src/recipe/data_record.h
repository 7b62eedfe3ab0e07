/* What a recipe's data files hold, as a part of the keys of its stages and as a record of what they were trained on. */
#ifndef WN_RECIPE_DATA_RECORD_H
#define WN_RECIPE_DATA_RECORD_H

#include "recipe/recipe.h"

/* Fills recipe->data.contents and contents_key. Files that are missing count as `environment` (a file; NULL: none) has them on record, so that
 * what is done is found without its data; without a record as the published ones, or else as "absent", which no data have. WN_EMISMATCH: see
 * wn__data_accept. */
wn_status wn__data_settle(wn__recipe *recipe, const char *data_folder, int threads, const char *environment);

/* Data that were loaded are those of the recipe's keys. */
wn_status wn__data_check_settled(const wn__recipe *recipe, const wn__dataset *loaded);

/* environment.json's `data`: {"set", "published", "files": {name: sha256}}; nothing where no contents are known. */
void wn__data_add_record(json_t *environment, const wn__recipe *recipe);

#endif
