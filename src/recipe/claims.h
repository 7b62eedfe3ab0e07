/* Claims that a recipe makes before its runs (`report: claims:`), and what the results say of them.
 *
 *     METHOD better than METHOD [at SPARSITY] [by POINTS]
 *     METHOD same as METHOD [at SPARSITY] [within POINTS]
 *     METHOD not worse than METHOD [at SPARSITY] [within POINTS]
 *
 * Claims about measurements of the lab are written MEASURE(ROW) above MEASURE(ROW): study_claims.h.
 *
 * The statistic is test accuracy of the last epoch in percent, compared by seed (statistics.h). Without a sparsity the claim is made at every one that the
 * first method has. A method that stands once (dense, or one that says its sparsity itself) is compared as it is. Without POINTS: 0 for better, else
 * the recipe's margin.
 */
#ifndef WN_RECIPE_CLAIMS_H
#define WN_RECIPE_CLAIMS_H

#include "base/statistics.h"

enum { WN__CLAIM_NAME = 320 }; /* longer than any NETWORK/METHOD@N, see WN__LONGEST_ROW_NAME */
typedef struct wn__claim {
    char method[WN__CLAIM_NAME], than[WN__CLAIM_NAME];
    wn__claim_kind kind;
    double sparsity; /* below 0: at every one */
    double points;   /* below 0: not said */
} wn__claim;

/* WN_EUSAGE says what was expected where. */
wn_status wn__claim_parse(const char *text, wn__claim *out);

#endif
