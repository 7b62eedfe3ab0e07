/* Two resolved recipes, key by key: may their results stand side by side as seeds of one experiment? */
#ifndef WN_REPORT_RECIPE_DIFFERENCE_H
#define WN_REPORT_RECIPE_DIFFERENCE_H

#include "io/yaml_doc.h"

/* Appends the keys that differ, with both values: "train.lr.constant.base: 0.1 against 0.05; ...". Every key counts but those that change no result,
 * and those that say what is compared; of `methods` the rows that both have count. A key that one recipe lacks has its default there: it was
 * written by a program that did not know the key. */
wn_status wn__recipe_differences(const wn__yaml *a, const wn__yaml *b, wn__text *out);

#endif
