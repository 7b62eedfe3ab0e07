#include "nn/schedule.h"

#include <math.h>

#include "base/elementary.h"
#include "base/fail.h"

wn_status wn__schedule_check(const wn__schedule *s)
{
    if (!(s->base > 0) || !isfinite(s->base)) return wn__fail(WN_EUSAGE, "learning rate %g, must be positive", s->base);
    if (s->every < 1) return wn__fail(WN_EUSAGE, "learning rate changes every %lld steps, must be 1 or more", (long long)s->every);
    if (s->warm_up < 0) return wn__fail(WN_EUSAGE, "warm-up of %lld steps, must not be negative", (long long)s->warm_up);
    if (s->kind == WN__SCHEDULE_STEP && !(s->factor > 0)) return wn__fail(WN_EUSAGE, "schedule factor %g, must be positive", s->factor);
    if (s->milestones < 0 || s->milestones > WN__MAX_MILESTONES)
        return wn__fail(WN_EUSAGE, "%d milestones, at most %d are possible", s->milestones, WN__MAX_MILESTONES);
    for (int i = 1; i < s->milestones; i++)
        if (s->milestone[i] <= s->milestone[i - 1])
            return wn__fail(WN_EUSAGE, "milestone at step %lld follows one at %lld, they must ascend", (long long)s->milestone[i],
                            (long long)s->milestone[i - 1]);
    if (s->kind == WN__SCHEDULE_COSINE && s->length <= s->warm_up)
        return wn__fail(WN_EUSAGE, "cosine schedule ends at step %lld, must end after its warm-up of %lld steps", (long long)s->length,
                        (long long)s->warm_up);
    if (s->kind == WN__SCHEDULE_COSINE && !(s->final >= 0 && s->final <= 1))
        return wn__fail(WN_EUSAGE, "cosine schedule ends at %g of its learning rate, must be 0..1", s->final);
    return WN_OK;
}

static double warm_up(const wn__schedule *s, int64_t t)
{
    if (t >= s->warm_up) return 1;
    const double w = (double)(s->warm_up_from_zero ? t : t + s->every) / (double)s->warm_up;
    return w < 1 ? w : 1;
}

static double shape(const wn__schedule *s, int64_t t)
{
    if (s->kind == WN__SCHEDULE_STEP) {
        int passed = 0;
        while (passed < s->milestones && s->milestone[passed] <= t)
            passed++;
        return wn__power(s->factor, passed);
    }
    if (s->kind == WN__SCHEDULE_COSINE) {
        if (t <= s->warm_up) return 1;
        if (t >= s->length) return s->final;
        const double done = (double)(t - s->warm_up) / (double)(s->length - s->warm_up);
        return s->final + (1 - s->final) * (1 + wn__cos_pi(done)) / 2;
    }
    return 1;
}

double wn__schedule_rate(const wn__schedule *s, int64_t step)
{
    const int64_t t = step - step % s->every;
    return s->base * warm_up(s, t) * shape(s, t);
}
