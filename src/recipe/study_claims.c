#include "recipe/study_claims.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/locale.h"

/* --- reading ------------------------------------------------------------------------------------------------------------------ */

bool wn__claim_is_of_study(const char *text) { return strchr(text, '(') != NULL; }

static void skip(const char **text)
{
    while (wn__is_space(**text))
        (*text)++;
}

/* Up to a blank or one of `ends`; false if it is empty or too long. */
static bool take_word(const char **text, const char *ends, char *word, size_t size)
{
    skip(text);
    size_t length = 0;
    while (**text && !wn__is_space(**text) && !strchr(ends, **text)) {
        if (length + 1 >= size) return false;
        word[length++] = *(*text)++;
    }
    word[length] = 0;
    skip(text);
    return length > 0;
}

static bool take_words(const char **text, const char *first, const char *second)
{
    const char *at = *text;
    char word[32];
    if (!take_word(&at, "", word, sizeof word) || strcmp(word, first) != 0) return false;
    if (second && (!take_word(&at, "", word, sizeof word) || strcmp(word, second) != 0)) return false;
    *text = at;
    return true;
}

static wn_status unknown_measure(const char *whole, const char *name)
{
    wn__text names = {0};
    for (const wn__measure *m = wn__measures; m->name; m++)
        wn__text_add(&names, "%s%s", m == wn__measures ? "" : ", ", m->name);
    const wn_status status =
        wn__fail(WN_EUSAGE, "claim \"%s\": there is no measurement \"%s\"; valid: %s", whole, name, names.data ? names.data : "");
    wn__text_release(&names);
    return status;
}

/* "barrier(ticket, pruned)" or a number. */
static wn_status read_quantity(const char *whole, const char **text, wn__quantity *q)
{
    char word[WN__CLAIM_NAME], *end;
    if (!take_word(text, "(),", word, sizeof word)) return wn__fail(WN_EUSAGE, "claim \"%s\": a measurement or a number is missing", whole);
    if (**text != '(') {
        q->number = wn__strtod(word, &end);
        if (end != word && !*end && isfinite(q->number)) return WN_OK;
        return wn__fail(WN_EUSAGE, "claim \"%s\": \"%s\" is neither a number nor a measurement, such as barrier(ticket, pruned)", whole,
                        word);
    }
    (*text)++;
    if (!(q->measure = wn__measure_find(word))) return unknown_measure(whole, word);
    const int wanted = wn__measure_rows(q->measure);
    bool good = true;
    for (int i = 0; i < wanted && good; i++) {
        good = take_word(text, "(),", q->row[i], sizeof q->row[i]) && **text == (i + 1 < wanted ? ',' : ')');
        if (good) (*text)++;
    }
    skip(text);
    return good ? WN_OK
                : wn__fail(WN_EUSAGE, "claim \"%s\": %s is of %s", whole, word, wanted == 1 ? "one row: (ROW)" : "two rows: (ROW, ROW)");
}

static bool read_relation(const char **text, wn__study_claim *c)
{
    c->below = take_words(text, "below", NULL);
    c->same = !c->below && take_words(text, "same", "as");
    return c->below || c->same || take_words(text, "above", NULL);
}

/* "10%" of what is compared by ratios, else "0.05". */
static bool read_margin(const char *word, bool ratio, double *margin)
{
    char *end;
    const double value = wn__strtod(word, &end);
    if (end == word || !(value >= 0) || value > 1e6 || strcmp(end, ratio ? "%" : "") != 0) return false;
    *margin = ratio ? log1p(value / 100) : value;
    return true;
}

static wn_status read_step(const char *whole, const char **text, wn__study_claim *c)
{
    char word[32], *end;
    const bool there = take_word(text, "", word, sizeof word);
    c->step = there ? strtoll(word, &end, 10) : -1;
    if (!there || *end || c->step < 0) return wn__fail(WN_EUSAGE, "claim \"%s\": \"at step\" wants a whole number", whole);
    if (c->measure->kind == WN__MEASURE_FLOW) return WN_OK;
    return wn__fail(WN_EUSAGE, "claim \"%s\": %s is of no step", whole, c->measure->name);
}

static wn_status read_equal_loss(const char *whole, const char **text, wn__study_claim *c)
{
    const bool rows = c->a.measure && c->b.measure && c->measure->kind == WN__MEASURE_FLOW;
    if (!take_words(text, "loss", NULL) || !rows)
        return wn__fail(WN_EUSAGE, "claim \"%s\": \"at equal loss\" compares two rows along their training", whole);
    c->equal_loss = true;
    return WN_OK;
}

static wn_status read_rest(const char *whole, const char *text, wn__study_claim *c)
{
    const char *key = c->same ? "within" : "by", *unit = c->measure->ratio ? "10%" : c->measure->points ? "0.5 (points)" : "0.05";
    char word[32], value[64];
    bool said = false;
    while (*text) {
        if (take_words(&text, "at", "equal")) {
            WN_TRY(read_equal_loss(whole, &text, c));
            continue;
        }
        if (take_words(&text, "at", "step")) {
            WN_TRY(read_step(whole, &text, c));
            continue;
        }
        take_word(&text, "", word, sizeof word);
        if (!take_word(&text, "", value, sizeof value)) value[0] = 0;
        if (strcmp(word, "at") == 0) {
            WN_TRY(wn__sparsity_parse(value, &c->sparsity));
            continue;
        }
        if (strcmp(word, key) != 0 || !read_margin(value, c->measure->ratio, &c->margin))
            return wn__fail(WN_EUSAGE, "claim \"%s\": \"%s %s\" is not understood; valid here: at step N, at SPARSITY, %s %s", whole, word,
                            value, key, unit);
        said = true;
    }
    if (c->equal_loss && c->step >= 0) return wn__fail(WN_EUSAGE, "claim \"%s\": at a step, or at equal loss?", whole);
    return !c->same || said ? WN_OK : wn__fail(WN_EUSAGE, "claim \"%s\": \"same as\" needs a margin: within %s", whole, unit);
}

wn_status wn__study_claim_parse(const char *text, wn__study_claim *out)
{
    const char *at = text;
    *out = (wn__study_claim){.step = -1, .sparsity = -1};
    WN_TRY(read_quantity(text, &at, &out->a));
    if (!read_relation(&at, out))
        return wn__fail(WN_EUSAGE,
                        "claim \"%s\" is not understood; write MEASURE(ROW) above MEASURE(ROW), ... below ..., or ... same as ...", text);
    WN_TRY(read_quantity(text, &at, &out->b));
    out->measure = out->a.measure ? out->a.measure : out->b.measure;
    if (!out->measure) return wn__fail(WN_EUSAGE, "claim \"%s\" compares two numbers", text);
    const wn__measure *other = out->b.measure ? out->b.measure : out->measure;
    if (other->ratio != out->measure->ratio || other->points != out->measure->points || other->kind != out->measure->kind)
        return wn__fail(WN_EUSAGE, "claim \"%s\": %s and %s are not to be compared", text, out->measure->name, other->name);
    return read_rest(text, at, out);
}

/* --- is it measured? ---------------------------------------------------------------------------------------------------------- */

static bool is_among(const char *const *rows, int count, const char *row)
{
    for (int i = 0; i < count; i++)
        if (strcmp(rows[i], row) == 0) return true;
    return false;
}

/* "conv/rigl@4096": what `lab bootstrap` calls a row of the recipe in its two worlds. */
static bool is_in_worlds(const wn__recipe *r, const char *row)
{
    const char *slash = strchr(row, '/'), *at = strrchr(row, '@');
    if (!slash || !at || at < slash || strspn(at + 1, "0123456789") != strlen(at + 1) || !at[1]) return false;
    const size_t length = (size_t)(at - slash - 1);
    for (int i = 0; i < r->rows; i++)
        if (strlen(r->row[i].name) == length && strncmp(r->row[i].name, slash + 1, length) == 0) return true;
    return false;
}

static bool is_measured(const wn__lab_section *l, const wn__quantity *q)
{
    bool line = false;
    switch (q->measure->kind) {
    case WN__MEASURE_FLOW: return is_among(l->flow, l->flows, q->row[0]);
    case WN__MEASURE_HESSIAN: return is_among(l->hessian, l->hessians, q->row[0]);
    case WN__MEASURE_WORLD: return false;
    case WN__MEASURE_SEEDS: return is_among(l->ensemble, l->ensembles, q->row[0]);
    case WN__MEASURE_PAIR: return is_among(l->compare, l->compares, q->row[0]) && is_among(l->compare, l->compares, q->row[1]);
    case WN__MEASURE_LINE: break;
    }
    for (int i = 0; i < l->lines; i++)
        line = line || (is_among(l->line[i], 2, q->row[0]) && is_among(l->line[i], 2, q->row[1]));
    return line;
}

wn_status wn__study_claim_check(const wn__recipe *r, const char *text)
{
    static const char *const keys[] = {"flow", "lines", "compare", "hessian", "ensembles"};
    wn__study_claim c;
    WN_TRY(wn__study_claim_parse(text, &c));
    const wn__quantity *const sides[] = {&c.a, &c.b};
    for (int i = 0; i < 2; i++)
        if (c.measure->kind == WN__MEASURE_WORLD && sides[i]->measure && !is_in_worlds(r, sides[i]->row[0]))
            return wn__fail(WN_EUSAGE, "claim \"%s\": %s is of NETWORK/METHOD@N, such as conv/rigl@4096, not of %s", text,
                            sides[i]->measure->name, sides[i]->row[0]);
        else if (sides[i]->measure && !is_measured(&r->lab, sides[i]))
            return wn__fail(WN_EUSAGE, "claim \"%s\": lab.%s does not say that %s%s%s is measured", text, keys[sides[i]->measure->kind],
                            sides[i]->row[0], sides[i]->row[1][0] ? ", " : "", sides[i]->row[1]);
    bool known = c.step < 0;
    for (int k = 0; k < r->lab.ats; k++)
        known = known || wn__steps_resolve(r->lab.at[k], r->clock.steps_per_epoch, r->clock.total) == c.step;
    return known ? WN_OK : wn__fail(WN_EUSAGE, "claim \"%s\": step %lld is not among lab.at", text, (long long)c.step);
}
