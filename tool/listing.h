/* What there is to choose from in a recipe. */
#ifndef WN_TOOL_LISTING_H
#define WN_TOOL_LISTING_H

#include "command.h"
#include "winnow/experiment.h"

/* Without arguments the entries of a list, a line each; with names of entries, what is known of those and their settings. `what` ("method")
 * is for messages; `more`, or NULL, tells what else is known of an entry. */
typedef void (*wn__describe_call)(wn__answer *answer, const char *name);
int wn__list_or_describe(const wn__call *call, wn_list list, const char *what, wn__describe_call more);

#endif
