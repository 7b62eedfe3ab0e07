/* What teaches by soft labels: a network in evaluation mode, or several together, whose outputs are averaged. Before a softmax that is the geometric mean of
 * their distributions (Hinton, Vinyals and Dean 2015, arXiv:1503.02531), at any temperature. */
#ifndef WN_TRAIN_TEACHER_H
#define WN_TRAIN_TEACHER_H

#include "nn/executor/executor.h"

enum { WN__MOST_TEACHERS = 8 };

typedef struct wn__teacher {
    wn__executor *ex[WN__MOST_TEACHERS]; /* (count) borrowed */
    int count;
    int64_t outputs;
    float *room; /* (batch, outputs) borrowed; of several */
} wn__teacher;

wn_status wn__teacher_prepare(const wn__teacher *teacher, int64_t n);
/* logits (n, outputs). Several are added in their order. */
wn_status wn__teacher_infer(const wn__teacher *teacher, const void *input, int64_t n, float *logits);

#endif
