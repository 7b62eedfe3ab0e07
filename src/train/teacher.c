#include "train/teacher.h"

#include "base/fail.h"

wn_status wn__teacher_prepare(const wn__teacher *t, int64_t n)
{
    for (int i = 0; i < t->count; i++)
        WN_TRY(wn__executor_prepare(t->ex[i], n));
    return WN_OK;
}

wn_status wn__teacher_infer(const wn__teacher *t, const void *input, int64_t n, float *logits)
{
    WN_TRY(wn__executor_infer(t->ex[0], input, n, (wn__step_info){0}, logits));
    for (int i = 1; i < t->count; i++) {
        WN_TRY(wn__executor_infer(t->ex[i], input, n, (wn__step_info){0}, t->room));
        for (int64_t k = 0; k < n * t->outputs; k++)
            logits[k] += t->room[k];
    }
    for (int64_t k = 0; t->count > 1 && k < n * t->outputs; k++)
        logits[k] /= (float)t->count;
    return WN_OK;
}
