/* What there is to choose from in a recipe. */
#ifndef WN_TOOL_LISTING_H
#define WN_TOOL_LISTING_H

#include "command.h"
#include "winnow/experiment.h"

/* Without arguments the entries of a list, a line each; with names of entries, what is known of those and their settings. `what` ("method")
 * is for messages. */
int wn__list_or_describe(const wn__call *call, wn_list list, const char *what);

#endif
