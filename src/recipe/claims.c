#include "recipe/claims.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/locale.h"
#include "base/settings.h"

/* --- reading ------------------------------------------------------------------------------------------------------------------- */

/* The next word, "" at the end; *text moves behind it. */
static void next_word(const char **text, char word[WN__CLAIM_NAME])
{
    int length = 0;
    while (wn__is_space(**text))
        (*text)++;
    for (; **text && !wn__is_space(**text); (*text)++)
        if (length < WN__CLAIM_NAME - 1) word[length++] = **text;
    word[length] = 0;
}

static bool next_words(const char **text, const char *words)
{
    const char *at = *text;
    char wanted[WN__CLAIM_NAME], word[WN__CLAIM_NAME];
    for (next_word(&words, wanted); wanted[0]; next_word(&words, wanted)) {
        next_word(&at, word);
        if (strcmp(word, wanted) != 0) return false;
    }
    *text = at;
    return true;
}

static bool read_kind(const char **text, wn__claim_kind *kind)
{
    static const struct {
        const char *words;
        wn__claim_kind kind;
    } kinds[] = {{"better than", WN__CLAIM_BETTER}, {"same as", WN__CLAIM_EQUIVALENT}, {"not worse than", WN__CLAIM_NOT_WORSE}};
    for (int i = 0; i < 3; i++)
        if (next_words(text, kinds[i].words)) {
            *kind = kinds[i].kind;
            return true;
        }
    return false;
}

static bool read_margin(const char *word, double *margin)
{
    char *end;
    *margin = wn__strtod(word, &end);
    return end != word && !*end && *margin >= 0 && isfinite(*margin);
}

/* "in loss", "at 90%", "within 0.5", in any order. */
static wn_status read_rest(const char *whole, const char *text, wn__claim *c)
{
    const char *margin = c->kind == WN__CLAIM_BETTER ? "by" : "within";
    char word[WN__CLAIM_NAME], value[WN__CLAIM_NAME];
    for (next_word(&text, word); word[0]; next_word(&text, word)) {
        next_word(&text, value);
        if (strcmp(word, "at") == 0)
            WN_TRY(wn__sparsity_parse(value, &c->sparsity));
        else if (strcmp(word, "in") == 0)
            WN_TRY(wn__metric_find(value, &c->metric));
        else if (strcmp(word, margin) != 0 || !read_margin(value, &c->margin))
            return wn__fail(WN_EUSAGE, "claim \"%s\": \"%s %s\" is not understood; valid here: in METRIC, at SPARSITY, %s MARGIN", whole,
                            word, value, margin);
    }
    return WN_OK;
}

wn_status wn__claim_parse(const char *text, wn__claim *out)
{
    const char *at = text;
    *out = (wn__claim){.sparsity = -1, .margin = -1};
    next_word(&at, out->method);
    const bool known = read_kind(&at, &out->kind);
    next_word(&at, out->than);
    if (!known || !out->than[0])
        return wn__fail(
            WN_EUSAGE,
            "claim \"%s\" is not understood; write METHOD better than METHOD, METHOD same as METHOD or METHOD not worse than METHOD, then at "
            "90%% if it is for one sparsity",
            text);
    return read_rest(text, at, out);
}
