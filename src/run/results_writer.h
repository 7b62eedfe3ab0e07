/* results.json of an experiment: docs/results-format.md. */
#ifndef WN_RUN_RESULTS_WRITER_H
#define WN_RUN_RESULTS_WRITER_H

#include <jansson.h>

#include "nn/metric.h"
#include "plan/agenda.h"

typedef struct wn__results_writer wn__results_writer;

wn_status wn__results_writer_new(const wn__agenda *plan, const char *root, wn__results_writer **out);
void wn__results_writer_free(wn__results_writer *r); /* accepts NULL */
/* Write <root>/<name>/results.json from what is done now. */
wn_status wn__results_writer_write(wn__results_writer *r, const char *folder);

/* The sparsity of rows that learn it: the mean of what their seeds reached, in four digits, so that they share a cell. */
double wn__learned_sparsity(double mean);

/* Images that the teacher has to see for a training stage: a cached pass is divided among the stages that read it. */
double wn__teacher_images(const wn__agenda *plan, const wn__train_plan *t);

/* The headline that results name; accuracy where they name none. WN_EFORMAT: this program does not know it. */
wn_status wn__results_headline(const json_t *root, const wn__metric **out);

#endif
