#include "nn/schedule.h"

#include <math.h>

#include "base/elementary.h"
#include "base/fail.h"

const char *const wn__schedule_names[] = {"constant", "step", "cosine", "polynomial", "cosine-restarts", "one-cycle", NULL};

static bool is_share(double x) { return x >= 0 && x <= 1; }

static wn_status check_shape(const wn__schedule *s)
{
    const bool ends = s->kind == WN__SCHEDULE_COSINE || s->kind == WN__SCHEDULE_POLYNOMIAL;
    if (ends && s->length <= s->warm_up)
        return wn__fail(WN_EUSAGE, "%s schedule ends at step %lld, must end after its warm-up of %lld steps", wn__schedule_names[s->kind],
                        (long long)s->length, (long long)s->warm_up);
    if (!is_share(s->final) || !is_share(s->initial))
        return wn__fail(WN_EUSAGE, "%s schedule begins at %g and ends at %g of its learning rate, must be 0..1",
                        wn__schedule_names[s->kind], s->initial, s->final);
    if (s->kind == WN__SCHEDULE_POLYNOMIAL && !(s->power > 0)) return wn__fail(WN_EUSAGE, "power %g, must be positive", s->power);
    if (s->kind == WN__SCHEDULE_RESTARTS && (s->period < 1 || s->growth < 1))
        return wn__fail(WN_EUSAGE, "period of %lld steps that grows %lld times, both must be 1 or more", (long long)s->period,
                        (long long)s->growth);
    if (s->kind == WN__SCHEDULE_ONE_CYCLE && (s->peak < 2 || s->peak >= s->length))
        return wn__fail(WN_EUSAGE, "peak at step %lld of %lld, must be at least 2 and before the end", (long long)s->peak,
                        (long long)s->length);
    return WN_OK;
}

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
    return check_shape(s);
}

static double warm_up(const wn__schedule *s, int64_t t)
{
    if (t >= s->warm_up) return 1;
    const double w = (double)(s->warm_up_from_zero ? t : t + s->every) / (double)s->warm_up;
    return w < 1 ? w : 1;
}

/* From 1 down to 0. */
static double half_cosine(double done) { return (1 + wn__cos_pi(done)) / 2; }

static double steps_passed(const wn__schedule *s, int64_t t)
{
    int passed = 0;
    while (passed < s->milestones && s->milestone[passed] <= t)
        passed++;
    return wn__power(s->factor, passed);
}

static double restarts(const wn__schedule *s, int64_t t)
{
    int64_t length = s->period;
    for (t -= s->warm_up; t >= length; length *= s->growth)
        t -= length;
    return s->final + (1 - s->final) * half_cosine((double)t / (double)length);
}

static double one_cycle(const wn__schedule *s, int64_t t)
{
    const int64_t top = s->peak - 1, end = s->length - 1;
    if (t <= top) return 1 + (s->initial - 1) * half_cosine((double)t / (double)top);
    return t >= end ? s->final : s->final + (1 - s->final) * half_cosine((double)(t - top) / (double)(end - top));
}

/* Of those that fall from the end of warm-up to the end: what is left to be gone. */
static double falling(const wn__schedule *s, int64_t t)
{
    const double done = (double)(t - s->warm_up) / (double)(s->length - s->warm_up);
    return s->kind == WN__SCHEDULE_COSINE ? half_cosine(done) : wn__exp(s->power * wn__ln(1 - done));
}

static double shape(const wn__schedule *s, int64_t t)
{
    switch (s->kind) {
    case WN__SCHEDULE_CONSTANT: break;
    case WN__SCHEDULE_STEP: return steps_passed(s, t);
    case WN__SCHEDULE_ONE_CYCLE: return one_cycle(s, t);
    case WN__SCHEDULE_RESTARTS: return t <= s->warm_up ? 1 : restarts(s, t);
    case WN__SCHEDULE_COSINE:
    case WN__SCHEDULE_POLYNOMIAL:
        if (t <= s->warm_up) return 1;
        return t >= s->length ? s->final : s->final + (1 - s->final) * falling(s, t);
    }
    return 1;
}

double wn__schedule_rate(const wn__schedule *s, int64_t step)
{
    const int64_t t = step - step % s->every;
    return s->base * warm_up(s, t) * shape(s, t);
}
