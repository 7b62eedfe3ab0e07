/* results.json of an experiment: docs/results-format.md. */
#ifndef WN_EXPERIMENT_RESULTS_H
#define WN_EXPERIMENT_RESULTS_H

#include "experiment/agenda.h"

typedef struct wn__results wn__results;

wn_status wn__results_new(const wn__agenda *plan, const char *root, wn__results **out);
void wn__results_free(wn__results *r); /* accepts NULL */
/* Write <root>/<name>/results.json from what is done now. */
wn_status wn__results_write(wn__results *r, const char *folder);

#endif
