/* The results as the script of a page wants them (src/report/page/page.js): JSON in a script element, in which no text can end that element.
 *
 * views: [{name, unit, difference, decimals, values: [cell][seed]}]              what is shown, the report's metric first
 * methods: [name], cells: [{method, sparsity, label, seeds}], dense: cell or -1, margin: of the first view or null, t: [n] quantiles of intervals over n
 * axes: [{name, values: [cell]}]                                                 prices to draw over
 * classes: {names: [class], counts: [cell][where, count, where, count ...] or null}, where = true class * classes + predicted one; absent without any
 * curveViews: [{name, unit, decimals}], curves: [{cell, seed, split, epochs, values: [curveView][epoch]}] */
#ifndef WN_REPORT_PAGE_DATA_H
#define WN_REPORT_PAGE_DATA_H

#include "report/report_data.h"

/* WN_EFORMAT: a damaged metrics file. */
wn_status wn__page_data(const wn__results *results, wn__text *out);

/* A text as a JSON string that may stand in a script element. */
void wn__add_script_text(wn__text *out, const char *text);

#endif
