/* Networks side by side: what they predict, which weights they keep, how far they lie from one another. */
#ifndef WN_ANALYSIS_COMPARE_H
#define WN_ANALYSIS_COMPARE_H

#include "analysis/space.h"
#include "train/evaluate.h"

/* On all images of one part of the data, in their order. */
typedef struct wn__predictions {
    int64_t n, classes;
    float *probability; /* (n, classes) softmax of the logits */
    int32_t *label, *predicted;
    double accuracy, loss; /* loss: mean of -log p(correct) */
} wn__predictions;
wn_status wn__predictions_make(wn__executor *ex, const wn__loader_options *loader, wn__predictions *out);
void wn__predictions_release(wn__predictions *p); /* accepts a zeroed one */
/* Share of images on which the two predict different classes. */
double wn__disagreement(const wn__predictions *a, const wn__predictions *b);
/* Of the mean of the networks' probabilities. */
wn_status wn__ensemble(const wn__predictions *const *networks, int count, double *accuracy, double *loss);

/* Active entries of one weight in two networks. */
typedef struct wn__overlap {
    int64_t count, first, second, both;
} wn__overlap;
wn_status wn__overlap_measure(const wn__param *a, const wn__param *b, wn__overlap *out);
/* |both| / |either|; 1 if neither has any. */
double wn__overlap_jaccard(int64_t first, int64_t second, double both);
/* |both| that is expected if the two masks were drawn at random with the numbers they have. */
double wn__overlap_chance(const wn__overlap *o);

/* Classical multidimensional scaling (Torgerson 1952): positions (n, 2) in the plane whose distances come nearest to distance (n,n), and how much
 * of the squared distances the plane holds, in [0,1]. Signs are fixed: the first point that is not zero on an axis is positive. */
wn_status wn__mds(const double *distance, int64_t n, double *position, double *held);

#endif
