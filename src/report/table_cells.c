#include "report/table_cells.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/locale.h"

void wn__real_cell(wn__table *t, const char *format, double value)
{
    char text[64];
    if (isnan(value)) {
        wn__table_cell(t, "–");
        return;
    }
    wn__snprintf(text, sizeof text, format, value);
    wn__table_cell(t, "%s%s", *text == '-' ? "−" : "", *text == '-' ? text + 1 : text);
}

void wn__shown_cell(wn__table *t, const wn__shown *s, double value, bool sign)
{
    char format[16];
    snprintf(format, sizeof format, sign ? "%%+.%df" : "%%.%df", s->decimals);
    wn__real_cell(t, format, value);
}

void wn__count_cell(wn__table *t, double value)
{
    char text[32];
    wn__table_cell(t, "%s", isnan(value) ? "–" : wn_show_count((int64_t)llround(value), text, sizeof text));
}

void wn__bytes_cell(wn__table *t, double value)
{
    char text[32];
    wn__table_cell(t, "%s", isnan(value) ? "–" : wn_show_bytes((int64_t)llround(value), text, sizeof text));
}

void wn__seconds_cell(wn__table *t, double value)
{
    char text[32];
    wn__table_cell(t, "%s", isnan(value) ? "–" : wn_show_seconds(value, text, sizeof text));
}

void wn__amount_cell(wn__table *t, double value)
{
    static const char *const prefixes[] = {"", " k", " M", " G", " T", " P", " E", " Z"};
    if (isnan(value)) {
        wn__table_cell(t, "–");
        return;
    }
    int power = 0;
    for (; value >= 999.5 && power < 7; power++)
        value /= 1000;
    wn__table_cell(t, "%.*f%s", value >= 99.95 || power == 0 ? 0 : value >= 9.995 ? 1 : 2, value, prefixes[power]);
}

void wn__interval_cell(wn__table *t, const wn__shown *shown, wn__summary s)
{
    if (wn__has_spread(s))
        wn__table_cell(t, "±%.*f", shown->decimals, s.half_width);
    else
        wn__table_cell(t, "–");
}

void wn__lead_columns(wn__table *t)
{
    wn__table_column_add(t, false, "method");
    wn__table_column_add(t, true, "sparsity");
    wn__table_column_add(t, true, "n");
}

void wn__lead_cells(wn__table *t, const wn__cell *cell, const char **last_method)
{
    char text[32];
    const bool first = !*last_method || strcmp(*last_method, cell->method) != 0;
    if (first) wn__table_rule(t);
    wn__table_cell(t, "%s", first ? cell->method : "");
    wn__table_cell(t, "%s", wn__show_sparsity(cell->sparsity, text, sizeof text));
    wn__table_cell(t, "%d", cell->n);
    *last_method = cell->method;
}
