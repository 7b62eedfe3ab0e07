#include "base/settings.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/locale.h"
#include "base/text.h"

/* A finite number at the start of `text`; `rest` = what follows it. Hexadecimal, "inf" and "nan" are no numbers here. */
static bool read_number(const char *text, double *number, const char **rest)
{
    char *end;
    const char *digits = text + strspn(text, "+-");
    if (*digits == 0 || !strchr("0123456789.", *digits) || (digits[0] == '0' && (digits[1] | 32) == 'x')) return false;
    const double value = wn__strtod(text, &end);
    if (end == text || !isfinite(value)) return false;
    *number = value;
    *rest = end;
    return true;
}

#define MOST_TIME 1e12              /* epochs, steps or percent */
#define LONGEST 1000000000000000000 /* steps: longer than any run, and sums of a few fit into 64 bits */

/* What a number with a comma was probably meant to be. */
static const char *comma_hint(const char *text)
{
    const char *comma = strchr(text, ',');
    return comma && comma[1] >= '0' && comma[1] <= '9' ? " (decimals stand behind a point: 0.5)" : "";
}

wn_status wn__steps_parse(const char *text, wn__steps *out)
{
    double amount;
    const char *unit;
    if (read_number(text, &amount, &unit) && amount >= 0) {
        const char kind = strcmp(unit, "ep") == 0 ? 'e' : strcmp(unit, "it") == 0 ? 'i' : strcmp(unit, "%") == 0 ? '%' : 0;
        if (kind && amount > MOST_TIME) return wn__fail(WN_EUSAGE, "\"%s\" is too long a time in training; at most 1e12", text);
        if (kind || (amount == 0 && unit[0] == 0)) {
            *out = (wn__steps){.amount = amount, .unit = kind ? kind : 'i'};
            return WN_OK;
        }
    }
    return wn__fail(WN_EUSAGE, "\"%s\" is no time in training; write 160ep (epochs), 500it (steps) or 33%% (of the run)%s", text,
                    comma_hint(text));
}

int64_t wn__steps_resolve(wn__steps s, int64_t steps_per_epoch, int64_t of)
{
    const double steps = s.unit == 'e' ? s.amount * (double)steps_per_epoch : s.unit == '%' ? s.amount * (double)of / 100 : s.amount;
    return steps < (double)LONGEST ? (int64_t)floor(steps + 0.5) : LONGEST;
}

wn_status wn__sparsity_parse(const char *text, double *sparsity)
{
    double s = 0;
    const char *unit = "";
    bool valid = read_number(text, &s, &unit);
    if (valid && strcmp(unit, "%") == 0)
        s /= 100;
    else if (valid && strcmp(unit, "d") == 0)
        s = 1 - s;
    else if (valid && strcmp(unit, "x") == 0)
        s = 1 - 1 / s;
    else
        valid = valid && unit[0] == 0;
    s = round(s * 1e12) / 1e12; /* so that 0.1d and 90% are the same number */
    if (valid && s >= 0 && s < 1) {
        *sparsity = s;
        return WN_OK;
    }
    return wn__fail(WN_EUSAGE,
                    "\"%s\" is no sparsity; it is at least 0 and below 1: write 90%%, 0.9, 0.1d (density) or 10x (compression)%s", text,
                    comma_hint(text));
}

static wn_status set_bool(const wn__setting *row, bool *field, const char *text)
{
    const bool yes = strcasecmp(text, "true") == 0 || strcasecmp(text, "yes") == 0 || strcasecmp(text, "on") == 0;
    const bool no = strcasecmp(text, "false") == 0 || strcasecmp(text, "no") == 0 || strcasecmp(text, "off") == 0;
    if (!yes && !no) return wn__fail(WN_EUSAGE, "%s: \"%s\" is neither true nor false", row->name, text);
    *field = yes;
    return WN_OK;
}

static wn_status check_range(const wn__setting *row, double value, const char *text)
{
    if (row->min == row->max || (value >= row->min && value <= row->max)) return WN_OK;
    return wn__fail(WN_EUSAGE, "%s: %s is out of range, valid is %.12g to %.12g", row->name, text, row->min, row->max);
}

static wn_status set_int(const wn__setting *row, int64_t *field, const char *text)
{
    char *end;
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (end == text || *end != 0 || errno != 0) return wn__fail(WN_EUSAGE, "%s: \"%s\" is no whole number", row->name, text);
    WN_TRY(check_range(row, (double)value, text));
    *field = value;
    return WN_OK;
}

static wn_status set_float(const wn__setting *row, double *field, const char *text)
{
    double value;
    const char *rest;
    if (!read_number(text, &value, &rest) || *rest != 0)
        return wn__fail(WN_EUSAGE, "%s: \"%s\" is no number%s", row->name, text, comma_hint(text));
    WN_TRY(check_range(row, value, text));
    *field = value;
    return WN_OK;
}

/* "[0.08, 1]", "0.08, 1" or "0.5" */
static wn_status set_numbers(const wn__setting *row, wn__numbers *field, const char *text)
{
    const char *at = text + strspn(text, " ["), *rest;
    wn__numbers list = {0};
    for (bool more = true; more;) {
        double value;
        if (list.count == WN__MOST_NUMBERS || !read_number(at, &value, &rest))
            return wn__fail(WN_EUSAGE, "%s: \"%s\" is no list of 1 to %d numbers, such as [0.5, 1]", row->name, text, WN__MOST_NUMBERS);
        WN_TRY(check_range(row, value, text));
        list.value[list.count++] = value;
        rest += strspn(rest, " ");
        more = *rest == ',';
        at = rest + more;
        at += strspn(at, " ");
    }
    at += *at == ']' && strchr(text, '[');
    if (*at != 0) return wn__fail(WN_EUSAGE, "%s: \"%s\" is no list of numbers, such as [0.5, 1]", row->name, text);
    *field = list;
    return WN_OK;
}

enum { MOST_NAMES = 64 };

/* Fails with "<what> "<wrong>"; did you mean "b"? valid: a, b, c". */
static wn_status unknown_name(const char *what, const char *wrong, const char *const *names, int count)
{
    wn__text valid = {0};
    wn__text_add_valid(&valid, wrong, names, count);
    const wn_status status = wn__fail(WN_EUSAGE, "%s \"%s\"%s", what, wrong, valid.data ? valid.data : "");
    wn__text_release(&valid);
    return status;
}

static wn_status set_choice(const wn__setting *row, int *field, const char *text)
{
    int count = 0;
    for (; row->choices[count]; count++)
        if (strcmp(row->choices[count], text) == 0) {
            *field = count;
            return WN_OK;
        }
    char what[128];
    snprintf(what, sizeof what, "%s: unknown choice", row->name);
    return unknown_name(what, text, row->choices, count);
}

static wn_status set_row(const wn__setting *row, void *config, const char *text)
{
    void *field = (char *)config + row->offset;
    switch (row->type) {
    case WN__SETTING_BOOL: return set_bool(row, field, text);
    case WN__SETTING_INT: return set_int(row, field, text);
    case WN__SETTING_FLOAT: return set_float(row, field, text);
    case WN__SETTING_TEXT: *(const char **)field = text; return WN_OK;
    case WN__SETTING_CHOICE: return set_choice(row, field, text);
    case WN__SETTING_STEPS:
        if (wn__steps_parse(text, field) == WN_OK) return WN_OK;
        return wn__fail_within(WN_EUSAGE, "%s: ", row->name);
    case WN__SETTING_SPARSITY:
        if (wn__sparsity_parse(text, field) == WN_OK) return WN_OK;
        return wn__fail_within(WN_EUSAGE, "%s: ", row->name);
    case WN__SETTING_NUMBERS: return set_numbers(row, field, text);
    case WN__SETTING_END: break;
    }
    return wn__fail(WN_EINVAL, "%s: a setting of no type", row->name);
}

char *wn__show_sparsity(double sparsity, char *buffer, size_t size)
{
    wn__snprintf(buffer, size, "%.8g%%", 100 * sparsity);
    return buffer;
}

wn_status wn__settings_defaults(const wn__setting *rows, void *config)
{
    for (; rows->name; rows++)
        if (rows->fallback) WN_TRY(set_row(rows, config, rows->fallback));
    return WN_OK;
}

const wn__setting *wn__settings_find(const wn__setting *rows, const char *name)
{
    for (; rows->name; rows++)
        if (strcmp(rows->name, name) == 0) return rows;
    return NULL;
}

wn_status wn__settings_set(const wn__setting *rows, void *config, const char *name, const char *text)
{
    const wn__setting *row = wn__settings_find(rows, name);
    if (row) return set_row(row, config, text);
    const char *names[MOST_NAMES];
    int count = 0;
    for (; rows[count].name; count++) {
        assert(count < MOST_NAMES);
        names[count] = rows[count].name;
    }
    return unknown_name("unknown setting", name, names, count);
}

wn_status wn__settings_assign(const wn__setting *rows, void *config, const char *text)
{
    const char *equals = strchr(text, '=');
    if (!equals) return wn__fail(WN_EUSAGE, "setting \"%s\": wants name=value", text);
    wn__text name = {0};
    wn__text_add_bytes(&name, text, (size_t)(equals - text));
    const wn_status status = name.failed ? wn__no_memory((size_t)(equals - text)) : wn__settings_set(rows, config, name.data, equals + 1);
    wn__text_release(&name);
    return status;
}

/* A short decimal form that reads back as the same number. */
static void show_number(double value, char *buffer, size_t size)
{
    for (int digits = 15; digits <= 17; digits++) {
        wn__snprintf(buffer, size, "%.*g", digits, value);
        if (wn__strtod(buffer, NULL) == value) return;
    }
}

static void show_steps(wn__steps s, char *buffer, size_t size)
{
    char number[40];
    show_number(s.amount, number, sizeof number);
    snprintf(buffer, size, "%s%s", number, s.unit == 'e' ? "ep" : s.unit == 'i' ? "it" : "%");
}

static void show_numbers(const wn__numbers *list, char *buffer, size_t size)
{
    char number[40];
    size_t used = 0;
    for (int i = 0; i < list->count && used < size; i++) {
        show_number(list->value[i], number, sizeof number);
        used += (size_t)snprintf(buffer + used, size - used, "%s%s", i ? ", " : list->count > 1 ? "[" : "", number);
    }
    if (list->count > 1 && used < size) snprintf(buffer + used, size - used, "]");
    if (list->count == 0) buffer[0] = 0;
}

char *wn__settings_show(const wn__setting *row, const void *config, char *buffer, size_t size)
{
    const void *field = (const char *)config + row->offset;
    const char *text = "";
    switch (row->type) {
    case WN__SETTING_BOOL: text = *(const bool *)field ? "true" : "false"; break;
    case WN__SETTING_TEXT: text = *(const char *const *)field ? *(const char *const *)field : ""; break;
    case WN__SETTING_CHOICE: text = row->choices[*(const int *)field]; break;
    case WN__SETTING_INT: snprintf(buffer, size, "%lld", (long long)*(const int64_t *)field); return buffer;
    case WN__SETTING_FLOAT:
    case WN__SETTING_SPARSITY: show_number(*(const double *)field, buffer, size); return buffer;
    case WN__SETTING_STEPS: show_steps(*(const wn__steps *)field, buffer, size); return buffer;
    case WN__SETTING_NUMBERS: show_numbers(field, buffer, size); return buffer;
    case WN__SETTING_END: break;
    }
    snprintf(buffer, size, "%s", text);
    return buffer;
}
