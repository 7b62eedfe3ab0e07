/* What the results say of the claims that a recipe makes (recipe/claims.h, recipe/study_claims.h). */
#ifndef WN_REPORT_CLAIM_TABLE_H
#define WN_REPORT_CLAIM_TABLE_H

#include "recipe/study_claims.h"
#include "report/report_data.h"
#include "report/report_table.h"

/* Each claim with its difference and verdict; no rows without claims. */
wn_status wn__claim_table(const wn__results *r, wn__table *t);

/* The first two cells of a verdict: the claim, of several rows in the first alone, and the sparsity (NaN: none). */
void wn__claim_cell(const char *text, bool first, double sparsity, wn__table *t);

/* a - b, b - a if the claim is "below"; n = 0: not measured. */
wn__summary wn__study_claim_difference(const json_t *study, const wn__study_claim *c, double sparsity);
/* The rows of a claim about measurements. */
wn_status wn__study_claim_rows(const wn__results *r, const char *text, wn__table *t);

#endif
