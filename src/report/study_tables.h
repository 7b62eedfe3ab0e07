/* Tables of a study, for its command and for the report. Without study.json they have no rows. */
#ifndef WN_REPORT_STUDY_TABLES_H
#define WN_REPORT_STUDY_TABLES_H

#include "recipe/study.h"
#include "report/report_data.h"
#include "report/report_table.h"

wn_status wn__study_table(const wn__results *r, wn__table *t);              /* barriers, eigenvalues, means over states of the flow */
wn_status wn__study_flow_table(const wn__results *r, wn__table *t);         /* gradient norms by step */
wn_status wn__study_disagreement_table(const wn__results *r, wn__table *t); /* every pair */
wn_status wn__study_together_table(const wn__results *r, wn__table *t);     /* every pair as an ensemble */
wn_status wn__study_ensemble_table(const wn__results *r, wn__table *t);     /* of all seeds */
wn_status wn__study_distance_table(const wn__results *r, wn__table *t);

/* Every measurement of every seed, one line each. */
wn_status wn__study_csv(const json_t *study, wn__text *out);
/* All tables, and the recipe's claims. */
wn_status wn__study_text(const wn__results *r, wn__text *out);

#endif
