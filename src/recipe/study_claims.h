/* Claims about measurements of the lab, among the claims of a recipe (claims.h):
 *
 *     MEASURE(ROW) above|below MEASURE(ROW)            [at step N | at equal loss] [at SPARSITY] [by MARGIN]
 *     MEASURE(ROW, ROW) above|below MEASURE(ROW, ROW)  [at SPARSITY] [by MARGIN]
 *     MEASURE(...) same as MEASURE(...) within MARGIN  ...
 *
 * Either side may be a number. Compared by seed with the 95 % t-interval (statistics.h). Measures that are positive and span decades are compared by ratios: the
 * difference is one of logarithms, and MARGIN is in percent ("by 10%": the ratio is above 1.1). Others are compared as they are: MARGIN is a number, points of those
 * in points. Flow
 * without "at step": the mean over the states that both sides have. At equal loss: over the states of the first row, against the second row where that one's loss
 * first was the same, between two of its states.
 */
#ifndef WN_RECIPE_STUDY_CLAIMS_H
#define WN_RECIPE_STUDY_CLAIMS_H

#include "recipe/claims.h"
#include "recipe/recipe.h"
#include "recipe/study.h"

typedef struct wn__quantity {
    const wn__measure *measure; /* NULL: a number */
    char row[2][WN__CLAIM_NAME];
    double number;
} wn__quantity;

typedef struct wn__study_claim {
    wn__quantity a, b;
    bool below, same;           /* neither: above */
    const wn__measure *measure; /* of the sides that are none */
    bool equal_loss;
    int64_t step; /* below 0: not said, as the next */
    double sparsity;
    double margin; /* of the compared difference: of logarithms where the measure is compared by ratios */
} wn__study_claim;

bool wn__claim_is_of_study(const char *text);
/* WN_EUSAGE says what was expected where. */
wn_status wn__study_claim_parse(const char *text, wn__study_claim *out);
/* Does the recipe's section `lab` measure it? WN_EUSAGE otherwise. */
wn_status wn__study_claim_check(const wn__recipe *r, const char *text);

#endif
