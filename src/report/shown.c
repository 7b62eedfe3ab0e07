#include "report/shown.h"

#include "base/locale.h"

#include <stdio.h>
#include <string.h>

enum { DIGITS = 4, MOST_DECIMALS = 9, LOGARITHMIC = 20 };

/* DIGITS of a typical value. */
static int decimals_of(double typical)
{
    if (!isfinite(typical) || typical == 0) return DIGITS;
    const int decimals = DIGITS - 1 - (int)floor(log10(fabs(typical)));
    return decimals < 0 ? 0 : decimals > MOST_DECIMALS ? MOST_DECIMALS : decimals;
}

wn__shown wn__shown_of(const wn__metric *metric, double typical)
{
    return (wn__shown){.metric = metric,
                       .scale = metric->percent ? 100 : 1,
                       .decimals = metric->percent ? 2 : decimals_of(typical),
                       .margin = (double)NAN};
}

wn__verdict wn__shown_judge(const wn__shown *s, wn__claim_kind kind, wn__summary difference, double margin)
{
    difference.mean = wn__shown_gain(s, difference.mean);
    return isnan(margin) ? WN__UNDECIDED : wn__judge(kind, difference, margin);
}

double wn__shown_step(const wn__shown *s) { return s->metric->percent ? 1 : 100 * pow(10, -s->decimals); }

bool wn__shown_spans_decades(const wn__shown *s, double low, double high)
{
    return !s->metric->percent && low > 0 && isfinite(high) && high > LOGARITHMIC * low;
}

/* What stands for a name in braces; "" for any other. */
static const char *word_of(const wn__shown *s, const char *name, size_t length)
{
    const wn__metric *m = s->metric;
    const struct {
        const char *name, *word;
    } words[] = {{"metric", m->title},
                 {"Metric", m->title},
                 {"key", m->key},
                 {"unit", m->percent ? " (%)" : ""},
                 {"points", m->percent ? ", in points" : ""},
                 {"better", m->less_is_better ? " Less is better." : ""},
                 {"edge", m->less_is_better ? "upper edge is far above" : "lower edge is far below"},
                 {"band", isnan(s->margin) ? "" : " The grey band is the margin of equivalence."}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i].name) == length && strncmp(words[i].name, name, length) == 0) return words[i].word;
    return "";
}

char *wn__shown_words(const wn__shown *s, const char *text, char *out, size_t size)
{
    size_t used = 0;
    for (const char *at = text; *at && used + 1 < size; at++) {
        const char *end = *at == '{' ? strchr(at, '}') : NULL;
        out[used] = *at;
        if (!end) {
            used++;
            continue;
        }
        const char *word = word_of(s, at + 1, (size_t)(end - at - 1));
        snprintf(out + used, size - used, "%s", word);
        if (at[1] >= 'A' && at[1] <= 'Z' && out[used] >= 'a' && out[used] <= 'z') out[used] = (char)(out[used] - 'a' + 'A');
        used += strnlen(out + used, size - used);
        at = end;
    }
    out[used] = 0;
    return out;
}

char *wn__shown_amount(const wn__shown *s, double amount, char *out, size_t size)
{
    wn__snprintf(out, size, s->metric->percent ? "%g points" : "%g", amount);
    return out;
}
