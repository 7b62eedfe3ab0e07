/* Claims that a recipe makes before its runs (`report: claims:`), and what the results say of them.
 *
 *     METHOD better than METHOD [in METRIC] [at SPARSITY] [by MARGIN]
 *     METHOD same as METHOD [in METRIC] [at SPARSITY] [within MARGIN]
 *     METHOD not worse than METHOD [in METRIC] [at SPARSITY] [within MARGIN]
 *
 * Claims about measurements of the lab are written MEASURE(ROW) above MEASURE(ROW): study_claims.h.
 *
 * The statistic is the metric on test data of the last epoch, the headline if none is named, compared by seed (statistics.h). Which is better says the
 * metric (nn/metric.h); a share is compared in percent, so that MARGIN is in points. Without a sparsity the claim is made at every one that the first
 * method has. A method that stands once (dense, or one that says its sparsity itself) is compared as it is. Without MARGIN: 0 for better, else the
 * recipe's margin.
 */
#ifndef WN_RECIPE_CLAIMS_H
#define WN_RECIPE_CLAIMS_H

#include "base/statistics.h"
#include "nn/metric.h"

enum { WN__CLAIM_NAME = 320 }; /* longer than any NETWORK/METHOD@N, see WN__LONGEST_ROW_NAME */
typedef struct wn__claim {
    char method[WN__CLAIM_NAME], than[WN__CLAIM_NAME];
    wn__claim_kind kind;
    const wn__metric *metric; /* NULL: the headline */
    double sparsity;          /* below 0: at every one */
    double margin;            /* below 0: not said */
} wn__claim;

/* WN_EUSAGE says what was expected where. */
wn_status wn__claim_parse(const char *text, wn__claim *out);

#endif
