/* What the results say of a recipe's claims, in JSON. */
#ifndef WN_TOOL_CLAIMS_H
#define WN_TOOL_CLAIMS_H

#include "answer.h"
#include "winnow/report.h"

/* "claims": an object per claim and sparsity. options may be NULL. */
wn_status wn__put_claims(wn__answer *answer, const char *folder, const wn_report_options *options);

#endif
