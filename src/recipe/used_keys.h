/* Keys of a recipe that a single step looks at: --set of any other key is refused, not ignored. */
#ifndef WN_RECIPE_USED_KEYS_H
#define WN_RECIPE_USED_KEYS_H

#include "io/yaml_doc.h"

/* used: "data", "train.batch" (with all below them), "!data.augment" takes away; NULL-terminated. `command` is named in the message. WN_EUSAGE names the
 * first other key that comes from --set; keys that come from files pass, since files hold whole recipes. */
wn_status wn__used_keys_check(const wn__yaml *doc, const char *command, const char *const *used);
/* Was the node written by --set? */
bool wn__is_set(const wn__yaml_node *node);

#endif
